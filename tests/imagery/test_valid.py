"""Where a raster has no data."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely.geometry import box

from icssn.geo import crs
from icssn.imagery.valid import COARSE_PX, nodata_lonlat
from tests.imagery.conftest import UTM_GRID, RasterMaker, texture


def test_a_collar_of_nodata_is_outlined_in_its_place(make_raster: RasterMaker) -> None:
    values = texture(3, 200, 300)
    values[:, :, :60] = 0
    path = make_raster(values, nodata=0)
    (found,) = nodata_lonlat(path)
    west, north = UTM_GRID * (0, 0)
    in_crs = crs.from_lonlat(found, CRS.from_epsg(32648).to_wkt())
    expected = box(west + 0.8, north - 199 * 0.8, west + 59 * 0.8, north - 0.8)  # drawn in by one pixel
    assert in_crs.symmetric_difference(expected).area / expected.area < 1e-6


def test_an_image_without_nodata_has_none(make_raster: RasterMaker) -> None:
    assert nodata_lonlat(make_raster(texture(1, 64, 64))) == []


def test_a_large_raster_is_looked_at_coarsely(make_raster: RasterMaker) -> None:
    values = np.ones((1, 100, 3 * COARSE_PX), np.uint8)
    values[:, :, : 3 * COARSE_PX // 2] = 0
    found = nodata_lonlat(make_raster(values, nodata=0))
    area = crs.area_m2(shapely.union_all(found))
    assert area == pytest.approx(100 * 1.5 * COARSE_PX * 0.64, rel=0.1)
