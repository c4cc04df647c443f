import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from icssn.metrics.boundary import distances, f1_of_distances, outline


def boundary_f1(truth, predicted, *, tolerance_px):
    return f1_of_distances(*distances(truth, predicted), tolerances_px=[tolerance_px])[0]


def slow_outline(mask, known):
    height, width = mask.shape
    found = []
    for y in range(height):
        for x in range(width):
            near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
            near = [(j, i) for j, i in near if 0 <= j < height and 0 <= i < width]
            if mask[y, x] and known[y, x] and any(known[p] and not mask[p] for p in near):
                found.append((y, x))
    return found


def slow_f1(truth, predicted, tolerance_px):
    known = truth != 255
    true, made = slow_outline(truth == 1, known), slow_outline(predicted, known)
    if not true or not made:
        return 0.0

    def share(start, target):
        return np.mean([min(np.hypot(y - j, x - i) for j, i in target) <= tolerance_px for y, x in start])

    precision, recall = share(made, true), share(true, made)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.uint8, (9, 11), elements=st.sampled_from([0, 0, 1, 255])),
    hnp.arrays(np.bool_, (9, 11)),
    st.sampled_from([0, 1, 1.5, 2, 4]),
)
def test_boundary_f1_is_what_measuring_every_pair_of_pixels_gives(truth, predicted, tolerance_px):
    assert boundary_f1(truth, predicted, tolerance_px=tolerance_px) == pytest.approx(
        slow_f1(truth, predicted, tolerance_px)
    )


def square(left, top, side, size=60):
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_the_outline_of_a_square_is_its_rim():
    found = outline(square(10, 10, 5), np.ones((60, 60), bool))
    assert found.sum() == 16
    assert not found[12, 12]


def test_the_border_of_the_image_and_of_the_known_is_no_outline():
    mask = np.ones((20, 20), bool)
    assert not outline(mask, np.ones((20, 20), bool)).any()
    known = np.ones((20, 20), bool)
    known[:, 10:] = False
    half = np.zeros((20, 20), bool)
    half[:, :10] = True
    assert not outline(half, known).any()


@pytest.mark.parametrize(("shift", "tolerance_px", "expected"), [(0, 0, 1), (2, 2, 1), (3, 3, 1)])
def test_a_shifted_square_agrees_within_its_shift(shift, tolerance_px, expected):
    truth = square(10, 10, 20).astype(np.uint8)
    assert boundary_f1(truth, square(10 + shift, 10, 20), tolerance_px=tolerance_px) == expected


def test_a_square_shifted_by_three_agrees_within_one_only_along_two_sides():
    truth = square(10, 10, 20).astype(np.uint8)
    score = boundary_f1(truth, square(13, 10, 20), tolerance_px=1)
    along = 2 * (20 - 3 + 1)  # columns in common and one beyond, top and bottom
    crossing = 2  # where one square's upright side leaves the other's top and bottom
    assert score == pytest.approx((along + crossing) / 76)


def test_a_missing_outline_scores_nothing():
    truth, nothing = square(10, 10, 20).astype(np.uint8), np.zeros((60, 60), bool)
    assert boundary_f1(truth, nothing, tolerance_px=4) == 0
    assert boundary_f1(nothing.astype(np.uint8), truth == 1, tolerance_px=4) == 0
    assert boundary_f1(nothing.astype(np.uint8), nothing, tolerance_px=4) == 0
    from_predicted, from_truth = distances(truth, nothing)
    assert from_predicted.size == 0
    assert np.isinf(from_truth).all()


def test_distances_of_a_grown_square_are_its_growth():
    from_predicted, from_truth = distances(square(10, 10, 20).astype(np.uint8), square(7, 7, 26))
    assert (from_truth == 3).all()
    assert from_predicted.max() == pytest.approx(np.hypot(3, 3))
