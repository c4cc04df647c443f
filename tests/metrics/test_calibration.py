import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from icssn.metrics.calibration import expected_calibration_error, reliability


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.uint8, 50, elements=st.sampled_from([0, 1, 255])),
    hnp.arrays(np.float64, 50, elements=st.floats(0, 1)),
    st.integers(1, 20),
)
def test_the_error_is_the_weighted_gap_of_every_bin(truth, probability, bins):
    gap, total = 0.0, 0
    for k in range(bins):
        inside = [
            (t, p)
            for t, p in zip(truth.tolist(), probability.tolist(), strict=True)
            if t != 255 and min(int(p * bins), bins - 1) == k
        ]
        if inside:
            gap += abs(sum(t for t, _ in inside) - sum(p for _, p in inside))
            total += len(inside)
    expected = gap / total if total else 0
    assert expected_calibration_error(truth, probability, bins=bins) == pytest.approx(expected)


def test_a_calibrated_score_has_no_error():
    truth = np.array([1, 1, 1, 0], np.uint8)
    assert expected_calibration_error(truth, np.full(4, 0.75)) == 0


def test_a_sure_and_always_wrong_score_has_the_largest_error():
    truth = np.array([1, 0], np.uint8)
    assert expected_calibration_error(truth, np.array([0.0, 1.0])) == 1


def test_stored_and_float_probabilities_give_the_same():
    rng = np.random.default_rng(0)
    level = rng.integers(0, 256, 5000).astype(np.uint8)
    truth = (rng.random(5000) < level / 300).astype(np.uint8)
    as_float = np.where(level == 255, np.nan, level / 254)
    assert expected_calibration_error(truth, level) == pytest.approx(expected_calibration_error(truth, as_float))


def test_calibrated_probabilities_that_were_rounded_for_storing_stay_calibrated():
    rng = np.random.default_rng(0)
    probability = 1 / (1 + np.exp(-rng.normal(-4, 2, 1_000_000)))
    truth = (rng.random(probability.size) < probability).astype(np.uint8)
    stored = np.rint(254 * probability).astype(np.uint8)  # as a backend does
    assert expected_calibration_error(truth, stored) < 0.0008
    assert expected_calibration_error(truth, probability) < 0.0008


def test_the_reliability_curve_skips_empty_bins_and_counts_all_pixels():
    truth = np.array([0, 1, 1, 255], np.uint8)
    curve = reliability(truth, np.array([0.05, 0.95, 0.97, 0.5]), bins=10)
    assert curve.probability == pytest.approx([0.05, 0.96])
    assert curve.frequency.tolist() == [0, 1]
    assert curve.count.tolist() == [1, 2]


def test_nothing_judged_is_no_error():
    assert expected_calibration_error(np.full(3, 255, np.uint8), np.zeros(3)) == 0
    assert expected_calibration_error(np.zeros(3, np.uint8), np.full(3, np.nan)) == 0
