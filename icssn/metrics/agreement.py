"""How far two readers of the same objects agree, beyond what chance alone would bring."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from icssn.records import Agreement

_Z = 1.959964  # of a two-sided interval of 95 %
_SAMPLES = 4000
_ROUNDING = 1e-9  # of a kappa
_FEWEST = 5  # objects, below which kappa has no interval: of 3 one of 95 % may hold the truth in 6 of 10 cases


def agreement(pairs: Sequence[tuple[Hashable, Hashable]], *, seed: int = 0) -> Agreement:
    """Give raw agreement with Wilson's interval and Cohen's kappa with a bootstrap interval over the objects.

    Args:
        pairs: For each object what the first and what the second reader says; at least one.
        seed: Of the resampling.

    Returns:
        Kappa is 1 for full agreement, 0 for what chance would bring, None where both always say the same one thing.
        Its interval leaves out resamples in which it is not defined; it is None where there are fewer than five
        objects, and where all resamples give the same kappa, as after full agreement: they say nothing of its doubt.

    Source:
        Cohen 1960, "A coefficient of agreement for nominal scales"; Wilson 1927, "Probable inference, the law of
        succession, and statistical inference".
    """
    categories = {word: place for place, word in enumerate(dict.fromkeys(word for pair in pairs for word in pair))}
    table = np.zeros((len(categories), len(categories)))
    for first, second in pairs:
        table[categories[first], categories[second]] += 1
    count, agreed = len(pairs), int(np.trace(table))
    drawn = np.random.default_rng(seed).multinomial(count, table.ravel() / count, size=_SAMPLES)
    kappas = kappa(drawn.reshape(-1, *table.shape))
    whole = float(kappa(table[None])[0])
    known = not math.isnan(whole)
    low, high = _interval(kappas) if known and count >= _FEWEST else (None, None)
    share_low, share_high = wilson(agreed, count)
    return Agreement(
        count=count,
        agreed=agreed,
        share=agreed / count,
        share_low=share_low,
        share_high=share_high,
        kappa=whole if known else None,
        kappa_low=low,
        kappa_high=high,
    )


def kappa(tables: npt.NDArray[np.floating | np.integer]) -> npt.NDArray[np.float64]:
    """Give Cohen's kappa of tables (N, K, K) of counts, rows first reader; NaN where chance alone agrees always."""
    shares = tables / tables.sum(axis=(1, 2), keepdims=True)
    observed = np.trace(shares, axis1=1, axis2=2)
    expected = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
    chance_fails = np.where(expected < 1 - 1e-12, 1 - expected, np.nan)
    return np.asarray((observed - expected) / chance_fails, np.float64)


def _interval(kappas: npt.NDArray[np.float64]) -> tuple[float, float] | tuple[None, None]:
    """Give the middle 95 % of resampled kappas; None twice where they are all the same."""
    low, high = np.nanquantile(kappas, [0.025, 0.975])
    return (float(low), float(high)) if high - low > _ROUNDING else (None, None)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share."""
    share = hits / count
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)
