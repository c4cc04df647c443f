"""Object figures: connected landslides found, and objects predicted where there is none, by three rules."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

OVERLAP_PX = 50  # rule "any": lenient, as the published object accuracy needs (method.md)
COVERAGE = 0.3  # rule "cov30"
IOU = 0.5  # rule "iou50": above it at most one partner is possible

Labels = npt.NDArray[np.int32]


def components(mask: npt.NDArray[np.bool_]) -> tuple[Labels, int]:
    """Number the objects of a mask, joined by their sides (connectivity 4).

    Returns:
        int32 (H, W), 0 outside objects, and the count of objects.
    """
    numbered, count = ndimage.label(mask)  # its default structure is connectivity 4
    return numbered, int(count)


def sieve(mask: npt.NDArray[np.bool_], min_px: int) -> npt.NDArray[np.bool_]:
    """Drop objects of fewer than `min_px` pixels."""
    if min_px <= 1:
        return mask
    numbered, count = components(mask)
    kept = np.concatenate([[False], _sizes(numbered, count) >= min_px])
    return np.asarray(kept[numbered])


def match_objects(
    truth_mask: npt.NDArray[np.uint8],
    predicted_mask: npt.NDArray[np.bool_] | npt.NDArray[np.uint8],
    *,
    pixel_area_m2: float,
) -> dict[str, float]:
    """Match true and predicted objects.

    A true object is found, and a predicted one is right, by rule
    - `any`: 50 of its pixels (all, if it has fewer) lie in the other mask,
    - `cov30`: 30 % of its pixels lie in the other mask,
    - `iou50`: it has a partner with intersection over union of at least .5.

    Args:
        truth_mask: uint8 (H, W), 0 / 1 / 255; what is predicted on 255 is not judged.
        predicted_mask: (H, W), bool, or uint8 where only 1 is landslide.
        pixel_area_m2: Of one pixel.

    Returns:
        `true_objects`, `predicted_objects`, and for each rule `object_recall_RULE`, `object_precision_RULE`,
        `false_objects_per_km2_RULE` and `false_objects_per_true_RULE`. A figure that would divide by zero is absent.
    """
    known = truth_mask != 255
    true, true_count = components(truth_mask == 1)
    predicted, predicted_count = components((predicted_mask == 1) & known)
    true_px, predicted_px = _sizes(true, true_count), _sizes(predicted, predicted_count)

    both = (true > 0) & (predicted > 0)
    paired = (true[both].astype(np.int64) - 1) * predicted_count + predicted[both] - 1
    numbers, common = np.unique(paired, return_counts=True)  # faster than unique columns
    pairs = np.stack(np.divmod(numbers, max(predicted_count, 1)))
    true_hit = np.bincount(pairs[0], weights=common, minlength=true_count)
    predicted_hit = np.bincount(pairs[1], weights=common, minlength=predicted_count)
    partners = pairs[:, common / (true_px[pairs[0]] + predicted_px[pairs[1]] - common) >= IOU]

    found = {
        "any": true_hit >= np.minimum(OVERLAP_PX, true_px),
        "cov30": true_hit >= COVERAGE * true_px,
        "iou50": np.isin(np.arange(true_count), partners[0]),
    }
    right = {
        "any": predicted_hit >= np.minimum(OVERLAP_PX, predicted_px),
        "cov30": predicted_hit >= COVERAGE * predicted_px,
        "iou50": np.isin(np.arange(predicted_count), partners[1]),
    }
    area_km2 = int(known.sum()) * pixel_area_m2 / 1e6
    figures = {"true_objects": float(true_count), "predicted_objects": float(predicted_count)}
    for rule, hit in found.items():
        false = predicted_count - int(right[rule].sum())
        for name, part, whole in (
            ("object_recall", int(hit.sum()), true_count),
            ("object_precision", int(right[rule].sum()), predicted_count),
            ("false_objects_per_km2", false, area_km2),
            ("false_objects_per_true", false, true_count),
        ):
            if whole:
                figures[f"{name}_{rule}"] = part / whole
    return figures


def _sizes(numbered: Labels, count: int) -> npt.NDArray[np.int64]:
    """Give the pixels of each object, (count,); memory for those of objects alone."""
    return np.bincount(numbered[numbered > 0], minlength=count + 1)[1:]
