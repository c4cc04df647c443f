"""Roads that seek easy ground: cheapest ways over a grid, then smoothed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from icssn.demo.noise import Field
from icssn.demo.terrain import CELL_M, river_line, slope_of

_STEP_M = 2 * CELL_M
_GRID = Affine(_STEP_M, 0, 0, 0, _STEP_M, 0)
_MOVES = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # rows down, columns right; both ways
_RIVER_M = 26.0  # a road keeps this far from the middle of the river where it can


class Ways:
    """Finds cheap ways over an 8 m grid: length counts, steep steps, steep flanks and the river count more."""

    def __init__(self, height_m: Field) -> None:
        """Take heights on the 4 m grid."""
        self._height = np.ascontiguousarray(height_m[::2, ::2])
        self._number = np.arange(self._height.size).reshape(self._height.shape)
        east = np.arange(self._height.shape[1], dtype=np.float32) * _STEP_M
        south = np.arange(self._height.shape[0], dtype=np.float32)[:, None] * _STEP_M
        by_river = np.abs(south - river_line(east)) < _RIVER_M
        self._burden = np.maximum(slope_of(self._height, _STEP_M) - 0.3, 0) + 0.3 * by_river

    def join(self, starts: list[Point], *, to: list[BaseGeometry], steepness: float) -> list[LineString]:
        """Lead each start to the cheapest point of the given shapes; a grade of `steepness` doubles the cost.

        A start that already lies on one of them is passed over.
        """
        goal = rasterize(to, out_shape=self._height.shape, transform=_GRID, all_touched=True).astype(bool)
        _, before, _ = csgraph.dijkstra(
            self._graph(steepness), directed=False, indices=self._number[goal], min_only=True, return_predecessors=True
        )
        ways = []
        for start in starts:
            cells = [int(self._number[int(start.y / _STEP_M), int(start.x / _STEP_M)])]
            while before[cells[-1]] >= 0:
                cells.append(int(before[cells[-1]]))
            if len(cells) < 4:
                continue
            rows, cols = np.unravel_index(cells, self._height.shape)
            points: NDArray[np.float64] = (np.stack([cols, rows], -1).astype(np.float64) + 0.5) * _STEP_M
            end = Point(points[-1])
            points[-1] = nearest_points(min(to, key=end.distance), end)[0].coords[0]
            ways.append(_smooth(points))
        return ways

    def _graph(self, steepness: float) -> sparse.csr_matrix:
        rows, cols = self._height.shape
        heads, tails, costs = [], [], []
        for down, right in _MOVES:
            a = (slice(0, rows - down), slice(max(-right, 0), cols - max(right, 0)))
            b = (slice(down, rows), slice(max(right, 0), cols + min(right, 0)))
            reach = _STEP_M * float(np.hypot(down, right))
            grade = np.abs(self._height[a] - self._height[b]) / reach
            cost = reach * (1 + (grade / steepness) ** 2 + 20 * (self._burden[a] + self._burden[b]))
            heads.append(self._number[a].ravel())
            tails.append(self._number[b].ravel())
            costs.append(cost.ravel())
        ends = (np.concatenate(heads), np.concatenate(tails))
        return sparse.coo_matrix((np.concatenate(costs), ends), shape=(self._number.size,) * 2).tocsr()


def _smooth(points: NDArray[np.float64]) -> LineString:
    """Round off the corners of the grid; both ends stay."""
    dense = np.linspace(0, len(points) - 1, 4 * len(points))
    soft = [
        ndimage.gaussian_filter1d(np.interp(dense, np.arange(len(points)), points[:, axis]), 7.0, mode="nearest")
        for axis in (0, 1)
    ]
    return LineString(np.concatenate([points[:1], np.stack(soft, -1)[4:-4], points[-1:]]))
