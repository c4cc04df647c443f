"""What people built: roads that seek easy ground, hamlets with courtyards, a quarry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points, unary_union

from icssn.demo.landslides import Landslide, slope_of
from icssn.demo.noise import Field
from icssn.demo.terrain import CELL_M, SIDE_M, river_line

_STEP_M = 8.0  # grid on which roads are sought
_GRID = Affine(_STEP_M, 0, 0, 0, _STEP_M, 0)


@dataclass(frozen=True)
class House:
    """A roof and its kind (0 grey tile, 1 red tile, 2 concrete, 3 blue sheet)."""

    roof: Polygon
    kind: int


@dataclass(frozen=True)
class Settlement:
    """Everything built; metres east and south of the scene's north-west corner."""

    roads: list[LineString]  # concrete, 5 m
    tracks: list[LineString]  # earth, 3 m
    houses: list[House]
    yards: list[Polygon]
    quarry: Polygon


def settle(rng: np.random.Generator, height_m: Field, landslides: list[Landslide]) -> Settlement:
    """Put hamlets on gentle ground, join them by roads, open a quarry and lay field tracks.

    Args:
        rng: Source of randomness.
        height_m: Terrain on the 4 m grid, after the landslides.
        landslides: Kept free of hamlets and quarry.
    """
    slope = slope_of(ndimage.gaussian_filter(height_m, 3), CELL_M)
    avoid = unary_union([landslide.outline.buffer(35) for landslide in landslides])
    hamlets = _spread(rng, slope, avoid, count=6, gap_m=430, slope_range=(0.03, 0.20), margin_m=110)
    quarry_at = _spread(rng, slope, avoid, count=1, gap_m=0, slope_range=(0.33, 0.5), margin_m=200)[0]
    shores = [Point(x, float(river_line(np.float32(x))) + aside) for x, aside in ((4, -52), (SIDE_M - 4, -48))]
    ways = _Ways(np.ascontiguousarray(height_m[::2, ::2]))
    roads = ways.join([shores[0]], to=[shores[1].buffer(_STEP_M)], steepness=0.07)
    streets = []
    for hamlet in hamlets:
        streets += ways.join([hamlet], to=[*roads, *streets], steepness=0.08)
    roads += streets
    targets = _spread(rng, slope, Polygon(), count=16, gap_m=210, slope_range=(0.1, 0.4), margin_m=20)
    tracks = ways.join([quarry_at, *targets], to=roads, steepness=0.14)
    houses: list[House] = []
    yards: list[Polygon] = []
    steepest = ndimage.maximum_filter(slope, 7)
    lanes = [road.buffer(3.5) for road in roads]
    for street in streets:
        _build(rng, street, steepest, unary_union(lanes), houses, yards)
    ring = [
        (quarry_at.x + radius * np.cos(turn), quarry_at.y + radius * np.sin(turn))
        for turn, radius in zip(np.linspace(0, 2 * np.pi, 14)[:-1], rng.uniform(32, 52, 13), strict=True)
    ]
    return Settlement(roads, tracks, houses, yards, Polygon(ring).buffer(9).buffer(-6))


def _spread(
    rng: np.random.Generator,
    slope: Field,
    avoid: Polygon,
    *,
    count: int,
    gap_m: float,
    slope_range: tuple[float, float],
    margin_m: float,
) -> list[Point]:
    chosen: list[Point] = []
    for x, y in rng.uniform(margin_m, SIDE_M - margin_m, (4000, 2)):
        spot = Point(x, y)
        steep = slope[int(y / CELL_M), int(x / CELL_M)]
        clear = abs(y - float(river_line(np.float32(x)))) > 80 and not avoid.intersects(spot.buffer(45))
        if slope_range[0] < steep < slope_range[1] and clear and all(spot.distance(o) > gap_m for o in chosen):
            chosen.append(spot)
        if len(chosen) == count:
            break
    return chosen


class _Ways:
    """Finds cheap ways over an 8 m grid: length counts, and steep steps count more."""

    def __init__(self, height_m: Field) -> None:
        self._height = height_m
        self._number = np.arange(height_m.size).reshape(height_m.shape)
        self._slope = slope_of(height_m, _STEP_M)
        x = np.arange(height_m.shape[1], dtype=np.float32) * _STEP_M
        self._river = (np.abs(x[:, None] - river_line(x)) < 26) * np.float32(0.3)

    def join(self, starts: list[Point], *, to: list[LineString], steepness: float) -> list[LineString]:
        """Lead each start to the nearest of the given lines; a grade of `steepness` doubles the cost."""
        goal = rasterize(to, out_shape=self._height.shape, transform=_GRID, all_touched=True).astype(bool)
        _, before, _ = csgraph.dijkstra(
            self._graph(steepness), directed=False, indices=self._number[goal], min_only=True, return_predecessors=True
        )
        ways = []
        for start in starts:
            cells = [int(self._number[int(start.y / _STEP_M), int(start.x / _STEP_M)])]
            while before[cells[-1]] >= 0:
                cells.append(int(before[cells[-1]]))
            rows, cols = np.unravel_index(cells, self._height.shape)
            points = (np.stack([cols, rows], -1) + 0.5) * _STEP_M
            last = Point(points[-1])
            points[-1] = np.asarray(nearest_points(min(to, key=last.distance), last)[0].coords[0])
            if len(points) > 3:
                ways.append(_smooth_line(points))
        return ways

    def _graph(self, steepness: float) -> sparse.csr_matrix:
        side, number = self._height.shape[0], self._number
        heads, tails, costs = [], [], []
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)):
            a = (slice(0, side - down), slice(max(-right, 0), side - max(right, 0)))
            b = (slice(down, side), slice(max(right, 0), side + min(right, 0)))
            reach = _STEP_M * float(np.hypot(down, right))
            grade = np.abs(self._height[a] - self._height[b]) / reach
            across = np.maximum((self._slope[a] + self._slope[b]) / 2 - 0.3, 0) + self._river[a]
            heads.append(number[a].ravel())
            tails.append(number[b].ravel())
            costs.append((reach * (1 + (grade / steepness) ** 2 + 40 * across)).ravel())
        ends = (np.concatenate(heads), np.concatenate(tails))
        return sparse.coo_matrix((np.concatenate(costs), ends), shape=(number.size,) * 2).tocsr()


def _smooth_line(points: NDArray[np.float64]) -> LineString:
    dense = np.linspace(0, len(points) - 1, 4 * len(points))
    smooth = [
        ndimage.gaussian_filter1d(np.interp(dense, np.arange(len(points)), points[:, axis]), 7.0, mode="nearest")
        for axis in (0, 1)
    ]
    return LineString(np.concatenate([points[:1], np.stack(smooth, -1)[4:-4], points[-1:]]))


def _build(
    rng: np.random.Generator,
    road: LineString,
    slope: Field,
    lanes: BaseGeometry,
    houses: list[House],
    yards: list[Polygon],
) -> None:
    """Add courtyards with one to three roofs each along the upper end of a road."""
    for _ in range(int(rng.integers(70, 130))):
        share = min(abs(rng.normal(0, 75)), road.length - 3)
        spot, ahead = road.interpolate(share), road.interpolate(share + 2)
        east, south = (ahead.x - spot.x) / 2, (ahead.y - spot.y) / 2
        aside = rng.choice([-1, 1]) * (12 + rng.exponential(16))
        x, y = spot.x - aside * south - rng.uniform(0, 30) * east, spot.y + aside * east - rng.uniform(0, 30) * south
        turn = float(np.degrees(np.arctan2(south, east)))
        if not (20 < x < SIDE_M - 20 and 20 < y < SIDE_M - 20):
            continue
        size = rng.uniform(12, 17)
        yard = affinity.rotate(box(x - size / 2, y - size / 2, x + size / 2, y + size / 2), turn + rng.normal(0, 5))
        steep = slope[int(y / CELL_M), int(x / CELL_M)] > 0.36
        if steep or lanes.intersects(yard) or any(yard.distance(other) < 1.5 for other in yards):
            continue
        yards.append(yard)
        for edge in rng.permutation(4)[: rng.integers(1, 4)]:
            deep = rng.uniform(4.5, 6.5)
            wing = box(x - size / 2, y - size / 2, x + size / 2, y - size / 2 + deep)
            wing = affinity.rotate(wing, 90 * int(edge), origin=(x, y))
            roof = affinity.rotate(wing, turn, origin=(x, y)).intersection(yard)
            houses.append(House(roof, int(rng.choice(4, p=[0.45, 0.33, 0.15, 0.07]))))
