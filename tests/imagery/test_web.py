import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine

from icssn.imagery.open import open_raster
from icssn.imagery.web import TILE_PX, pixel_units, source_window, tile_transform, warp
from tests.imagery.conftest import RasterMaker, texture


def test_the_whole_square_is_one_tile_at_zoom_0() -> None:
    # Bounds of EPSG:3857 in its registry, rounded to the centimetre.
    assert tile_transform(0, 0, 0) * (0, 0) == pytest.approx((-20037508.34, 20037508.34), abs=0.01)
    assert tile_transform(0, 0, 0) * (256, 256) == pytest.approx((20037508.34, -20037508.34), abs=0.01)
    assert pixel_units(0) == pytest.approx(156543.03392804097)


@given(lon=st.floats(-179, 179), lat=st.floats(-84, 84), zoom=st.integers(0, 22))
def test_a_place_lies_in_its_tile_by_the_formula_of_slippy_maps(lon: float, lat: float, zoom: int) -> None:
    x = (lon + 180) / 360 * 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
    place = tile_transform(zoom, int(x), int(y)) * ((x - int(x)) * TILE_PX, (y - int(y)) * TILE_PX)
    expected = Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    assert place == pytest.approx(expected, abs=1e-3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(zoom=st.integers(14, 21), across=st.floats(0, 1), down=st.floats(0, 1), turned=st.booleans())
def test_the_window_holds_every_pixel_that_a_tile_shows(
    make_raster: RasterMaker, zoom: int, across: float, down: float, turned: bool
) -> None:
    transform = Affine(0.6, 0.5, 510_000, 0.5, -0.6, 3_000_000) if turned else Affine(0.8, 0, 510_000, 0, -0.8, 3e6)
    path = make_raster(texture(1, 300, 400), transform=transform)
    with open_raster(path) as dataset:
        lon, lat = Transformer.from_crs(32648, 4326, always_xy=True).transform(
            *(transform * (across * 400, down * 300))
        )
        x, y = (lon + 180) / 360 * 2**zoom, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
        window = source_window(dataset, tile_transform(zoom, int(x), int(y)), width=TILE_PX, height=TILE_PX)
    assert window is not None
    assert window.col_off - 1e-6 <= across * 400 <= window.col_off + window.width + 1e-6
    assert window.row_off - 1e-6 <= down * 300 <= window.row_off + window.height + 1e-6
    assert window.col_off >= 0
    assert window.col_off + window.width <= 400


def test_a_tile_beside_the_raster_needs_nothing(make_raster: RasterMaker) -> None:
    with open_raster(make_raster(texture(1, 30, 30))) as dataset:
        assert source_window(dataset, tile_transform(12, 0, 0), width=TILE_PX, height=TILE_PX) is None


def test_pixels_that_are_not_valid_do_not_bleed_into_their_neighbours() -> None:
    image = np.full((1, 64, 64), 200, np.uint8)
    valid = np.ones((64, 64), bool)
    image[0, :, 32:], valid[:, 32:] = 0, False
    grid = Affine(2, 0, 11_700_000, 0, -2, 3_140_000)
    finer = Affine(1, 0, 11_700_000, 0, -1, 3_140_000)
    warped, shown = warp(
        (image, valid),
        transform=grid,
        crs=CRS.from_epsg(3857),
        to_web=finer,
        width=128,
        height=128,
        resampling=Resampling.bilinear,
    )
    assert shown[:, :63].all()
    assert not shown[:, 65:].any()
    assert (warped[0][shown] == 200).all()
