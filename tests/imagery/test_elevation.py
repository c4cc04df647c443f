"""What may be attached to a scene as its elevation model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine

from icssn.errors import RasterRefusedError
from icssn.imagery.elevation import COARSE_PX, check_elevation
from icssn.imagery.open import inspect
from icssn.records import RasterFacts
from tests.imagery.conftest import UTM_GRID, RasterMaker, texture


@pytest.fixture
def facts(make_raster: RasterMaker) -> RasterFacts:
    return inspect(make_raster(texture(3, 64, 64), "image.tif"))


def a_slope(*, unknown: float, dtype: str = "float32") -> np.ndarray:
    """Heights of 2,000 m and more, with a corner where nothing was measured."""
    heights: np.ndarray = (2000 + np.indices((64, 64))[0][None]).astype(dtype)
    heights[:, 40:, 50:] = unknown
    return heights


@pytest.mark.parametrize(
    ("unknown", "dtype"), [(-9999, "float32"), (-32768, "int16"), (-3.4028235e38, "float32"), (65535, "uint16")]
)
def test_a_number_for_unknown_ground_must_be_declared(
    make_raster: RasterMaker, facts: RasterFacts, unknown: float, dtype: str
) -> None:
    heights = a_slope(unknown=unknown, dtype=dtype)
    with pytest.raises(RasterRefusedError, match=rf"dem\.tif.*from .*-a_nodata {unknown:.7g}".replace("+", r"\+")):
        check_elevation(make_raster(heights, "dem.tif"), facts)
    check_elevation(make_raster(heights, "dem.tif", nodata=unknown), facts)


def test_unknown_ground_may_be_nan(make_raster: RasterMaker, facts: RasterFacts) -> None:
    check_elevation(make_raster(a_slope(unknown=np.nan), "dem.tif"), facts)


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_or_a_hillshade_is_no_elevation_model(
    make_raster: RasterMaker, facts: RasterFacts, count: int
) -> None:
    with pytest.raises(RasterRefusedError, match=r"brightness of 8 bits.*Choose the raster of heights"):
        check_elevation(make_raster(texture(count, 64, 64), "shade.tif"), facts)


def test_one_without_any_height_is_refused(make_raster: RasterMaker, facts: RasterFacts) -> None:
    with pytest.raises(RasterRefusedError, match="none of its pixels has a value"):
        check_elevation(make_raster(np.full((1, 64, 64), np.nan, np.float32), "dem.tif"), facts)


def test_one_with_hardly_any_height_is_refused(make_raster: RasterMaker, facts: RasterFacts) -> None:
    heights = np.full((1, 64, 3 * COARSE_PX), np.nan, np.float32)
    heights[:, 0, 0] = 800  # too few for a coarse look
    with pytest.raises(RasterRefusedError, match="none of its pixels has a height"):
        check_elevation(make_raster(heights, "dem.tif"), facts)


def test_a_patch_of_a_large_one_is_seen(make_raster: RasterMaker, facts: RasterFacts) -> None:
    heights = np.zeros((1, 64, 3 * COARSE_PX), np.float32)
    heights[:, 10:14, 5000:5004] = -9999
    with pytest.raises(RasterRefusedError, match="-9999"):
        check_elevation(make_raster(heights, "dem.tif"), facts)


def test_one_of_several_bands_is_refused(make_raster: RasterMaker, facts: RasterFacts) -> None:
    three = np.repeat(a_slope(unknown=2100), 3, axis=0)
    with pytest.raises(RasterRefusedError, match=r"it has 3 bands; an elevation model of one band is needed.*-b 1\."):
        check_elevation(make_raster(three, "dem.tif", photometric="MINISBLACK"), facts)
    with_alpha = np.stack([a_slope(unknown=2100)[0], np.ones((64, 64), np.float32)])
    check_elevation(make_raster(with_alpha, "dem.tif", photometric="MINISBLACK", alpha="YES"), facts)


@pytest.mark.parametrize("height", [0, 1200])
def test_one_of_a_single_height_is_refused(make_raster: RasterMaker, facts: RasterFacts, height: float) -> None:
    with pytest.raises(RasterRefusedError, match=f"all its heights are {height}; an elevation model of the scene's"):
        check_elevation(make_raster(np.full((1, 64, 64), height, np.float32), "dem.tif"), facts)


@pytest.mark.parametrize(("columns", "share"), [(1, "1.6 %"), (6, "9.4 %"), (7, None), (64, None)])
def test_hardly_any_ground_is_not_enough(
    make_raster: RasterMaker, facts: RasterFacts, columns: int, share: str | None
) -> None:
    """Counted is what is known of the scene, in a raster that goes on far beyond it in another CRS."""
    known = np.full((1, 300, 400), np.nan, np.float32)
    west, _, east, north = facts.bounds_lonlat
    step = (east - west) / 64
    grid = Affine(step, 0, west - 100 * step, 0, -step, north + 100 * step)
    known[:, :, : 100 + columns] = np.indices((300, 100 + columns))[0]
    dem = make_raster(known, "dem.tif", crs="EPSG:4326", transform=grid)
    if share is None:
        check_elevation(dem, facts)
        return
    with pytest.raises(RasterRefusedError, match=f"it gives heights of {share} of the scene only; .* Choose one that"):
        check_elevation(dem, facts)


def test_a_corner_of_the_scene_is_hardly_any_ground(make_raster: RasterMaker, facts: RasterFacts) -> None:
    place = UTM_GRID * Affine.translation(48, 48)
    with pytest.raises(RasterRefusedError, match=r"heights of 6\.2 % of the scene only"):
        check_elevation(make_raster(a_slope(unknown=2100), "dem.tif", transform=place), facts)


def test_a_damaged_one_is_refused(make_raster: RasterMaker, facts: RasterFacts) -> None:
    path: Path = make_raster(a_slope(unknown=2100), "dem.tif")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RasterRefusedError, match="damaged or cut short"):
        check_elevation(path, facts)
