"""Terrain under outlines, from an elevation raster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from icssn.errors import IcssnError
from icssn.geo import crs
from icssn.geo.shapes import pixel_transform
from icssn.imagery.limits import damaged, georeference
from icssn.imagery.open import open_raster

MOST_PX = 1024  # longer side of what is read under one outline; a larger one is read in coarser pixels

Elevation = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Terrain:
    """What lies under an outline.

    Attributes:
        slope_deg: Mean of the pixels' slopes; None where no pixel has neighbours.
        downslope_deg: Direction of the mean fall, clockwise from north; None on level ground.
        lowest_m: Elevation.
        highest_m: Elevation.
    """

    slope_deg: float | None
    downslope_deg: float | None
    lowest_m: float
    highest_m: float


def terrain(dem: Path, geometries_lonlat: Sequence[BaseGeometry]) -> list[Terrain | None]:
    """Measure the ground under outlines; None where the raster has no elevation under one.

    A pixel counts when its centre lies inside, and every pixel that a small outline touches when no centre does.

    Args:
        dem: Elevations in m in its first band, any CRS, rotated or not.
        geometries_lonlat: Polygons, multipolygons or points, EPSG:4326.

    Raises:
        RasterRefusedError: The raster cannot be opened or is damaged.
    """
    with open_raster(dem) as dataset:
        wkt, _ = georeference(dataset, dem.name)
        return [_under(dataset, _carried(item, wkt), wkt) for item in geometries_lonlat]


def read_elevation(dataset: DatasetReader, window: Window, *, most_px: int = MOST_PX) -> tuple[Elevation, Affine]:
    """Read elevations under a window, averaged to coarser pixels where it is large.

    Args:
        dataset: From `icssn.imagery.open.open_raster`; elevations in m in its first band.
        window: Whole pixels; may reach outside the raster.
        most_px: Longer side of what is read and held.

    Returns:
        Elevations (H, W), m, NaN where unknown or outside the raster, and their transform into the raster's CRS.

    Raises:
        RasterRefusedError: The file is damaged at this place.
    """
    coarser = max(1.0, max(window.width, window.height) / most_px)
    left, top = max(window.col_off, 0), max(window.row_off, 0)
    right = min(window.col_off + window.width, dataset.width)
    bottom = min(window.row_off + window.height, dataset.height)
    if right - left < min(coarser, window.width) or bottom - top < min(coarser, window.height):
        nothing = np.full((math.ceil(window.height / coarser), math.ceil(window.width / coarser)), np.nan)
        return nothing, pixel_transform(dataset.transform, window) * Affine.scale(coarser)
    inside = Window(left, top, right - left, bottom - top)
    height, width = math.ceil(inside.height / coarser), math.ceil(inside.width / coarser)
    try:
        values = dataset.read(1, window=inside, out_shape=(height, width), masked=True, resampling=Resampling.average)
    except RasterioError as err:
        raise damaged(Path(dataset.name).name, str(err)) from err
    across, down = inside.width / width, inside.height / height
    before = math.ceil((top - window.row_off) / down), math.ceil((left - window.col_off) / across)
    after = (
        math.ceil((window.row_off + window.height - bottom) / down),
        math.ceil((window.col_off + window.width - right) / across),
    )
    known = np.ma.filled(values.astype(np.float64), np.nan)
    elevation = np.pad(known, tuple(zip(before, after, strict=True)), constant_values=np.nan)
    to_crs = pixel_transform(dataset.transform, inside) * Affine.scale(across, down)
    return elevation, to_crs * Affine.translation(-before[1], -before[0])


def slopes(
    elevation: Elevation, *, across_m: float, down_m: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give how fast the ground rises along the columns and along the rows, m per m; NaN beside unknown ground.

    Args:
        elevation: (H, W), m, NaN where unknown.
        across_m: Width of a pixel on the ground.
        down_m: Height of a pixel on the ground.

    Source:
        Horn 1981, Proceedings of the IEEE 69(1), 14–47: the weighted 3 × 3 slopes.
    """
    padded = np.pad(elevation, 1, constant_values=np.nan)
    height, width = elevation.shape
    at = [[padded[row : row + height, col : col + width] for col in range(3)] for row in range(3)]
    right = at[0][2] + 2 * at[1][2] + at[2][2] - at[0][0] - 2 * at[1][0] - at[2][0]
    below = at[2][0] + 2 * at[2][1] + at[2][2] - at[0][0] - 2 * at[0][1] - at[0][2]
    return right / (8 * across_m), below / (8 * down_m)


def _under(dataset: DatasetReader, outline: BaseGeometry | None, wkt: str) -> Terrain | None:
    window = None if outline is None else _window(dataset, outline)
    if outline is None or window is None:
        return None
    elevation, transform = read_elevation(dataset, window)
    inside = _inside(outline, transform, elevation.shape) & np.isfinite(elevation)
    if not inside.any():
        return None
    step = (transform.a, transform.b, transform.c, transform.d, transform.e, transform.f)
    (across_m, across_deg), (down_m, down_deg) = crs.pixel_steps(
        wkt, step, col=elevation.shape[1] / 2, row=elevation.shape[0] / 2
    )
    rise_across, rise_down = slopes(elevation, across_m=across_m, down_m=down_m)
    known = inside & np.isfinite(rise_across) & np.isfinite(rise_down)
    return Terrain(
        slope_deg=float(np.degrees(np.arctan(np.hypot(rise_across, rise_down)[known])).mean()) if known.any() else None,
        downslope_deg=_fall(rise_across[known], rise_down[known], math.radians(across_deg), math.radians(down_deg)),
        lowest_m=float(elevation[inside].min()),
        highest_m=float(elevation[inside].max()),
    )


def _fall(
    across: npt.NDArray[np.float64], down: npt.NDArray[np.float64], across_rad: float, down_rad: float
) -> float | None:
    """Give the direction of the mean fall, clockwise from north, of rises along two directions."""
    if not len(across):
        return None
    east = -(across.mean() * math.sin(across_rad) + down.mean() * math.sin(down_rad))
    north = -(across.mean() * math.cos(across_rad) + down.mean() * math.cos(down_rad))
    return math.degrees(math.atan2(east, north)) % 360 if math.hypot(east, north) > 1e-9 else None


def _carried(geometry_lonlat: BaseGeometry, wkt: str) -> BaseGeometry | None:
    try:
        return crs.from_lonlat(geometry_lonlat, wkt)
    except IcssnError:
        return None  # beside the area where the raster's CRS can be used, hence beside the raster


def _window(dataset: DatasetReader, outline: BaseGeometry) -> Window | None:
    """Give the pixels under an outline and one around them, within the raster."""
    cols, rows = ~dataset.transform * tuple(shapely.get_coordinates(box(*outline.bounds)).T)
    left, top = max(math.floor(cols.min()) - 1, 0), max(math.floor(rows.min()) - 1, 0)
    right = min(math.ceil(cols.max()) + 1, dataset.width)
    bottom = min(math.ceil(rows.max()) + 1, dataset.height)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _inside(outline: BaseGeometry, transform: Affine, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    for all_touched in (False, True):
        drawn = rasterize([(outline, 1)], out_shape=shape, transform=transform, all_touched=all_touched, dtype="uint8")
        if drawn.any():
            break
    return np.asarray(drawn == 1)
