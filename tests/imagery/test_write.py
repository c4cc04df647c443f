import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.errors import CancelledError
from icssn.geo.windows import even_windows
from icssn.imagery.colours import MASK_PALETTE
from icssn.imagery.open import inspect, open_raster
from icssn.imagery.write import MASK_TAGS, PROBABILITY_TAGS, write_grid
from icssn.records import RasterFacts
from tests.imagery.conftest import UTM_GRID, RasterMaker, texture

ROTATED = Affine(0.55, 0.31, 510_000.123456789, 0.31, -0.55, 3_000_000.987654321)
WKT_ONLY = CRS.from_proj4("+proj=tmerc +lat_0=27 +lon_0=105.3 +k=0.99987 +x_0=1234.5 +ellps=GRS80 +units=m").to_wkt()


def cores(values: np.ndarray, core_px: int = 64) -> Iterator[tuple[Window, np.ndarray]]:
    height, width = values.shape
    for core, _ in itertools.chain(*even_windows(width, height, core_px=core_px, halo_px=0)):
        yield core, values[core.row_off : core.row_off + core.height, core.col_off : core.col_off + core.width]


@pytest.mark.parametrize("transform", [UTM_GRID, ROTATED], ids=["north up", "rotated"])
@pytest.mark.parametrize("crs", ["EPSG:32648", "EPSG:4544", WKT_ONLY], ids=["utm", "cgcs2000", "wkt only"])
def test_the_result_stands_on_exactly_the_scenes_grid(
    make_raster: RasterMaker, tmp_path: Path, transform: Affine, crs: str
) -> None:
    scene = make_raster(texture(3, 530, 611), transform=transform, crs=crs)
    values = texture(1, 530, 611, seed=1)[0]
    facts = inspect(scene)
    write_grid(tmp_path / "out.tif", cores(values, 128), like=facts, nodata=255, tags=PROBABILITY_TAGS)
    with open_raster(scene) as wanted, open_raster(tmp_path / "out.tif") as found:
        assert found.transform == wanted.transform
        assert found.crs.to_wkt() == wanted.crs.to_wkt()
        assert found.crs.to_wkt(version="WKT2_2019") == facts.crs_wkt
        assert found.shape == wanted.shape
        np.testing.assert_array_equal(found.read(1), values)


def test_the_encoding_is_told_in_the_file(make_raster: RasterMaker, tmp_path: Path) -> None:
    facts = inspect(make_raster(texture(1, 600, 600)))
    write_grid(tmp_path / "out.tif", cores(texture(1, 600, 600)[0]), like=facts, nodata=255, tags=PROBABILITY_TAGS)
    with open_raster(tmp_path / "out.tif") as found:
        assert found.tags()["ICSSN_ENCODING"] == "probability = value / 254; 255 = nodata"
        assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert found.nodata == 255
        assert found.overviews(1) == [2, 4]


def test_a_mask_has_colours_and_its_overviews_invent_no_class(make_raster: RasterMaker, tmp_path: Path) -> None:
    facts = inspect(make_raster(texture(1, 520, 520)))
    classes = np.random.default_rng(0).choice(np.array([0, 1, 255], np.uint8), (520, 520))
    write_grid(tmp_path / "m.tif", cores(classes), like=facts, nodata=255, tags=MASK_TAGS, colormap=MASK_PALETTE)
    with open_raster(tmp_path / "m.tif") as found:
        assert found.colormap(1)[1][:3] == MASK_PALETTE[1][:3]
        assert set(np.unique(found.read(1, out_shape=(130, 130)))) == {0, 1, 255}
        np.testing.assert_array_equal(found.read(1), classes)


def test_pixels_that_no_window_covers_are_nodata(make_raster: RasterMaker, tmp_path: Path) -> None:
    facts = inspect(make_raster(texture(1, 300, 300)))
    part = [(Window(0, 0, 10, 10), np.full((10, 10), 3, np.uint8))]
    write_grid(tmp_path / "out.tif", part, like=facts, nodata=255, tags={})
    write_grid(tmp_path / "zero.tif", part, like=facts, nodata=None, tags={})
    with open_raster(tmp_path / "out.tif") as found, open_raster(tmp_path / "zero.tif") as zero:
        assert found.read(1)[299, 299] == 255
        assert found.dataset_mask().sum() == 100 * 255
        assert zero.read(1)[299, 299] == 0
        assert zero.nodata is None


def test_a_cancelled_write_leaves_the_earlier_file_and_nothing_else(make_raster: RasterMaker, tmp_path: Path) -> None:
    facts = inspect(make_raster(texture(1, 300, 300)))
    folder = tmp_path / "results"
    values = texture(1, 300, 300)[0]

    def cancelled() -> Iterator[tuple[Window, np.ndarray]]:
        yield next(cores(values))
        raise CancelledError("Prediction")

    with pytest.raises(CancelledError):
        write_grid(folder / "out.tif", cancelled(), like=facts, nodata=255, tags={})
    assert os.listdir(folder) == []
    write_grid(folder / "out.tif", cores(values), like=facts, nodata=255, tags={})
    before = (folder / "out.tif").read_bytes()
    with pytest.raises(CancelledError):
        write_grid(folder / "out.tif", cancelled(), like=facts, nodata=255, tags={})
    assert os.listdir(folder) == ["out.tif"]
    assert (folder / "out.tif").read_bytes() == before


def test_one_window_is_held_at_a_time(make_raster: RasterMaker, tmp_path: Path) -> None:
    facts = inspect(make_raster(texture(1, 300, 300)))
    handed: list[int] = []

    def watched() -> Iterator[tuple[Window, np.ndarray]]:
        for number, item in enumerate(cores(texture(1, 300, 300)[0])):
            handed.append(number)
            yield item
            assert handed == list(range(number + 1))

    write_grid(tmp_path / "out.tif", watched(), like=facts, nodata=255, tags={})
    assert len(handed) == 25


@pytest.mark.real
@pytest.mark.parametrize("name", ["raster_fixtures/odc_au-3577-rotated", "uav_atali/scene_rgb"])
def test_real_grids_are_kept_exactly(real_data: Path, tmp_path: Path, name: str) -> None:
    facts: RasterFacts = inspect(real_data / f"{name}.tif")
    write_grid(
        tmp_path / "out.tif",
        cores(np.zeros((facts.height, facts.width), np.uint8), 512),
        like=facts,
        nodata=255,
        tags={},
    )
    with rasterio.open(real_data / f"{name}.tif") as wanted, open_raster(tmp_path / "out.tif") as found:
        assert (found.transform, found.crs, found.shape) == (wanted.transform, wanted.crs, wanted.shape)
        assert found.crs.to_wkt() == wanted.crs.to_wkt()
