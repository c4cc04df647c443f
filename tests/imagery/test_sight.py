"""What a network sees of a scene: the image as the map shows it, then terrain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.windows import Window

from icssn.errors import RasterRefusedError
from icssn.imagery.open import inspect, open_raster
from icssn.imagery.read import read_window
from icssn.imagery.sight import Sight, open_sight
from tests.imagery.conftest import RasterMaker, texture

WINDOW = Window(-8, 20, 90, 70)


@pytest.fixture
def scene(make_raster: RasterMaker) -> Path:
    image = np.maximum(texture(3, 100, 120), 1)
    image[:, 30:40, 50:60] = 0
    return make_raster(image, nodata=0)


@pytest.fixture
def dem(make_raster: RasterMaker) -> Path:
    return make_raster(20 * texture(1, 100, 120, seed=3).astype(np.float32), "dem.tif", tiled=True)


def test_terrain_comes_below_the_bands_in_the_order_asked_for_and_makes_nothing_invalid(scene: Path, dem: Path) -> None:
    facts = inspect(scene)
    with open_raster(scene) as dataset:
        image, valid = read_window(dataset, WINDOW, facts.stretch)
    seen = {}
    for layers in (("slope", "shading"), ("shading", "slope")):
        with open_sight(Sight(scene, facts, dem, layers)) as sight:  # type: ignore[arg-type]
            seen[layers], known = sight.read(WINDOW)
            assert sight.channels == 5
            assert np.array_equal(seen[layers][:3], image)
            assert np.array_equal(known, valid)
    one, other = seen.values()
    assert np.array_equal(one[[0, 1, 2, 4, 3]], other)
    assert np.ptp(one[3]) > 0
    assert not np.array_equal(one[3], one[4])
    assert (one[3, 10:20, 58:68] != one[3, 0, 0]).any()  # the ground goes on where the image has no data


def test_without_terrain_the_elevation_raster_is_not_even_opened(scene: Path, tmp_path: Path) -> None:
    facts = inspect(scene)
    with open_sight(Sight(scene, facts, tmp_path / "gone.tif")) as sight, open_raster(scene) as dataset:
        assert np.array_equal(sight.read(WINDOW)[0], read_window(dataset, WINDOW, facts.stretch)[0])


def test_terrain_without_an_elevation_raster_is_refused(scene: Path) -> None:
    with (
        pytest.raises(RasterRefusedError, match=r"scene\.tif.*no elevation model.*terrain.*Attach one"),
        open_sight(Sight(scene, inspect(scene), None, ("slope",))),
    ):
        pass


@pytest.mark.parametrize("trouble", ["gone", "no raster", "cut short"])
def test_an_elevation_raster_that_cannot_be_read_is_refused_by_name(scene: Path, dem: Path, trouble: str) -> None:
    content = dem.read_bytes()
    dem.unlink()
    if trouble != "gone":
        dem.write_bytes(b"<VRTDataset/>" if trouble == "no raster" else content[: len(content) // 2])
    with (
        pytest.raises(RasterRefusedError, match=r"dem\.tif"),
        open_sight(Sight(scene, inspect(scene), dem, ("slope",))) as sight,
    ):
        sight.read(Window(0, 0, 120, 100))
