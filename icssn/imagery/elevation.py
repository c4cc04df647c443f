"""The elevation model that somebody attaches to a scene: refused where its values cannot be heights of that ground."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioError

from icssn.errors import RasterRefusedError
from icssn.imagery.drape import require_same_ground
from icssn.imagery.limits import damaged
from icssn.imagery.open import inspect_in_child, open_raster
from icssn.records import RasterFacts

LOWEST_M, HIGHEST_M = -1_000.0, 9_000.0  # the shore of the Dead Sea lies at −430 m, the top of Mount Everest at 8,849 m
COARSE_PX = 2048  # longer side of the look at all heights; of a finer raster, patches of fewer pixels may not be seen


def check_elevation(dem: Path, facts: RasterFacts) -> None:
    """Make sure that a raster holds heights of a scene's ground.

    An undeclared nodata value, the usual fault, would stand in the terrain as a pit of kilometres.

    Args:
        dem: A GeoTIFF; its first band should be heights in m.
        facts: The scene's.

    Raises:
        RasterRefusedError: It exceeds a limit of all rasters, lies beside the scene, is of 8 bits as images and
            hillshades are, has no heights at all, or some that no place on land has.
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
    lowest, highest = _range_m(dem)
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


def _range_m(dem: Path) -> tuple[float, float]:
    """Give the lowest and the highest height seen in a coarse look; NaN where there is none."""
    with open_raster(dem) as dataset:
        coarser = max(1.0, max(dataset.width, dataset.height) / COARSE_PX)
        shape = math.ceil(dataset.height / coarser), math.ceil(dataset.width / coarser)
        try:
            heights = dataset.read(1, out_shape=shape, masked=True)
        except RasterioError as err:
            raise damaged(dem.name, str(err)) from err
    known = heights.compressed()
    known = known[np.isfinite(known)]
    return (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)
