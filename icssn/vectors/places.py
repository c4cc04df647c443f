"""Which geometries lie at the same place, on whatever way through files and coordinate systems they came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

NEAR = 2e-8  # degrees; two millimetres


def at_places(geometries_lonlat: Sequence[BaseGeometry], standing_lonlat: Sequence[BaseGeometry]) -> list[list[int]]:
    """Give for each geometry the numbers of the standing ones at its place: corner by corner within `NEAR`.

    Order and first corner of rings and the order of parts do not matter.
    """
    found: list[list[int]] = [[] for _ in geometries_lonlat]
    if not found or not standing_lonlat:
        return found
    tree = cKDTree(shapely.bounds(standing_lonlat))
    near = tree.query_ball_point(shapely.bounds(geometries_lonlat), r=NEAR, p=np.inf)
    pairs = [(new, old) for new, olds in enumerate(near) for old in sorted(olds)]
    if not pairs:
        return found
    mine = np.array(geometries_lonlat, dtype=object)[[new for new, _ in pairs]]
    other = np.array(standing_lonlat, dtype=object)[[old for _, old in pairs]]
    same = shapely.equals_exact(shapely.normalize(mine), shapely.normalize(other), NEAR)
    # Corners that are almost above one another can come into another order.
    left = ~same & (shapely.get_num_coordinates(mine) == shapely.get_num_coordinates(other))
    same[left] = shapely.hausdorff_distance(mine[left], other[left]) <= NEAR
    for (new, old), is_there in zip(pairs, same, strict=True):
        if is_there:
            found[new].append(old)
    return found
