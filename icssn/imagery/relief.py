"""Map tiles of terrain, computed from an elevation raster when they are asked for."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import reproject

from icssn.geo.shapes import pixel_transform
from icssn.imagery.landform import MEASURES, REACH_PX, Grey, Heights, north_up
from icssn.imagery.limits import damaged
from icssn.imagery.open import open_raster
from icssn.imagery.tiles import encode
from icssn.imagery.web import FINEST_ZOOM, TILE_PX, WEB, pixel_units, source_window, tile_transform

_SIDE = TILE_PX + 2 * REACH_PX
_RADIUS_M = 6378137.0  # of the sphere of EPSG:3857
_GREYS = ("000000", "ffffff")
_HOLLOW_TO_RIDGE = (
    "2166ac",
    "92c5de",
    "f7f7f7",
    "f4a582",
    "b2182b",
)  # ColorBrewer RdBu: told apart by the colour-blind
_ROUND = ("e2d9e2", "6785be", "2f1436", "b25652", "e2d9e2")  # of matplotlib's "twilight" (CC0): north is light
_COLOURS = {"curvature": _HOLLOW_TO_RIDGE, "aspect": _ROUND}  # in even steps; other layers are grey


def render_terrain_tile(dem: Path, z: int, x: int, y: int, *, layer: str) -> bytes | None:
    """Draw one tile of terrain.

    Args:
        dem: Elevations in m in its first band; any CRS.
        z: Zoom level, 0–24.
        x: Column of the tile from 180° W.
        y: Row of the tile from the top.
        layer: A key of `MEASURES`.

    Returns:
        WebP bytes, or None where there is nothing to draw.

    Raises:
        RasterRefusedError: The file is missing or damaged.
    """
    if not (0 <= z <= FINEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        return None
    to_web = tile_transform(z, x, y) * Affine.translation(-REACH_PX, -REACH_PX)
    heights = _heights(dem, to_web)
    if heights is None:
        return None
    middle = to_web.f + to_web.e * _SIDE / 2
    pixel_m = pixel_units(z) / math.cosh(middle / _RADIUS_M)  # the map stretches by 1 / cos(latitude)
    measured = MEASURES[layer](heights, north_up(pixel_m))[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
    return encode(_coloured(measured, _COLOURS.get(layer, _GREYS)), lossless=False)


def _heights(dem: Path, to_web: Affine) -> Heights | None:
    """Carry elevations to a square of the web map, or give None where the raster does not reach it."""
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
    return heights


def _coloured(values: Grey, colours: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    known = np.isfinite(values)
    anchors = np.array([list(bytes.fromhex(colour)) for colour in colours], float)
    steps = np.linspace(0, 1, len(anchors))
    bands = [np.interp(np.where(known, values, 0), steps, anchors[:, band]) for band in range(3)]
    return np.asarray(np.rint(np.dstack([*bands, np.where(known, 255, 0)])), np.uint8)
