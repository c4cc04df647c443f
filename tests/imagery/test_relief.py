"""Terrain for the map: planes keep their slope's grey at every zoom, and nothing is drawn where nothing is known."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.transform import Affine

from icssn.errors import CancelledError, RasterRefusedError
from icssn.imagery.landform import MEASURES, STEEPEST_DEG
from icssn.imagery.open import open_raster
from icssn.imagery.relief import LAYERS, make_relief
from icssn.imagery.tiles import render_tile
from icssn.records import TERRAIN_LAYERS, Progress
from tests.imagery.conftest import RasterMaker

DOWN, ACROSS = np.mgrid[:600, :600].astype(np.float32) * 2  # m


@pytest.fixture
def plane(make_raster: RasterMaker) -> Path:
    """Ground that falls to the south-east by 24°, with a corner without data; 600 × 600 px of 2 m at 34° N."""
    heights = 2000 - np.tan(np.deg2rad(24)) * (DOWN + ACROSS) / np.sqrt(2)
    heights[:200, :200] = -9999
    place = rasterio.transform.from_origin(600_000, 3_800_000, 2, 2)
    return make_raster(heights[None].astype(np.float32), transform=place, nodata=-9999)


def tile(path: Path, x_m: float, y_m: float, z: int) -> np.ndarray | None:
    """Draw the tile of a place in EPSG:32648, (256, 256, 4)."""
    east, north = Transformer.from_crs(32648, 3857, always_xy=True).transform(x_m, y_m)
    side = 2 * 20037508.342789244 / 2**z
    drawn = render_tile(path, z, int((east + 20037508.342789244) / side), int((20037508.342789244 - north) / side))
    return None if drawn is None else np.array(Image.open(io.BytesIO(drawn)).convert("RGBA"))


@pytest.mark.parametrize("zoom", [13, 16, 17, 19])
def test_a_plane_has_the_grey_of_its_slope_at_every_zoom(plane: Path, tmp_path: Path, zoom: int) -> None:
    make_relief(plane, tmp_path / "slope.tif", layer="slope")
    pixels = tile(tmp_path / "slope.tif", 600_700, 3_799_300, zoom)
    assert pixels is not None
    seen = pixels[pixels[..., 3] == 255][:, 0]
    assert np.median(seen) == pytest.approx(255 * (1 - 24 / STEEPEST_DEG), abs=3)


def test_ground_without_data_and_beside_the_raster_is_not_drawn(plane: Path, tmp_path: Path) -> None:
    make_relief(plane, tmp_path / "slope.tif", layer="slope")
    assert tile(tmp_path / "slope.tif", 600_150, 3_799_850, 19) is None
    assert tile(tmp_path / "slope.tif", 500_150, 3_799_850, 17) is None


@pytest.mark.parametrize(
    ("layer", "grey"), [("hillshade", 180), ("slope", 255), ("roughness", 255), ("curvature", 247)]
)
def test_missing_elevations_cast_no_cliff(make_raster: RasterMaker, tmp_path: Path, layer: str, grey: int) -> None:
    elevation = np.full((1, 60, 60), 800, np.float32)
    elevation[0, 20:40, 20:40] = -9999
    make_relief(make_raster(elevation, nodata=-9999), tmp_path / "web.tif", layer=layer)
    with open_raster(tmp_path / "web.tif") as web:
        shown = web.dataset_mask() > 0
        values = web.read(1)[shown]
    assert np.abs(values.astype(int) - grey).mean() < 3  # JPEG rings a little at the mask's edge
    assert 56**2 - 24**2 - 250 < shown.sum() * (0.6 / 0.9) ** 2 < 3600 - 400


def test_slopes_are_taken_on_the_ground(make_raster: RasterMaker, tmp_path: Path) -> None:
    steps = 1e-4  # degrees: 11.1 m northwards, 5.6 m eastwards at 60° N
    elevation = (500 - 11.14 * np.mgrid[:32, :32][0]).astype(np.float32)[None]
    path = make_raster(elevation, crs="EPSG:4326", transform=Affine(steps, 0, 10, 0, -steps, 60))
    make_relief(path, tmp_path / "shade.tif", layer="hillshade")
    with open_raster(tmp_path / "shade.tif") as web:
        shown = web.read(1)[web.dataset_mask() > 0]
    expected = 255 * (math.sqrt(0.5) - 0.5) / math.sqrt(2)  # rises northwards by 45°
    assert np.median(shown) == pytest.approx(expected, abs=2)


def test_relief_smaller_than_a_tile_pixel_is_seen_from_afar(make_raster: RasterMaker, tmp_path: Path) -> None:
    waves = 3 * np.sin(ACROSS / 2)[None]  # crests every 12.6 m, slopes up to 56°
    place = rasterio.transform.from_origin(600_000, 3_800_000, 2, 2)
    make_relief(make_raster(waves.astype(np.float32), transform=place), tmp_path / "slope.tif", layer="slope")
    pixels = tile(tmp_path / "slope.tif", 600_600, 3_799_400, 12)  # 32 m
    assert pixels is not None
    middle = pixels[pixels[..., 3] == 255][:, 0]
    assert np.median(middle) < 255 * (1 - 25 / STEEPEST_DEG)


def test_a_cancelled_measurement_leaves_nothing_behind(plane: Path, tmp_path: Path) -> None:
    def report(progress: Progress) -> None:
        raise CancelledError("Import")

    with pytest.raises(CancelledError):
        make_relief(plane, tmp_path / "web" / "slope.tif", layer="slope", report=report)
    assert not list(tmp_path.glob("web/*"))


def test_a_file_that_is_no_raster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.tif").write_bytes(b"nothing")
    with pytest.raises(RasterRefusedError):
        make_relief(tmp_path / "no.tif", tmp_path / "slope.tif", layer="slope")
    assert not (tmp_path / "slope.tif").exists()


def test_every_layer_is_drawn_and_drawn_otherwise_than_the_others(make_raster: RasterMaker, tmp_path: Path) -> None:
    hills = 30 * np.sin(ACROSS / 60) * np.cos(DOWN / 45) + np.random.default_rng(0).normal(0, 0.2, DOWN.shape)
    path = make_raster(
        hills[None].astype(np.float32), transform=rasterio.transform.from_origin(600_000, 3_800_000, 2, 2)
    )
    drawn = {}
    for layer in LAYERS:
        make_relief(path, tmp_path / f"{layer}.tif", layer=layer)
        drawn[layer] = tile(tmp_path / f"{layer}.tif", 600_700, 3_799_300, 17)
    assert all(pixels is not None for pixels in drawn.values())
    assert len({pixels.tobytes() for pixels in drawn.values() if pixels is not None}) == len(LAYERS)
    assert tuple(MEASURES) == TERRAIN_LAYERS


@pytest.mark.real
def test_a_real_elevation_model_is_shaded(real_data: Path, tmp_path: Path) -> None:
    make_relief(real_data / "kashmir_dem_inventory" / "AW3D30.tif", tmp_path / "shade.tif", layer="hillshade")
    with rasterio.open(tmp_path / "shade.tif") as web:
        shades = web.read(1)[web.dataset_mask() > 0]
    assert 100 < shades.mean() < 200
    assert shades.std() > 40
