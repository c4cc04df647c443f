from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from icssn.errors import RasterRefusedError
from icssn.imagery.open import inspect
from tests.imagery.conftest import UTM_GRID, RasterMaker, texture

LEAST = float(np.finfo(np.float32).min)


def refusal(path: Path) -> str:
    with pytest.raises(RasterRefusedError) as caught:
        inspect(path)
    return str(caught.value)


def empty_raster(path: Path, **options: object) -> Path:
    """Write a GeoTIFF without any pixel: its header alone says how large it is."""
    profile = {"count": 1, "dtype": "uint8", "crs": "EPSG:32648", "transform": UTM_GRID, "sparse_ok": True, **options}
    with rasterio.open(path, "w", driver="GTiff", **profile):
        pass
    return path


def test_a_raster_without_crs_is_refused_and_told_the_remedy(make_raster: RasterMaker) -> None:
    assert "has no CRS" in (sentence := refusal(make_raster(texture(1, 20, 20), crs=None)))
    assert "gdal_edit.py -a_srs" in sentence


def test_a_raster_without_transform_is_refused(make_raster: RasterMaker) -> None:
    assert "is not georeferenced" in refusal(make_raster(texture(1, 20, 20), transform=None))


def test_a_raster_placed_by_control_points_only_is_refused(make_raster: RasterMaker) -> None:
    corners = [(0, 0), (0, 20), (20, 0), (20, 20)]
    points = [GroundControlPoint(row, col, 5e5 + col, 3e6 - row, 0) for row, col in corners]
    path = make_raster(texture(1, 20, 20), transform=None, crs=None)
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, rasterio.crs.CRS.from_epsg(32648))
    assert "ground control points only" in refusal(path)


def test_complex_pixels_are_refused(make_raster: RasterMaker) -> None:
    assert "complex numbers" in refusal(make_raster(np.zeros((1, 20, 20), np.complex64)))


def test_a_colour_table_is_refused(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 20, 20))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0, 255)})
    assert "-expand rgb" in refusal(path)


def test_more_than_64_bands_are_refused(make_raster: RasterMaker) -> None:
    assert "has 65 bands" in refusal(make_raster(np.zeros((65, 16, 16), np.uint8)))


def test_a_small_file_of_one_huge_block_is_refused(tmp_path: Path) -> None:
    side = {"width": 32768, "height": 32768, "blockxsize": 32768, "blockysize": 32768}
    path = empty_raster(tmp_path / "bomb.tif", tiled=True, compress="deflate", **side)
    assert path.stat().st_size < 10_000
    assert "blocks of 32768 × 32768 px (1024 MB each)" in refusal(path)


def test_all_bands_of_a_block_count_when_they_are_stored_together(tmp_path: Path) -> None:
    side = {"width": 8192, "height": 8192, "blockxsize": 8192, "blockysize": 8192, "tiled": True, "count": 5}
    together = empty_raster(tmp_path / "together.tif", interleave="pixel", **side)
    apart = empty_raster(tmp_path / "apart.tif", interleave="band", **side)
    assert "(320 MB each)" in refusal(together)
    assert inspect(apart).band_count == 5


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = empty_raster(tmp_path / "long.tif", width=2**20 + 1, height=16)
    assert "1048577 × 16 px" in refusal(path)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (15, 400), (400, 15)])
def test_too_few_pixels_are_refused(make_raster: RasterMaker, rows: int, columns: int) -> None:
    assert f"it measures {columns} × {rows} px" in refusal(make_raster(texture(1, rows, columns)))


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("float32", -9999.0), ("float32", None)])
def test_a_raster_of_nothing_is_refused(make_raster: RasterMaker, dtype: str, nodata: float | None) -> None:
    nothing = np.full((3, 40, 50), np.nan if nodata is None else nodata, dtype)
    assert "none of its pixels has a value" in refusal(make_raster(nothing, nodata=nodata))


def test_a_wholly_transparent_image_is_refused(make_raster: RasterMaker) -> None:
    assert "none of its pixels has a value" in refusal(
        make_raster(np.zeros((4, 40, 50), np.uint8), photometric="RGB", alpha="YES")
    )


def test_one_band_with_values_is_an_image(make_raster: RasterMaker) -> None:
    nearly_nothing = np.zeros((3, 40, 50), np.uint8)
    nearly_nothing[2, 20:30, 20:30] = 7
    assert inspect(make_raster(nearly_nothing, nodata=0)).band_count == 3


def test_a_little_that_lies_between_the_sampled_windows_is_an_image(make_raster: RasterMaker) -> None:
    mostly = np.zeros((1, 1, 3000), np.uint8).repeat(2000, axis=1)
    mostly[:, 200:240, 200:240] = 7  # windows of 128 px begin at every 250th row and 375th column
    assert inspect(make_raster(mostly, nodata=0)).nodata == 0


@pytest.mark.parametrize(
    ("number", "dtype"),
    [(-9999, "int16"), (-9999, "float32"), (-32768, "int16"), (65535, "uint16"), (LEAST, "float32")],
)
def test_a_customary_number_for_no_data_must_be_declared(make_raster: RasterMaker, number: float, dtype: str) -> None:
    values = 100 + texture(3, 100, 100).astype(dtype)
    values[:, :, :30] = number
    sentence = refusal(make_raster(values))
    assert f"30 % of its pixels hold {number:.7g}, far from all other values" in sentence
    assert f"gdal_edit.py -a_nodata {number:.7g} FILE" in sentence
    assert inspect(make_raster(values, nodata=number)).stretch.low[0] >= 100


def test_real_extremes_are_values(make_raster: RasterMaker) -> None:
    decibels = -25 + texture(1, 100, 100).astype(np.float32) / 10
    assert inspect(make_raster(decibels)).stretch.low[0] < -20
    depths = -40.0 * texture(1, 100, 100).astype(np.float32)
    depths[:, :20] = -9999
    assert inspect(make_raster(depths)).stretch.low[0] == pytest.approx(-9999, abs=200)
    saturated = texture(3, 100, 100).astype(np.uint16) * 250
    saturated[0, :20] = 65535  # in one band only
    assert inspect(make_raster(saturated)).stretch.high[0] == 65535
    mask = np.zeros((1, 100, 100), np.uint16)
    mask[:, :20] = 65535
    assert inspect(make_raster(mask)).stretch.high == (65535,)


@pytest.mark.parametrize("compress", [None, "deflate"])
def test_a_file_cut_short_is_refused(make_raster: RasterMaker, compress: str | None) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 300, 300), np.uint8)
    path = make_raster(noise, tiled=True, blockxsize=64, blockysize=64, compress=compress)
    path.write_bytes(path.read_bytes()[:-20_000])
    assert "damaged or cut short" in refusal(path)


@pytest.mark.parametrize(
    "transform",
    [Affine(0, 0, 5e5, 0, -1, 3e6), Affine(float("nan"), 0, 5e5, 0, -1, 3e6), Affine(1, 0, 5e5, 0, -1, float("inf"))],
    ids=["zero", "nan", "infinite"],
)
def test_a_transform_without_sense_is_refused(make_raster: RasterMaker, transform: Affine) -> None:
    assert "was refused" in refusal(make_raster(texture(1, 20, 20), transform=transform))


def test_metres_called_degrees_are_refused(make_raster: RasterMaker) -> None:
    sentence = refusal(make_raster(texture(1, 20, 20), crs="EPSG:4326"))
    assert "a georeference that fits its CRS" in sentence


def test_degrees_called_metres_are_refused(make_raster: RasterMaker) -> None:
    sentence = refusal(make_raster(texture(1, 20, 20), transform=Affine(1e-5, 0, 105, 0, -1e-5, 30)))
    assert "its pixels are 0.01 mm wide, as if degrees were called metres; a georeference that fits" in sentence
    close_up = make_raster(texture(1, 20, 20), transform=Affine(2e-3, 0, 5e5, 0, -2e-3, 3e6))
    assert inspect(close_up).pixel_size_m == pytest.approx(0.002, rel=1e-3)


def test_a_place_far_outside_the_crs_is_refused(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 20, 20), transform=Affine(1, 0, 9e7, 0, -1, 3e6))
    assert "a georeference that fits its CRS" in refusal(path)


def test_a_crs_that_is_not_tied_to_the_earth_is_refused(make_raster: RasterMaker) -> None:
    local = 'LOCAL_CS["site grid",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
    assert "was refused" in refusal(make_raster(texture(1, 20, 20), crs=local))


def test_a_scene_across_the_180th_meridian_is_refused(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 20, 200), crs="EPSG:32601", transform=Affine(500, 0, 120_000, 0, -500, 3e6))
    assert "crosses the 180° meridian" in refusal(path)
    degrees = make_raster(texture(1, 20, 200), crs="EPSG:4326", transform=Affine(1e-4, 0, 179.99, 0, -1e-4, -17))
    assert "crosses the 180° meridian" in refusal(degrees)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:2154", Affine(0.5, 0, 882_408, 0, -0.5, 6_543_019)),  # Lambert-93
        ("EPSG:2225", Affine(1.5, 0, 6_000_000, 0, -1.5, 2_000_000)),  # California zone 1, in feet
        ("EPSG:4326+3855", Affine(5e-6, 0, 105, 0, -5e-6, 34)),  # degrees and heights
    ],
)
def test_scenes_of_national_grids_are_taken(make_raster: RasterMaker, crs: str, transform: Affine) -> None:
    facts = inspect(make_raster(texture(3, 40, 50), crs=crs, transform=transform))
    assert 0.4 < facts.pixel_size_m < 0.6
    west, south, east, north = facts.bounds_lonlat
    assert 0 < east - west < 1e-3
    assert 0 < north - south < 1e-3


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:32648"])
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rows_and_columns_may_run_either_way(make_raster: RasterMaker, crs: str, up: bool, mirrored: bool) -> None:
    (x, y), step = ((5e5, 3e6), 0.5) if crs == "EPSG:32648" else ((105.0, 30.0), 5e-6)
    across, down = (-step if mirrored else step), (step if up else -step)
    path = make_raster(texture(1, 40, 60), crs=crs, transform=Affine(across, 0, x, 0, down, y))
    corners = Transformer.from_crs(crs, 4326, always_xy=True).transform([x, x + 60 * across], [y, y + 40 * down])
    (west, east), (south, north) = map(sorted, corners)
    assert inspect(path).bounds_lonlat == pytest.approx((west, south, east, north), abs=1e-7)  # 1 cm


def test_a_scene_beyond_the_end_of_the_web_map_is_refused(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 20, 20), crs="EPSG:4326", transform=Affine(0.1, 0, 10, 0, -0.1, 87))
    assert "reaches latitude 87.0°" in refusal(path)
