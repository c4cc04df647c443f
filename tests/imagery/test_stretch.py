import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from icssn.imagery.open import open_raster
from icssn.imagery.stretch import apply, estimate, usual_percent
from icssn.records import Stretch
from tests.imagery.conftest import RasterMaker, texture

RGBA = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]


def estimated(make_raster: RasterMaker, values: np.ndarray, **options: object) -> Stretch:
    colours = options.pop("colours", None)
    path = make_raster(values, **options)
    if colours:
        import rasterio

        with rasterio.open(path, "r+") as dataset:
            dataset.colorinterp = colours
    with open_raster(path) as dataset:
        return estimate(dataset)


def test_8_bit_values_stay_as_they_are(make_raster: RasterMaker) -> None:
    assert estimated(make_raster, texture(1, 30, 30)) == Stretch(bands=(1,), low=(0,), high=(255,))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_the_usual_percentiles_are_those_that_are_taken(make_raster: RasterMaker, dtype: type) -> None:
    path = make_raster(texture(1, 90, 90).astype(dtype))
    with open_raster(path) as dataset:
        usual = usual_percent(dataset.dtypes[0])
        assert usual == (2, 98)
        assert estimate(dataset, percent=usual) == estimate(dataset) != estimate(dataset, percent=(3, 97))


def test_uncut_8_bit_values_are_not_spread(make_raster: RasterMaker) -> None:
    assert usual_percent("uint8") == (0, 100)
    with open_raster(make_raster(texture(1, 90, 90) // 2)) as dataset:
        assert estimate(dataset, percent=(0, 100)) == estimate(dataset)
        assert estimate(dataset, percent=(1, 99)).high[0] < 128


@pytest.mark.parametrize(("count", "bands"), [(1, (1,)), (2, (1,)), (3, (1, 2, 3)), (5, (1, 2, 3))])
def test_three_bands_are_taken_where_there_are_three(
    make_raster: RasterMaker, count: int, bands: tuple[int, ...]
) -> None:
    assert estimated(make_raster, texture(count, 30, 30), photometric="MINISBLACK").bands == bands


def test_alpha_is_no_band_and_named_colours_come_in_their_order(make_raster: RasterMaker) -> None:
    four = texture(4, 30, 30)
    assert estimated(make_raster, four, colours=RGBA).bands == (1, 2, 3)
    blue_first = [ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined]
    assert estimated(make_raster, four, colours=blue_first).bands == (3, 2, 1)
    assert estimated(make_raster, four[:2], colours=[ColorInterp.gray, ColorInterp.alpha]).bands == (1,)


def test_16_bit_values_are_cut_at_their_percentiles_without_nodata(make_raster: RasterMaker) -> None:
    values = np.random.default_rng(0).integers(1000, 2001, (1, 700, 900), np.uint16)
    values[:, :300] = 0
    stretch = estimated(make_raster, values, nodata=0)
    assert stretch.low[0] == pytest.approx(1020, abs=3)
    assert stretch.high[0] == pytest.approx(1980, abs=3)


def test_nan_and_infinity_do_not_count(make_raster: RasterMaker) -> None:
    values = np.linspace(0, 100, 40_000, dtype=np.float32).reshape(1, 200, 200)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    stretch = estimated(make_raster, values)
    assert stretch.low[0] == pytest.approx(2, abs=0.1)
    assert stretch.high[0] == pytest.approx(98, abs=0.1)


def test_a_raster_of_one_value_or_none_still_has_a_range(make_raster: RasterMaker) -> None:
    assert estimated(make_raster, np.full((1, 9, 9), 7, np.int16)) == Stretch(bands=(1,), low=(7,), high=(8,))
    assert estimated(make_raster, np.full((1, 9, 9), 7, np.int16), nodata=7).high == (1,)


@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-2, 1e4), share=st.floats(-1, 2))
def test_values_are_clipped_and_scaled_linearly(low: float, width: float, share: float) -> None:
    stretch = Stretch(bands=(1,), low=(low,), high=(low + width,))
    (stored,) = apply(np.array([[[low + share * width]]]), stretch).ravel()
    assert stored == pytest.approx(255 * min(max(share, 0), 1), abs=1)


def test_each_band_has_its_own_range_and_nan_becomes_0() -> None:
    values = np.array([[[10.0, np.nan]], [[10.0, 300.0]]])
    image = apply(values, Stretch(bands=(1, 2), low=(0, 10), high=(20, 20)))
    np.testing.assert_array_equal(image, [[[128, 0]], [[0, 255]]])


def test_8_bit_values_may_be_stretched_too() -> None:
    image = apply(np.array([[[0, 50, 100, 200]]], np.uint8), Stretch(bands=(1,), low=(50,), high=(100,)))
    np.testing.assert_array_equal(image, [[[0, 0, 255, 255]]])
