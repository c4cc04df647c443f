import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.errors import ConfigError, RasterRefusedError
from icssn.imagery.cog import make_tiles
from icssn.imagery.colours import MASK_COLOUR
from icssn.imagery.open import inspect
from icssn.imagery.tiles import render_tile
from icssn.imagery.write import PROBABILITY_TAGS, write_grid
from tests.imagery.conftest import UTM_GRID, RasterMaker, texture

Around = tuple[np.ndarray, float, float]  # pixels (768, 768, 4), column, row

TURNED = Affine(0.6, 0.5, 510_000, 0.5, -0.6, 3_000_000)


def slippy(transform: Affine, col: float, row: float, *, zoom: int) -> tuple[float, float]:
    """Give where a pixel of an EPSG:32648 raster lies, in tiles from the upper left of the map."""
    lon, lat = Transformer.from_crs(32648, 4326, always_xy=True).transform(*(transform * (col, row)))
    return (
        (lon + 180) / 360 * 2**zoom,
        (1 - math.log(math.tan(math.radians(lat)) + 1 / math.cos(math.radians(lat))) / math.pi) / 2 * 2**zoom,
    )


def decoded(tile: bytes | None) -> np.ndarray:
    if tile is None:
        return np.zeros((256, 256, 4), int)
    return np.asarray(Image.open(io.BytesIO(tile)).convert("RGBA")).astype(int)


def around(path: Path, transform: Affine, col: float, row: float, *, zoom: int, **options: Any) -> Around:
    """Draw the nine tiles around a pixel of the scene, and say where in them it must lie."""
    x, y = slippy(transform, col, row, zoom=zoom)
    tiles = [
        [decoded(render_tile(path, zoom, int(x) + right, int(y) + down, **options)) for right in (-1, 0, 1)]
        for down in (-1, 0, 1)
    ]
    pixels = np.concatenate([np.concatenate(line, axis=1) for line in tiles])
    return pixels, (x - int(x) + 1) * 256, (y - int(y) + 1) * 256


def centre(path: Path, *, row: int = 200, **options: Any) -> tuple[np.ndarray, int, int]:
    """Draw the tiles around the middle column of a raster of 400 × 400 px."""
    tile, col, down = around(path, UTM_GRID, 200, row, zoom=17, **options)
    return tile, round(col), round(down)


@pytest.mark.parametrize("transform", [UTM_GRID, TURNED], ids=["north up", "turned"])
@pytest.mark.parametrize("converted", [True, False], ids=["web-optimised", "own grid"])
@pytest.mark.parametrize("zoom", [16, 17, 18, 20])
def test_a_bright_square_lands_where_the_mercator_formula_says(
    make_raster: RasterMaker, tmp_path: Path, transform: Affine, converted: bool, zoom: int
) -> None:
    scene = np.full((1, 400, 500), 30, np.uint8)
    scene[:, 301:309, 401:409] = 250  # its centre is the corner (405, 305)
    path = make_raster(scene, transform=transform)
    if converted:
        make_tiles(path, tmp_path / "web.tif", stretch=inspect(path).stretch)
        path = tmp_path / "web.tif"
    tile, col, row = around(path, transform, 405, 305, zoom=zoom)
    brightness = np.clip(tile[..., 0] - 60, 0, None) * (tile[..., 3] > 0)
    rows, cols = np.indices(brightness.shape) + 0.5
    assert brightness.max() > 80
    assert abs((cols * brightness).sum() / brightness.sum() - col) < 1
    assert abs((rows * brightness).sum() / brightness.sum() - row) < 1


def test_a_converted_scene_looks_like_the_scene_at_every_zoom_level(make_raster: RasterMaker, tmp_path: Path) -> None:
    path = make_raster(texture(1, 500, 600))
    make_tiles(path, tmp_path / "web.tif", stretch=inspect(path).stretch)
    for zoom in (15, 16, 17, 18, 19):
        web, _, _ = around(tmp_path / "web.tif", UTM_GRID, 300, 250, zoom=zoom)
        own, _, _ = around(path, UTM_GRID, 300, 250, zoom=zoom)
        both = (web[..., 3] > 0) & (own[..., 3] > 0)
        assert both.sum() > 0.97 * (own[..., 3] > 0).sum()
        assert np.abs(web[..., 0] - own[..., 0])[both].mean() < 6


def test_outside_the_scene_there_is_no_tile(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 30, 30))
    assert render_tile(path, 18, 0, 0) is None
    for z, x, y in [(-1, 0, 0), (25, 0, 0), (3, 8, 0), (3, 0, -1), (3, 0, 8)]:
        assert render_tile(path, z, x, y) is None


def test_nodata_is_transparent(make_raster: RasterMaker) -> None:
    scene = texture(3, 400, 400)
    scene[:, :, :200] = 0
    path = make_raster(scene, nodata=0)
    tile, col, row = centre(path)
    assert tile[row, col - 3, 3] == 0
    assert tile[row, col + 3, 3] == 255


@pytest.fixture
def probability(make_raster: RasterMaker, tmp_path: Path) -> Path:
    """A probability raster: 0.1 in its left, 0.9 in its right half, nodata in its lowest quarter."""
    facts = inspect(make_raster(texture(1, 400, 400)))

    def halves() -> Iterator[tuple[Window, np.ndarray]]:
        values = np.full((400, 400), 25, np.uint8)
        values[:, 200:], values[300:] = 229, 255
        yield Window(0, 0, 400, 400), values

    write_grid(tmp_path / "probability.tif", halves(), like=facts, nodata=255, tags=PROBABILITY_TAGS)
    return tmp_path / "probability.tif"


def test_probability_is_the_more_opaque_the_likelier(probability: Path) -> None:
    tile, col, row = centre(probability, colormap="probability")
    assert tile[row, col - 4, 3] == pytest.approx(22, abs=2)
    assert tile[row, col + 4, 3] == pytest.approx(202, abs=2)


def test_a_threshold_hides_what_is_below(probability: Path) -> None:
    tile, col, row = centre(probability, colormap="probability", threshold=127)
    assert tile[row, col - 4, 3] == 0
    assert tile[row, col + 4, 3] > 0


def test_a_mask_at_a_threshold_has_one_colour_and_nodata_none(probability: Path) -> None:
    tile, col, row = centre(probability, colormap="mask", threshold=127)
    assert tuple(tile[row, col + 4]) == MASK_COLOUR
    assert tile[row, col - 4, 3] == 0
    below, _, _ = centre(probability, colormap="mask")
    assert set(map(tuple, below[below[..., 3] > 0])) == {MASK_COLOUR}
    unknown, col, row = centre(probability, row=320, colormap="mask", threshold=127)
    assert unknown[row, col + 4, 3] == 0


def test_nothing_above_the_threshold_gives_no_tile(probability: Path) -> None:
    x, y = slippy(UTM_GRID, 200, 200, zoom=17)
    assert render_tile(probability, 17, int(x), int(y), colormap="mask", threshold=240) is None


def test_low_and_high_spread_the_values(make_raster: RasterMaker) -> None:
    path = make_raster(np.full((1, 400, 400), 60, np.uint8))
    tile, col, row = centre(path, low=50, high=70)
    assert tile[row, col, 0] == pytest.approx(128, abs=3)


def test_unknown_colours_and_an_empty_range_are_refused(probability: Path) -> None:
    with pytest.raises(ConfigError, match="probability, mask"):
        render_tile(probability, 17, 0, 0, colormap="rainbow")
    with pytest.raises(ConfigError, match="the smaller first"):
        render_tile(probability, 17, 0, 0, low=9, high=9)


def test_a_raster_that_is_not_8_bit_is_refused(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 40, 40).astype(np.float32))
    x, y = slippy(UTM_GRID, 20, 20, zoom=17)
    with pytest.raises(RasterRefusedError, match="its pixels are float32"):
        render_tile(path, 17, int(x), int(y))
