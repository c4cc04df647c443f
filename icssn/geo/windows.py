"""Windows of pixels: even cores that cover a raster once, and the halo around them."""

from __future__ import annotations

import math

from rasterio.windows import Window

_STRIDE = 32  # px; networks here halve the image five times, so sides divide by 2⁵


def even_cores(width: int, height: int, core_px: int) -> list[Window]:
    """Cut a raster into cores of even size, row by row, covering every pixel exactly once.

    Each axis of n px is cut into k = ceil(n / core_px) parts of n / k px, rounded up to a multiple of 32; the last
    one is clipped at the border. So no sliver remains that costs as much as a full core.

    Args:
        width: Of the raster, px.
        height: Of the raster, px.
        core_px: Wished side of a core, > 0; a core is at most this, rounded up to 32.

    Returns:
        Windows in row-major order.
    """
    return [
        Window(col, row, cols, rows)
        for row, rows in _even_parts(height, core_px)
        for col, cols in _even_parts(width, core_px)
    ]


def with_halo(core: Window, halo_px: int) -> Window:
    """Grow a window by `halo_px` on every side; the result may reach outside the raster."""
    return Window(core.col_off - halo_px, core.row_off - halo_px, core.width + 2 * halo_px, core.height + 2 * halo_px)


def _even_parts(length: int, core_px: int) -> list[tuple[int, int]]:
    count = math.ceil(length / core_px)
    side = math.ceil(length / count / _STRIDE) * _STRIDE
    return [(start, min(side, length - start)) for start in range(0, length, side)]
