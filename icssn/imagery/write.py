"""Rasters that stand whole or not at all: results on a scene's own grid, as cloud-optimised GeoTIFFs (COGs)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.durable import whole_file
from icssn.errors import DiskFullError, RasterRefusedError
from icssn.imagery.limits import end_of_blocks
from icssn.records import RasterFacts

PROBABILITY_NODATA = 255
PROBABILITY_STEPS = 254
"""A stored value v of 0…254 means the probability v / 254; 255 means nodata."""

PROBABILITY_TAGS = {
    "ICSSN_ENCODING": "probability = value / 254; 255 = nodata",
    "ICSSN_VALUE_MEANS": "probability that the pixel belongs to an old landslide",
}
UNCERTAINTY_TAGS = {
    "ICSSN_ENCODING": "uncertainty = value / 254; 255 = nodata",
    "ICSSN_VALUE_MEANS": "standard deviation of the probability over eight turned views of the scene",
}
MASK_TAGS = {"ICSSN_ENCODING": "0 = background, 1 = landslide, 255 = nodata"}

BLOCK_PX = 256  # of COGs: one map tile, so that a tile costs one block (512 px takes twice the time to unpack)
_DRAFT = {"tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "bigtiff": "IF_SAFER", "sparse_ok": True}
_PACKED = {"compress": "deflate", "zlevel": 1}
_GRID = ("width", "height", "count", "transform", "crs")
_SCANT_BYTES = 1 << 20  # with less than this left, a disk is taken for full


def write_grid(
    path: Path,
    rows: Iterable[tuple[Window, npt.NDArray[np.uint8]]],
    *,
    like: RasterFacts,
    nodata: int | None,
    tags: Mapping[str, str],
    colormap: Mapping[int, tuple[int, int, int, int]] | None = None,
) -> None:
    """Write a single-band uint8 COG on a scene's own grid, window by window.

    Args:
        path: Of the COG; an earlier file stays until the new one is whole.
        rows: Windows of whole pixels inside the raster, in any order, with uint8 (H, W) values; memory holds one
            at a time. Pixels that no window covers become `nodata` (0 without). An error raised by this iterable,
            such as a cancellation, passes through and leaves no file.
        like: The scene: width, height, transform and CRS are taken over exactly.
        nodata: 0–255, or None.
        tags: Kept in the file; say there how values are encoded.
        colormap: Colour (red, green, blue, alpha) per value, for classes; overviews then pick, else they average.

    Raises:
        DiskFullError: The disk is full.
    """
    crs, transform = CRS.from_wkt(like.crs_wkt), Affine(*like.transform)
    with whole_file(path) as final, drafts(path.parent) as folder:
        draft = folder / "draft.tif"
        grid = {"width": like.width, "height": like.height, "crs": crs, "transform": transform}
        with create(draft, count=1, packed=False, **grid) as dataset:
            dataset.nodata = nodata
            dataset.update_tags(**tags)
            if colormap is not None:
                dataset.write_colormap(1, dict(colormap))
            for window, values in rows:
                dataset.write(values, 1, window=window)
        resampling = Resampling.average if colormap is None else Resampling.nearest
        finish_cog(draft, final, resampling=resampling, compress="DEFLATE", level="1", predictor="NO")


@contextmanager
def drafts(folder: Path) -> Iterator[Path]:
    """Give a hidden folder on the same disk for files that are not yet whole; it is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".draft-", dir=folder) as name:
        yield Path(name)


@contextmanager
def create(
    path: Path, *, width: int, height: int, count: int, crs: CRS, transform: Affine, packed: bool = True
) -> Iterator[DatasetWriter]:
    """Create a tiled uint8 GeoTIFF in a folder of `drafts`; a mask written to it goes inside the file.

    Args:
        packed: Small on disk, instead of quick to write and to read again.

    Raises:
        DiskFullError: The disk became full.
    """
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), _full_disk_is_told(path):
        grid = {"width": width, "height": height, "count": count, "crs": crs, "transform": transform}
        options = _DRAFT | (_PACKED if packed else {})
        with rasterio.open(path, "w", driver="GTiff", dtype="uint8", **grid, **options) as made:
            yield made


def finish_cog(
    draft: Path,
    final: Path,
    *,
    resampling: Resampling,
    report: Callable[[float], None] | None = None,
    **options: str,
) -> None:
    """Add overviews to a draft and copy it to a COG with blocks of 256 px.

    Args:
        draft: Complete GeoTIFF in a folder of `drafts`; overviews are added to it.
        final: Where the COG is written.
        resampling: Of the overviews.
        report: Told the share done, in [0, 1].
        options: Of GDAL's COG driver, for example ``compress="JPEG"``.

    Raises:
        DiskFullError: The disk became full.
    """
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_NUM_THREADS="ALL_CPUS"), _full_disk_is_told(draft):
        with rasterio.open(draft, "r+", driver="GTiff", sharing=False) as dataset:
            halvings = math.ceil(math.log2(max(dataset.width, dataset.height, BLOCK_PX) / BLOCK_PX))
            threads = "ALL_CPUS" if dataset.compression else "1"  # averaging alone costs more with several
            if halvings:  # all in one call: each level is then made from the one before
                with rasterio.Env(GDAL_NUM_THREADS=threads):
                    dataset.build_overviews([2**level for level in range(1, halvings + 1)], resampling)
        if report:
            report(0.5)
        with rasterio.open(draft, driver="GTiff", sharing=False) as dataset:
            rasterio.shutil.copy(dataset, final, driver="COG", blocksize=BLOCK_PX, bigtiff="IF_SAFER", **options)
        _reread(draft, final)
    if report:
        report(1.0)


def _reread(draft: Path, final: Path) -> None:
    """Check that the copy kept the draft's grid and ends where its blocks end."""
    with (
        rasterio.open(draft, driver="GTiff", sharing=False) as wanted,
        rasterio.open(final, driver="GTiff", sharing=False) as found,
    ):
        whole = end_of_blocks(found) <= final.stat().st_size
        if not whole or any(getattr(found, part) != getattr(wanted, part) for part in _GRID):
            raise RasterRefusedError(
                final.name,
                found="what was written differs from what was meant",
                needed="a grid that GeoTIFF can hold",
                remedy="Convert the scene with gdalwarp to a CRS with an EPSG code.",
            )


@contextmanager
def _full_disk_is_told(draft: Path) -> Iterator[None]:
    """Translate GDAL's many words for a full disk; some failures at closing a file it does not tell at all.

    On a failure GDAL may already have removed what it wrote, so room for another copy of the draft is asked for.
    """
    folder = draft.parent.parent  # beside which `drafts` made its own
    try:
        yield
    except (RasterioError, CPLE_BaseError) as err:
        copy_bytes = draft.stat().st_size if draft.exists() else 0
        if disk_usage(folder).free < _SCANT_BYTES + copy_bytes:
            raise DiskFullError(str(folder)) from err
        raise
    if disk_usage(folder).free < _SCANT_BYTES:
        raise DiskFullError(str(folder))
