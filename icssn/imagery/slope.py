"""Map tiles of slope, computed from an elevation raster when they are asked for."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import reproject

from icssn.geo.shapes import pixel_transform
from icssn.imagery.limits import damaged
from icssn.imagery.open import open_raster
from icssn.imagery.tiles import encode
from icssn.imagery.web import FINEST_ZOOM, TILE_PX, WEB, pixel_units, source_window, tile_transform

STEEPEST_DEG = 60.0
"""Drawn black; level ground is white."""

_SIDE = TILE_PX + 2  # a pixel more on each side, for the slope of those at the border
_RADIUS_M = 6378137.0  # of the sphere of EPSG:3857


def render_slope_tile(dem: Path, z: int, x: int, y: int) -> bytes | None:
    """Draw one tile of slope in grey, the steeper the darker.

    Args:
        dem: Elevations in m in its first band; any CRS.
        z: Zoom level, 0–24.
        x: Column of the tile from 180° W.
        y: Row of the tile from the top.

    Returns:
        WebP bytes, or None where there is nothing to draw.

    Raises:
        RasterRefusedError: The file is missing or damaged.
    """
    if not (0 <= z <= FINEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        return None
    to_web = tile_transform(z, x, y) * Affine.translation(-1, -1)
    with open_raster(dem) as dataset:
        window = source_window(dataset, to_web, width=_SIDE, height=_SIDE)
        if window is None:
            return None
        rows, cols = min(window.height, 2 * _SIDE), min(window.width, 2 * _SIDE)
        try:
            values = dataset.read(1, window=window, out_shape=(rows, cols), resampling=Resampling.bilinear)
            known = dataset.dataset_mask(window=window, out_shape=(rows, cols)) > 0
        except RasterioError as err:
            raise damaged(dem.name, str(err)) from err
        heights = np.full((_SIDE, _SIDE), np.nan, np.float32)
        reproject(
            np.where(known, values, np.nan).astype(np.float32),
            heights,
            src_transform=pixel_transform(dataset.transform, window)
            * Affine.scale(window.width / cols, window.height / rows),
            src_crs=dataset.crs,
            src_nodata=np.nan,
            dst_transform=to_web,
            dst_crs=WEB,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    middle = to_web.f + to_web.e * _SIDE / 2
    ground_m = pixel_units(z) / math.cosh(middle / _RADIUS_M)  # the map stretches by 1 / cos(latitude)
    down, across = np.gradient(heights, ground_m)
    slope_deg = np.rad2deg(np.arctan(np.hypot(down, across)))[1:-1, 1:-1]
    valid = np.isfinite(slope_deg)
    grey = np.rint(255 * (1 - np.clip(np.where(valid, slope_deg, 0) / STEEPEST_DEG, 0, 1))).astype(np.uint8)
    return encode(np.dstack([grey, grey, grey, np.where(valid, np.uint8(255), np.uint8(0))]), lossless=False)
