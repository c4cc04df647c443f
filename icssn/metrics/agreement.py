"""How far two readers of the same objects agree, beyond what chance alone would bring."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from icssn.records import Agreement

_Z = 1.959964  # of a two-sided interval of 95 %
_SAMPLES = 4000


def agreement(pairs: Sequence[tuple[Hashable, Hashable]], *, seed: int = 0) -> Agreement:
    """Give raw agreement with Wilson's interval and Cohen's kappa with a bootstrap interval over the objects.

    Args:
        pairs: For each object what the first and what the second reader says; at least one.
        seed: Of the resampling.

    Returns:
        Kappa is 1 for full agreement, 0 for what chance would bring, None where both always say the same one thing.
        Its interval leaves out resamples in which it is not defined.

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
    low, high = np.nanquantile(kappas, [0.025, 0.975]) if known else (math.nan, math.nan)
    share_low, share_high = wilson(agreed, count)
    return Agreement(
        count=count,
        agreed=agreed,
        share=agreed / count,
        share_low=share_low,
        share_high=share_high,
        kappa=whole if known else None,
        kappa_low=float(low) if known else None,
        kappa_high=float(high) if known else None,
    )


def kappa(tables: npt.NDArray[np.floating | np.integer]) -> npt.NDArray[np.float64]:
    """Give Cohen's kappa of tables (N, K, K) of counts, rows first reader; NaN where chance alone agrees always."""
    shares = tables / tables.sum(axis=(1, 2), keepdims=True)
    observed = np.trace(shares, axis1=1, axis2=2)
    expected = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
    chance_fails = np.where(expected < 1 - 1e-12, 1 - expected, np.nan)
    return np.asarray((observed - expected) / chance_fails, np.float64)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share."""
    share = hits / count
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)
