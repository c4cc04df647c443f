import math
import os
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.errors import CancelledError, RasterRefusedError
from icssn.imagery.cog import make_tiles
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


def test_a_copy_that_shows_what_it_should_is_not_made_again(make_raster: RasterMaker, tmp_path: Path) -> None:
    path, copy = make_raster(texture(3, 60, 60)), tmp_path / "web.tif"

    def made() -> bool:
        before = copy.stat().st_mtime_ns if copy.exists() else None
        make_tiles(path, copy, stretch=stretch)
        return copy.stat().st_mtime_ns != before

    stretch = RGB
    assert (made(), made()) == (True, False)
    stretch = RGB.model_copy(update={"high": (255, 255, 200)})
    assert (made(), made()) == (True, False)
    make_raster(texture(3, 60, 60, seed=1))
    assert (made(), made()) == (True, False)
    copy.write_bytes(copy.read_bytes()[:100])
    assert (made(), made()) == (True, False)


@pytest.mark.parametrize(("across", "down"), [(1, 1), (-1, -1), (-1, 1)])
def test_rows_from_the_south_and_mirrored_columns_are_shown_at_their_place(
    make_raster: RasterMaker, tmp_path: Path, across: int, down: int
) -> None:
    scene = np.full((1, 200, 300), 10, np.uint8)
    scene[:, 40:48, 220:228] = 250  # its middle is at column 224, row 44
    place = Affine(across * 1e-5, 0, 105, 0, down * 1e-5, 30)
    make_tiles(
        make_raster(scene, crs="EPSG:4490", transform=place),
        tmp_path / "web.tif",
        stretch=Stretch(bands=(1,), low=(0,), high=(255,)),
    )
    with open_raster(tmp_path / "web.tif") as web:
        rows, cols = np.nonzero(web.read(1) > 130)
        middle = web.transform * (cols.mean() + 0.5, rows.mean() + 0.5)
    lon, lat = Transformer.from_crs(3857, 4490, always_xy=True).transform(*middle)
    assert ~place * (lon, lat) == pytest.approx((224, 44), abs=1)


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
