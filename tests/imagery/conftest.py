"""Small real rasters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

UTM_GRID = Affine(0.8, 0, 510_000, 0, -0.8, 3_000_000)

RasterMaker = Callable[..., Path]


@pytest.fixture
def make_raster(tmp_path: Path) -> RasterMaker:
    """Give a function that writes `values` (C, H, W) as a GeoTIFF; keywords go to rasterio."""

    def make(values: np.ndarray, name: str = "scene.tif", **options: Any) -> Path:
        path = tmp_path / name
        profile: dict[str, Any] = {"crs": "EPSG:32648", "transform": UTM_GRID, **options}
        profile = {key: value for key, value in profile.items() if value is not None}
        count, height, width = values.shape
        with rasterio.open(
            path, "w", driver="GTiff", width=width, height=height, count=count, dtype=values.dtype, **profile
        ) as dataset:
            dataset.write(values)
        return path

    return make


def texture(count: int, height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Draw a random but smooth uint8 image (C, H, W), 1–254."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(1, 254, (count, height // 16 + 2, width // 16 + 2))
    rows, cols = np.arange(height) / 16, np.arange(width) / 16
    top, left = rows.astype(int), cols.astype(int)
    down, right = (rows - top)[:, None], (cols - left)[None]
    upper = coarse[:, top][:, :, left] * (1 - right) + coarse[:, top][:, :, left + 1] * right
    lower = coarse[:, top + 1][:, :, left] * (1 - right) + coarse[:, top + 1][:, :, left + 1] * right
    return (upper * (1 - down) + lower * down).astype(np.uint8)
