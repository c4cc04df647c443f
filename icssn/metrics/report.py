"""All figures of one result on one scene, under clear names."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from icssn.metrics import boundary, calibration, intervals, objects, pixels, trivial

TOLERANCES_PX = (1, 2, 4)  # of the boundary F1 (method.md)
_WITH_INTERVAL = ("f1", "iou", "precision", "recall")  # of the pooled confusion


def judge(
    truth: npt.NDArray[np.uint8],
    probability: npt.NDArray[Any],
    *,
    threshold: float,
    min_object_px: int,
    pixel_size_m: float,
    block_px: int = 256,
    tile_px: float | None = None,
) -> dict[str, float]:
    """Judge a probability map as it is used: cut at the threshold, without objects that are too small.

    Args:
        truth: uint8 (H, W), 0 / 1 / 255; nothing is judged on 255.
        probability: (H, W), floats in [0, 1] with NaN for nodata, or uint8 (value / 254; 255 is nodata); nothing is
            judged on nodata.
        threshold: Chosen elsewhere, on validation.
        min_object_px: Predicted objects with fewer pixels are dropped.
        pixel_size_m: Side of a pixel on the ground.
        block_px: Side of the blocks that are drawn for the 95 % intervals.
        tile_px: Side of the tiles that the scene was built from, if it was, for the trivial predictor.

    Returns:
        Of the mask: `f1`, `iou`, `precision` and `recall`, each with `_low` and `_high` where there are blocks enough
        (`intervals.enough`); `mean_iou`, `pixel_accuracy`; `object_recall_RULE`, `object_precision_RULE`,
        `false_objects_per_km2_RULE` and `false_objects_per_true_RULE` for the rules `any`, `cov30` and `iou50`,
        `false_objects_per_true` being that of `cov30`; `boundary_f1_1px`, `_2px`, `_4px` and
        `mean_boundary_distance_m`.
        Of the probability: `average_precision`, `best_f1` with `best_threshold` (chosen on this very truth, small
        objects kept: shows what the threshold costs, is no result), `ece`.
        For comparison: `prevalence`, `judged_px`, `threshold`, `trivial_f1` and `trivial_iou` (a predictor that
        never looks at the image, see `trivial.strongest`), `trivial_pixel_accuracy` (all background).
        Figures that cannot be measured are absent: without any true landslide, most of them; without any true
        background, `mean_iou`; without a true outline, those of boundaries; without anything predicted, `precision`,
        `object_precision_RULE` and `mean_boundary_distance_m`, while `f1`, `iou`, recall and boundary F1 are 0 then.
    """
    found = pixels.levels(probability)
    judged = np.where(found == pixels.IGNORE, np.uint8(pixels.IGNORE), truth)
    predicted = objects.sieve(pixels.exceeds(found, threshold), min_object_px)
    pooled = pixels.confusion(judged, predicted)
    figures = {"judged_px": float(pooled.total), "threshold": threshold}
    if not pooled.total:
        return figures
    figures |= {
        "prevalence": pooled.prevalence,
        "pixel_accuracy": pooled.accuracy,
        "trivial_pixel_accuracy": trivial.all_background(judged).accuracy,
        "ece": calibration.expected_calibration_error(judged, probability),
    }
    figures |= objects.match_objects(judged, predicted, pixel_area_m2=pixel_size_m**2)
    if pooled.prevalence == 0:
        return figures

    blocks = intervals.confusion_blocks(judged, predicted, block_px=block_px)
    for name in _WITH_INTERVAL:
        if name == "precision" and not pooled.tp + pooled.fp:
            continue
        figure = operator.attrgetter(name)
        figures |= {name: figure(pooled)} | intervals.low_and_high(name, blocks, figure=figure)
    if pooled.prevalence < 1:
        figures["mean_iou"] = pooled.mean_iou
    best_threshold, best_f1 = pixels.best_threshold(judged, found)
    control = trivial.strongest(judged, tile_px=tile_px)
    figures |= {
        "average_precision": pixels.average_precision(judged, found),
        "best_f1": best_f1,
        "best_threshold": best_threshold,
        "false_objects_per_true": figures["false_objects_per_true_cov30"],
        "trivial_f1": control.f1,
        "trivial_iou": control.iou,
    }
    return figures | _boundary(judged, predicted, pixel_size_m=pixel_size_m)


def _boundary(
    truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.bool_], *, pixel_size_m: float
) -> dict[str, float]:
    apart = boundary.distances(truth, predicted)
    if not apart[1].size:
        return {}
    scores = boundary.f1_of_distances(*apart, tolerances_px=TOLERANCES_PX)
    figures = {f"boundary_f1_{t}px": score for t, score in zip(TOLERANCES_PX, scores, strict=True)}
    if apart[0].size:  # mean of both directions, each outline with equal weight
        figures["mean_boundary_distance_m"] = float(np.mean([d.mean() for d in apart])) * pixel_size_m
    return figures
