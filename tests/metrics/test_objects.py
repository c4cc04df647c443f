import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from icssn.metrics.objects import match_objects, sieve


def flood(mask):
    """Find objects (connectivity 4) as sets of pixels, the slow way."""
    left, found = {(int(y), int(x)) for y, x in np.argwhere(mask)}, []
    while left:
        grown, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            grown.add((y, x))
            for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if near in left:
                    left.remove(near)
                    edge.append(near)
        found.append(grown)
    return found


def slow_match(truth, predicted):
    """Match by sets of pixels."""
    true, made = flood(truth == 1), flood(predicted & (truth != 255))
    all_true, all_made = set().union(*true), set().union(*made)

    def counts(objects, others, other_pixels):
        return {
            "any": sum(len(o & other_pixels) >= min(50, len(o)) for o in objects),
            "cov30": sum(len(o & other_pixels) >= 0.3 * len(o) for o in objects),
            "iou50": sum(any(len(o & p) / len(o | p) >= 0.5 for p in others) for o in objects),
        }

    return true, made, counts(true, made, all_made), counts(made, true, all_true)


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(np.uint8, (14, 17), elements=st.sampled_from([0, 1, 1, 255])),
    hnp.arrays(np.bool_, (14, 17)),
)
def test_objects_are_matched_as_sets_of_pixels_would_be(truth, predicted):
    true, made, found, right = slow_match(truth, predicted)
    figures = match_objects(truth, predicted, pixel_area_m2=4.0)
    area_km2 = (truth != 255).sum() * 4 / 1e6
    assert figures["true_objects"] == len(true)
    assert figures["predicted_objects"] == len(made)
    for rule in ("any", "cov30", "iou50"):
        assert figures.get(f"object_recall_{rule}") == (pytest.approx(found[rule] / len(true)) if true else None)
        assert figures.get(f"object_precision_{rule}") == (pytest.approx(right[rule] / len(made)) if made else None)
        false = len(made) - right[rule]
        if area_km2:
            assert figures[f"false_objects_per_km2_{rule}"] == pytest.approx(false / area_km2)
        if true:
            assert figures[f"false_objects_per_true_{rule}"] == pytest.approx(false / len(true))


def scene():
    return np.zeros((100, 100), np.uint8), np.zeros((100, 100), bool)


def test_a_lenient_touch_is_found_by_overlap_only():
    truth, predicted = scene()
    truth[10:40, 10:40] = 1  # 900 px
    predicted[10:16, 10:20] = True  # 60 px of it
    figures = match_objects(truth, predicted, pixel_area_m2=1)
    assert figures["object_recall_any"] == 1
    assert figures["object_recall_cov30"] == figures["object_recall_iou50"] == 0
    assert figures["object_precision_cov30"] == 1  # all of what was predicted is landslide
    assert figures["object_precision_iou50"] == 0


def test_a_prediction_that_swallows_a_landslide_is_found_by_coverage_but_not_by_iou():
    truth, predicted = scene()
    truth[40:50, 40:50] = 1
    predicted[20:80, 20:80] = True
    figures = match_objects(truth, predicted, pixel_area_m2=1)
    assert figures["object_recall_cov30"] == 1
    assert figures["object_precision_cov30"] == 0
    assert figures["object_recall_iou50"] == 0


def test_a_landslide_found_in_pieces_is_covered_by_their_sum():
    truth, predicted = scene()
    truth[10:20, 10:40] = 1
    predicted[10:20, 10:17] = predicted[10:20, 30:37] = True
    figures = match_objects(truth, predicted, pixel_area_m2=1)
    assert figures["object_recall_cov30"] == 1
    assert figures["predicted_objects"] == 2


def test_exactly_half_in_common_counts():
    truth, predicted = scene()
    truth[0:10, 0:10] = 1
    predicted[0:10, 0:20] = True
    assert match_objects(truth, predicted, pixel_area_m2=1)["object_recall_iou50"] == 1


def test_false_objects_are_counted_per_square_kilometre_and_per_landslide():
    truth, predicted = scene()
    truth[10:20, 10:20] = 1
    predicted[50:60, 50:60] = predicted[80:90, 10:20] = True
    figures = match_objects(truth, predicted, pixel_area_m2=100)  # the scene is 1 km²
    assert figures["false_objects_per_km2_cov30"] == 2
    assert figures["false_objects_per_true_cov30"] == 2
    assert figures["object_recall_any"] == figures["object_precision_any"] == 0


def test_what_is_predicted_on_unknown_ground_is_not_judged():
    truth, predicted = scene()
    truth[10:20, 10:20] = 1
    truth[50:] = 255
    predicted[10:20, 10:20] = predicted[60:80, 60:80] = True
    figures = match_objects(truth, predicted, pixel_area_m2=1)
    assert figures["predicted_objects"] == 1
    assert figures["object_precision_iou50"] == 1


def test_a_stored_mask_may_be_given_and_its_nodata_is_no_landslide():
    truth, predicted = scene()
    truth[10:20, 10:20] = 1
    mask = np.where(truth == 1, 1, 0).astype(np.uint8)
    mask[60:] = 255
    assert match_objects(truth, mask, pixel_area_m2=1)["predicted_objects"] == 1
    assert match_objects(truth, predicted, pixel_area_m2=1)["predicted_objects"] == 0


def test_corners_do_not_join_objects():
    truth, predicted = scene()
    truth[10:12, 10:12] = truth[12:14, 12:14] = 1
    assert match_objects(truth, predicted, pixel_area_m2=1)["true_objects"] == 2


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.bool_, (12, 13)), st.integers(0, 9))
def test_the_sieve_keeps_exactly_the_objects_that_are_large_enough(mask, min_px):
    kept = set().union(*(found for found in flood(mask) if len(found) >= min_px))
    assert {(int(y), int(x)) for y, x in np.argwhere(sieve(mask, min_px))} == kept
