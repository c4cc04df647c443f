"""Map tiles of terrain, computed from an elevation raster when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import reproject

from icssn.geo.shapes import pixel_transform
from icssn.imagery.limits import damaged
from icssn.imagery.open import open_raster
from icssn.imagery.tiles import encode
from icssn.imagery.web import FINEST_ZOOM, TILE_PX, WEB, pixel_units, source_window, tile_transform

Heights = npt.NDArray[np.float32]  # m, NaN where unknown
Grey = npt.NDArray[np.float32]  # 0 black to 1 white, or a place in a palette; NaN where unknown

STEEPEST_DEG = 60.0
"""Drawn black in `slope`; level ground is white."""

SHARPEST = 0.25
"""Change of the gradient over one pixel (m per m) at which `curvature` has its strongest colour."""

ROUGHEST = 0.04
"""Ruggedness at which `roughness` is black."""

_MARGIN_PX = 2  # around a tile: two differences, one after the other, need two neighbours
_SIDE = TILE_PX + 2 * _MARGIN_PX
_RADIUS_M = 6378137.0  # of the sphere of EPSG:3857
_ALTITUDE_RAD = math.radians(45)
_AZIMUTHS_DEG = (225.0, 270.0, 315.0, 360.0)
_GREYS = ("000000", "ffffff")
_HOLLOW_TO_RIDGE = (
    "2166ac",
    "92c5de",
    "f7f7f7",
    "f4a582",
    "b2182b",
)  # ColorBrewer RdBu: told apart by the colour-blind
_ROUND = ("e2d9e2", "6785be", "2f1436", "b25652", "e2d9e2")  # of matplotlib's "twilight" (CC0): north is light


def slope(heights: Heights, pixel_m: float) -> Grey:
    """Give lightness, the steeper the darker."""
    down, across = np.gradient(heights, pixel_m)
    steep = np.clip(np.rad2deg(np.arctan(np.hypot(down, across))) / STEEPEST_DEG, 0, 1)
    return np.asarray(1 - steep, np.float32)


def aspect(heights: Heights, pixel_m: float) -> Grey:
    """Give the direction downslope, clockwise from north, as a share of the circle; NaN on level ground."""
    down, across = np.gradient(heights, pixel_m)
    turned = np.mod(np.arctan2(-across, down), 2 * np.pi) / (2 * np.pi)
    return np.where(np.hypot(down, across) > 1e-6, turned, np.nan).astype(np.float32)


def curvature(heights: Heights, pixel_m: float) -> Grey:
    """Give .5 on even ground, less in hollows, more on ridges and convex breaks such as a crown."""
    down, across = np.gradient(heights, pixel_m)
    bend = -(np.gradient(down, axis=0) + np.gradient(across, axis=1))  # over one pixel
    return np.asarray(0.5 + 0.5 * np.clip(bend / SHARPEST, -1, 1), np.float32)


def roughness(heights: Heights, pixel_m: float) -> Grey:
    """Give lightness, the more the ground's normals differ within 3 × 3 pixels the darker; slope itself does not count.

    Source:
        Sappington et al. 2007, Journal of Wildlife Management 71(5), 1419–1426: vector ruggedness measure.
    """
    down, across = np.gradient(heights, pixel_m)
    steepness = np.sqrt(1 + down**2 + across**2)
    parts = np.stack([-across / steepness, -down / steepness, 1 / steepness])
    padded = np.pad(parts, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    rows, cols = heights.shape
    around = [padded[:, row : row + rows, col : col + cols] for row in range(3) for col in range(3)]
    total = np.sum(around, axis=0)
    ruggedness = 1 - np.sqrt((total**2).sum(axis=0)) / 9
    return np.asarray(1 - np.sqrt(np.clip(ruggedness / ROUGHEST, 0, 1)), np.float32)


def shading(heights: Heights, pixel_m: float) -> Grey:
    """Give the light of four lamps in the west and north, each counting where it strikes along the slope.

    A single lamp hides scarps that face it or run along its rays.

    Source:
        Mark 1992, USGS Open-File Report 92-422: weights sin² of the angle between slope and lamp.
    """
    down, across = np.gradient(heights, pixel_m)
    downslope = np.arctan2(-across, down)
    lit = weights = np.zeros_like(heights)
    for azimuth_deg in _AZIMUTHS_DEG:
        lamp = math.radians(azimuth_deg)
        towards = -across * math.sin(lamp) + down * math.cos(lamp)
        cosine = (towards * math.cos(_ALTITUDE_RAD) + math.sin(_ALTITUDE_RAD)) / np.sqrt(1 + down**2 + across**2)
        weight = np.sin(downslope - lamp) ** 2
        lit, weights = lit + weight * np.clip(cosine, 0, 1), weights + weight
    return np.asarray(lit / weights, np.float32)


TERRAIN: dict[str, tuple[Callable[[Heights, float], Grey], tuple[str, ...]]] = {
    "slope": (slope, _GREYS),
    "shading": (shading, _GREYS),
    "curvature": (curvature, _HOLLOW_TO_RIDGE),
    "roughness": (roughness, _GREYS),
    "aspect": (aspect, _ROUND),
}
"""Layer → what it shows, and the even steps of its colours."""


def render_terrain_tile(dem: Path, z: int, x: int, y: int, *, layer: str) -> bytes | None:
    """Draw one tile of terrain.

    Args:
        dem: Elevations in m in its first band; any CRS.
        z: Zoom level, 0–24.
        x: Column of the tile from 180° W.
        y: Row of the tile from the top.
        layer: A key of `TERRAIN`.

    Returns:
        WebP bytes, or None where there is nothing to draw.

    Raises:
        RasterRefusedError: The file is missing or damaged.
    """
    if not (0 <= z <= FINEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        return None
    to_web = tile_transform(z, x, y) * Affine.translation(-_MARGIN_PX, -_MARGIN_PX)
    heights = _heights(dem, to_web)
    if heights is None:
        return None
    measure, colours = TERRAIN[layer]
    middle = to_web.f + to_web.e * _SIDE / 2
    pixel_m = pixel_units(z) / math.cosh(middle / _RADIUS_M)  # the map stretches by 1 / cos(latitude)
    inner = slice(_MARGIN_PX, -_MARGIN_PX)
    return encode(_coloured(measure(heights, pixel_m)[inner, inner], colours), lossless=False)


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
