"""What people built: hamlets with courtyards, the roads between them, field tracks, a quarry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union
from shapely.prepared import PreparedGeometry, prep

from icssn.demo.landslides import Landslide
from icssn.demo.noise import Field
from icssn.demo.roads import Ways
from icssn.demo.terrain import CELL_M, SIDE_M, river_line, slope_of

_STEEPEST_YARD = 0.36  # rise over run anywhere near a courtyard


@dataclass(frozen=True)
class House:
    """A roof and its kind (0 grey tile, 1 red tile, 2 concrete, 3 blue sheet)."""

    roof: Polygon
    kind: int


@dataclass(frozen=True)
class Settlement:
    """Everything built; metres east and south of the scene's north-west corner."""

    roads: list[LineString]
    tracks: list[LineString]
    houses: list[House]
    yards: list[Polygon]
    quarry: Polygon


def settle(rng: np.random.Generator, height_m: Field, *, landslides: list[Landslide]) -> Settlement:
    """Put hamlets on gentle ground, join them by roads, open a quarry and lay field tracks.

    Args:
        rng: Source of randomness.
        height_m: Terrain on the 4 m grid, after the landslides.
        landslides: Kept free of hamlets and quarry.
    """
    slope = slope_of(ndimage.gaussian_filter(height_m, 3), CELL_M)
    unstable = unary_union([landslide.outline.buffer(80) for landslide in landslides])
    hamlets = _spots(rng, slope, 6, gap_m=430, between=(0.03, 0.20), margin_m=110, avoid=unstable)
    pits = _spots(rng, slope, 1, gap_m=0, between=(0.33, 0.5), margin_m=200, avoid=unstable)
    farms = _spots(rng, slope, 16, gap_m=210, between=(0.1, 0.4), margin_m=20, avoid=Polygon())
    ways = Ways(height_m)
    west, east = (Point(x, _river_at(x) - 50) for x in (4, SIDE_M - 4))
    roads = ways.join([west], to=[east.buffer(8)], steepness=0.07)
    streets: list[LineString] = []
    for hamlet in hamlets:
        streets += ways.join([hamlet], to=[*roads, *streets], steepness=0.08)
    roads += streets
    tracks = ways.join([*pits, *farms], to=roads, steepness=0.14)
    quarry = _quarry(rng, pits)
    taken = prep(unary_union([quarry.buffer(10), *(road.buffer(3.5) for road in roads)]))
    steep = ndimage.maximum_filter(slope, 7) > _STEEPEST_YARD
    yards: list[Polygon] = []
    houses: list[House] = []
    for street in streets:
        _build(rng, street, taken=taken, steep=steep, yards=yards, houses=houses)
    return Settlement(roads, tracks, houses, yards, quarry)


def _spots(
    rng: np.random.Generator,
    slope: Field,
    count: int,
    *,
    gap_m: float,
    between: tuple[float, float],
    margin_m: float,
    avoid: BaseGeometry,
) -> list[Point]:
    """Choose places apart from one another, above the valley floor, where the slope lies between two bounds."""
    chosen: list[Point] = []
    forbidden = prep(avoid)
    for x, y in rng.uniform(margin_m, SIDE_M - margin_m, (4000, 2)):
        spot = Point(x, y)
        usable = between[0] < slope[int(y / CELL_M), int(x / CELL_M)] < between[1] and abs(y - _river_at(x)) > 80
        if usable and not forbidden.contains(spot) and all(spot.distance(other) > gap_m for other in chosen):
            chosen.append(spot)
        if len(chosen) == count:
            break
    return chosen


def _river_at(x: float) -> float:
    return float(river_line(np.array([x], np.float32))[0])


def _build(
    rng: np.random.Generator,
    road: LineString,
    *,
    taken: PreparedGeometry,
    steep: Field,
    yards: list[Polygon],
    houses: list[House],
) -> None:
    """Add courtyards with one to three roofs each along the upper end of a road."""
    for _ in range(int(rng.integers(70, 130))):
        share = min(abs(rng.normal(0, 75)), road.length - 3)
        spot, ahead = road.interpolate(share), road.interpolate(share + 2)
        east, south = (ahead.x - spot.x) / 2, (ahead.y - spot.y) / 2
        aside, back = rng.choice([-1, 1]) * (12 + rng.exponential(16)), rng.uniform(0, 30)
        x, y = spot.x - aside * south - back * east, spot.y + aside * east - back * south
        turn = float(np.degrees(np.arctan2(south, east)))
        size = rng.uniform(12, 17)
        yard = affinity.rotate(box(x - size / 2, y - size / 2, x + size / 2, y + size / 2), turn + rng.normal(0, 5))
        if not (20 < x < SIDE_M - 20 and 20 < y < SIDE_M - 20) or steep[int(y / CELL_M), int(x / CELL_M)]:
            continue
        if taken.intersects(yard) or any(yard.distance(other) < 1.5 for other in yards):
            continue
        yards.append(yard)
        for edge in rng.permutation(4)[: rng.integers(1, 4)]:
            wing = box(x - size / 2, y - size / 2, x + size / 2, y - size / 2 + rng.uniform(4.5, 6.5))
            wing = affinity.rotate(affinity.rotate(wing, 90 * int(edge), origin=(x, y)), turn, origin=(x, y))
            houses.append(House(wing.intersection(yard), int(rng.choice(4, p=[0.45, 0.33, 0.15, 0.07]))))


def _quarry(rng: np.random.Generator, pits: list[Point]) -> Polygon:
    if not pits:
        return Polygon()
    turns = np.linspace(0, 2 * np.pi, 14)[:-1]
    radius = rng.uniform(32, 52, turns.size)
    ring = np.stack([pits[0].x + radius * np.cos(turns), pits[0].y + radius * np.sin(turns)], -1)
    return Polygon(ring).buffer(9).buffer(-6)
