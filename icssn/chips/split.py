"""Which part of a scene is held out for validation: one rectangle of blocks, and a buffer around it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from icssn.chips import places
from icssn.chips.ground import window_box
from icssn.config import ChipConfig

Rectangle = tuple[int, int, int, int]  # (col, row, width, height), px
Side = Literal["train", "validation", "lost"]

MAX_COST = 1 / 8  # missed share + lost share of the landslides from which on a smaller buffer is tried
MIN_BUFFER_CHIPS = 1 / 4  # the buffer is never made smaller than this part of a chip
BUFFER_STEP_CHIPS = 1 / 8
FINER_BLOCKS = (12, 24)  # per side, tried where the configured blocks are too coarse for clustered landslides
MIN_BLOCK_CHIPS = 1 / 2  # smaller blocks would give rectangles that no chip fits into
NO_FREE_TILE_COST = 1 / 8  # a rectangle whose every tile has a landslide cannot judge the classifier
TRIED = 100  # best rectangles, by their landslides' bounds, that are then looked at exactly


@dataclass(frozen=True)
class HeldOut:
    """What training never knows: nothing inside the rectangle, nothing nearer to it than the buffer."""

    rectangle: Rectangle
    buffer_px: int

    @property
    def inside(self) -> BaseGeometry:
        """The rectangle, px."""
        return grown(self.rectangle, 0)

    @property
    def zone(self) -> BaseGeometry:
        """The rectangle grown by the buffer, px."""
        return grown(self.rectangle, self.buffer_px)


def hold_out(
    area_px: BaseGeometry,
    landslides_px: Sequence[BaseGeometry],
    *,
    config: ChipConfig,
    fixed: Rectangle | None = None,
) -> HeldOut | None:
    """Choose the held-out rectangle of blocks and the buffer around it; the same input gives the same answer.

    The bounds of all labels are divided into blocks. Of all rectangles of blocks, the one is taken whose share of the
    landslides is nearest to `config.validation_share` while the buffer costs the fewest. Where that misses or costs an
    eighth of the landslides, smaller blocks are tried, then smaller buffers, down to a quarter of a chip.

    Args:
        area_px: Where absence of a landslide is known, px.
        landslides_px: Labelled landslides, px.
        config: Shares, blocks, buffer and size of a chip.
        fixed: A rectangle that was chosen earlier and stays; only the buffer is chosen.

    Returns:
        None when no rectangle leaves landslides and background on both sides: the scene can only be trained on.
    """
    buffers = _buffers(config)
    if fixed:
        kept = [HeldOut(fixed, buffer_px) for buffer_px in buffers]
        return next((held for held in kept if _share_lost(sides(landslides_px, held)) < MAX_COST), kept[-1])
    if len(landslides_px) < 2:
        return None
    bounds = shapely.total_bounds([area_px, *landslides_px])
    labelled = _Labelled(area_px, landslides_px)
    found, best_cost = None, np.inf
    for buffer_px, blocks in itertools.product(buffers, (config.blocks, *FINER_BLOCKS)):
        if blocks < config.blocks:
            continue
        rectangles = _rectangles(bounds, blocks=blocks, size_px=config.size_px)
        held, cost = _cheapest(rectangles, labelled, buffer_px=buffer_px, config=config)
        if cost < best_cost:
            found, best_cost = held, cost
        if best_cost < MAX_COST:
            break
    return found


def sides(landslides_px: Sequence[BaseGeometry], held: HeldOut) -> list[Side]:
    """Say where each landslide ends: the side that has at least half of it; lost where the buffer has too much."""
    inside = _share_within(landslides_px, held.inside)
    near = _share_within(landslides_px, held.zone)
    return ["validation" if i >= 0.5 else "train" if n <= 0.5 else "lost" for i, n in zip(inside, near, strict=True)]


def grown(rectangle: Rectangle, by_px: int) -> BaseGeometry:
    """Give a rectangle (col, row, width, height) grown on every side as a polygon in px."""
    col, row, width, height = rectangle
    return box(col - by_px, row - by_px, col + width + by_px, row + height + by_px)


def nothing_to_hold_out(landslides: int) -> str:
    """Say why no rectangle could be held out, and what to do."""
    return (
        f"No part of the label areas can be held out for validation so that landslides and background remain on both "
        f"sides ({landslides} landslide(s) are labelled there): label landslides farther apart, or draw a larger "
        f"label area."
    )


def _buffers(config: ChipConfig) -> list[int]:
    least = min(config.buffer_px, round(config.size_px * MIN_BUFFER_CHIPS))
    step = max(1, round(config.size_px * BUFFER_STEP_CHIPS))
    return [*range(config.buffer_px, least, -step), least]


def _rectangles(bounds: Sequence[float], *, blocks: int, size_px: int) -> npt.NDArray[np.int64]:
    """Give all rectangles of blocks over the bounds of everything labelled, (R, 4): col, row, width, height."""
    west, north, east, south = bounds

    def spans(low: float, high: float) -> list[tuple[int, int]]:
        fitting = int((high - low) / (size_px * MIN_BLOCK_CHIPS))
        edges = np.linspace(low, high, max(2, min(blocks, fitting)) + 1).round().astype(int)
        return [(int(a), int(b - a)) for a, b in itertools.combinations(edges, 2) if b > a]

    return np.array(
        [(col, row, width, height) for row, height in spans(north, south) for col, width in spans(west, east)], np.int64
    ).reshape(-1, 4)


class _Labelled:
    """What is labelled, prepared for many questions."""

    def __init__(self, area_px: BaseGeometry, landslides_px: Sequence[BaseGeometry]) -> None:
        self.area = area_px
        self.landslides = landslides_px
        self.bounds = shapely.bounds(np.array(landslides_px))
        self.bare = area_px.difference(shapely.union_all(landslides_px))
        self.tree = shapely.STRtree(landslides_px)

    def has_room(self, held: HeldOut) -> bool:
        """Say whether background is known on both sides."""
        return bool(self.bare.intersection(held.inside).area > 0 and self.bare.difference(held.zone).area > 0)

    def has_free_tile(self, held: HeldOut, *, size_px: int) -> bool:
        """Say whether a tile of the rectangle is at least half known and holds no landslide."""
        outlines = np.array([window_box(tile) for tile in places.tiles(held.rectangle, size_px=size_px)])
        known = shapely.area(shapely.intersection(outlines, self.area)) >= 0.5 * shapely.area(outlines)
        free = ~np.isin(np.arange(len(outlines)), self.tree.query(outlines, predicate="intersects")[0])
        return bool((known & free).any())


def _cheapest(
    rectangles: npt.NDArray[np.int64], labelled: _Labelled, *, buffer_px: int, config: ChipConfig
) -> tuple[HeldOut | None, float]:
    """Give the cheapest rectangle that leaves landslides and background on both sides, and its cost."""
    rough = _rough_costs(rectangles, labelled.bounds, buffer_px=buffer_px, wanted_share=config.validation_share)
    outline = rectangles[:, 2] + rectangles[:, 3]  # ties: the shorter outline, then the upper left
    best, best_cost, least = None, np.inf, np.inf
    for index in np.lexsort((outline, rough))[:TRIED]:
        if rough[index] >= least:
            break
        col, row, width, height = (int(value) for value in rectangles[index])
        held = HeldOut((col, row, width, height), buffer_px)
        found = sides(labelled.landslides, held)
        cost = abs(found.count("validation") / len(found) - config.validation_share) + _share_lost(found)
        if cost >= least or not {"train", "validation"} <= set(found) or not labelled.has_room(held):
            continue
        penalty = 0 if labelled.has_free_tile(held, size_px=config.size_px) else NO_FREE_TILE_COST
        if cost + penalty < least:
            best, best_cost, least = held, cost, cost + penalty
    return best, best_cost


def _rough_costs(
    rectangles: npt.NDArray[np.int64], bounds: npt.NDArray[np.float64], *, buffer_px: int, wanted_share: float
) -> npt.NDArray[np.float64]:
    """Judge rectangles (R, 4) by the bounds of the landslides (n, 4): missed share plus lost share, (R,).

    Infinite where a side would be left without.
    """
    shares = [  # within the rectangle, then within the rectangle and its buffer; by rows and by columns
        [_span_shares(rectangles[:, [axis, axis + 2]], bounds[:, [axis, axis + 2]], by_px) for axis in (0, 1)]
        for by_px in (0, buffer_px)
    ]
    costs = []
    for part in np.array_split(np.arange(len(rectangles)), len(rectangles) * len(bounds) // 4_000_000 + 1):
        inside, near = ((x[i[part]] * y[j[part]]) for (x, i), (y, j) in shares)
        validation, lost = inside >= 0.5, (near > 0.5) & (inside < 0.5)
        cost = np.abs(validation.mean(axis=1) - wanted_share) + lost.mean(axis=1)
        cost[~validation.any(axis=1) | (validation | lost).all(axis=1)] = np.inf
        costs.append(cost)
    return np.concatenate(costs).round(9)


def _span_shares(
    spans: npt.NDArray[np.int64], intervals: npt.NDArray[np.float64], by_px: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Give the share of each interval (n, 2) within each distinct span (start, length) grown by `by_px`.

    Returns:
        Shares (distinct spans, n), and for each given span (R,) its row there.
    """
    distinct, which = np.unique(spans, axis=0, return_inverse=True)
    low, high = distinct[:, :1] - by_px, distinct.sum(axis=1, keepdims=True) + by_px
    common = np.minimum(intervals[:, 1], high) - np.maximum(intervals[:, 0], low)
    lengths = np.maximum(intervals[:, 1] - intervals[:, 0], 1e-9)
    return (np.clip(common, 0, None) / lengths).astype(np.float32), which


def _share_lost(found: Sequence[Side]) -> float:
    return found.count("lost") / max(len(found), 1)


def _share_within(landslides_px: Sequence[BaseGeometry], zone: BaseGeometry) -> npt.NDArray[np.float64]:
    whole = np.array(landslides_px)
    return np.asarray(shapely.area(shapely.intersection(whole, zone)) / shapely.area(whole))
