"""How large a landslide is and which way it goes, from its outline: never in degrees, never in web Mercator."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from icssn.geo import crs
from icssn.records import LabelMeasures

_CELL_DEG = 0.1  # outlines within a cell share a plane, whose lengths are true to 1 part in 10⁶ there
_SIZES_M3 = (("small", 1e5), ("medium", 1e6), ("large", 1e7), ("giant", math.inf))  # below; Chinese practice


def measures(
    geometry_lonlat: BaseGeometry, *, downslope_deg: float | None = None, volume_m3: float | None = None
) -> LabelMeasures:
    """Measure an outline on the ellipsoid; of a point, all but the size class is None.

    Length and width are the sides of the smallest rectangle around the outline: the length is the longer one, or,
    where the way down is known, the one that lies nearer to it. Area is geodesic; lengths are taken on a plane that
    touches the ellipsoid nearby.

    Args:
        geometry_lonlat: Polygon, MultiPolygon or Point in EPSG:4326.
        downslope_deg: Mean direction downslope, degrees clockwise from north, where there is an elevation model.
        volume_m3: Where it is known, for the size class.
    """
    size_class = None if volume_m3 is None else next(name for name, below in _SIZES_M3 if volume_m3 < below)
    if geometry_lonlat.geom_type == "Point":
        return LabelMeasures(size_class=size_class)
    middle = geometry_lonlat.centroid
    (plane,) = crs.to_plane([geometry_lonlat], (_to_cell(middle.x), _to_cell(middle.y)))
    (along_m, along_deg), (across_m, across_deg) = _sides(plane)
    if downslope_deg is not None and _apart(across_deg, downslope_deg) < _apart(along_deg, downslope_deg):
        along_m, across_m = across_m, along_m
    return LabelMeasures(
        area_m2=crs.area_m2(geometry_lonlat),
        perimeter_m=float(plane.length),
        length_m=along_m,
        width_m=across_m,
        azimuth_deg=along_deg if downslope_deg is None else downslope_deg,
        azimuth_basis="long_axis" if downslope_deg is None else "downslope",
        size_class=size_class,
    )


def _sides(plane: BaseGeometry) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give (length, direction 0–180°) of the longer and of the shorter side of the smallest rectangle around it."""
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(plane))
    (x, y), (u, v) = np.diff(corners[:3], axis=0)
    sides = sorted([(math.hypot(x, y), math.degrees(math.atan2(x, y)) % 180),
                    (math.hypot(u, v), math.degrees(math.atan2(u, v)) % 180)], reverse=True)  # fmt: skip
    return sides[0], sides[1]


def _apart(axis_deg: float, direction_deg: float) -> float:
    """Give the angle between an axis and a direction, 0–90°."""
    gap = abs(axis_deg - direction_deg) % 180
    return min(gap, 180 - gap)


def _to_cell(degrees: float) -> float:
    return round(degrees / _CELL_DEG) * _CELL_DEG
