import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from icssn.errors import RasterRefusedError
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_values, read_window
from icssn.records import Stretch
from tests.imagery.conftest import RasterMaker, texture

PLAIN = Stretch(bands=(1,), low=(0,), high=(255,))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(col=st.integers(-50, 80), row=st.integers(-50, 80), width=st.integers(1, 120), height=st.integers(1, 120))
def test_a_window_may_reach_outside_on_any_side(
    make_raster: RasterMaker, col: int, row: int, width: int, height: int
) -> None:
    scene = texture(1, 40, 60)
    padded = np.pad(scene[0], 200)
    inside = np.pad(np.ones((40, 60), bool), 200)
    place = (slice(row + 200, row + 200 + height), slice(col + 200, col + 200 + width))
    with open_raster(make_raster(scene)) as dataset:
        image, valid = read_window(dataset, Window(col, row, width, height), PLAIN)
    np.testing.assert_array_equal(image[0], padded[place])
    np.testing.assert_array_equal(valid, inside[place])


def test_the_bands_of_the_stretch_are_read_in_its_order(make_raster: RasterMaker) -> None:
    scene = texture(4, 20, 20)
    with open_raster(make_raster(scene)) as dataset:
        image, _ = read_window(dataset, Window(0, 0, 20, 20), Stretch(bands=(3, 1), low=(0, 0), high=(255, 255)))
    np.testing.assert_array_equal(image, scene[[2, 0]])


def test_a_pixel_is_nodata_only_when_every_band_is(make_raster: RasterMaker) -> None:
    scene = texture(3, 4, 4)
    scene[:, 0, 0] = 0
    scene[1, 1, 1] = 0
    with open_raster(make_raster(scene, nodata=0)) as dataset:
        image, valid = read_window(
            dataset, Window(0, 0, 4, 4), Stretch(bands=(1, 2, 3), low=(0, 0, 0), high=(255, 255, 255))
        )
    assert not valid[0, 0]
    assert valid[1, 1]
    np.testing.assert_array_equal(image, scene)


def test_nan_is_not_valid_whatever_nodata_is(make_raster: RasterMaker) -> None:
    scene = np.ones((2, 3, 3), np.float32)
    scene[0, 0, 0], scene[1, 1, 1], scene[:, 2, 2] = np.nan, np.inf, -9999
    with open_raster(make_raster(scene, nodata=-9999)) as dataset:
        image, valid = read_window(dataset, Window(0, 0, 3, 3), Stretch(bands=(1, 2), low=(0, 0), high=(1, 1)))
    np.testing.assert_array_equal(valid, 1 - np.eye(3))
    np.testing.assert_array_equal(image[0], valid * 255)


def test_alpha_says_what_is_valid(make_raster: RasterMaker) -> None:
    scene = texture(4, 6, 6)
    scene[3], scene[3, 2:4, 2:4] = 255, 0
    path = make_raster(scene)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    with open_raster(path) as dataset:
        image, valid = read_window(dataset, Window(0, 0, 6, 6), PLAIN)
    np.testing.assert_array_equal(valid, scene[3] > 0)
    assert (image[0][~valid] == 0).all()


def test_a_mask_inside_the_file_says_what_is_valid(make_raster: RasterMaker) -> None:
    path = make_raster(texture(3, 6, 6))
    mask = np.eye(6, dtype=bool)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    with open_raster(path) as dataset:
        _, valid = read_window(dataset, Window(0, 0, 6, 6), PLAIN)
    np.testing.assert_array_equal(valid, mask)


def test_stored_values_keep_their_type(make_raster: RasterMaker) -> None:
    scene = np.arange(12, dtype=np.int16).reshape(1, 3, 4) - 6
    with open_raster(make_raster(scene)) as dataset:
        values, valid = read_values(dataset, Window(-1, 0, 5, 3), (1,))
    assert values.dtype == np.int16
    np.testing.assert_array_equal(values[0, :, 1:], scene[0])
    np.testing.assert_array_equal(valid[:, 0], False)


def test_damaged_pixels_are_told_with_their_place(make_raster: RasterMaker) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1, 256, 256), np.uint8)
    path = make_raster(noise, tiled=True, blockxsize=128, blockysize=128, compress="deflate")
    content = bytearray(path.read_bytes())
    content[-9000:-2000] = bytes(7000)
    path.write_bytes(content)
    with open_raster(path) as dataset, pytest.raises(RasterRefusedError, match="near column 128, row 128"):
        read_window(dataset, Window(128, 128, 128, 128), PLAIN)
