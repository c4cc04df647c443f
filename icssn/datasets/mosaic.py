"""Samples put together as a scene on a nearly square grid: a GeoTIFF with truth and labels, at an invented place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import Polygon, box

from icssn.datasets.sample import Image, Pixels, Sample
from icssn.durable import whole_file
from icssn.errors import DatasetRefusedError
from icssn.geo import shapes
from icssn.records import LabelClass, LabelStatus, Progress, new_id

NO_GROUND = 255  # in the truth: no sample stands here
_CRS = CRS.from_epsg(32648)
_WEST_M, _NORTH_M = 500_000.0, 3_000_000.0
_SIMPLIFY_PX = 0.5  # takes the stairs out of outlines that were drawn as pixels
_GTIFF = {"driver": "GTiff", "tiled": True, "compress": "deflate", "zlevel": 1, "bigtiff": "IF_SAFER", "crs": _CRS}
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Mosaic:
    """What was written.

    Attributes:
        raster: GeoTIFF in the samples' own type; where no sample stands it has no data.
        mask: Truth on the same grid, uint8: 0, 1, and `NO_GROUND`.
        landslides: Their outlines, in the raster's CRS, sample by sample: what two samples show never becomes one.
        grounds: The ground of each sample.
    """

    raster: Path
    mask: Path
    landslides: list[Polygon]
    grounds: list[Polygon]


def compose(
    folder: Path, name: str, samples: Sequence[Sample], *, colours: tuple[int, int, int], report: Report
) -> tuple[Mosaic, Path]:
    """Write whole samples, in an order that mixes them, as ``NAME.tif``, ``NAME_mask.tif`` and ``NAME_labels.gpkg``.

    Args:
        folder: Made where absent.
        name: Of the files.
        samples: At least one.
        colours: Bands, from 1, that are red, green and blue.
        report: Told the progress; may raise to stop.

    Returns:
        The mosaic and its GeoPackage of labels: all landslides, and the ground of all samples as label area.

    Raises:
        DatasetRefusedError: A sample cannot be read or differs from the others.
        DiskFullError: The disk is full.
    """
    order = np.random.default_rng(0).permutation(len(samples))

    def read() -> Iterator[Pixels]:
        for done, number in enumerate(order):
            if done % max(1, len(samples) // 100) == 0:
                report(Progress(fraction=done / len(samples), message=f"sample {done + 1} of {len(samples)}"))
            yield samples[number].read()

    high, wide = zip(*(sample.size_px for sample in samples), strict=True)
    mosaic = write_mosaic(
        folder,
        name,
        read(),
        count=len(samples),
        cell_px=(max(high), max(wide)),
        pixel_m=samples[0].pixel_m or 1.0,
        colours=colours,
    )
    labels = folder / f"{name}_labels.gpkg"
    _write_labels(labels, mosaic)
    return mosaic, labels


def write_mosaic(
    folder: Path,
    name: str,
    cells: Iterable[Pixels],
    *,
    count: int,
    cell_px: tuple[int, int],
    pixel_m: float,
    colours: tuple[int, int, int] = (1, 2, 3),
) -> Mosaic:
    """Write cells row by row on a nearly square grid; memory holds one row of them.

    Args:
        folder, name: Files become ``NAME.tif`` and ``NAME_mask.tif``.
        cells: As many as `count`, of one type and number of bands, none larger than `cell_px`.
        count: >= 1.
        cell_px: Height and width of a cell; a smaller sample stands in its upper left.
        pixel_m: Side of a pixel.
        colours: Bands, from 1, that are red, green and blue.

    Raises:
        DatasetRefusedError: A cell differs from the first, or is too large.
        DiskFullError: The disk is full.
    """
    columns = math.ceil(math.sqrt(count))
    height, width = cell_px
    wide = columns * width
    grid = Affine(pixel_m, 0, _WEST_M, 0, -pixel_m, _NORTH_M)
    size = {"width": wide, "height": -(-count // columns) * height, "transform": grid}
    rest = iter(cells)
    beginning = next(rest)
    first, queue = beginning[0], chain([beginning], rest)
    written = Mosaic(folder / f"{name}.tif", folder / f"{name}_mask.tif", [], [])
    with whole_file(written.raster) as raster, whole_file(written.mask) as mask:
        with (
            rasterio.open(raster, "w", count=len(first), dtype=first.dtype, **size, **_GTIFF) as image,
            rasterio.open(mask, "w", count=1, dtype="uint8", **size, **_GTIFF) as truth,
        ):
            image.colorinterp = _meanings(len(first), colours)
            for row in range(size["height"] // height):
                strip = np.zeros((len(first), height, wide), first.dtype)
                drawn = np.full((height, wide), NO_GROUND, np.uint8)
                for column, (picture, outline) in enumerate(islice(queue, columns)):
                    _check(picture, first, cell_px=cell_px, number=row * columns + column + 1)
                    rows, cols = outline.shape
                    left, top = column * width, row * height
                    strip[:, :rows, left : left + cols] = picture
                    drawn[:rows, left : left + cols] = outline
                    here = grid * Affine.translation(left, top)
                    written.landslides.extend(shapes.polygons(outline, transform=here, simplify_px=_SIMPLIFY_PX))
                    written.grounds.append(box(*(here * (0, rows)), *(here * (cols, 0))))
                place = Window(0, row * height, wide, height)
                image.write(strip, window=place)
                truth.write(drawn, 1, window=place)
        if sum(ground.area for ground in written.grounds) < 0.999999 * size["height"] * wide * pixel_m**2:
            _mark_gaps(raster, mask, row_px=height)
    return written


def _meanings(bands: int, colours: tuple[int, int, int]) -> list[ColorInterp]:
    if bands < 3:
        return [ColorInterp.gray] * bands
    named = dict(zip(colours, (ColorInterp.red, ColorInterp.green, ColorInterp.blue), strict=True))
    return [named.get(band, ColorInterp.undefined) for band in range(1, bands + 1)]


def _check(picture: Image, first: Image, *, cell_px: tuple[int, int], number: int) -> None:
    fits = all(side <= most for side, most in zip(picture.shape[1:], cell_px, strict=True))
    if fits and len(picture) == len(first) and picture.dtype == first.dtype:
        return
    raise DatasetRefusedError(
        f"sample {number}",
        found=f"it is {picture.dtype} of {'×'.join(map(str, picture.shape))}",
        needed=f"{first.dtype} with {len(first)} band(s) and at most {cell_px[0]}×{cell_px[1]} px, as the others have",
        remedy="Take samples of another kind out of the folder.",
    )


def _mark_gaps(raster: Path, mask: Path, *, row_px: int) -> None:
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(raster, "r+", driver="GTiff") as image,
        rasterio.open(mask, driver="GTiff") as truth,
    ):
        for row in range(0, image.height, row_px):
            place = Window(0, row, image.width, min(row_px, image.height - row))
            image.write_mask(truth.read(1, window=place) != NO_GROUND, window=place)


def _write_labels(path: Path, mosaic: Mosaic) -> None:
    import geopandas as gpd  # a second to import, and only this needs it

    outlines = [*mosaic.landslides, shapely.union_all(mosaic.grounds)]
    classes = [LabelClass.landslide.value] * len(mosaic.landslides) + [LabelClass.label_area.value]
    columns = {"uid": [new_id() for _ in outlines], "class": classes, "status": LabelStatus.accepted.value}
    frame = gpd.GeoDataFrame(columns, geometry=outlines, crs=_CRS.to_wkt())
    with whole_file(path) as draft:
        frame.to_file(draft, driver="GPKG", layer="labels", engine="pyogrio")
