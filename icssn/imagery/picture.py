"""A picture of a piece of ground, put together from map tiles."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from pyproj import Transformer

from icssn.imagery.tiles import render_tile
from icssn.imagery.web import FINEST_ZOOM, SIDE, TILE_PX, pixel_units
from icssn.records import Bounds

Place = Callable[[float, float], tuple[float, float]]  # longitude, latitude → pixel of the picture


def picture(
    path: Path, bounds_lonlat: Bounds, *, most_px: int = 480, colormap: str | None = None
) -> tuple[Image.Image, Place]:
    """Draw what a raster shows within bounds, in the projection of the web map.

    Args:
        path: A raster that `icssn.imagery.tiles.render_tile` draws.
        bounds_lonlat: (west, south, east, north) in degrees.
        most_px: Longer side of the picture.
        colormap: As of `render_tile`.

    Returns:
        RGBA, transparent where there is nothing, and the way from longitude/latitude to its pixels.

    Raises:
        RasterRefusedError: The raster is missing or damaged.
    """
    west, south, east, north = bounds_lonlat
    (left, right), (bottom, top) = _to_web().transform([west, east], [south, north])
    zoom = math.floor(math.log2(most_px * pixel_units(0) / max(right - left, top - bottom)))
    zoom = min(max(zoom, 0), FINEST_ZOOM)
    unit = pixel_units(zoom)
    col, row = (left + SIDE / 2) / unit, (SIDE / 2 - top) / unit
    width, height = max(1, round((right - left) / unit)), max(1, round((top - bottom) / unit))
    sheet = Image.new("RGBA", (width, height))
    for x in range(int(col // TILE_PX), int((col + width) // TILE_PX) + 1):
        for y in range(int(row // TILE_PX), int((row + height) // TILE_PX) + 1):
            drawn = render_tile(path, zoom, x, y, colormap=colormap)
            if drawn is not None:
                with Image.open(io.BytesIO(drawn)) as tile:
                    sheet.paste(tile.convert("RGBA"), (round(x * TILE_PX - col), round(y * TILE_PX - row)))

    def place(lon: float, lat: float) -> tuple[float, float]:
        at_x, at_y = _to_web().transform(lon, lat)
        return (at_x + SIDE / 2) / unit - col, (SIDE / 2 - at_y) / unit - row

    return sheet, place


def _to_web() -> Transformer:
    return Transformer.from_crs(4326, 3857, always_xy=True)
