"""Outlines changed as by hand: reshaped, split, merged, cut, simplified, smoothed.

Every verb takes polygons in longitude/latitude and gives valid ones, holes and parts kept; corners that a verb does not
touch stay exactly where they were. Lengths are handled in a plane around the polygon, good to a few per mille over the
size of a landslide; nothing is measured here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import shapely
import shapely.ops
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from icssn.errors import OutlineError
from icssn.geo import shapes

_METRES_PER_DEGREE = 111_195.0  # of latitude, on a sphere of 6371 km
_NOTHING = 1e-15  # square degrees, about a hundredth of a square millimetre: what rounding leaves between two borders


def reshape(polygon: BaseGeometry, line: LineString, *, reach_m: float = 0) -> BaseGeometry:
    """Let the boundary follow a line between the places where the line crosses it.

    Where the line runs outside, the ground up to it is added; where it runs inside, the smaller side is cut off. A
    line across a hole reshapes the hole.

    Args:
        polygon: In longitude/latitude.
        line: In longitude/latitude.
        reach_m: An end that stops short of the boundary by no more than this, m, is led across it where that is needed.

    Raises:
        OutlineError: The line does not cross a boundary twice.
    """
    for led in _led(polygon, line, reach_m):
        parts = [_reshaped_part(part, led) for part in _parts(polygon)]
        if any(parts):
            whole = [new or old for new, old in zip(parts, _parts(polygon), strict=True)]
            return _sound("reshape", shapely.union_all(whole))
    raise OutlineError("reshape", "the line has to cross the boundary at least twice")


def split(polygon: BaseGeometry, line: LineString, *, reach_m: float = 0) -> list[BaseGeometry]:
    """Give the pieces on both sides of a line, the largest first; parts that the line misses stay with the largest.

    Args:
        polygon: In longitude/latitude.
        line: In longitude/latitude.
        reach_m: An end that stops short of the boundary by no more than this, m, is led across it where that is needed.

    Raises:
        OutlineError: The line does not cut the polygon in two.
    """
    for led in _led(polygon, line, reach_m):
        if pieces := _split(polygon, led):
            return pieces
    raise OutlineError("split", "the line has to cross the whole polygon, from outside to outside")


def _split(polygon: BaseGeometry, line: LineString) -> list[BaseGeometry]:
    whole: list[BaseGeometry] = []
    pieces: list[Polygon] = []
    for part in _parts(polygon):
        inside = [face for face in _faces(part, line) if part.contains(face.representative_point())]
        if len(inside) > 1:
            pieces += inside
        else:
            whole.append(part)
    if not pieces:
        return []
    largest, *others = sorted(pieces, key=lambda piece: -piece.area)
    return [_sound("split", MultiPolygon([largest, *whole])), *(_sound("split", other) for other in others)]


def merge(polygons: list[BaseGeometry]) -> BaseGeometry:
    """Give one outline around all polygons; those that do not touch become its parts."""
    return _sound("merge", shapely.union_all([shapes.repair(polygon)[0] for polygon in polygons]))


def cut(polygon: BaseGeometry, hole: BaseGeometry) -> BaseGeometry:
    """Take the ground inside `hole` away.

    Raises:
        OutlineError: Nothing would be taken, or nothing would be left.
    """
    left = shapely.difference(shapes.repair(polygon)[0], shapes.repair(hole)[0])
    if abs(left.area - polygon.area) < _NOTHING:
        raise OutlineError("cut", "the hole has to lie on the polygon")
    return _sound("cut", left)


def fill(polygon: BaseGeometry) -> BaseGeometry:
    """Close all holes."""
    return _sound("fill", shapely.union_all([Polygon(part.exterior) for part in _parts(polygon)]))


def simplify(polygon: BaseGeometry, *, tolerance_m: float) -> BaseGeometry:
    """Leave out corners whose loss moves the boundary by no more than a tolerance, in m (Douglas–Peucker)."""
    middle = polygon.centroid
    plane = shapely.simplify(_in_metres(polygon, middle), tolerance_m, preserve_topology=True)
    return _sound("simplify", _in_degrees(plane, middle))


def smooth(polygon: BaseGeometry, *, reach_m: float) -> BaseGeometry:
    """Round the corners: each is cut off twice, a quarter of both its sides, but no further than a reach.

    Args:
        polygon: In longitude/latitude.
        reach_m: How far along the boundary a corner is felt, m; a twentieth of it is what leaving out corners that say
            nothing may move the boundary afterwards.

    Source:
        Chaikin 1974, "An algorithm for high-speed curve generation".
    """
    middle = polygon.centroid
    plane = shapely.segmentize(_in_metres(polygon, middle), 4 * reach_m)
    parts = [Polygon(_chaikin(part.exterior), [_chaikin(ring) for ring in part.interiors]) for part in _parts(plane)]
    rounded = shapely.simplify(shapely.union_all(parts), reach_m / 20, preserve_topology=True)
    return _sound("smooth", _in_degrees(rounded, middle))


def _led(polygon: BaseGeometry, line: LineString, reach_m: float) -> Iterator[LineString]:
    """Give a line as it was drawn, then with its last, its first, and both ends led across the boundary."""
    yield line
    if not reach_m:
        return
    middle = polygon.centroid
    boundary, path = _in_metres(polygon.boundary, middle), [Point(place) for place in _in_metres(line, middle).coords]
    first, last = _across(boundary, path[1::-1], reach_m), _across(boundary, path[-2:], reach_m)
    for start, end in (([], last), (first, []), (first, last)):
        if start or end:
            places = [_in_degrees(place, middle) for place in (*start, *end)]
            yield LineString([*places[: len(start)], *line.coords, *places[len(start) :]])


def _across(boundary: BaseGeometry, piece: list[Point], reach_m: float) -> list[Point]:
    """Give where the end of a straight piece is led to, a little across the boundary; nothing where that is too far."""
    before, end = piece
    near = shapely.ops.nearest_points(boundary, end)[0]
    if end.distance(near) > reach_m:
        return []
    begin = end if end.distance(near) > reach_m / 100 else before  # what lies on the boundary goes on as it came
    length = max(begin.distance(near), 1e-9)
    by = reach_m / 10 / length
    return [Point(near.x + by * (near.x - begin.x), near.y + by * (near.y - begin.y))]


def _reshaped_part(part: Polygon, line: LineString) -> BaseGeometry | None:
    """Give a part whose rings follow the line, or None where the line crosses no ring twice."""
    outer = _reshaped_ring(Polygon(part.exterior), line)
    holes = [Polygon(ring) for ring in part.interiors]
    new_holes = [_reshaped_ring(hole, line) for hole in holes]
    if outer is None and not any(new_holes):
        return None
    kept = [new or old for new, old in zip(new_holes, holes, strict=True)]
    return shapely.difference(outer or Polygon(part.exterior), shapely.union_all(kept))


def _reshaped_ring(filled: Polygon, line: LineString) -> BaseGeometry | None:
    faces = _faces(filled, line)
    inside = [face for face in faces if filled.contains(face.representative_point())]
    outside = [face for face in faces if not filled.contains(face.representative_point())]
    if len(inside) < 2 and not outside:
        return None
    kept = max(inside, key=lambda face: face.area)
    grown = shapely.union_all([kept, *outside])
    # What touched only a piece that was cut off goes with it.
    return max(_parts(grown), key=lambda piece: piece.intersection(kept).area)


def _faces(polygon: Polygon, line: LineString) -> list[Polygon]:
    """Give the faces of the drawing that a polygon's rings and a line make."""
    drawing = shapely.union_all([polygon.boundary, line])
    return [face for face in shapely.polygonize([drawing]).geoms if face.area > _NOTHING]


def _parts(polygon: BaseGeometry) -> list[Polygon]:
    sound = shapes.repair(polygon)[0]
    return list(sound.geoms) if isinstance(sound, MultiPolygon) else [sound]


def _sound(verb: str, polygon: BaseGeometry) -> BaseGeometry:
    sound = shapes.repair(polygon)[0]
    parts = [part for part in _parts(sound) if part.area > _NOTHING]
    if not parts:
        raise OutlineError(verb, "something of the polygon has to be left")
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _chaikin(ring: LineString) -> LineString:
    corners = shapely.get_coordinates(ring)[:-1]
    for _ in range(2):
        following = [*corners[1:], corners[0]]
        pairs = zip(corners, following, strict=True)
        corners = [point for a, b in pairs for point in (0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b)]
    return LineString([*corners, corners[0]])


def _in_metres(geometry: BaseGeometry, middle: Any) -> BaseGeometry:
    return shapely.transform(geometry, lambda lonlat: (lonlat - [middle.x, middle.y]) * _scale(middle))


def _in_degrees(geometry: BaseGeometry, middle: Any) -> BaseGeometry:
    return shapely.transform(geometry, lambda metres: metres / _scale(middle) + [middle.x, middle.y])


def _scale(middle: Any) -> list[float]:
    return [_METRES_PER_DEGREE * max(math.cos(math.radians(middle.y)), 1e-6), _METRES_PER_DEGREE]
