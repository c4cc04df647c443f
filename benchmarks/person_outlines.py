"""Landslides as they are, outlines that a model could have predicted for them, and the lines that mend those."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from shapely import affinity
from shapely.geometry import LineString, MultiLineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge

XY = tuple[float, float]

WRONG = 0.15  # of the predicted area


def landslide(k: int) -> Polygon:
    """Give the true outline of the k-th landslide on the scene of `editor.make_scene`: about 120 m by 240 m."""
    chance = random.Random(k)
    middle = (600_300 + 600 * (k % 6), 3_799_700 - 600 * (k // 6))
    waves = [(n, chance.uniform(-0.06, 0.06), chance.uniform(0, 2 * math.pi)) for n in (2, 3, 4)]
    corners = []
    for i in range(40):
        turn = 2 * math.pi * i / 40
        radius = 1 + sum(size * math.cos(n * turn + phase) for n, size, phase in waves)
        corners.append((middle[0] + 60 * radius * math.cos(turn), middle[1] + 120 * radius * math.sin(turn)))
    return affinity.rotate(Polygon(corners), chance.uniform(-60, 60))


def predicted(truth: Polygon, *, misses: bool) -> Polygon:
    """Give an outline that misses a strip along the left side, or has one too many, of `WRONG` of the area."""
    low, high = 0.0, 120.0
    while high - low > 0.01:
        shift = (low + high) / 2
        moved = affinity.translate(truth, shift if misses else -shift)
        outline = truth.intersection(moved) if misses else truth.union(moved)
        off = abs(outline.area - truth.area) / outline.area
        low, high = (shift, high) if off < WRONG else (low, shift)
    return outline


def true_side(truth: Polygon, wrong: Polygon) -> LineString:
    """Give the line to draw: the true boundary where it is wrong."""
    apart = truth.exterior.difference(wrong.exterior.buffer(1.0))
    pieces = linemerge(apart) if isinstance(apart, MultiLineString) else apart
    return max(getattr(pieces, "geoms", [pieces]), key=lambda piece: piece.length)


def fewest(line: LineString, middle: Point, good: Callable[[LineString], bool]) -> list[XY]:
    """Give the corners of the line of fewest straight pieces that is good enough; to the metre at the finest.

    Args:
        line: A boundary around `middle` or a stretch of one.
        middle: Corners stand off from it by half of what the line leaves out, so that it runs on both sides of a curve.
        good: Says whether a line is good enough.
    """
    tolerance_m = 32.0
    while not good(rough := _rough(line, middle, tolerance_m)) and tolerance_m > 1:
        tolerance_m *= 0.9
    return list(rough.coords)


def _rough(line: LineString, middle: Point, tolerance_m: float) -> LineString:
    corners = list(line.simplify(tolerance_m).coords)
    inner = corners if line.is_closed else corners[1:-1]
    off = [1 + tolerance_m / 2 / math.dist(corner, (middle.x, middle.y)) for corner in inner]
    moved = [
        (middle.x + by * (x - middle.x), middle.y + by * (y - middle.y)) for by, (x, y) in zip(off, inner, strict=True)
    ]
    return LineString(moved if line.is_closed else [corners[0], *moved, corners[-1]])


def agreement(one: BaseGeometry, other: BaseGeometry) -> float:
    """Give intersection over union."""
    return float(one.intersection(other).area / one.union(other).area)
