"""How large an outline is and which way it goes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from icssn.geo import crs
from icssn.geo.measures import measures


def on_ground(shape_m: BaseGeometry, lon: float = 104.32, lat: float = 35.11) -> BaseGeometry:
    """Give a shape in metres east and north of a place in longitude/latitude."""
    (placed,) = crs.from_plane([shape_m], (lon, lat))
    return placed


@settings(deadline=None)
@given(
    length=st.floats(50, 3000),
    share=st.floats(0.1, 0.9),
    azimuth=st.floats(0, 179),
    lat=st.floats(-60, 60),
)
def test_a_rectangle_gives_its_sides_and_its_direction(length: float, share: float, azimuth: float, lat: float) -> None:
    width = share * length
    upright = box(-width / 2, -length / 2, width / 2, length / 2)
    found = measures(on_ground(affinity.rotate(upright, -azimuth), lat=lat))
    assert found.length_m == pytest.approx(length, rel=1e-4)
    assert found.width_m == pytest.approx(width, rel=1e-4)
    assert found.perimeter_m == pytest.approx(2 * (length + width), rel=1e-4)
    assert found.area_m2 == pytest.approx(length * width, rel=1e-4)
    gap = abs((found.azimuth_deg or 0) - azimuth) % 180
    assert min(gap, 180 - gap) < 0.2  # north of the plane's own cell, up to 0.1° away, is turned a little
    assert found.azimuth_basis == "long_axis"


def test_lengths_are_those_on_the_ellipsoid() -> None:
    ring = [(104.0, 35.0), (104.05, 35.0), (104.05, 35.001), (104.0, 35.001)]
    _, perimeter_m = Geod(ellps="WGS84").geometry_area_perimeter(Polygon(ring))
    assert measures(Polygon(ring)).perimeter_m == pytest.approx(perimeter_m, rel=1e-5)


def test_where_the_way_down_is_known_the_length_goes_down() -> None:
    broad = on_ground(box(-300, -100, 300, 100))  # 600 m from west to east
    found = measures(broad, downslope_deg=170)
    assert found.length_m == pytest.approx(200, rel=1e-3)
    assert found.width_m == pytest.approx(600, rel=1e-3)
    assert (found.azimuth_deg, found.azimuth_basis) == (170, "downslope")
    assert measures(broad, downslope_deg=100).length_m == pytest.approx(600, rel=1e-3)


def test_holes_are_taken_off_the_area_and_parts_are_measured_together() -> None:
    ring = on_ground(box(0, 0, 100, 100).difference(box(40, 40, 60, 60)))
    assert measures(ring).area_m2 == pytest.approx(9_600, rel=1e-4)
    apart = on_ground(MultiPolygon([box(0, 0, 10, 10), box(0, 190, 10, 200)]))
    assert measures(apart).length_m == pytest.approx(200, rel=1e-3)


@pytest.mark.parametrize(
    ("volume", "size"),
    [(0, "small"), (9.9e4, "small"), (1e5, "medium"), (1e6, "large"), (1e7, "giant"), (None, None)],
)
def test_the_size_class_follows_from_the_volume(volume: float | None, size: str | None) -> None:
    assert measures(Point(104, 35), volume_m3=volume).size_class == size


def test_a_point_has_no_size() -> None:
    assert not any(dict(measures(Point(104, 35))).values())
    assert not math.isnan(measures(on_ground(box(0, 0, 1, 1))).area_m2 or 0)
