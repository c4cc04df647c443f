import math
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.errors import CancelledError, RasterRefusedError
from icssn.imagery.cog import hillshade, make_hillshade, make_tiles
from icssn.imagery.open import inspect, open_raster
from icssn.imagery.read import read_window
from icssn.imagery.web import pixel_units
from icssn.records import Progress, Stretch
from tests.imagery.conftest import RasterMaker, texture

RGB = Stretch(bands=(1, 2, 3), low=(0, 0, 0), high=(255, 255, 255))


def test_the_result_is_a_web_optimised_cog(make_raster: RasterMaker, tmp_path: Path) -> None:
    make_tiles(make_raster(texture(3, 700, 900)), tmp_path / "web.tif", stretch=RGB)
    with open_raster(tmp_path / "web.tif") as web:
        assert web.crs.to_epsg() == 3857
        assert web.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert web.dtypes == ("uint8",) * 3
        assert web.transform.a == pixel_units(18)  # 0.8 m at 27° N is 0.9 of its units; zoom 17 has 1.2, 18 has 0.6
        assert (web.width % 256, web.height % 256) == (0, 0)
        assert web.overviews(1) == [2, 4, 8]
        tile_side = pixel_units(18) * 256
        across = (web.transform.c + 20037508.342789244) / tile_side
        down = (20037508.342789244 - web.transform.f) / tile_side
        assert (across, down) == pytest.approx((round(across), round(down)), abs=1e-6)


def test_what_is_not_valid_is_masked_at_every_level(make_raster: RasterMaker, tmp_path: Path) -> None:
    scene = texture(3, 700, 900)
    scene[:, 350:] = 0
    make_tiles(make_raster(scene, nodata=0), tmp_path / "web.tif", stretch=RGB)
    with open_raster(tmp_path / "web.tif") as web:
        for times in (1, 2, 4):
            shown = web.dataset_mask(out_shape=(web.height // times, web.width // times)) > 0
            ground = shown.sum() * (web.transform.a * times * math.cos(math.radians(27.1))) ** 2
            assert ground == pytest.approx(350 * 900 * 0.8**2, rel=0.02)


def test_16_bit_bands_are_stretched_and_a_single_band_stays_single(make_raster: RasterMaker, tmp_path: Path) -> None:
    scene = texture(1, 300, 300).astype(np.uint16) * 40
    make_tiles(make_raster(scene), tmp_path / "web.tif", stretch=Stretch(bands=(1,), low=(0,), high=(10200,)))
    with open_raster(tmp_path / "web.tif") as web:
        assert web.count == 1
        seen = web.read(1)[web.dataset_mask() > 0]
    assert seen.mean() == pytest.approx(scene.mean() / 40, abs=1)


def test_progress_is_told_as_it_happens_and_ends_at_one(make_raster: RasterMaker, tmp_path: Path) -> None:
    told: list[float] = []
    path = tmp_path / "web.tif"

    def report(progress: Progress) -> None:
        told.append(progress.fraction)
        assert not path.exists()

    make_tiles(make_raster(texture(3, 1500, 2100)), path, stretch=RGB, report=report)
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize("until", [0.0, 0.5, 0.9])
def test_a_cancelled_conversion_leaves_nothing_behind(make_raster: RasterMaker, tmp_path: Path, until: float) -> None:
    def report(progress: Progress) -> None:
        if progress.fraction > until:
            raise CancelledError("Import")

    with pytest.raises(CancelledError):
        make_tiles(make_raster(texture(3, 300, 400)), tmp_path / "tiles" / "web.tif", stretch=RGB, report=report)
    assert os.listdir(tmp_path / "tiles") == []


def test_a_raster_without_place_is_refused_and_leaves_nothing(make_raster: RasterMaker, tmp_path: Path) -> None:
    path = make_raster(texture(3, 30, 30), crs=None)
    with pytest.raises(RasterRefusedError, match="has no CRS"):
        make_tiles(path, tmp_path / "tiles" / "web.tif", stretch=RGB)
    with pytest.raises(RasterRefusedError, match="has no CRS"):
        make_hillshade(path, tmp_path / "tiles" / "hillshade.tif")
    assert not list(tmp_path.glob("tiles/*"))


def test_a_scene_damaged_in_the_middle_is_refused_and_leaves_nothing(make_raster: RasterMaker, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 512, 512), np.uint8)
    path = make_raster(noise, tiled=True, blockxsize=128, blockysize=128, compress="deflate")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 90_000] = bytes(90_000)
    path.write_bytes(content)
    with pytest.raises(RasterRefusedError, match="could not be read near"):
        make_tiles(path, tmp_path / "tiles" / "web.tif", stretch=RGB)
    assert os.listdir(tmp_path / "tiles") == []


def plane(*, east: float, north: float) -> np.ndarray:
    """Give elevations of a plane that rises by `east` and `north` m per m, on pixels of 1 m, (32, 32)."""
    rows, cols = np.mgrid[:32, :32]
    return (cols * east - rows * north).astype(np.float32)


@pytest.mark.parametrize(("east", "north"), [(0, 0), (1, 0), (0, 1), (-0.5, 0.3), (-1, 1), (1, -1)])
def test_a_plane_is_as_bright_as_the_cosine_between_light_and_normal(east: float, north: float) -> None:
    shaded = hillshade(plane(east=east, north=north), np.ones((32, 32), bool), across_m=1, down_m=1)
    light = np.array([-0.5, 0.5, math.sqrt(0.5)])  # from the north-west, 45° high
    normal = np.array([-east, -north, 1]) / math.sqrt(1 + east**2 + north**2)
    assert shaded.shape == (30, 30)
    np.testing.assert_allclose(shaded, max(255 * float(light @ normal), 0), atol=0.51)


def test_slopes_are_taken_on_the_ground(make_raster: RasterMaker, tmp_path: Path) -> None:
    steps = 1e-4  # degrees: 11.1 m northwards, 5.6 m eastwards at 60° N
    elevation = plane(east=0, north=11.14)[None] + 500
    path = make_raster(elevation, crs="EPSG:4326", transform=Affine(steps, 0, 10, 0, -steps, 60))
    make_hillshade(path, tmp_path / "shade.tif")
    with open_raster(tmp_path / "shade.tif") as web:
        shown = web.read(1)[web.dataset_mask() > 0]
    expected = 255 * (math.sqrt(0.5) - 0.5) / math.sqrt(2)  # rises northwards by 45°
    assert np.median(shown) == pytest.approx(expected, abs=2)


def test_missing_elevations_are_masked_and_cast_no_cliff(make_raster: RasterMaker, tmp_path: Path) -> None:
    elevation = np.full((1, 60, 60), 800, np.float32)
    elevation[0, 20:40, 20:40] = -9999
    make_hillshade(make_raster(elevation, nodata=-9999), tmp_path / "shade.tif")
    with open_raster(tmp_path / "shade.tif") as web:
        shown = web.dataset_mask() > 0
        values = web.read(1)[shown]
    # Level ground: 255 · sin 45° = 180. JPEG rings a little at the mask's edge.
    assert np.abs(values.astype(int) - 180).mean() < 3
    assert shown.sum() * (0.6 / 0.9) ** 2 == pytest.approx(3600 - 400, rel=0.1)


REAL = [
    "bijie_scenes/test_scene",
    "chattogram_s2/s2_rgbn_uint16",
    "uav_atali/scene_rgb",
    "raster_fixtures/deepness_oils",
    "raster_fixtures/odc_au-3577-rotated",
    "raster_fixtures/rasterio_RGB.byte",
    "raster_fixtures/riotiler_pix4d_alpha_nodata",
    "kashmir_dem_inventory/AW3D30",
]


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_scenes_are_converted_to_the_right_place(real_data: Path, tmp_path: Path, name: str) -> None:
    source = real_data / f"{name}.tif"
    facts = inspect(source)
    make_tiles(source, tmp_path / "web.tif", stretch=facts.stretch)
    generator = np.random.default_rng(0)
    cols, rows = generator.uniform(3, facts.width - 3, 4000), generator.uniform(3, facts.height - 3, 4000)
    with open_raster(source) as scene, open_raster(tmp_path / "web.tif") as web:
        xs, ys = scene.transform * (cols, rows)
        lon, lat = Transformer.from_crs(scene.crs.to_wkt(), 4326, always_xy=True).transform(xs, ys)
        east = 6378137 * np.radians(lon)
        north = 6378137 * np.arcsinh(np.tan(np.radians(lat)))
        web_cols, web_rows = ~web.transform * (east, north)
        image, valid = read_window(scene, Window(0, 0, facts.width, facts.height), facts.stretch)
        shown, mask = web.read(1).astype(float), web.dataset_mask() > 0
    original = image[0].astype(float)

    def likeness(shift_px: float) -> float:
        there_rows, there_cols = (web_rows + shift_px).astype(int), (web_cols + shift_px).astype(int)
        there_rows, there_cols = there_rows.clip(0, shown.shape[0] - 1), there_cols.clip(0, shown.shape[1] - 1)
        here = rows.astype(int), cols.astype(int)
        both = valid[here] & mask[there_rows, there_cols]
        assert both.sum() > 300
        return float(np.corrcoef(original[here][both], shown[there_rows, there_cols][both])[0, 1])

    assert likeness(0) > 0.9
    assert likeness(0) > max(likeness(-3), likeness(3))


@pytest.mark.real
def test_a_real_elevation_model_is_shaded(real_data: Path, tmp_path: Path) -> None:
    make_hillshade(real_data / "kashmir_dem_inventory" / "AW3D30.tif", tmp_path / "shade.tif")
    with rasterio.open(tmp_path / "shade.tif") as web:
        shades = web.read(1)[web.dataset_mask() > 0]
    assert 100 < shades.mean() < 200
    assert shades.std() > 40
