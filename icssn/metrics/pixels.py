"""Pixel figures from one pooled 2 × 2 confusion matrix, and from histograms of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IGNORE = 255
_AT_ONCE_PX = 1 << 22  # counting takes 16 bytes for each of them
LEVELS = 254  # a stored probability is level / 254; 255 is nodata (records.Prediction)

Truth = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Confusion:
    """Counts of pixels, pooled over everything judged; every figure is 0 where it is undefined (0 / 0)."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    def times(self, weight: float) -> Confusion:
        """Give the counts of so many times the pixels, in whole pixels."""
        return Confusion(*(round(weight * count) for count in (self.tp, self.fp, self.fn, self.tn)))

    @property
    def total(self) -> int:
        """Pixels judged."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def prevalence(self) -> float:
        """Share of landslide in the truth."""
        return _ratio(self.tp + self.fn, self.total)

    @property
    def precision(self) -> float:
        """Share of what was predicted that is landslide."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the landslide that was predicted."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 2 · IoU / (1 + IoU)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float:
        """Intersection over union of the landslide class."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def mean_iou(self) -> float:
        """Mean of the intersections over union of landslide and background; one that is nowhere counts as 0."""
        return (self.iou + _ratio(self.tn, self.tn + self.fp + self.fn)) / 2

    @property
    def accuracy(self) -> float:
        """Share of the pixels that are right."""
        return _ratio(self.tp + self.tn, self.total)


def confusion(truth: Truth, predicted: npt.NDArray[np.bool_]) -> Confusion:
    """Count pixels.

    Args:
        truth: uint8, any shape, 0 / 1 / 255; where 255, nothing is counted.
        predicted: bool, same shape.
    """
    landslide, background = truth == 1, truth == 0
    tp = int(np.count_nonzero(landslide & predicted))
    fp = int(np.count_nonzero(background & predicted))
    return Confusion(tp, fp, int(np.count_nonzero(landslide)) - tp, int(np.count_nonzero(background)) - fp)


def levels(probability: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Give probabilities as stored levels, rounded to the nearest one, as a prediction's raster holds them.

    Args:
        probability: Floats in [0, 1], NaN where there is none; or uint8, which are levels already.

    Returns:
        uint8, same shape, 0–254; 255 where there is no probability.
    """
    if probability.dtype == np.uint8:
        return probability
    nearest = np.rint(np.clip(probability, 0, 1) * np.float32(LEVELS))
    return np.asarray(np.nan_to_num(nearest, nan=IGNORE).astype(np.uint8))


def level_of(threshold: float) -> int:
    """Give the smallest level that is at least `threshold`, which lies in [0, 1]."""
    return min(LEVELS, int(np.ceil(round(threshold * LEVELS, 6))))


def exceeds(probability: npt.NDArray[Any], threshold: float) -> npt.NDArray[np.bool_]:
    """Mark where the level of the probability is at least that of the threshold; never where there is no probability.

    Args:
        probability: As for `levels`.
        threshold: In [0, 1]; see `level_of`.
    """
    found = levels(probability)
    return np.asarray((found >= level_of(threshold)) & (found != IGNORE))


def average_precision(
    truth: Truth, probability: npt.NDArray[Any], *, weights: npt.NDArray[np.float64] | None = None
) -> float:
    """Give the area under the precision–recall curve: Σ (Rₙ - Rₙ₋₁) Pₙ over falling levels, without interpolation.

    Args:
        truth: uint8, any shape, 0 / 1 / 255.
        probability: Same shape, as for `levels`; compared in 255 levels.
        weights: As for `count_levels`.

    Returns:
        In [0, 1]; 0 where there is no landslide.
    """
    return curve(*_cumulative(truth, probability, weights))[0]


def curve(tp: npt.NDArray[Any], fp: npt.NDArray[Any]) -> tuple[float, npt.NDArray[np.float64]]:
    """Give the average precision, and the F1 at every score but the lowest, which would mark everything.

    Args:
        tp, fp: True and false positives from each score on, scores falling, (K,); the last of `tp` are all landslides.

    Returns:
        In [0, 1], and (K - 1,); (0.0, zeros) where there is no landslide.
    """
    if tp[-1] == 0:
        return 0.0, np.zeros(len(tp) - 1)
    precision = tp / np.maximum(tp + fp, 1)
    area = float(np.sum(np.diff(tp, prepend=0) / tp[-1] * precision))
    return area, (2 * tp / (tp + fp + tp[-1]))[:-1]


def best_threshold(
    truth: Truth,
    probability: npt.NDArray[Any],
    *,
    within: float = 0.0,
    weights: npt.NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Give the middle one of the thresholds with the highest F1, or almost, and its F1.

    Args:
        truth: uint8, any shape, 0 / 1 / 255.
        probability: Same shape, as for `levels`.
        within: How far below the highest F1 a threshold may stay to count as well.
        weights: As for `count_levels`.

    Returns:
        Threshold, a multiple of 1 / 254 above 0, and F1; (0.5, 0.0) where there is no landslide.
    """
    _, f1 = curve(*_cumulative(truth, probability, weights))
    if not f1.any():
        return 0.5, 0.0
    good = np.flatnonzero(f1 >= f1.max() - within)
    index = int(good[len(good) // 2])
    return (LEVELS - index) / LEVELS, float(f1[index])


def count_levels(
    truth: Truth, probability: npt.NDArray[Any], weights: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[Any]:
    """Count how often each level occurs on background and on landslide.

    Args:
        truth: uint8, any shape, 0 / 1 / 255.
        probability: Same shape, as for `levels`.
        weights: How often each entry of the first axis counts, (N,); once where not given.

    Returns:
        (2, 255): row 0 of background, row 1 of landslide; column k of level k.
    """
    found = levels(probability)
    if weights is not None:
        parts = ((weight, weights == weight) for weight in np.unique(weights))
        return sum((weight * count_levels(truth[of], found[of]) for weight, of in parts), np.zeros((2, LEVELS + 1)))
    both = np.zeros(256 * 256, np.int64)
    rows = max(1, _AT_ONCE_PX * len(truth) // max(truth.size, 1))
    for start in range(0, len(truth), rows):
        part = np.s_[start : start + rows]
        both += np.bincount((truth[part].astype(np.uint16) << 8 | found[part]).ravel(), minlength=len(both))
    return np.stack([both[:255], both[256:511]])


def _cumulative(
    truth: Truth, probability: npt.NDArray[Any], weights: npt.NDArray[np.float64] | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Give true and false positives at every level from 254 down to 0, (255,) each."""
    background, landslide = count_levels(truth, probability, weights)
    return np.cumsum(landslide[::-1]), np.cumsum(background[::-1])


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
