"""Outlines of numbered pixels, of all parts at once: rings from corner to corner, put together to polygons.

`rasterio.features.shapes` gives the same polygons, but takes six to ten times as long and lets no other thread work
meanwhile.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray


def trace_parts(
    parts: NDArray[np.int32], mask: NDArray[np.bool_], *, row: int = 0
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Outline connected parts (connectivity 4) along the borders of their pixels.

    Args:
        parts: Number of the part that each pixel belongs to, (H, W).
        mask: Pixels of the parts that are outlined, (H, W); of each part all or none.
        row: Added to every y.

    Returns:
        numbers: Of the outlined parts, rising, (N,).
        polygons: Of each, valid, with its holes; x to the right, y down, px, (N,).
    """
    inside = np.pad(mask, 1)
    beside = inside[:, :-1] ^ inside[:, 1:]
    crossing = beside[:-1] & beside[1:] & (inside[:-1, :-1] ^ inside[1:, :-1])  # two pixels touch at a corner alone
    at = np.flatnonzero((beside[:-1] ^ beside[1:]) | crossing)
    twice = crossing.ravel()[at]
    y, x = np.divmod(at, crossing.shape[1])
    first = np.arange(at.size) + np.cumsum(twice) - twice  # of the one or two corners at each place
    swapped = np.zeros(at.size + twice.sum(), np.bool_)
    again = first[twice] + 1
    swapped[again] = swapped[again - 1] = _is_swapped(parts, inside, y[twice], x[twice])
    second = np.zeros_like(swapped)
    second[again] = True
    y, x = np.repeat(y, 1 + twice), np.repeat(x, 1 + twice)

    # From left to right corners 2i and 2i + 1 are the ends of a side; so they are from top to bottom.
    below = inside[y[::2] + 1, x[::2] + 1]
    left = 2 * np.arange(below.size)
    begin, end = np.where(below, left, left + 1), np.where(below, left + 1, left)  # the part lies to the right
    down = np.argsort((x * crossing.shape[0] + y) * 2 + (second ^ swapped)).reshape(-1, 2)
    across = np.empty_like(down).ravel()
    across[down] = down[:, ::-1]
    sides, lengths = _cycles(across[end] // 2)

    corners = np.stack([begin[sides], end[sides]], axis=1).ravel()
    ring = np.repeat(np.arange(lengths.size), 2 * lengths)
    rings = shapely.linearrings(np.stack([x[corners], y[corners] + row], axis=1).astype(np.float64), indices=ring)
    top = sides[np.cumsum(lengths) - lengths]  # the first side of each ring, its uppermost
    number = parts[y[2 * top] - ~below[top], x[2 * top]]
    order = np.argsort(number, kind="stable")  # the outer ring of a part begins above its holes
    numbers, index = np.unique(number[order], return_inverse=True)
    return numbers, shapely.polygons(rings[order], indices=index)


def _is_swapped(
    parts: NDArray[np.int32], inside: NDArray[np.bool_], y: NDArray[np.int64], x: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say where the corner that the side from the left ends at is not the one that the side from above ends at.

    Two parts that touch at a corner go apart there; one that touches itself encloses a hole, which goes apart.
    """
    falling = inside[y, x]  # the upper left and the lower right pixel are inside
    same = np.where(falling, parts[y - 1, x - 1] == parts[y, x], parts[y - 1, x] == parts[y, x - 1])
    return np.asarray(falling == same)


def _cycles(following: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the cycles of a permutation one after the other, each from its smallest item, and their lengths."""
    after, seen = following.tolist(), bytearray(following.size)
    items: list[int] = []
    begins: list[int] = []
    for smallest in range(following.size):
        if seen[smallest]:
            continue
        begins.append(len(items))
        item = smallest
        while not seen[item]:
            seen[item] = 1
            items.append(item)
            item = after[item]
    return np.array(items, np.int64), np.diff([*begins, len(items)]).astype(np.int64)
