import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from icssn.metrics.pixels import Confusion, average_precision, best_threshold, confusion, exceeds, level_of, levels

truths = hnp.arrays(np.uint8, 40, elements=st.sampled_from([0, 1, 255]))
stored = hnp.arrays(np.uint8, 40, elements=st.integers(0, 255))


def slow_curve(truth, level):
    """Precision, recall and F1 at every level that occurs, from high to low, one pixel after the other."""
    pairs = [(int(t), int(v)) for t, v in zip(truth, level, strict=True) if t != 255 and v != 255]
    positives = sum(t for t, _ in pairs)
    curve = []
    for cut in sorted({v for _, v in pairs}, reverse=True):
        tp = sum(t for t, v in pairs if v >= cut)
        predicted = sum(1 for _, v in pairs if v >= cut)
        curve.append((cut, tp / predicted, tp / positives if positives else 0, 2 * tp / (predicted + positives)))
    return curve


def test_figures_of_a_known_matrix():
    pooled = Confusion(tp=30, fp=10, fn=20, tn=140)
    assert pooled.precision == 0.75
    assert pooled.recall == 0.6
    assert pooled.f1 == pytest.approx(2 / 3)
    assert pooled.iou == 0.5
    assert pooled.mean_iou == pytest.approx((0.5 + 140 / 170) / 2)
    assert pooled.accuracy == 0.85
    assert pooled.prevalence == 0.25
    assert pooled.total == 200


def test_the_published_figures_are_those_of_one_pooled_matrix():
    # Lu et al. 2023: F1 .5448, mIoU .6610, IoU .3743, pixel accuracy .949; prevalence and precision as derived.
    pooled = Confusion(tp=3015, fp=1355, fn=3685, tn=91945)
    assert pooled.f1 == pytest.approx(0.5448, abs=0.001)
    assert pooled.iou == pytest.approx(0.3743, abs=0.001)
    assert pooled.mean_iou == pytest.approx(0.6610, abs=0.001)
    assert pooled.accuracy == pytest.approx(0.949, abs=0.001)


def test_undefined_figures_are_zero():
    nothing = Confusion()
    for figure in ("precision", "recall", "f1", "iou", "mean_iou", "accuracy", "prevalence"):
        assert getattr(nothing, figure) == 0


@given(truths, hnp.arrays(np.bool_, 40))
def test_pixels_are_counted_one_by_one(truth, predicted):
    counted = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
    for t, p in zip(truth, predicted, strict=True):
        if t != 255:
            counted[("t" if t == p else "f") + ("p" if p else "n")] += 1
    assert confusion(truth, predicted) == Confusion(**counted)


@given(truths, hnp.arrays(np.bool_, 40), st.integers(0, 40))
def test_parts_add_up_to_the_whole(truth, predicted, cut):
    parts = confusion(truth[:cut], predicted[:cut]) + confusion(truth[cut:], predicted[cut:])
    assert parts == confusion(truth, predicted)


@given(*[st.integers(0, 1000)] * 4)
def test_f1_and_iou_say_the_same(tp, fp, fn, tn):
    pooled = Confusion(tp, fp, fn, tn)
    assert pooled.f1 == pytest.approx(2 * pooled.iou / (1 + pooled.iou))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_stored_level_comes_back_from_its_probability(dtype):
    every = np.arange(255, dtype=np.uint8)
    probability = (every / 254).astype(dtype)
    if dtype == np.float16:  # too coarse for a level; the nearest ones remain
        assert np.abs(levels(probability).astype(int) - every).max() <= 1
    else:
        assert (levels(probability) == every).all()


def test_no_probability_stays_none():
    assert levels(np.array([np.nan, 0.0, 1.0])).tolist() == [255, 0, 254]
    assert exceeds(np.array([255, 254], np.uint8), 0.0).tolist() == [False, True]
    assert exceeds(np.array([np.nan, 0.2]), 0.0).tolist() == [False, True]


@given(st.floats(0, 1))
def test_a_probability_is_stored_as_the_nearest_level(probability):
    [level] = levels(np.array([probability])).tolist()
    assert abs(level - 254 * probability) <= 0.5 + 1e-9


@given(st.integers(0, 253), st.floats(0.01, 0.99), st.integers(0, 254))
def test_floats_are_cut_where_their_stored_levels_are(below, share, cut):
    assume(abs(share - 0.5) > 1e-6)
    level = below + (share > 0.5)
    found = exceeds(np.array([(below + share) / 254, level / 254]), cut / 254)
    assert found.tolist() == [level >= cut] * 2


@pytest.mark.parametrize(("threshold", "level"), [(0.0, 0), (0.5, 127), (0.501, 128), (1.0, 254), (100 / 254, 100)])
def test_the_level_is_the_smallest_one_at_or_above_the_threshold(threshold, level):
    assert level_of(threshold) == level
    assert exceeds(np.arange(256, dtype=np.uint8), threshold).nonzero()[0].tolist() == list(range(level, 255))


@settings(max_examples=150)
@given(truths, stored)
def test_average_precision_is_the_sum_over_every_level(truth, level):
    curve, area, before = slow_curve(truth, level), 0.0, 0.0
    for _, precision, recall, _ in curve:
        area += (recall - before) * precision
        before = recall
    assert average_precision(truth, level) == pytest.approx(area)


def test_average_precision_of_known_orders():
    truth = np.array([1, 1, 0, 0], np.uint8)
    assert average_precision(truth, np.array([0.9, 0.8, 0.2, 0.1])) == 1
    assert average_precision(truth, np.array([0.1, 0.2, 0.8, 0.9])) == pytest.approx(0.5 * 1 / 3 + 0.5 * 2 / 4)
    assert average_precision(truth, np.full(4, 0.5)) == 0.5  # knows nothing: the prevalence
    assert average_precision(np.zeros(4, np.uint8), np.full(4, 0.5)) == 0


@settings(max_examples=150)
@given(truths, stored)
def test_no_other_threshold_is_better(truth, level):
    threshold, f1 = best_threshold(truth, level)
    candidates = [score for cut, _, _, score in slow_curve(truth, level) if cut > 0]
    assert f1 == pytest.approx(max(candidates, default=0))
    assert 0 < threshold <= 1
    judged = np.where(level == 255, np.uint8(255), truth)
    assert confusion(judged, exceeds(level, threshold)).f1 == pytest.approx(f1)


def test_between_two_groups_the_threshold_lies_in_the_middle():
    truth = np.array([1, 1, 0, 0], np.uint8)
    threshold, f1 = best_threshold(truth, np.array([0.8, 0.9, 0.2, 0.1], np.float32))
    assert f1 == 1
    assert threshold == pytest.approx(0.5, abs=0.01)


@given(truths, stored, st.floats(0, 1))
def test_the_middle_of_all_that_are_almost_as_good(truth, level, within):
    threshold, f1 = best_threshold(truth, level, within=within)
    judged = np.where(level == 255, np.uint8(255), truth)
    if not (judged == 1).any():
        return
    all_f1 = [confusion(judged, exceeds(level, cut / 254)).f1 for cut in range(1, 255)]
    assume(all(abs(score - max(all_f1) + within) > 1e-9 or score == max(all_f1) for score in all_f1))  # rounding
    good = [cut for cut, score in enumerate(all_f1, start=1) if score >= max(all_f1) - within]
    assert f1 == pytest.approx(all_f1[round(threshold * 254) - 1])
    assert f1 >= max(all_f1) - within
    assert abs(sum(cut < threshold * 254 - 0.5 for cut in good) - sum(cut > threshold * 254 + 0.5 for cut in good)) <= 1


def test_without_landslides_the_threshold_is_a_half():
    assert best_threshold(np.zeros(5, np.uint8), np.linspace(0, 1, 5)) == (0.5, 0.0)


def test_shapes_do_not_matter():
    rng = np.random.default_rng(0)
    truth, level = rng.integers(0, 2, (3, 8, 9), np.uint8), rng.integers(0, 255, (3, 8, 9), np.uint8)
    assert average_precision(truth, level) == average_precision(truth.ravel(), level.ravel())
    assert best_threshold(truth, level) == best_threshold(truth.ravel(), level.ravel())
