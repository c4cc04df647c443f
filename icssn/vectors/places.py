"""Which geometries lie at the same place, on whatever way through files and coordinate systems they came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

NEAR = 2e-8  # degrees; two millimetres


def at_places(geometries_lonlat: Sequence[BaseGeometry], standing_lonlat: Sequence[BaseGeometry]) -> list[list[int]]:
    """Give for each geometry the numbers of the standing ones at its place: corner by corner within `NEAR`.

    Order and first corner of rings and the order of parts do not matter.
    """
    found: list[list[int]] = [[] for _ in geometries_lonlat]
    if not found or not standing_lonlat:
        return found
    pairs = _of_equal_bounds(geometries_lonlat, standing_lonlat)
    mine = np.array(geometries_lonlat, dtype=object)[pairs[:, 0]]
    other = np.array(standing_lonlat, dtype=object)[pairs[:, 1]]
    same = shapely.equals_exact(shapely.normalize(mine), shapely.normalize(other), NEAR)
    # Corners that are almost above one another can come into another order.
    left = ~same & (shapely.get_num_coordinates(mine) == shapely.get_num_coordinates(other))
    same[left] = shapely.hausdorff_distance(mine[left], other[left]) <= NEAR
    for (new, old), is_there in zip(pairs, same, strict=True):
        if is_there:
            found[new].append(old)
    return found


def _of_equal_bounds(new: Sequence[BaseGeometry], standing: Sequence[BaseGeometry]) -> NDArray[np.intp]:
    """Pair the numbers (new, standing) of all geometries whose bounds agree within `NEAR`, in order; shape (n, 2)."""
    mine, others = shapely.bounds(new), shapely.bounds(standing)
    tree = shapely.STRtree(shapely.points(others[:, :2]))
    left, right = tree.query(shapely.points(mine[:, :2]), predicate="dwithin", distance=2 * NEAR)
    same = (np.abs(mine[left] - others[right]) <= NEAR).all(axis=1)
    pairs: NDArray[np.intp] = np.column_stack([left, right])[same]
    order: NDArray[np.intp] = np.lexsort(pairs.T[::-1])
    return pairs[order]
