"""Map tiles cut from rasters: WebP squares of 256 px in the web map's grid."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.errors import ConfigError, RasterRefusedError
from icssn.geo.shapes import pixel_transform
from icssn.imagery.colours import mask_colours, probability_colours
from icssn.imagery.open import open_raster
from icssn.imagery.stretch import apply
from icssn.imagery.web import FINEST_ZOOM, TILE_PX, WEB, Pixels, source_window, tile_transform, warp
from icssn.records import Stretch

COLORMAPS = ("probability", "mask", "values")
_QUALITY = 80  # of WebP for imagery: about 15 kB a tile; results are kept without loss
_ALIGNED_PX = 1e-3  # smaller shifts are rounding
_EFFORT = 0  # of WebP: the fastest; more effort saves a tenth of the bytes for three times the time


def render_tile(
    path: Path,
    z: int,
    x: int,
    y: int,
    *,
    colormap: str | None = None,
    low: float = 0,
    high: float = 255,
    threshold: int | None = None,
) -> bytes | None:
    """Draw one tile of a raster; a raster from `icssn.imagery.cog` is quickest, any grid works.

    Args:
        path: GeoTIFF of uint8 with 1 or 3 bands (an alpha band or a mask beside).
        z: Zoom level, 0–24.
        x: Column of the tile from 180° W.
        y: Row of the tile from the top (as in XYZ, not TMS).
        colormap: None draws the bands; "probability" draws the first band in colours whose opacity grows with the
            value; "mask" draws every pixel of at least `threshold` (default 1) in one colour; "values" draws the
            first band in grey without loss, for a browser that colours it itself.
        low: Stored value that becomes 0, the first colour.
        high: Stored value that becomes 255, the last colour.
        threshold: Stored values below are not drawn; nodata never is.

    Returns:
        WebP bytes, or None where there is nothing to draw.

    Raises:
        RasterRefusedError: The file is missing or damaged.
        ConfigError: No such colormap, or `low` is not below `high`.
    """
    if colormap is not None and colormap not in COLORMAPS:
        raise ConfigError("colormap", colormap, f"one of {', '.join(COLORMAPS)}")
    if not low < high:
        raise ConfigError("low, high", (low, high), "two numbers, the smaller first")
    if not (0 <= z <= FINEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        return None
    with open_raster(path) as dataset:
        pixels = _read(dataset, tile_transform(z, x, y), colormap)
    image, valid = pixels
    if threshold is not None:
        valid = valid & (image[0] >= threshold)
    if colormap == "mask":
        colours = mask_colours(1 if threshold is None else threshold)
        return _encode(np.where(valid[..., None], colours[image[0]], np.uint8(0)), lossless=True)
    if colormap == "values":
        return _encode(np.dstack([image[0]] * 3 + [np.where(valid, np.uint8(255), np.uint8(0))]), lossless=True)
    count = len(image)
    image = apply(image, Stretch(bands=tuple(range(1, count + 1)), low=(low,) * count, high=(high,) * count))
    if colormap == "probability":
        return _encode(np.where(valid[..., None], probability_colours()[image[0]], np.uint8(0)), lossless=True)
    red_green_blue = np.broadcast_to(image, (3, *valid.shape))
    alpha = np.where(valid, np.uint8(255), np.uint8(0))
    return _encode(np.dstack([*red_green_blue, alpha]), lossless=False)


def _read(dataset: DatasetReader, to_web: Affine, colormap: str | None) -> Pixels:
    bands = [number for number, meaning in enumerate(dataset.colorinterp, start=1) if meaning != ColorInterp.alpha]
    bands = bands[:3] if colormap is None and len(bands) >= 3 else bands[:1]
    resampling = Resampling.nearest if colormap == "mask" else Resampling.bilinear
    try:
        if dataset.dtypes[0] != "uint8":
            raise _unfit(dataset, f"its pixels are {dataset.dtypes[0]}")
        pixels = _read_aligned(dataset, to_web, bands, resampling)
        return _read_any(dataset, to_web, bands, resampling) if pixels is None else pixels
    except RasterioError as err:
        raise _unfit(dataset, f"its pixels could not be read ({err})") from err


def _read_aligned(dataset: DatasetReader, to_web: Affine, bands: list[int], resampling: Resampling) -> Pixels | None:
    """Read a tile whose pixels are whole multiples of the raster's own, or give None."""
    grid = dataset.transform
    if dataset.crs != WEB or grid.b or grid.d or grid.e != -grid.a:
        return None
    times = round(to_web.a / grid.a)
    exact = [offset / max(times, 1) for offset in ~grid * (to_web.c, to_web.f)]
    left, top = (round(offset) for offset in exact)
    if times < 1 or max(abs(to_web.a / grid.a - times), abs(exact[0] - left), abs(exact[1] - top)) > _ALIGNED_PX:
        return None
    col, row = max(left, 0), max(top, 0)  # in tile pixels from the raster's corner
    cols = min(left + TILE_PX, math.ceil(dataset.width / times)) - col
    rows = min(top + TILE_PX, math.ceil(dataset.height / times)) - row
    image, valid = np.zeros((len(bands), TILE_PX, TILE_PX), np.uint8), np.zeros((TILE_PX, TILE_PX), np.bool_)
    if cols > 0 and rows > 0:
        reach = min(cols * times, dataset.width - col * times), min(rows * times, dataset.height - row * times)
        window, place = Window(col * times, row * times, *reach), (slice(row - top, None), slice(col - left, None))
        image[:, *place][:, :rows, :cols], valid[place][:rows, :cols] = _read_decimated(
            dataset, bands, window, (rows, cols), resampling
        )
    return image, valid


def _read_any(dataset: DatasetReader, to_web: Affine, bands: list[int], resampling: Resampling) -> Pixels:
    """Read what a tile needs, at most twice as fine as the tile, and warp it."""
    window = source_window(dataset, to_web, width=TILE_PX, height=TILE_PX)
    if window is None:
        return np.zeros((len(bands), TILE_PX, TILE_PX), np.uint8), np.zeros((TILE_PX, TILE_PX), np.bool_)
    rows, cols = min(window.height, 2 * TILE_PX), min(window.width, 2 * TILE_PX)
    return warp(
        _read_decimated(dataset, bands, window, (rows, cols), resampling),
        transform=pixel_transform(dataset.transform, window) * Affine.scale(window.width / cols, window.height / rows),
        crs=dataset.crs,
        to_web=to_web,
        width=TILE_PX,
        height=TILE_PX,
        resampling=resampling,
    )


def _read_decimated(
    dataset: DatasetReader, bands: list[int], window: Window, shape: tuple[int, int], resampling: Resampling
) -> Pixels:
    image = dataset.read(bands, window=window, out_shape=(len(bands), *shape), resampling=resampling)
    return image, dataset.dataset_mask(window=window, out_shape=shape) > 0


def _encode(pixels: npt.NDArray[np.uint8], *, lossless: bool) -> bytes | None:
    """Give (H, W, 4) pixels as WebP, or None when all are transparent."""
    alpha = pixels[..., 3]
    if not alpha.any():
        return None
    image = Image.fromarray(pixels[..., :3] if (alpha == 255).all() else pixels)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=_QUALITY, method=_EFFORT, lossless=lossless)
    return file.getvalue()


def _unfit(dataset: DatasetReader, found: str) -> RasterRefusedError:
    return RasterRefusedError(
        Path(dataset.name).name, found=found, needed="an undamaged raster of uint8", remedy="Import the scene again."
    )
