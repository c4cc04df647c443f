"""Confidence intervals by drawing spatial blocks with replacement: neighbouring pixels are no independent evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from icssn.metrics.pixels import Confusion, confusion

Figure = Callable[[Confusion], float]

FEWEST_BLOCKS = 5
"""Blocks below which no interval is told: of 4 one of 95 % holds the truth in 7 of 10 cases, of 1 in none."""
FEWEST_SHOWING = 2
"""Blocks with a landslide, likewise: of 1 it holds the truth in 7 of 10 cases, of 2 in 8 or 9 (decision 26)."""


def f1(pooled: Confusion) -> float:
    """Give the F1 of a pooled confusion, the usual figure of an interval."""
    return pooled.f1


def confusion_blocks(
    truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.bool_], *, block_px: int
) -> list[Confusion]:
    """Count pixels block by block, row by row; blocks at the far borders may be smaller, unknown ones are left out.

    A landslide counts whole, in the block that holds most of it: its parts are found or missed together.

    Args:
        truth: uint8 (H, W), 0 / 1 / 255.
        predicted: bool (H, W).
        block_px: Side of a block.
    """
    from icssn.metrics.objects import components  # loads scipy.ndimage, which those who only draw blocks can do without

    height, width = truth.shape
    columns = -(-width // block_px)
    shown = np.nonzero(truth == 1)
    landslides = components(truth == 1)[0][shown]
    homes = home_blocks(landslides, shown[0] // block_px * columns + shown[1] // block_px)
    places = [
        np.s_[y : y + block_px, x : x + block_px] for y in range(0, height, block_px) for x in range(0, width, block_px)
    ]
    ground = [confusion(truth[place], predicted[place]) for place in places]
    return [block for block in with_whole_landslides(ground, homes, predicted[shown]) if block.total]


def home_blocks(landslides: npt.NDArray[np.integer], blocks: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Give, for pixels of landslides, the block that holds most of the landslide; the first of several.

    Args:
        landslides: Number of the landslide that each pixel belongs to, from 0, (n,).
        blocks: Number of the block that it lies in, from 0, (n,).
    """
    if not len(landslides):
        return np.zeros(0, np.int64)
    pairs, px = np.unique(landslides.astype(np.int64) << 32 | blocks, return_counts=True)
    ascending = np.lexsort((-pairs, px))
    home = np.zeros(int(landslides.max()) + 1, np.int64)
    home[pairs[ascending] >> 32] = pairs[ascending] & 0xFFFFFFFF  # the last one assigned stays
    return np.asarray(home[landslides])


def with_whole_landslides(
    blocks: Sequence[Confusion], homes: npt.NDArray[np.int64], found: npt.NDArray[np.bool_]
) -> list[Confusion]:
    """Give blocks in which every landslide counts whole, and other ground where it lies.

    Args:
        blocks: As the ground was cut.
        homes: For each pixel of a landslide the block that it is to count in, (n,); see `home_blocks`.
        found: Whether it was found, (n,).
    """
    tp, fn = (np.bincount(homes[told], minlength=len(blocks)).tolist() for told in (found, ~found))
    return [replace(block, tp=tp[i], fn=fn[i]) for i, block in enumerate(blocks)]


def enough(blocks: Sequence[Confusion]) -> bool:
    """Say whether blocks are enough for an interval: `FEWEST_BLOCKS`, of which `FEWEST_SHOWING` show a landslide."""
    return len(blocks) >= FEWEST_BLOCKS and sum(block.tp + block.fn > 0 for block in blocks) >= FEWEST_SHOWING


def block_bootstrap(
    blocks: Sequence[Confusion],
    *,
    figure: Figure = f1,
    confidence: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Give the percentile interval of a figure of the pooled confusion; too narrow where there are few blocks.

    Args:
        blocks: One confusion for each block, at least one.
        figure: Of a pooled confusion.
        confidence: Share of the resampled figures inside the interval.
        samples: Resamplings.
        seed: Of the resampling; the same blocks give the same interval.

    Returns:
        (low, high).

    Source:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13.
    """
    drawn = _drawn(len(blocks), samples, seed)
    return _interval([figure(pooled) for pooled in _pooled(blocks, drawn)], confidence)


def low_and_high(name: str, blocks: Sequence[Confusion], *, figure: Figure = f1) -> dict[str, float]:
    """Give the 95 % interval of a figure as it stands beside it: ``NAME_low`` and ``NAME_high``.

    Args:
        name: Of the figure.
        blocks, figure: As for `block_bootstrap`, but there may be none.

    Returns:
        Nothing where there are not `enough` blocks.
    """
    if not enough(blocks):
        return {}
    low, high = block_bootstrap(blocks, figure=figure)
    return {f"{name}_low": low, f"{name}_high": high}


def standard_error(blocks: Sequence[Confusion], *, figure: Figure = f1, samples: int = 1000, seed: int = 0) -> float:
    """Give the standard error of a figure of the pooled confusion: its spread over the draws of `block_bootstrap`.

    Args:
        blocks, figure, samples, seed: As for `block_bootstrap`.

    Source:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", ch. 6.
    """
    return float(np.std([figure(pooled) for pooled in _pooled(blocks, _drawn(len(blocks), samples, seed))]))


def paired_difference(
    blocks: Sequence[Confusion],
    baseline: Sequence[Confusion],
    *,
    figure: Figure = f1,
    confidence: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Give the interval of how much a figure differs between two results on the same blocks.

    Both are resampled with the same draws, so that what is hard for both cancels out.

    Args:
        blocks: Of one result.
        baseline: Of the other, block by block at the same places; subtracted.
        figure, confidence, samples, seed: As for `block_bootstrap`.

    Returns:
        (low, high) of figure(blocks) - figure(baseline).

    Raises:
        ValueError: The two have different numbers of blocks.
    """
    if len(blocks) != len(baseline):
        raise ValueError(f"{len(blocks)} blocks cannot be paired with {len(baseline)}")
    drawn = _drawn(len(blocks), samples, seed)
    pairs = zip(_pooled(blocks, drawn), _pooled(baseline, drawn), strict=True)
    return _interval([figure(one) - figure(other) for one, other in pairs], confidence)


def paired_difference_of_runs(
    runs: Sequence[Sequence[Confusion]],
    baselines: Sequence[Sequence[Confusion]],
    *,
    figure: Figure = f1,
    confidence: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Give the mean difference over several runs (seeds), and its interval over runs and blocks together.

    Each resampling draws runs, then blocks, both with replacement and alike for both sides; figures are taken run by
    run from the pooled confusion, their differences are averaged. With one run, only blocks are drawn.

    Args:
        runs: For each run, one confusion for each block.
        baselines: The same runs of the other method at the same places; subtracted.
        figure, confidence, samples, seed: As for `block_bootstrap`.

    Returns:
        (mean, low, high) of figure(run) - figure(baseline).

    Raises:
        ValueError: The two differ in their runs or blocks, or there are none.
    """
    shapes = {len(blocks) for blocks in (*runs, *baselines)}
    if len(runs) != len(baselines) or len(shapes) != 1:
        raise ValueError(f"{len(runs)} and {len(baselines)} runs of {sorted(shapes)} blocks cannot be paired")
    whole = np.ones((1, shapes.pop()), np.int64)
    pairs = list(zip(runs, baselines, strict=True))

    def differences(drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        ours, theirs = zip(*((_pooled(one, drawn), _pooled(other, drawn)) for one, other in pairs), strict=True)
        return np.array(
            [[figure(a) - figure(b) for a, b in zip(x, y, strict=True)] for x, y in zip(ours, theirs, strict=True)]
        )  # (runs, samples)

    rng = np.random.default_rng([seed, 1])  # another stream than that of the blocks
    weights = rng.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), size=samples) / len(pairs)
    spread = (differences(_drawn(whole.size, samples, seed)) * weights.T).sum(axis=0)
    low, high = _interval(spread.tolist(), confidence)
    return float(differences(whole).mean()), low, high


def _drawn(blocks: int, samples: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw how often each block takes part, (samples, blocks)."""
    return np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=samples)


def _pooled(blocks: Sequence[Confusion], drawn: npt.NDArray[np.int64]) -> list[Confusion]:
    counts = np.array([(block.tp, block.fp, block.fn, block.tn) for block in blocks], np.int64)
    return [Confusion(*(int(count) for count in row)) for row in drawn @ counts]


def _interval(figures: list[float], confidence: float) -> tuple[float, float]:
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
