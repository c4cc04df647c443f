"""Limits that a raster must keep before it becomes a scene, each with its refusal in plain words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj.exceptions import ProjError
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window
from shapely.geometry import MultiPoint

from icssn.errors import LabelsRefusedError, RasterRefusedError
from icssn.geo import crs
from icssn.imagery.read import read_values
from icssn.imagery.stretch import sample_windows
from icssn.records import Bounds

_MIN_SIDE_PX = 16  # less than a landslide needs to be seen
_LEAST_PIXEL_M = 1e-3  # no image of the ground is as fine; a pixel of degrees called metres has about 0.00001 m
_MAX_SIDE_PX = 2**20
_MAX_AREA_PX = 2**36  # about 262,144²
_MAX_BANDS = 64
_WEB_LATITUDE_DEG = 85.06  # the square of EPSG:3857 ends at 85.0511°
_MAX_BLOCK_BYTES = 256 << 20  # a 1 MB file can hold one block that unpacks to gigabytes
_NO_DATA = (-9999.0, -32768.0, 65535.0, -(2.0**31), *(float(np.finfo(kind).min) for kind in (np.float32, np.float64)))
_NO_DATA_SHARE = 0.01  # about as many pixels as set the stretch
_CLASSES = 2  # a mask may well be of 0 and 65535
_LOOK_PX = 2048  # longest side of the coarse look for pixels with a value


def check_size(dataset: DatasetReader, name: str) -> None:
    """Refuse too many pixels or bands, complex numbers, and blocks that would unpack to gigabytes."""
    width, height, count = dataset.width, dataset.height, dataset.count
    if max(width, height) > _MAX_SIDE_PX or width * height > _MAX_AREA_PX:
        raise RasterRefusedError(
            name,
            found=f"it measures {width} × {height} px",
            needed=f"a raster of at most {_MAX_SIDE_PX} px a side and {_MAX_AREA_PX / 1e9:.0f} billion pixels",
            remedy="Cut it into several scenes, for example with gdal_translate -srcwin.",
        )
    if count > _MAX_BANDS:
        raise RasterRefusedError(
            name,
            found=f"it has {count} bands",
            needed=f"a raster of at most {_MAX_BANDS} bands",
            remedy="Keep the bands that matter, for example with gdal_translate -b 1 -b 2 -b 3.",
        )
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        raise RasterRefusedError(
            name,
            found="its pixels are complex numbers",
            needed="a raster of real numbers",
            remedy="Export amplitude or another real quantity first.",
        )
    rows, cols = dataset.block_shapes[0]
    interleaved = dataset.interleaving is not None and dataset.interleaving.value == "PIXEL"
    block_bytes = rows * cols * np.dtype(dataset.dtypes[0]).itemsize * (count if interleaved else 1)
    if block_bytes > _MAX_BLOCK_BYTES:
        raise RasterRefusedError(
            name,
            found=f"it is stored in blocks of {cols} × {rows} px ({block_bytes >> 20} MB each)",
            needed=f"a file with blocks of at most {_MAX_BLOCK_BYTES >> 20} MB",
            remedy="Convert it with gdal_translate -co TILED=YES.",
        )


def check_pixels(dataset: DatasetReader, name: str, *, size_bytes: int) -> None:
    """Refuse colour tables, files cut short, and pixels that cannot be unpacked."""
    if ColorInterp.palette in dataset.colorinterp:
        raise RasterRefusedError(
            name,
            found="its pixels are numbers of a colour table",
            needed="a raster of brightness values",
            remedy="Convert it with gdal_translate -expand rgb.",
        )
    end = end_of_blocks(dataset)
    if end > size_bytes:
        raise damaged(name, f"{size_bytes} of at least {end} bytes are there")
    read_values(dataset, Window(0, 0, min(64, dataset.width), min(64, dataset.height)), (1,))


def check_ground(dataset: DatasetReader, name: str) -> None:
    """Refuse a raster that shows no ground: of a few pixels, or with a value in none (all nodata, masked or NaN).

    Of an even sample of windows the first one tells as a rule; only where none has a value is the whole looked at,
    coarsely.
    """
    if min(dataset.shape) < _MIN_SIDE_PX:
        raise RasterRefusedError(
            name,
            found=f"it measures {dataset.width} × {dataset.height} px",
            needed=f"a raster of at least {_MIN_SIDE_PX} px a side",
            remedy="Export the whole image, at its full resolution.",
        )
    if any(_known(dataset, window=window) for window in sample_windows(dataset.width, dataset.height)):
        return
    shape = tuple(min(side, _LOOK_PX) for side in dataset.shape)
    if not _known(dataset, out_shape=shape):
        raise RasterRefusedError(
            name,
            found="none of its pixels has a value (all are nodata)",
            needed="a raster with values",
            remedy="Look at it in QGIS: export the part that has values, or correct the nodata value.",
        )


def check_declared(dataset: DatasetReader, name: str, *, bands: tuple[int, ...]) -> None:
    """Refuse an image that holds a customary number for "no data" without declaring it.

    It would be shown and learned from as ground, and set the stretch. A number counts as such where it covers a share
    of an even sample in every band and all other values lie far from it, so that real extremes pass.

    Args:
        dataset: Open.
        name: How to call it.
        bands: 1-based; those that are shown and learned from.
    """
    if dataset.dtypes[0] == "uint8":
        return
    windows = sample_windows(dataset.width, dataset.height)
    samples = [
        np.concatenate([dataset.read(band, window=window, masked=True).compressed() for window in windows])
        for band in bands
    ]
    for number in _NO_DATA:
        shares = [_share_apart(values.astype(np.float64), number) for values in samples]
        if min(shares) >= _NO_DATA_SHARE:
            raise RasterRefusedError(
                name,
                found=f"{min(shares) * 100:.0f} % of its pixels hold {number:.7g}, far from all other values",
                needed="a declared nodata value",
                remedy=f"Declare it: gdal_edit.py -a_nodata {number:.7g} FILE.",
            )


def _share_apart(values: npt.NDArray[np.float64], number: float) -> float:
    """Give the share of values that are a number, or 0 where others lie near it or are no more than two."""
    here = values == number
    share = float(here.mean()) if here.size else 0.0
    if share < _NO_DATA_SHARE:
        return 0.0
    others = values[~here & np.isfinite(values)]
    apart = bool((np.abs(others - number) > abs(number) / 2).all())
    return share if apart and len(np.unique(others)) > _CLASSES else 0.0


def _known(dataset: DatasetReader, **where: Any) -> bool:
    """Tell whether any pixel of any band but alpha has a value, and that a number."""
    return any(
        np.isfinite(dataset.read(band, masked=True, **where).compressed()).any()
        for band, meaning in zip(dataset.indexes, dataset.colorinterp, strict=True)
        if meaning != ColorInterp.alpha
    )


def end_of_blocks(dataset: DatasetReader) -> int:
    """Give where the last block of pixels should end, in bytes: beyond the file's end when it was cut short."""
    rows, cols = dataset.block_shapes[0]
    last = 0
    for row in range(math.ceil(dataset.height / rows)):
        for col in range(math.ceil(dataset.width / cols)):
            for band in {1, dataset.count}:  # stored together, or one band after the other
                start = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=band)
                length = dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=band)
                if start and length:  # absent for a block that was never written
                    last = max(last, int(start) + int(length))
    return last


def georeference(dataset: DatasetReader, name: str) -> tuple[str, Bounds]:
    """Give the CRS (WKT2:2019) and the box in longitude/latitude, or refuse a raster without a place on the Earth."""
    transform = dataset.transform
    if transform.is_identity:
        if dataset.gcps[0]:
            found = "it is placed by ground control points only"
            remedy = "Rectify it first, for example with gdalwarp -tps, or QGIS's Georeferencer."
        else:
            found = "it is not georeferenced (pixels have no place, and world files beside it are not read)"
            remedy = "Export it with a georeference, or set one with gdal_edit.py -a_ullr."
        raise RasterRefusedError(name, found=found, needed="a georeferenced GeoTIFF", remedy=remedy)
    if dataset.crs is None:
        raise RasterRefusedError(
            name,
            found="it has no CRS",
            needed="a coordinate reference system",
            remedy="Export it with one, or run gdal_edit.py -a_srs.",
        )
    wkt = dataset.crs.to_wkt(version="WKT2_2019")
    if not (np.isfinite(tuple(transform)).all() and abs(transform.determinant) > 0):
        raise _misplaced(name, "its pixel size is zero or not a number")
    try:
        (left, right), (bottom, top) = (
            sorted(dataset.bounds[::2]),
            sorted(dataset.bounds[1::2]),
        )  # if south-up, mirrored
        west, south, east, north = bounds = crs.bounds_lonlat(wkt, (left, bottom, right, top))
        there_and_back = _largest_shift_px(dataset, wkt)
    except (ProjError, LabelsRefusedError) as err:
        raise _misplaced(
            name, f"its corners cannot be placed on the Earth with '{dataset.crs.to_string()[:60]}'"
        ) from err
    if west >= east or -180 <= west < 180 < east <= 360:  # in metres; in degrees, which go on beyond 180
        raise RasterRefusedError(
            name,
            found="it crosses the 180° meridian",
            needed="a scene on one side of it",
            remedy="Cut it there into two scenes.",
        )
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90):
        raise _misplaced(
            name, f"its corners lie at longitude {west:.1f} to {east:.1f}, latitude {south:.1f} to {north:.1f}"
        )
    if south < -_WEB_LATITUDE_DEG or north > _WEB_LATITUDE_DEG:
        raise RasterRefusedError(
            name,
            found=f"it reaches latitude {max(north, -south):.1f}°",
            needed=f"a scene within {_WEB_LATITUDE_DEG:.1f}° of the equator, where the web map ends",
            remedy="Cut off what lies beyond.",
        )
    if not there_and_back < 0.5:
        raise _misplaced(name, "its corners lie outside the area where its CRS can be used")
    pixel_m = crs.pixel_size_m(wkt, tuple(transform)[:6], dataset.width, dataset.height)
    if pixel_m < _LEAST_PIXEL_M:
        raise _misplaced(name, f"its pixels are {pixel_m * 1000:.1g} mm wide, as if degrees were called metres")
    return wkt, bounds


def _largest_shift_px(dataset: DatasetReader, wkt: str) -> float:
    """Carry corners and centre to lon/lat and back: labels would be displaced by as much as this, in px."""
    width, height = dataset.width, dataset.height
    pixels = np.array([(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)], float)
    xs, ys = dataset.transform * pixels.T
    back = crs.from_lonlat(crs.to_lonlat(MultiPoint(np.column_stack([xs, ys])), wkt), wkt)
    cols, rows = ~dataset.transform * np.array([(point.x, point.y) for point in back.geoms]).T
    return float(np.abs(np.column_stack([cols, rows]) - pixels).max())


def _misplaced(name: str, found: str) -> RasterRefusedError:
    return RasterRefusedError(
        name,
        found=found,
        needed="a georeference that fits its CRS",
        remedy="Look at it in QGIS over a base map, and export it again with the right CRS.",
    )


def damaged(name: str, found: str) -> RasterRefusedError:
    """Build the refusal of a file that is not whole."""
    return RasterRefusedError(
        name,
        found=f"the file is damaged or cut short ({found})",
        needed="a whole file",
        remedy="Copy it again from its source.",
    )
