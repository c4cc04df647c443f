"""Calibration: whether of all pixels with probability p a share p is landslide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from icssn.metrics.pixels import LEVELS, count_levels


@dataclass(frozen=True)
class ReliabilityCurve:
    """One entry for each bin of probabilities that holds pixels, all (n,)."""

    probability: npt.NDArray[np.float64]  # mean over the bin
    frequency: npt.NDArray[np.float64]  # of landslide in the bin
    count: npt.NDArray[np.int64]  # pixels in the bin


def reliability(truth: npt.NDArray[np.uint8], probability: npt.NDArray[Any], *, bins: int = 15) -> ReliabilityCurve:
    """Compare probability and frequency in bins of equal width.

    Args:
        truth: uint8, any shape, 0 / 1 / 255; 255 is not judged.
        probability: Same shape, floats in [0, 1] (NaN is not judged) or uint8 as predictions are stored (value / 254,
            rounded to the nearest value; 255 is not judged).
        bins: Over [0, 1]; 15 as in Guo et al. 2017.
    """
    if probability.dtype == np.uint8:
        values, (background, landslide) = np.arange(LEVELS + 1) / LEVELS, count_levels(truth, probability)
    else:
        judged = (truth != 255) & ~np.isnan(probability)
        values, landslide = probability[judged].astype(np.float64), truth[judged].astype(np.int64)
        background = 1 - landslide
    which = np.minimum((values * bins).astype(np.intp), bins - 1)
    count, shown, total = (
        np.bincount(which, weights=of_each, minlength=bins)
        for of_each in (background + landslide, landslide, (background + landslide) * values)
    )
    used = count > 0
    return ReliabilityCurve(total[used] / count[used], shown[used] / count[used], count[used].astype(np.int64))


def expected_calibration_error(truth: npt.NDArray[np.uint8], probability: npt.NDArray[Any], *, bins: int = 15) -> float:
    """Give the mean difference between probability and frequency over all pixels; 0 where nothing is judged.

    Args:
        truth, probability, bins: As for `reliability`.

    Source:
        Guo et al. 2017, arXiv:1706.04599, eq. 3.
    """
    curve = reliability(truth, probability, bins=bins)
    if not len(curve.count):
        return 0.0
    return float(np.average(np.abs(curve.probability - curve.frequency), weights=curve.count))
