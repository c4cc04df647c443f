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
from icssn.imagery.landform import MEASURES, STEEPEST_DEG
from icssn.imagery.relief import render_terrain_tile
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


@pytest.mark.parametrize("layer", TERRAIN_LAYERS)
def test_every_layer_is_drawn_and_drawn_otherwise_than_the_others(plane: Path, layer: str) -> None:
    place = tile_at(600_700, 3_799_300, 17)
    drawn = {name: render_terrain_tile(plane, 17, *place, layer=name) for name in TERRAIN_LAYERS}
    assert drawn[layer]
    assert all(drawn[layer] != other for name, other in drawn.items() if name not in (layer, "roughness", "curvature"))
    assert tuple(MEASURES) == TERRAIN_LAYERS
