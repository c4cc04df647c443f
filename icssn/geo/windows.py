"""Windows of pixels: equal windows with a halo, whose cores cover a raster once."""

from __future__ import annotations

import math
from typing import NamedTuple

from rasterio.windows import Window

_STRIDE = 32  # px; networks here halve the image five times, so sides and places of windows divide by 2⁵


class HaloWindow(NamedTuple):
    """A window, and the core of it that is kept; both lie in the raster."""

    core: Window
    window: Window


def even_windows(width: int, height: int, *, core_px: int, halo_px: int) -> list[list[HaloWindow]]:
    """Cover a raster with windows of one size whose cores meet without gap or overlap.

    No halo is spent beyond the border of the raster: there the core reaches to it. Windows start at multiples of
    32 px; where width or height is no such multiple, the last window is shorter by less than 32 px.

    Args:
        width: Of the raster, px.
        height: Of the raster, px.
        core_px: Largest side of a core that has a halo on both sides; rounded up to 32.
        halo_px: Between the border of a core and that of its window, at least; rounded up to 32.

    Returns:
        Rows of windows from top to bottom, each from left to right.
    """
    columns = _spans(width, core_px, halo_px)
    return [
        [
            HaloWindow(
                Window(left, top, right - left, bottom - top),
                Window(from_col, from_row, to_col - from_col, to_row - from_row),
            )
            for left, right, from_col, to_col in columns
        ]
        for top, bottom, from_row, to_row in _spans(height, core_px, halo_px)
    ]


def with_halo(core: Window, halo_px: int) -> Window:
    """Grow a window by `halo_px` on every side; the result may reach outside the raster."""
    return Window(core.col_off - halo_px, core.row_off - halo_px, core.width + 2 * halo_px, core.height + 2 * halo_px)


def _spans(length: int, core_px: int, halo_px: int) -> list[tuple[int, int, int, int]]:
    """Give begin and end of each core, and of its window, along one axis."""
    whole, core, halo = (_up(value) for value in (length, core_px, halo_px))
    wished = max(1, math.ceil((whole - 2 * halo) / core))
    side = _up(math.ceil((whole + (wished - 1) * 2 * halo) / wished))
    count = 1 + math.ceil((whole - side) / (side - 2 * halo)) if side < whole else 1
    starts = [min(number * (side - 2 * halo), whole - side) for number in range(count)]
    edges = [0, *(start + halo for start in starts[1:]), length]
    return [(edges[number], edges[number + 1], start, min(start + side, length)) for number, start in enumerate(starts)]


def _up(length_px: int) -> int:
    return math.ceil(length_px / _STRIDE) * _STRIDE
