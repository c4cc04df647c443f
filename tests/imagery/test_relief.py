"""Terrain tiles: an even plane is drawn in the grey of its slope, whatever the zoom; beside it nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer

from icssn.errors import RasterRefusedError
from icssn.imagery import relief
from icssn.imagery.relief import STEEPEST_DEG, TERRAIN, render_terrain_tile
from icssn.records import TERRAIN_LAYERS


@pytest.fixture
def plane(tmp_path: Path) -> Path:
    """Ground that falls to the south-east by 24°, with a corner without data; 600 × 600 px of 2 m at 34° N."""
    path = tmp_path / "dem.tif"
    rows, cols = np.mgrid[:600, :600] * 2.0
    heights = (2000 - np.tan(np.deg2rad(24)) * (rows + cols) / np.sqrt(2)).astype(np.float32)
    heights[:200, :200] = -9999
    profile = {"driver": "GTiff", "width": 600, "height": 600, "count": 1, "dtype": "float32", "nodata": -9999}
    place = rasterio.transform.from_origin(600_000, 3_800_000, 2, 2)
    with rasterio.open(path, "w", crs="EPSG:32648", transform=place, **profile) as out:
        out.write(heights, 1)
    return path


def tile_at(x_m: float, y_m: float, z: int) -> tuple[int, int]:
    east, north = Transformer.from_crs(32648, 3857, always_xy=True).transform(x_m, y_m)
    side = 2 * 20037508.342789244 / 2**z
    return int((east + 20037508.342789244) / side), int((20037508.342789244 - north) / side)


@pytest.mark.parametrize("zoom", [16, 17, 19])
def test_a_plane_has_the_grey_of_its_slope_at_every_zoom(plane: Path, zoom: int) -> None:
    drawn = render_terrain_tile(plane, zoom, *tile_at(600_700, 3_799_300, zoom), layer="slope")
    assert drawn is not None
    pixels = np.array(Image.open(io.BytesIO(drawn)).convert("RGBA"))
    seen = pixels[pixels[..., 3] == 255][:, 0]
    assert np.median(seen) == pytest.approx(255 * (1 - 24 / STEEPEST_DEG), abs=3)


def test_ground_without_data_and_beside_the_raster_is_not_drawn(plane: Path) -> None:
    assert render_terrain_tile(plane, 19, *tile_at(600_150, 3_799_850, 19), layer="slope") is None
    assert render_terrain_tile(plane, 17, 0, 0, layer="slope") is None


def test_a_file_that_is_no_raster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.tif").write_bytes(b"nothing")
    with pytest.raises(RasterRefusedError):
        render_terrain_tile(tmp_path / "no.tif", 17, 0, 0, layer="slope")


INNER = (slice(2, -2), slice(2, -2))
ROWS, COLS = np.mgrid[:20, :20].astype(np.float32)


@pytest.mark.parametrize("layer", TERRAIN_LAYERS)
def test_every_layer_is_drawn_and_drawn_otherwise_than_the_others(plane: Path, layer: str) -> None:
    place = tile_at(600_700, 3_799_300, 17)
    drawn = {name: render_terrain_tile(plane, 17, *place, layer=name) for name in TERRAIN_LAYERS}
    assert drawn[layer]
    assert all(drawn[layer] != other for name, other in drawn.items() if name not in (layer, "roughness", "curvature"))
    assert tuple(TERRAIN) == TERRAIN_LAYERS


@pytest.mark.parametrize(("fall", "degrees"), [(-ROWS, 180), (ROWS, 0), (-COLS, 90), (COLS, 270), (-ROWS - COLS, 135)])
def test_aspect_is_the_direction_downslope(fall: relief.Heights, degrees: float) -> None:
    assert relief.aspect(fall, 1)[INNER] * 360 == pytest.approx(degrees, abs=1e-3)


def test_level_ground_has_no_aspect() -> None:
    assert np.isnan(relief.aspect(np.zeros((9, 9), np.float32), 1)).all()


def test_curvature_tells_ridges_from_hollows_and_nothing_of_slope() -> None:
    hollow = 0.05 * (COLS - 10) ** 2
    assert relief.curvature(3 * ROWS, 1)[INNER] == pytest.approx(0.5)
    assert (relief.curvature(hollow, 1)[INNER] < 0.4).all()
    assert (relief.curvature(-hollow, 1)[INNER] > 0.6).all()


def test_a_steep_plane_is_not_rough_and_hummocks_are() -> None:
    hummocks = np.random.default_rng(0).normal(scale=0.5, size=(20, 20)).astype(np.float32)
    assert relief.roughness(3 * ROWS, 1)[INNER] == pytest.approx(1, abs=0.01)
    assert relief.roughness(hummocks, 1)[INNER].mean() < 0.6


@pytest.mark.parametrize("strike", [ROWS, COLS, ROWS + COLS, ROWS - COLS])
def test_a_step_in_any_direction_stands_out_in_the_light_of_four_sides(strike: relief.Heights) -> None:
    scarp = 4 / (1 + np.exp(-(strike - strike.mean())))
    lit = relief.shading(scarp.astype(np.float32), 1)[INNER]
    assert ((lit >= 0) & (lit <= 1)).all()
    assert np.ptp(lit) > 0.04  # ten steps of grey
