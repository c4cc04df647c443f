"""Where chips lie: on landslides, over a held-out rectangle, and on varied ground without landslides."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import shapely
from rasterio.windows import Window
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

Place = tuple[float, float]  # centre of a chip, (col, row) in px

JITTER = 0.5  # of the free room between an object and its chip's border: off-centre, with some surroundings left
MAX_PER_LABEL = 16  # chips over one label, so that one huge landslide does not outvote all others
DRAWS_PER_PLACE = 40  # random places tried for each background chip wanted
MIN_DRAWS, MAX_DRAWS = 2000, 40_000


def over(geometry: BaseGeometry, *, size_px: int, rng: np.random.Generator) -> list[Place]:
    """Give places that cover an object: one where it fits into a chip, else an even grid over its bounds.

    Each is moved by a random share of the room that is left between object and border, so that a network cannot
    learn that landslides lie in the middle.

    Args:
        geometry: A polygon in px.
        size_px: Side of a chip.
        rng: Source of chance.

    Returns:
        At most `MAX_PER_LABEL` places, in random order where there would be more.
    """
    west, north, east, south = geometry.bounds
    cols, step_x, room_x = _divide(west, east, size_px)
    rows, step_y, room_y = _divide(north, south, size_px)
    jitter = rng.uniform(-1, 1, (cols * rows, 2)) * JITTER * np.array([room_x, room_y])
    grid = [(west + (i + 0.5) * step_x, north + (j + 0.5) * step_y) for j in range(rows) for i in range(cols)]
    placed = [(x + float(dx), y + float(dy)) for (x, y), (dx, dy) in zip(grid, jitter, strict=True)]
    touching = [place for place in placed if geometry.intersects(_square(place, size_px))]
    if len(touching) <= MAX_PER_LABEL:
        return touching
    return [touching[i] for i in sorted(rng.choice(len(touching), MAX_PER_LABEL, replace=False))]


def tiles(rectangle: tuple[int, int, int, int], *, size_px: int) -> list[Window]:
    """Divide a rectangle (col, row, width, height) into even windows of at most `size_px` a side, each pixel once."""
    col, row, width, height = rectangle
    cols = np.linspace(col, col + width, math.ceil(width / size_px) + 1).round().astype(int)
    rows = np.linspace(row, row + height, math.ceil(height / size_px) + 1).round().astype(int)
    return [
        Window(int(west), int(north), int(east - west), int(south - north))
        for north, south in itertools.pairwise(rows)
        for west, east in itertools.pairwise(cols)
    ]


def without_landslides(
    region: BaseGeometry,
    landslides: Sequence[BaseGeometry],
    *,
    wanted: int,
    size_px: int,
    margin_px: int,
    rng: np.random.Generator,
) -> list[Place]:
    """Spread places over ground that is known to hold no landslide.

    Drawn evenly at random over the region and kept apart (Poisson-disk sampling by rejection), so that they show it
    in its variety. The best ground is taken first: well known and far from landslides; where that does not suffice,
    chips may touch a landslide with their margin, then overlap by half and be half unknown.

    Args:
        region: Where absence is background, px.
        landslides: All that are or may be one, px.
        wanted: Places sought; fewer where there is no room.
        size_px: Side of a chip without its margin; no landslide reaches into it.
        margin_px: Stored around it.
        rng: Source of chance.
    """
    if region.is_empty or wanted <= 0:
        return []
    drawn = _points_in(region, count=int(np.clip(DRAWS_PER_PLACE * wanted, MIN_DRAWS, MAX_DRAWS)), rng=rng)
    chips = _squares(drawn, size_px)
    shapely.prepare(region)
    known = shapely.area(shapely.intersection(chips, region)) / size_px**2
    tree = shapely.STRtree(landslides)
    free = ~_touched(tree, chips)
    wholly_free = free & ~_touched(tree, _squares(drawn, size_px + 2 * margin_px))
    kept: list[Place] = []
    by_cell: defaultdict[tuple[int, int], list[Place]] = defaultdict(list)  # the kept ones
    cell_px = size_px + 1  # what is too near to a place lies in its cell or in one of the eight around that
    for good, apart_px in (
        (wholly_free & (known > 0.9), size_px),
        (free & (known > 0.9), size_px),
        (free & (known > 0.5), size_px / 2),
    ):
        for x, y in drawn[good].tolist():
            if len(kept) == wanted:
                return kept
            col, row = int(x // cell_px), int(y // cell_px)
            cells = itertools.product((col - 1, col, col + 1), (row - 1, row, row + 1))
            around = itertools.chain.from_iterable(by_cell.get(cell, ()) for cell in cells)
            if all(max(abs(x - u), abs(y - v)) >= apart_px for u, v in around):
                kept.append((x, y))
                by_cell[col, row].append((x, y))
    return kept


def window_at(place: Place, *, side_px: int) -> Window:
    """Give the square window of whole pixels around a place."""
    return Window(round(place[0] - side_px / 2), round(place[1] - side_px / 2), side_px, side_px)


def _divide(low: float, high: float, size_px: int) -> tuple[int, float, float]:
    """Give parts, length of a part, and room left between a part and the border of its chip."""
    parts = max(1, math.ceil((high - low) / size_px))
    step = (high - low) / parts
    return parts, step, (size_px - step) / 2


def _points_in(region: BaseGeometry, *, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points evenly over a region, (n, 2), n ≤ count: points that fall beside its outline are dropped."""
    parts = np.array(shapely.get_parts(region))
    bounds = shapely.bounds(parts)
    weight = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    chosen = rng.choice(len(parts), count, p=weight / weight.sum())
    west, north, east, south = bounds[chosen].T
    x, y = rng.uniform(west, east), rng.uniform(north, south)
    shapely.prepare(parts)
    return np.asarray(np.stack([x, y], axis=1)[shapely.contains_xy(parts[chosen], x, y)])


def _touched(tree: shapely.STRtree, boxes: np.ndarray) -> np.ndarray:
    touched = np.zeros(len(boxes), np.bool_)
    touched[tree.query(boxes, predicate="intersects")[0]] = True
    return touched


def _squares(centres: np.ndarray, side_px: float) -> np.ndarray:
    x, y, half = centres[:, 0], centres[:, 1], side_px / 2
    return np.asarray(shapely.box(x - half, y - half, x + half, y + half))


def _square(place: Place, side_px: float) -> BaseGeometry:
    x, y, half = *place, side_px / 2
    return box(x - half, y - half, x + half, y + half)
