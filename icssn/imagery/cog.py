"""Rasters as web-optimised COGs: EPSG:3857, pixels of a zoom level, quick to cut into tiles."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.ahead import ahead
from icssn.durable import whole_file
from icssn.errors import RasterRefusedError
from icssn.geo import crs
from icssn.geo.shapes import pixel_transform
from icssn.imagery.limits import georeference
from icssn.imagery.open import open_raster, state
from icssn.imagery.read import read_window
from icssn.imagery.web import FINEST_ZOOM, SIDE, TILE_PX, WEB, Pixels, pixel_units, source_window, warp
from icssn.imagery.write import create, drafts, finish_cog
from icssn.records import Progress, Raster, Stretch

Report = Callable[[Progress], None]
Look = Callable[[DatasetReader, Window], Pixels]  # what is seen in a window of a raster

_LOST_LEVELS = 0.25  # pixels may become coarser by 2^0.25 = 1.19, else the next finer zoom level is taken
_JPEG = {"compress": "JPEG", "quality": "88"}  # for looking only: learning and prediction read the original
_AREA_PX = 1024  # warped at once, 10 MB: whole blocks; in areas of 256 px it takes two thirds longer
_SHOWS = "ICSSN_SHOWS"  # tag: the digest of which raster it is, looked at how
_WARP_SHARE = 0.85  # of the time; the rest are overviews and the final copy


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

    def look(dataset: DatasetReader, window: Window) -> Pixels:
        return read_window(dataset, window, shown)

    convert(src, dst, look=look, count=count, looks=shown.model_dump_json(), report=report)


def convert(src: Raster, dst: Path, *, look: Look, count: int, looks: str, report: Report | None = None) -> None:
    """Convert what is seen of a raster to a web-optimised COG, area by area; one that shows just this stays as it is.

    Args:
        src: Any CRS, rotated or not.
        dst: Of the COG; it appears whole or not at all, also when `report` raises to cancel.
        look: Gives the pixels of a window of the raster.
        count: How many bands `look` gives, 1 or 3.
        looks: Tells this `look` from others.
        report: Told after every area.

    Raises:
        RasterRefusedError: The raster is damaged or has no place on the Earth.
        DiskFullError: The disk is full.
    """

    def tell(fraction: float, message: str) -> None:
        if report:
            report(Progress(fraction=min(fraction, 1.0), message=message))

    with ExitStack() as opened:
        dataset = opened.enter_context(open_raster(src))
        shows = hashlib.sha256(f"{state(src)} {looks}".encode()).hexdigest()
        if _shown(dst) == shows:
            return
        final = opened.enter_context(whole_file(dst))
        folder = opened.enter_context(drafts(dst.parent))
        grid, width, height = _web_grid(dataset)
        draft = folder / "draft.tif"
        with create(draft, width=width, height=height, count=count, crs=WEB, transform=grid) as made:
            made.update_tags(**{_SHOWS: shows})
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


def _shown(cog: Path) -> str | None:
    """Give what a COG made here shows, or None where none stands whole."""
    if not cog.exists():
        return None
    try:
        with open_raster(cog) as dataset:
            shows: str | None = dataset.tags().get(_SHOWS)
            return shows
    except RasterRefusedError:
        return None


def _warped(
    dataset: DatasetReader, grid: Affine, width: int, height: int, *, look: Look
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
                look(dataset, source),
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
