"""The web map's square (EPSG:3857): its tiles, and the way of pixels from a raster to it.

Pixels are warped as arrays. GDAL's virtual warped datasets, which rio-tiler and rio-cogeo build on, would need the
VRT driver, which is kept out (`icssn.gdal_environment`).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.warp import reproject
from rasterio.windows import Window

Pixels = tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]  # image (C, H, W), valid (H, W)

WEB = CRS.from_epsg(3857)
SIDE = 2 * math.pi * 6378137.0  # of the square, in its own units; the sphere of EPSG:3857
TILE_PX = 256
FINEST_ZOOM = 24  # pixels of 9 mm at the equator

_MARGIN_PX = 4  # read around what is needed, so that interpolation has its neighbours
_PROBES = 9  # points per side at which an area is carried to the raster; between them it is nearly straight


def pixel_units(zoom: int) -> float:
    """Give the side of a pixel at a zoom level, in units of EPSG:3857."""
    return float(SIDE / TILE_PX / 2**zoom)


def tile_transform(z: int, x: int, y: int) -> Affine:
    """Give the transform of a tile's pixels to EPSG:3857."""
    pixel = pixel_units(z)
    return Affine(pixel, 0, x * TILE_PX * pixel - SIDE / 2, 0, -pixel, SIDE / 2 - y * TILE_PX * pixel)


def source_window(dataset: DatasetReader, to_web: Affine, *, width: int, height: int) -> Window | None:
    """Give the pixels of a raster that an area of the web map needs, or None when it lies beside the raster.

    Args:
        dataset: Any CRS, rotated or not.
        to_web: The area's pixels → EPSG:3857.
        width: Of the area, px.
        height: Of the area, px.
    """
    cols, rows = np.meshgrid(np.linspace(0, width, _PROBES), np.linspace(0, height, _PROBES))
    xs, ys = to_web * (cols.ravel(), rows.ravel())
    if dataset.crs != WEB:
        xs, ys = _from_web(dataset.crs.to_wkt(version="WKT2_2019")).transform(xs, ys)
    cols, rows = ~dataset.transform * (xs, ys)
    reached = np.isfinite(cols) & np.isfinite(rows)
    if not reached.any():
        return None
    left, top = (max(math.floor(axis[reached].min()) - _MARGIN_PX, 0) for axis in (cols, rows))
    right = min(math.ceil(cols[reached].max()) + _MARGIN_PX, dataset.width)
    bottom = min(math.ceil(rows[reached].max()) + _MARGIN_PX, dataset.height)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def warp(
    pixels: Pixels, *, transform: Affine, crs: CRS, to_web: Affine, width: int, height: int, resampling: Resampling
) -> Pixels:
    """Carry pixels to an area of the web map; what is not valid has no part in interpolation.

    Args:
        pixels: uint8 (C, H, W) and bool (H, W).
        transform: Their pixels → `crs`.
        crs: Of `transform`.
        to_web: The area's pixels → EPSG:3857.
        width: Of the area, px.
        height: Of the area, px.
        resampling: How values between pixels are found.
    """
    image, valid = pixels
    alpha = len(image) + 1
    warped = np.zeros((alpha, height, width), np.uint8)
    reproject(
        np.concatenate([image, np.where(valid, np.uint8(255), np.uint8(0))[None]]),
        warped,
        src_transform=transform,
        src_crs=crs,
        dst_transform=to_web,
        dst_crs=WEB,
        src_alpha=alpha,
        dst_alpha=alpha,
        resampling=resampling,
    )
    return warped[:-1], warped[-1] > 127


@lru_cache(maxsize=64)
def _from_web(wkt: str) -> Transformer:
    return Transformer.from_crs(3857, wkt, always_xy=True)
