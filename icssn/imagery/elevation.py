"""The elevation model that somebody attaches to a scene: refused where its values cannot be heights of that ground."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.errors import RasterRefusedError
from icssn.geo import crs
from icssn.imagery.drape import require_same_ground
from icssn.imagery.limits import damaged
from icssn.imagery.open import inspect_in_child, open_raster
from icssn.records import RasterFacts

LOWEST_M, HIGHEST_M = -1_000.0, 9_000.0  # the shore of the Dead Sea lies at −430 m, the top of Mount Everest at 8,849 m
LEAST_COVERED = 0.1  # of a scene; what lies beyond an elevation model is taken for level ground
_POINTS = 64  # along each side of a scene, at which its heights are looked for
COARSE_PX = 2048  # longer side of the look at all heights; of a finer raster, patches of fewer pixels may not be seen


def check_elevation(dem: Path, facts: RasterFacts) -> None:
    """Make sure that a raster holds heights of a scene's ground.

    An undeclared nodata value, the usual fault, would stand in the terrain as a pit of kilometres.

    Args:
        dem: A GeoTIFF; its band holds heights in m.
        facts: The scene's.

    Raises:
        RasterRefusedError: It exceeds a limit of all rasters, lies beside the scene or covers hardly any of it, is of 8
            bits as images and hillshades are or has several bands, has no heights at all, only one, or some that no
            place on land has.
    """
    found = inspect_in_child(dem)
    require_same_ground(found.bounds_lonlat, facts, name=dem.name)
    if found.dtype == "uint8":
        raise RasterRefusedError(
            dem.name,
            found="its pixels are brightness of 8 bits, as of an image or a hillshade",
            needed="an elevation model in metres",
            remedy="Choose the raster of heights from which a hillshade is drawn.",
        )
    with open_raster(dem) as dataset:
        bands = sum(meaning != ColorInterp.alpha for meaning in dataset.colorinterp)
        if bands > 1:
            raise RasterRefusedError(
                dem.name,
                found=f"it has {bands} bands",
                needed="an elevation model of one band",
                remedy="Keep the band of heights, for example with gdal_translate -b 1.",
            )
        try:
            lowest, highest = _range_m(dataset)
            covered = _share_covered(dataset, found.crs_wkt, facts)
        except RasterioError as err:
            raise damaged(dem.name, str(err)) from err
    if math.isnan(lowest):
        raise RasterRefusedError(
            dem.name,
            found="none of its pixels has a height",
            needed="an elevation model in metres",
            remedy="Export it again, or choose another one.",
        )
    if lowest < LOWEST_M or highest > HIGHEST_M:
        strange = f"{lowest if lowest < LOWEST_M else highest:.7g}"
        raise RasterRefusedError(
            dem.name,
            found=f"its heights go from {lowest:.7g} to {highest:.7g}",
            needed=f"an elevation model with heights from {LOWEST_M:.0f} to {HIGHEST_M:.0f} m",
            remedy=f"If {strange} stands for unknown ground, declare it: gdal_edit.py -a_nodata {strange} FILE. "
            "Heights in another unit must be converted to metres.",
        )
    if lowest == highest:
        raise RasterRefusedError(
            dem.name,
            found=f"all its heights are {lowest:.7g}",
            needed="an elevation model of the scene's ground",
            remedy="Export it again, or choose another one.",
        )
    if covered < LEAST_COVERED:
        raise RasterRefusedError(
            dem.name,
            found=f"it gives heights of {covered * 100:.2g} % of the scene only",
            needed="an elevation model of the scene's ground",
            remedy="Choose one that covers the scene; several can be put together with gdalwarp.",
        )


def _range_m(dem: DatasetReader) -> tuple[float, float]:
    """Give the lowest and the highest height seen in a coarse look; NaN where there is none."""
    coarser = max(1.0, max(dem.width, dem.height) / COARSE_PX)
    shape = math.ceil(dem.height / coarser), math.ceil(dem.width / coarser)
    known = dem.read(1, out_shape=shape, masked=True).compressed()
    known = known[np.isfinite(known)]
    return (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)


def _share_covered(dem: DatasetReader, wkt: str, facts: RasterFacts) -> float:
    """Give the share of a scene of which the height is known, 0-1, at points spread evenly over it."""
    across, down = ((np.arange(_POINTS) + 0.5) / _POINTS * side for side in (facts.width, facts.height))
    xs, ys = Affine(*facts.transform) * tuple(np.meshgrid(across, down))
    places = np.array(~dem.transform * crs.carry(xs, ys, from_wkt=facts.crs_wkt, to_wkt=wkt)).reshape(2, -1)
    cols, rows = np.floor(places[:, np.isfinite(places).all(axis=0)])
    inside = (cols >= 0) & (rows >= 0) & (cols < dem.width) & (rows < dem.height)
    if not inside.any():
        return 0.0
    cols, rows = cols[inside].astype(int), rows[inside].astype(int)
    width, height = int(np.ptp(cols)) + 1, int(np.ptp(rows)) + 1
    shape = min(height, COARSE_PX), min(width, COARSE_PX)
    heights = dem.read(1, window=Window(cols.min(), rows.min(), width, height), out_shape=shape, masked=True)
    known = np.isfinite(heights.astype(np.float64).filled(np.nan))
    down_px, across_px = (rows - rows.min()) * shape[0] // height, (cols - cols.min()) * shape[1] // width
    return float(known[down_px, across_px].sum() / _POINTS**2)
