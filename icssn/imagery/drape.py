"""Terrain on a scene's grid: layers of an elevation raster, the same bytes whichever window asks for them.

What is measured are the raster's own pixels, or blocks of them where they are finer than half a scene pixel; then the
measure is carried to the scene's grid. (Carried heights of a coarser raster would show its steps as slopes.) Every
number depends on rows and columns counted from the origin of the raster or of the scene, on none from a window's
corner; GDAL's warp, which approximates along the rows of its target, would not keep that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.config import TerrainLayer
from icssn.errors import RasterRefusedError
from icssn.geo import crs
from icssn.imagery.landform import MEASURES, REACH_PX, Heights, Steps, level
from icssn.imagery.limits import georeference
from icssn.imagery.read import read_values
from icssn.records import Bounds, RasterFacts

_SQUARE_PX = 256  # of the scene, draped at once, so that memory does not grow with the window
_NODE_PX = 64  # of the scene, between places that are carried exactly; lines between are straight to 0.003 px of 30 m
_READ_PX = 4_000_000  # of the elevation raster, averaged to blocks at once

Places = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Drape:
    """An elevation raster over a scene; made by `drape`.

    Attributes:
        dem: Open; elevations in m in its first band.
        wkt: Its CRS.
        facts: The scene's.
        layers: What is measured.
        block_px: Side of the blocks that are measured, px of the elevation raster.
        steps: From one block to the next, on the ground in the middle of the scene.
    """

    dem: DatasetReader
    wkt: str
    facts: RasterFacts
    layers: tuple[TerrainLayer, ...]
    block_px: int
    steps: Steps

    def read(self, window: Window) -> npt.NDArray[np.uint8]:
        """Give the layers in a window of the scene.

        Args:
            window: Whole pixels; may reach outside the scene.

        Returns:
            uint8 (L, H, W): the measure × 255; where the elevation is unknown, that of level ground.

        Raises:
            RasterRefusedError: The elevation raster is damaged at this place.
        """
        left, top, width, height = (int(v) for v in (window.col_off, window.row_off, window.width, window.height))
        found = np.empty((len(self.layers), height, width), np.uint8)
        for row in range(0, height, _SQUARE_PX):
            for col in range(0, width, _SQUARE_PX):
                rows, cols = slice(row, min(row + _SQUARE_PX, height)), slice(col, min(col + _SQUARE_PX, width))
                across = 0.5 + np.arange(left + cols.start, left + cols.stop, dtype=np.float64)
                down = 0.5 + np.arange(top + rows.start, top + rows.stop, dtype=np.float64)
                found[:, rows, cols] = self._square(*self._places(across, down))
        return found

    def _square(self, across: Places, down: Places) -> npt.NDArray[np.uint8]:
        """Give the layers at places (H, W) of `_places`, as `read`."""
        known = np.isfinite(across) & np.isfinite(down)
        across, down = (np.where(known, axis, axis[known][0] if known.any() else 0) for axis in (across, down))
        col, row = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
        left, top = int(col.min()), int(row.min())
        heights = self._heights(left, top, width=int(col.max()) + 2 - left, height=int(row.max()) + 2 - top)
        found = np.empty((len(self.layers), *known.shape), np.uint8)
        for number, layer in enumerate(self.layers):
            flat = level(MEASURES[layer])
            measured = MEASURES[layer](heights, self.steps)[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
            nodes = np.where(np.isfinite(measured), measured, np.float32(flat))
            carried = _between(nodes, row - top, col - left, down=down - row, across=across - col)
            found[number] = np.rint(255 * np.where(known, carried, flat))
        return found

    def _places(self, cols: Places, rows: Places) -> tuple[Places, Places]:
        """Say where in the blocks (N, M) places of the scene lie, counted from the middle of the first block.

        Args:
            cols: (M,), px.
            rows: (N,), px.

        Returns:
            Columns and rows, not farther than one block beside the raster; NaN where its CRS cannot be used.
        """
        node_col, node_row = (np.floor(axis / _NODE_PX).astype(np.int64) for axis in (cols, rows))
        left, top = int(node_col[0]), int(node_row[0])
        nodes = np.meshgrid(
            _NODE_PX * np.arange(left, int(node_col[-1]) + 2, dtype=float),
            _NODE_PX * np.arange(top, int(node_row[-1]) + 2, dtype=float),
        )
        right, below = (cols / _NODE_PX - node_col)[None], (rows / _NODE_PX - node_row)[:, None]
        at = (node_row - top)[:, None], (node_col - left)[None]
        across, down = (_between(axis, *at, down=below, across=right) for axis in self._to_blocks(*nodes))
        return (
            np.clip(across, -1, -(-self.dem.width // self.block_px)),
            np.clip(down, -1, -(-self.dem.height // self.block_px)),
        )

    def _to_blocks(self, cols: Places, rows: Places) -> tuple[Places, Places]:
        xs, ys = Affine(*self.facts.transform) * (cols, rows)
        xs, ys = crs.carry(xs, ys, from_wkt=self.facts.crs_wkt, to_wkt=self.wkt)
        known = np.isfinite(xs) & np.isfinite(ys)
        across, down = ~self.dem.transform * (np.where(known, xs, np.nan), np.where(known, ys, np.nan))
        return across / self.block_px - 0.5, down / self.block_px - 0.5

    def _heights(self, left: int, top: int, *, width: int, height: int) -> Heights:
        """Give the mean height of blocks, NaN where unknown, with `REACH_PX` more blocks on each side."""
        left, top, width, height = left - REACH_PX, top - REACH_PX, width + 2 * REACH_PX, height + 2 * REACH_PX
        side = self.block_px
        at_once = max(1, _READ_PX // (width * side**2))
        heights = np.empty((height, width), np.float32)
        for row in range(0, height, at_once):
            rows = min(at_once, height - row)
            window = Window(left * side, (top + row) * side, width * side, rows * side)
            (values,), known = read_values(self.dem, window, (1,))
            blocks = (rows, side, width, side)
            count = known.reshape(blocks).sum(axis=3).sum(axis=1)
            total = np.where(known, values, 0).astype(np.float64).reshape(blocks).sum(axis=3).sum(axis=1)
            heights[row : row + rows] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return heights


def drape(dem: DatasetReader, facts: RasterFacts, layers: Sequence[TerrainLayer]) -> Drape:
    """Lay an elevation raster over a scene.

    Args:
        dem: Open; elevations in m in its first band, any CRS, rotated or not, coarser or finer than the scene.
        facts: The scene's.
        layers: What to measure, keys of `MEASURES`.

    Raises:
        RasterRefusedError: The elevation raster has no place on the Earth, or lies beside the scene.
    """
    name = Path(dem.name).name
    wkt, bounds = georeference(dem, name)
    require_same_ground(bounds, facts, name=name)
    transform = tuple(dem.transform)[:6]
    dem_px_m = crs.pixel_size_m(wkt, transform, dem.width, dem.height)
    finer = facts.pixel_size_m / dem_px_m + 0.05  # twice as fine in the file's words is so on the ground
    block_px = max(1, int(finer))
    col, row = _middle(facts, dem, wkt)
    (across_m, across_deg), (down_m, down_deg) = crs.pixel_steps(wkt, transform, col=col, row=row)
    steps = (across_m * block_px, across_deg), (down_m * block_px, down_deg)
    return Drape(dem, wkt, facts, tuple(layers), block_px, steps)


def require_same_ground(bounds_lonlat: Bounds, facts: RasterFacts, *, name: str) -> None:
    """Make sure that elevation raster `name` covers some of a scene.

    Raises:
        RasterRefusedError: It lies beside it.
    """
    if not shapely.box(*bounds_lonlat).intersects(shapely.box(*facts.bounds_lonlat)):
        raise RasterRefusedError(
            name,
            found="it lies beside the scene",
            needed="an elevation model of the scene's ground",
            remedy="Choose the one of this scene.",
        )


def _middle(facts: RasterFacts, dem: DatasetReader, wkt: str) -> tuple[float, float]:
    """Give the column and row of an elevation raster nearest to the middle of a scene."""
    xs, ys = Affine(*facts.transform) * (np.array([facts.width / 2]), np.array([facts.height / 2]))
    (x,), (y,) = crs.carry(xs, ys, from_wkt=facts.crs_wkt, to_wkt=wkt)
    col, row = ~dem.transform * (x, y)
    return float(np.clip(np.nan_to_num(col), 0, dem.width)), float(np.clip(np.nan_to_num(row), 0, dem.height))


def _between(nodes: npt.NDArray[Any], row: Numbers, col: Numbers, *, down: Places, across: Places) -> Places:
    """Interpolate between four neighbours, exactly equal ones giving exactly their value.

    Args:
        nodes: (H, W).
        row: Of the upper neighbours; it, `col` and the shares are broadcast to the shape of what is given.
        col: Of the left neighbours.
        down: Share of the way to the lower ones, in [0, 1).
        across: Share of the way to the right ones, in [0, 1).
    """
    values = nodes.astype(np.float64)
    upper = values[row, col] + (values[row, col + 1] - values[row, col]) * across
    lower = values[row + 1, col] + (values[row + 1, col + 1] - values[row + 1, col]) * across
    return np.asarray(upper + (lower - upper) * down)
