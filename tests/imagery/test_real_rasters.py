"""Rasters as they come from other programs and sensors are imported and lie where they belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from rasterio.windows import Window

from icssn.imagery.cog import make_tiles
from icssn.imagery.open import inspect, open_raster
from icssn.imagery.read import read_window

FILES = {
    "raster_fixtures/deepness_oils.tif": "uint8, alpha, web Mercator",
    "raster_fixtures/odc_au-3577-rotated.tif": "float32 with NaN, rotated, pixels of 30 km",
    "raster_fixtures/rasterio_RGB.byte.tif": "uint8, nodata collar, untiled",
    "raster_fixtures/riotiler_pix4d_alpha_nodata.tif": "uint8, alpha, southern hemisphere",
    "uav_atali/scene_rgb.tif": "uint8, nodata border, pixels of 7 cm",
    "chattogram_s2/s2_rgbn_uint16.tif": "uint16, four bands, degrees",
    "kashmir_dem_inventory/AW3D30.tif": "float32 elevation, huge negative nodata",
    "kashmir_dem_inventory/Geology.tif": "int16 classes, nodata -9999",
    "kashmir_dem_inventory/Landcover.tif": "int16 classes, nodata -9999",
}
STEP = 3  # every third pixel is compared
REACH = 2  # px, by which the map is shifted for comparison


@pytest.mark.real
@pytest.mark.parametrize("name", FILES)
def test_the_map_shows_every_pixel_at_its_place(real_data: Path, tmp_path: Path, name: str) -> None:
    """The map copy agrees with the file where it lies, and less when shifted by one pixel in any direction."""
    facts = inspect(real_data / name)
    make_tiles(real_data / name, tmp_path / "tiles.tif", stretch=facts.stretch)
    with open_raster(real_data / name) as source, open_raster(tmp_path / "tiles.tif") as tiles:
        image, valid = read_window(source, Window(0, 0, facts.width, facts.height), facts.stretch)
        shown, seen = tiles.read(1).astype(float), tiles.dataset_mask() > 0
        rows, cols = np.mgrid[REACH : facts.height - REACH : STEP, REACH : facts.width - REACH : STEP]
        xs, ys = source.transform * (cols.ravel() + 0.5, rows.ravel() + 0.5)
        web = Transformer.from_crs(source.crs.to_wkt(), 3857, always_xy=True).transform(xs, ys)
        at_col, at_row = (np.floor(axis).astype(int).reshape(rows.shape) for axis in ~tiles.transform * web)
    assert seen[at_row, at_col][valid[rows, cols]].mean() > 0.97
    errors = {}
    for down in range(-REACH, REACH + 1):
        for right in range(-REACH, REACH + 1):
            known = valid[rows + down, cols + right] & seen[at_row, at_col]
            apart = np.abs(image[0].astype(float)[rows + down, cols + right] - shown[at_row, at_col])
            errors[down, right] = apart[known].mean()
    assert min(errors, key=lambda shift: errors[shift]) == (0, 0)
    assert errors[0, 0] < 0.6 * np.mean(list(errors.values()))


@pytest.mark.real
@pytest.mark.parametrize("name", ["uav_atali/mask.tif", "chattogram_s2/sparse_labels_0none_1background_2landslide.tif"])
def test_masks_come_in_as_scenes_too(real_data: Path, tmp_path: Path, name: str) -> None:
    facts = inspect(real_data / name)
    make_tiles(real_data / name, tmp_path / "tiles.tif", stretch=facts.stretch)
    with open_raster(tmp_path / "tiles.tif") as tiles:
        assert tiles.count == 1
        assert tiles.width % 256 == tiles.height % 256 == 0
