import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import MultiPolygon, Point, Polygon, box

from icssn.errors import LabelsRefusedError
from icssn.geo import crs

UTM = CRS.from_epsg(32648).to_wkt()
LONLAT = CRS.from_epsg(4326).to_wkt()
NAMELESS = CRS.from_proj4("+proj=tmerc +lat_0=27 +lon_0=105 +ellps=GRS80 +units=m").to_wkt()


def test_a_crs_is_named_by_code_and_name() -> None:
    assert crs.crs_name(UTM) == "EPSG:32648 · WGS 84 / UTM zone 48N"


def test_a_crs_without_code_is_named_by_its_name_alone() -> None:
    assert crs.crs_name(NAMELESS) == "unknown"


@given(x=st.floats(2e5, 8e5), y=st.floats(1e6, 5e6))
def test_a_point_comes_back_from_longitude_latitude_within_a_micrometre(x: float, y: float) -> None:
    back = crs.from_lonlat(crs.to_lonlat(Point(x, y), UTM), UTM)
    assert back.distance(Point(x, y)) < 1e-6


def test_longitude_comes_first_whatever_the_order_of_axes_in_the_crs() -> None:
    lonlat = crs.to_lonlat(Point(500_000, 3_000_000), UTM)
    assert lonlat.x == pytest.approx(105.0)
    assert lonlat.y == pytest.approx(27.1226, abs=1e-3)
    assert crs.to_lonlat(Point(105, 27), LONLAT).coords[0] == (105, 27)


def test_holes_survive_the_crossing() -> None:
    ring = Polygon(box(5e5, 3e6, 5.1e5, 3.01e6).exterior, [box(5.02e5, 3.002e6, 5.04e5, 3.004e6).exterior])
    assert len(crs.to_lonlat(ring, UTM).interiors) == 1


def test_a_geometry_outside_the_area_of_use_is_refused_in_words() -> None:
    with pytest.raises(LabelsRefusedError, match="outside the area where 'EPSG:32648"):
        crs.from_lonlat(Point(105, 95), UTM)


@pytest.mark.parametrize(
    ("code", "lon", "lat"),
    [
        (2154, 5.35, 45.96),  # conic: the farther pole has no place in it
        (2225, -124.01, 40.3),  # conic and in feet
        (3034, 10.0, 46.5),  # conic, with north before east
        (9518, 105.2, 34.1),  # degrees and heights
        (6649, -63.0, 44.6),  # metres and heights
    ],
)
def test_a_box_has_its_place_in_every_kind_of_crs(code: int, lon: float, lat: float) -> None:
    there = Transformer.from_crs(4326, CRS.from_epsg(code), always_xy=True)
    (left, right), (low, high) = there.transform([lon - 1e-4, lon + 1e-4], [lat - 1e-4, lat + 1e-4])
    found = crs.bounds_lonlat(CRS.from_epsg(code).to_wkt(), (left, low, right, high))
    assert found == pytest.approx((lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4), abs=1e-4)


def test_a_box_that_leaves_the_area_of_use_has_no_place() -> None:
    with pytest.raises(ProjError):
        crs.bounds_lonlat(UTM, (1e12, 1e12, 2e12, 2e12))


@given(share=st.floats(0, 1))
def test_the_box_in_longitude_latitude_holds_every_point_of_a_large_box(share: float) -> None:
    bounds = (2e5, 5e6, 8e5, 6e6)
    west, south, east, north = crs.bounds_lonlat(UTM, bounds)
    to_lonlat = Transformer.from_crs(32648, 4326, always_xy=True)
    for x, y in [
        (2e5 + share * 6e5, 5e6),
        (2e5 + share * 6e5, 6e6),
        (2e5, 5e6 + share * 1e6),
        (8e5, 5e6 + share * 1e6),
    ]:
        lon, lat = to_lonlat.transform(x, y)
        assert west - 1e-4 <= lon <= east + 1e-4
        assert south - 1e-4 <= lat <= north + 1e-4


def test_a_square_degree_at_the_equator_has_its_geodesic_area() -> None:
    # GeographicLib's Planimeter on WGS 84 gives 12308.778 km².
    assert crs.area_m2(box(0, 0, 1, 1)) == pytest.approx(12_308_778_361, rel=1e-6)


def test_areas_do_not_depend_on_the_turn_of_rings_and_lose_their_holes() -> None:
    outer, inner = box(105, 27, 105.02, 27.02), box(105.005, 27.005, 105.01, 27.01)
    one_way = Polygon(outer.exterior, [inner.exterior])
    other_way = Polygon(list(outer.exterior.coords)[::-1], [list(inner.exterior.coords)])
    expected = crs.area_m2(outer) - crs.area_m2(inner)
    assert crs.area_m2(one_way) == pytest.approx(expected)
    assert crs.area_m2(other_way) == pytest.approx(expected)
    assert crs.area_m2(MultiPolygon([outer, box(106, 27, 106.01, 27.01)])) > crs.area_m2(outer)


def test_pixel_size_is_measured_on_the_ground_in_any_crs() -> None:
    assert crs.pixel_size_m(UTM, (0.8, 0, 5e5, 0, -0.8, 3e6), 100, 100) == pytest.approx(0.8, rel=1e-3)
    across_m, down_m = crs.pixel_axes_m(LONLAT, (1e-4, 0, 105, 0, -1e-4, 60), col=0, row=0)
    assert across_m == pytest.approx(5.58, abs=0.01)  # a degree of longitude at 60° N is 55.8 km
    assert down_m == pytest.approx(11.14, abs=0.01)


def test_pixel_size_of_a_rotated_raster_is_that_of_its_pixels() -> None:
    side = 0.8 / 2**0.5
    assert crs.pixel_size_m(UTM, (side, side, 5e5, side, -side, 3e6), 10, 10) == pytest.approx(0.8, rel=1e-3)


def test_the_plane_keeps_lengths_areas_and_north_and_leads_back():
    origin = (104.3, 35.1)
    square = box(104.5, 35.2, 104.51, 35.21)
    (plane,) = crs.to_plane([square], origin)
    assert plane.area == pytest.approx(crs.area_m2(square), rel=1e-5)
    away, _, distance_m = Geod(ellps="WGS84").inv(*origin, 104.5, 35.2)
    (corner,) = crs.to_plane([Point(104.5, 35.2)], origin)
    assert math.hypot(corner.x, corner.y) == pytest.approx(distance_m, abs=1e-3)
    assert math.degrees(math.atan2(corner.x, corner.y)) == pytest.approx(away, abs=1e-6)
    (back,) = crs.from_plane([plane], origin)
    assert back.equals_exact(square, 1e-11)
