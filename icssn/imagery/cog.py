"""Scenes and terrain as web-optimised COGs: EPSG:3857, pixels of a zoom level, quick to cut into tiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.ahead import ahead
from icssn.durable import whole_file
from icssn.geo import crs
from icssn.geo.shapes import pixel_transform
from icssn.geo.windows import with_halo
from icssn.imagery.limits import georeference
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_values, read_window
from icssn.imagery.web import FINEST_ZOOM, SIDE, TILE_PX, WEB, Pixels, pixel_units, source_window, warp
from icssn.imagery.write import create, drafts, finish_cog
from icssn.records import Progress, Raster, Stretch

Report = Callable[[Progress], None]

_LOST_LEVELS = 0.25  # pixels may become coarser by 2^0.25 = 1.19, else the next finer zoom level is taken
_JPEG = {"compress": "JPEG", "quality": "88"}  # for looking only: learning and prediction read the original
_AREA_PX = 1024  # warped at once, 10 MB: whole blocks; in areas of 256 px it takes two thirds longer
_WARP_SHARE = 0.85  # of the time; the rest are overviews and the final copy
_AZIMUTH_DEG, _ALTITUDE_DEG = 315.0, 45.0  # light from the upper left, as maps have it


def make_tiles(src: Raster, dst: Path, *, stretch: Stretch, report: Report | None = None) -> None:
    """Convert a scene to a web-optimised COG of 1 or 3 stretched bands, with a mask of what is valid.

    Args:
        src: The scene; any CRS, rotated or not.
        dst: Of the COG; it appears whole or not at all, also when `report` raises to cancel.
        stretch: The first three of its bands are shown, or the first where there are fewer.
        report: Told after every block.

    Raises:
        RasterRefusedError: The scene is damaged or has no place on the Earth.
        DiskFullError: The disk is full.
    """
    count = 3 if len(stretch.bands) >= 3 else 1
    shown = Stretch(bands=stretch.bands[:count], low=stretch.low[:count], high=stretch.high[:count])
    with open_raster(src) as dataset:
        _convert(dataset, dst, look=lambda window: read_window(dataset, window, shown), count=count, report=report)


def make_hillshade(dem: Path, dst: Path, *, report: Report | None = None) -> None:
    """Shade an elevation raster (m) and convert it to a web-optimised COG of 1 band.

    Args:
        dem: Elevations in its first band, in any CRS; slopes are taken on the ground, in m per m.
        dst: Of the COG; it appears whole or not at all, also when `report` raises to cancel.
        report: Told after every block.

    Raises:
        RasterRefusedError: The raster is damaged or has no place on the Earth.
        DiskFullError: The disk is full.
    """
    with open_raster(dem) as dataset:
        wkt, _ = georeference(dataset, Path(dem).name)
        transform = dataset.transform

        def shade(window: Window) -> Pixels:
            values, valid = read_values(dataset, with_halo(window, 1), (1,))
            col, row = window.col_off + window.width / 2, window.row_off + window.height / 2
            across_m, down_m = crs.pixel_axes_m(wkt, transform, col=col, row=row)
            return hillshade(values[0], valid, across_m=across_m, down_m=down_m)[None], valid[1:-1, 1:-1]

        _convert(dataset, dst, look=shade, count=1, report=report)


def hillshade(
    elevation: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], *, across_m: float, down_m: float
) -> npt.NDArray[np.uint8]:
    """Shade the inner pixels of an elevation array, lit from the north-west, 45° high.

    Args:
        elevation: (H + 2, W + 2), m.
        valid: bool, same shape; where not valid, a neighbour counts as level with the pixel.
        across_m: Width of a pixel on the ground, m.
        down_m: Height of a pixel on the ground, m.

    Returns:
        uint8 (H, W): 255 × cosine of the angle between light and surface normal, 0 in the shade.

    Source:
        Horn 1981, Proceedings of the IEEE 69(1), 14–47: the weighted 3 × 3 slopes.
    """
    height, width = elevation.shape[0] - 2, elevation.shape[1] - 2
    metres = np.where(valid, elevation, 0).astype(np.float32)
    centre = metres[1:-1, 1:-1]

    def neighbour(row: int, col: int) -> npt.NDArray[np.float32]:
        place = (slice(row, row + height), slice(col, col + width))
        return np.where(valid[place], metres[place], centre)

    above, below = [neighbour(0, col) for col in range(3)], [neighbour(2, col) for col in range(3)]
    left, right = neighbour(1, 0), neighbour(1, 2)
    rise_east = (above[2] + 2 * right + below[2] - above[0] - 2 * left - below[0]) / (8 * across_m)
    rise_north = (above[0] + 2 * above[1] + above[2] - below[0] - 2 * below[1] - below[2]) / (8 * down_m)
    azimuth, altitude = np.deg2rad(_AZIMUTH_DEG), np.deg2rad(_ALTITUDE_DEG)
    towards_light = -rise_east * np.sin(azimuth) - rise_north * np.cos(azimuth)
    cosine = (towards_light * np.cos(altitude) + np.sin(altitude)) / np.sqrt(1 + rise_east**2 + rise_north**2)
    return np.asarray(np.rint(np.clip(cosine, 0, 1) * 255), np.uint8)


def _convert(
    dataset: DatasetReader, dst: Path, *, look: Callable[[Window], Pixels], count: int, report: Report | None
) -> None:
    def tell(fraction: float, message: str) -> None:
        if report:
            report(Progress(fraction=min(fraction, 1.0), message=message))

    grid, width, height = _web_grid(dataset)
    with whole_file(dst) as final, drafts(dst.parent) as folder:
        draft = folder / "draft.tif"
        with create(draft, width=width, height=height, count=count, crs=WEB, transform=grid) as made:
            for area, pixels, share in _warped(dataset, grid, width, height, look=look):
                if pixels is not None:
                    image, valid = pixels
                    made.write(image, window=area)
                    made.write_mask(valid, window=area)
                tell(_WARP_SHARE * share, "converting")
        finish_cog(
            draft,
            final,
            resampling=Resampling.average,
            report=lambda share: tell(_WARP_SHARE + (1 - _WARP_SHARE) * share, "building overviews"),
            **_JPEG,
        )


def _warped(
    dataset: DatasetReader, grid: Affine, width: int, height: int, *, look: Callable[[Window], Pixels]
) -> Iterator[tuple[Window, Pixels | None, float]]:
    """Give the areas of the grid, what lies there (None: nothing), and the share that is done.

    Pixels are read here, a few areas at a time, and warped by as many threads.
    """
    areas = [
        Window(col, row, min(_AREA_PX, width - col), min(_AREA_PX, height - row))
        for row in range(0, height, _AREA_PX)
        for col in range(0, width, _AREA_PX)
    ]

    def warpings() -> Iterator[Callable[[], Pixels | None]]:
        for area in areas:
            to_web = pixel_transform(grid, area)
            source = source_window(dataset, to_web, width=area.width, height=area.height)
            if source is None:
                yield lambda: None
                continue
            yield partial(
                warp,
                look(source),
                transform=pixel_transform(dataset.transform, source),
                crs=dataset.crs,
                to_web=to_web,
                width=area.width,
                height=area.height,
                resampling=Resampling.cubic,
            )

    found = ahead(lambda warping: warping(), warpings())
    for number, (area, pixels) in enumerate(zip(areas, found, strict=True), 1):
        yield area, pixels, number / len(areas)


def _web_grid(dataset: DatasetReader) -> tuple[Affine, int, int]:
    """Choose transform, width and height: pixels of one zoom level of the web map, whole tiles around the raster."""
    wkt, (west, south, east, north) = georeference(dataset, Path(dataset.name).name)
    ground_m = crs.pixel_size_m(wkt, tuple(dataset.transform)[:6], dataset.width, dataset.height)
    wished = ground_m / math.cos(math.radians((south + north) / 2))
    zoom = math.ceil(math.log2(pixel_units(0) / wished) - _LOST_LEVELS)
    pixel = pixel_units(min(max(zoom, 0), FINEST_ZOOM))
    (left, right), (bottom, top) = Transformer.from_crs(4326, 3857, always_xy=True).transform(
        [west, east], [south, north]
    )
    tile = TILE_PX * pixel
    first_col, last_col = math.floor((left + SIDE / 2) / tile), math.ceil((right + SIDE / 2) / tile)
    first_row, last_row = math.floor((SIDE / 2 - top) / tile), math.ceil((SIDE / 2 - bottom) / tile)
    grid = Affine(pixel, 0, first_col * tile - SIDE / 2, 0, -pixel, SIDE / 2 - first_row * tile)
    return grid, (last_col - first_col) * TILE_PX, (last_row - first_row) * TILE_PX
