"""Ranking: how well scores put true objects before false ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from icssn.metrics.objects import COVERAGE


def area_under_roc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Give the chance that a true object scores higher than a false one, ties counted half.

    Returns:
        In [0, 1], .5 where scores tell nothing; None where there is no true or no false object.

    Source:
        Hanley & McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve".
    """
    truth = np.asarray(right, np.bool_)
    true, false = int(truth.sum()), int((~truth).sum())
    if not true or not false:
        return None
    _, place, ties = np.unique(np.asarray(scores, np.float64), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]  # from 1; equal scores share the middle of their ranks
    return float((ranks[truth].sum() - true * (true + 1) / 2) / (true * false))


def judged(truth: npt.NDArray[np.uint8], numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.bool_]:
    """Say of which predicted objects anything is known, so that they can be right or wrong at all.

    Args, Returns: As for `covered`.
    """
    return np.asarray(np.bincount(numbers[truth != 255], minlength=count + 1)[1:] > 0)


def covered(truth: npt.NDArray[np.uint8], numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.bool_]:
    """Say which predicted objects are right: at least 30 % of what is known of each is landslide (rule `cov30`).

    Args:
        truth: uint8 (H, W), 0 / 1 / 255.
        numbers: int32 (H, W), the object of each pixel from 1; 0 outside objects.
        count: Of objects.

    Returns:
        bool (count,).
    """
    known = truth != 255
    area = np.bincount(numbers[known], minlength=count + 1)[1:]
    hit = np.bincount(numbers[truth == 1], minlength=count + 1)[1:]
    return np.asarray((hit >= COVERAGE * area) & (hit > 0))
