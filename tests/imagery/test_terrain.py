"""Terrain under outlines, on planes whose slope is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import CRS
from rasterio.transform import Affine
from shapely.geometry import Point, Polygon, box

from icssn.geo import crs
from icssn.imagery.terrain import MOST_PX, terrain
from tests.imagery.conftest import UTM_GRID, RasterMaker

UTM = CRS.from_epsg(32648).to_wkt()


def inclined(height: int, width: int, *, east: float, north: float, grid: Affine = UTM_GRID) -> np.ndarray:
    """Give elevations (1, H, W) of a plane that rises so many m per m to the east and to the north."""
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    xs, ys = grid * (cols, rows)
    return (1000 + east * (xs - grid.c) + north * (ys - grid.f))[None].astype(np.float32)


def under(left: float, top: float, right: float, bottom: float, grid: Affine = UTM_GRID) -> Polygon:
    """Give the outline of columns and rows of the raster, longitude/latitude."""
    corners = [grid * place for place in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return crs.to_lonlat(Polygon(corners), UTM)


@pytest.mark.parametrize(
    ("east", "north", "downslope"), [(0, 0.5, 180), (0, -0.5, 0), (0.5, 0, 270), (-0.3, -0.3, 45), (0.3, -0.3, 315)]
)
def test_slope_and_its_direction_on_a_plane(
    make_raster: RasterMaker, east: float, north: float, downslope: float
) -> None:
    path = make_raster(inclined(80, 100, east=east, north=north))
    (found,) = terrain(path, [under(20, 20, 60, 50)])
    assert found is not None
    assert found.slope_deg == pytest.approx(math.degrees(math.atan(math.hypot(east, north))), abs=0.05)
    gap = abs((found.downslope_deg or 0) - downslope) % 360
    assert min(gap, 360 - gap) < 0.5  # grid north of UTM is 0.06° off here
    relief = abs(east) * 39 * 0.8 + abs(north) * 29 * 0.8
    assert found.highest_m - found.lowest_m == pytest.approx(relief, abs=0.01)


def test_a_turned_raster_gives_the_same_terrain(make_raster: RasterMaker) -> None:
    turned = Affine.translation(510_000, 3_000_000) * Affine.rotation(-35) * Affine.scale(2.0, -2.0)
    path = make_raster(inclined(120, 120, east=0.2, north=0.4, grid=turned), transform=turned)
    (found,) = terrain(path, [under(40, 40, 80, 80, turned)])
    assert found is not None
    assert found.slope_deg == pytest.approx(math.degrees(math.atan(math.hypot(0.2, 0.4))), abs=0.05)
    assert found.downslope_deg == pytest.approx(180 + math.degrees(math.atan2(0.2, 0.4)), abs=0.5)


def test_a_raster_in_degrees_gives_slopes_on_the_ground(make_raster: RasterMaker) -> None:
    step = 1 / 3600
    grid = Affine(step, 0, 104, 0, -step, 35)
    elevation = (np.arange(60)[None, :, None] * 10 + np.zeros((1, 60, 60))).astype(np.float32)  # falls to the north
    path = make_raster(elevation, transform=grid, crs="EPSG:4326")
    (found,) = terrain(path, [box(104.005, 34.988, 104.01, 34.995)])
    assert found is not None
    assert found.slope_deg == pytest.approx(math.degrees(math.atan(10 / 30.82)), abs=0.1)  # 1″ of latitude: 30.82 m
    assert min(found.downslope_deg or 360, 360 - (found.downslope_deg or 0)) < 0.5


def test_unknown_ground_has_no_part_in_it(make_raster: RasterMaker) -> None:
    elevation = inclined(80, 100, east=0, north=0.5)
    elevation[:, :, 40:] = -9999
    path = make_raster(elevation, nodata=-9999)
    partly, wholly, beside = terrain(path, [under(20, 20, 60, 50), under(50, 20, 60, 50), box(0, 0, 1, 1)])
    assert partly is not None
    assert partly.slope_deg == pytest.approx(math.degrees(math.atan(0.5)), abs=0.05)
    assert partly.lowest_m > 900
    assert (wholly, beside) == (None, None)


def test_what_is_smaller_than_a_pixel_takes_the_pixel_it_lies_in(make_raster: RasterMaker) -> None:
    path = make_raster(inclined(80, 100, east=0, north=0.5))
    outline, point = terrain(path, [under(20.6, 20.6, 20.9, 20.9), under(20.6, 20.6, 20.9, 20.9).centroid])
    assert outline is not None
    assert outline == point
    assert outline.lowest_m == pytest.approx(1000 - 0.5 * 20.5 * 0.8, abs=0.01)
    assert isinstance(under(0, 0, 1, 1).centroid, Point)


def test_level_ground_goes_nowhere(make_raster: RasterMaker) -> None:
    (found,) = terrain(make_raster(inclined(40, 40, east=0, north=0)), [under(10, 10, 20, 20)])
    assert found is not None
    assert (found.slope_deg, found.downslope_deg) == (0, None)


def test_a_large_outline_is_read_coarsely_and_measures_the_same(make_raster: RasterMaker) -> None:
    side = 2 * MOST_PX + 100
    path = make_raster(inclined(side, side, east=0.1, north=0.2))
    (found,) = terrain(path, [under(10, 10, side - 10, side - 10)])
    assert found is not None
    assert found.slope_deg == pytest.approx(math.degrees(math.atan(math.hypot(0.1, 0.2))), abs=0.05)
