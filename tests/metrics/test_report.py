import json
import math

import numpy as np
import pytest
from scipy import ndimage

from icssn.metrics.boundary import distances, f1_of_distances
from icssn.metrics.calibration import expected_calibration_error
from icssn.metrics.objects import match_objects, sieve
from icssn.metrics.pixels import average_precision, confusion
from icssn.metrics.report import judge

SETTINGS = {"threshold": 0.5, "min_object_px": 30, "pixel_size_m": 0.8, "block_px": 64}


@pytest.fixture(scope="module")
def scene():
    """A scene of 300 × 260 px with landslides, unknown ground, and a noisy probability."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=(300, 260)), 9)
    truth = (smooth > np.quantile(smooth, 0.92)).astype(np.uint8)
    probability = np.clip(truth * 0.6 + 0.15 + ndimage.gaussian_filter(rng.normal(size=truth.shape), 2), 0, 1)
    truth[:, :40] = 255
    return truth, probability.astype(np.float32)


def test_the_figures_are_those_of_the_single_functions(scene):
    truth, probability = scene
    figures = judge(truth, probability, **SETTINGS)
    predicted = sieve(np.rint(probability * 254) >= 127, 30)
    pooled = confusion(truth, predicted)
    assert figures["f1"] == pooled.f1
    assert figures["iou"] == pooled.iou
    assert figures["mean_iou"] == pooled.mean_iou
    assert figures["pixel_accuracy"] == pooled.accuracy
    assert figures["precision"] == pooled.precision
    assert figures["recall"] == pooled.recall
    assert figures["average_precision"] == average_precision(truth, probability)
    assert figures["ece"] == expected_calibration_error(truth, probability)
    for tolerance_px in (1, 2, 4):
        [expected] = f1_of_distances(*distances(truth, predicted), tolerances_px=[tolerance_px])
        assert figures[f"boundary_f1_{tolerance_px}px"] == expected
    objects = match_objects(truth, predicted, pixel_area_m2=0.64)
    assert {name: figures[name] for name in objects} == objects
    assert figures["false_objects_per_true"] == objects["false_objects_per_true_cov30"]
    for name in ("f1", "iou", "precision", "recall"):
        assert figures[f"{name}_low"] < figures[name] < figures[f"{name}_high"]
    assert figures["trivial_pixel_accuracy"] == pytest.approx(1 - figures["prevalence"])
    assert 0 < figures["trivial_f1"] < figures["f1"]


def test_all_figures_are_plain_numbers(scene):
    figures = judge(*scene, **SETTINGS)
    assert all(type(value) is float and math.isfinite(value) for value in figures.values())
    json.dumps(figures, allow_nan=False)


def test_stored_probabilities_give_nearly_the_same_figures(scene):
    truth, probability = scene
    as_float, stored = (
        judge(truth, probability, **SETTINGS),
        judge(truth, np.rint(probability * 254).astype(np.uint8), **SETTINGS),
    )
    for name in ("f1", "average_precision", "ece", "boundary_f1_2px"):
        assert stored[name] == pytest.approx(as_float[name], abs=0.02)


@pytest.mark.parametrize("stored", [False, True])
def test_nodata_is_judged_as_little_as_unknown_truth(scene, stored):
    truth, probability = scene
    hidden = np.where(np.arange(260) < 90, np.uint8(255), truth)
    level = np.floor(probability * 254).astype(np.uint8)
    given = np.where(np.arange(260) < 90, np.uint8(255), level) if stored else probability.copy()
    if not stored:
        given[:, :90] = np.nan
    no_truth = judge(hidden, level if stored else probability, **(SETTINGS | {"min_object_px": 0}))
    no_probability = judge(truth, given, **(SETTINGS | {"min_object_px": 0}))
    assert no_probability == pytest.approx(no_truth)
    assert no_truth["judged_px"] == 300 * 170


def test_small_predicted_objects_are_dropped(scene):
    truth, probability = scene
    speckled = probability.copy()
    speckled[5:7, 200:202] = 1
    with_sieve = judge(truth, speckled, **SETTINGS)
    without = judge(truth, speckled, **(SETTINGS | {"min_object_px": 0}))
    assert with_sieve["predicted_objects"] < without["predicted_objects"]
    assert with_sieve["average_precision"] == without["average_precision"]


def test_a_perfect_map_is_perfect(scene):
    truth, _ = scene
    figures = judge(truth, (truth == 1).astype(np.float32), **(SETTINGS | {"min_object_px": 0}))
    for name in (
        "f1",
        "f1_low",
        "f1_high",
        "iou",
        "mean_iou",
        "average_precision",
        "object_recall_iou50",
        "boundary_f1_1px",
    ):
        assert figures[name] == 1
    assert figures["false_objects_per_true"] == figures["ece"] == figures["mean_boundary_distance_m"] == 0


def test_lengths_and_areas_are_in_metres(scene):
    fine, coarse = (judge(*scene, **(SETTINGS | {"pixel_size_m": size})) for size in (1.0, 10.0))
    assert coarse["mean_boundary_distance_m"] == pytest.approx(10 * fine["mean_boundary_distance_m"])
    assert coarse["false_objects_per_km2_cov30"] == pytest.approx(fine["false_objects_per_km2_cov30"] / 100)


def test_without_true_landslides_only_what_can_be_measured_is_there(scene):
    _, probability = scene
    figures = judge(np.zeros((300, 260), np.uint8), probability, **SETTINGS)
    assert figures["prevalence"] == 0
    assert "false_objects_per_km2_cov30" in figures
    assert not {"f1", "recall", "average_precision", "object_recall_cov30", "boundary_f1_2px"} & set(figures)


def test_without_any_prediction_the_result_is_zero_and_not_an_error(scene):
    truth, _ = scene
    figures = judge(truth, np.zeros(truth.shape, np.float32), **SETTINGS)
    assert figures["f1"] == figures["recall"] == figures["boundary_f1_4px"] == figures["object_recall_any"] == 0
    assert figures["f1_low"] == figures["f1_high"] == 0
    assert not {"precision", "precision_low", "precision_high", "object_precision_any"} & set(figures)
    assert "mean_boundary_distance_m" not in figures
    assert figures["mean_iou"] == pytest.approx((1 - figures["prevalence"]) / 2)


@pytest.mark.parametrize("marked", [0, 1])
def test_where_all_is_landslide_neither_background_nor_outlines_are_judged(marked):
    truth = np.ones((320, 320), np.uint8)
    figures = judge(truth, np.full(truth.shape, marked, np.float32), **SETTINGS)
    assert figures["f1"] == figures["iou"] == figures["recall"] == figures["pixel_accuracy"] == marked
    assert ("precision" in figures) == bool(marked)
    assert not [name for name in figures if "boundary" in name or name == "mean_iou"]


def test_a_prediction_without_an_outline_has_a_boundary_f1_of_zero():
    truth = np.zeros((320, 320), np.uint8)
    truth[20:60, 20:60] = 1
    figures = judge(truth, np.ones(truth.shape, np.float32), **SETTINGS)
    assert figures["boundary_f1_4px"] == 0
    assert figures["precision"] == figures["mean_iou"] * 2 == pytest.approx(1600 / 320**2)
    assert "mean_boundary_distance_m" not in figures


def test_a_scene_of_few_blocks_has_figures_without_intervals(scene):
    figures = judge(*scene, **(SETTINGS | {"block_px": 256}))
    assert {"f1", "iou", "precision", "recall"} <= set(figures)
    assert not [name for name in figures if name.endswith(("_low", "_high"))]


def test_where_nothing_is_known_there_is_nothing_to_judge():
    figures = judge(np.full((64, 64), 255, np.uint8), np.zeros((64, 64), np.float32), **SETTINGS)
    assert figures == {"judged_px": 0.0, "threshold": 0.5}
