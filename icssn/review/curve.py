"""What more labels would bring: a learning curve through the runs so far, with an interval, or a word of caution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_RUNS, FEWEST_SIZES = 4, 3
"""Runs, and different numbers of labels among them, below which a curve would be guesswork."""

_T_90 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81)
"""Two-sided 90 % points of Student's t for 1–10 degrees of freedom; beyond, the last."""


@dataclass(frozen=True)
class Gain:
    """Expected change of the score for more labels, with a 90 % interval."""

    more: int
    expected: float
    low: float
    high: float


def gain(points: Sequence[tuple[int, float]], *, more: int) -> Gain | None:
    """Extrapolate the score linearly in the logarithm of the number of labels.

    Args:
        points: (labelled landslides, score in [0, 1]) of each run.
        more: Labels to be added to the largest number so far.

    Returns:
        None where there are too few runs, or too few different numbers of labels, to say anything.
    """
    usable = [(count, score) for count, score in points if count > 0]
    if len(usable) < FEWEST_RUNS or len({count for count, _ in usable}) < FEWEST_SIZES:
        return None
    x = np.log([count for count, _ in usable])
    y = np.array([score for _, score in usable])
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    rest = y - y.mean() - slope * (x - x.mean())
    freedom = len(usable) - 2
    error = math.sqrt(float((rest**2).sum()) / freedom / spread)
    largest = max(count for count, _ in usable)
    step = math.log((largest + more) / largest)
    reach = _T_90[min(freedom, len(_T_90)) - 1] * error
    return Gain(more=more, expected=slope * step, low=(slope - reach) * step, high=(slope + reach) * step)
