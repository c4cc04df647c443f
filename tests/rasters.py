"""A raster of noise on a real grid, for tests that need a scene and not what it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio


def noise(path: Path, *, side: int, pixel_m: float = 1, bands: int = 3) -> Path:
    """Write a square GeoTIFF of 8 bits in UTM 48 north, without nodata; give its path."""
    place = rasterio.transform.from_origin(600_000, 3_800_000, pixel_m, pixel_m)
    grid = {"width": side, "height": side, "count": bands, "dtype": "uint8", "crs": "EPSG:32648", "transform": place}
    with rasterio.open(path, "w", driver="GTiff", **grid) as out:
        out.write(np.random.default_rng(0).integers(1, 255, (bands, side, side), dtype=np.uint8))
    return path
