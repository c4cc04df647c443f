"""Write the demo project: image, elevation, truth and the few labels to start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from time import monotonic
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from icssn.demo.canvas import Canvas
from icssn.demo.ground import shape_ground
from icssn.demo.landslides import Landslide, deform
from icssn.demo.painting import paint
from icssn.demo.settlement import settle
from icssn.demo.sites import LABEL_AREA, place
from icssn.demo.terrain import grow
from icssn.durable import whole_file
from icssn.errors import DiskFullError
from icssn.geo import crs, shapes
from icssn.records import NewLabel, Progress

SEED = 15  # chosen by eye among sixteen: slides on all sides, roads that a driver would believe
SIZE_PX = 2048  # at 1 m
_CRS = CRS.from_epsg(32648)
_WEST_M, _NORTH_M = 582_400.0, 3_841_000.0  # near 105.9° E 34.7° N, loess hills of eastern Gansu
_NEEDED_MB = 60  # image, elevation and truth take some 35 MB


@dataclass(frozen=True)
class DemoFiles:
    """What `make_project` wrote; geometries are longitude/latitude."""

    image: Path  # uint8, 3 bands (red, green, blue)
    dem: Path  # float32, metres
    truth_labels: Path  # GeoPackage, scene CRS: every landslide, field `labelled` 0/1
    truth_mask: Path  # uint8 on the image's grid: 0 / 1, and 255 inside the label area, which does not count
    start_labels: list[NewLabel]  # landslides whose record lacks nothing that is mandatory
    label_area: BaseGeometry


def make_project(
    folder: Path,
    *,
    report: Callable[[Progress], None] | None = None,
    size_px: int = SIZE_PX,
    seed: int = SEED,
) -> DemoFiles:
    """Generate the demo landscape and write it to `folder`; the same arguments give the same pixels.

    Args:
        folder: Created where absent; earlier demo files in it are replaced one by one, each whole.
        report: Told the progress.
        size_px: Pixels per side. The scene always covers 2,048 m, so fewer pixels are coarser ones.
        seed: Of the landscape.

    Raises:
        DiskFullError: The disk has too little room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if disk_usage(folder).free < _NEEDED_MB * 1e6:
        raise DiskFullError(str(folder), needed_mb=_NEEDED_MB)
    tell = _Teller(report)
    rng = np.random.default_rng(seed)
    tell(0.0, "raising hills and cutting gullies")
    bare = grow(rng)
    tell(0.12, "letting slopes fail")
    slides = place(rng, bare)
    slipped = deform(rng, bare, landslides=slides)
    tell(0.20, "laying roads and building hamlets")
    built = settle(rng, slipped.height_m, landslides=slides)
    tell(0.24, "terracing the slopes")
    canvas = Canvas(rng, size_px)
    ground = shape_ground(canvas, slipped, built=built)
    tell(0.55, "painting the image")
    image = paint(canvas, ground)
    tell(0.88, "writing image, elevation and truth")
    transform = Affine(canvas.pixel_m, 0, _WEST_M, 0, -canvas.pixel_m, _NORTH_M)
    files = DemoFiles(
        image=folder / "demo_image.tif",
        dem=folder / "demo_dem.tif",
        truth_labels=folder / "demo_truth.gpkg",
        truth_mask=folder / "demo_truth_mask.tif",
        start_labels=[_label(slide) for slide in slides if slide.labelled],
        label_area=_lonlat(LABEL_AREA),
    )
    _write_raster(files.image, image, transform, predictor=2, photometric="rgb")
    _write_raster(files.dem, ground.height_m[None], transform, predictor=3)
    _write_raster(files.truth_mask, _truth_mask(slides, transform, size_px)[None], transform, nodata=255)
    _write_truth(files.truth_labels, slides)
    tell(1.0, "the demo landscape is ready")
    return files


class _Teller:
    """Reports progress with the time that is left, judged by the time so far."""

    def __init__(self, report: Callable[[Progress], None] | None) -> None:
        self._report = report
        self._start = monotonic()

    def __call__(self, fraction: float, message: str) -> None:
        if self._report is not None:
            spent = monotonic() - self._start
            left = spent * (1 - fraction) / fraction if fraction else None
            self._report(Progress(fraction=fraction, message=message, remaining_s=left))


def _in_scene_crs(shape: BaseGeometry) -> BaseGeometry:
    """Carry a shape from metres east and south of the north-west corner to the scene's CRS."""
    return affinity.affine_transform(shape, [1, 0, 0, -1, _WEST_M, _NORTH_M])


def _lonlat(shape: BaseGeometry) -> BaseGeometry:
    return crs.to_lonlat(_in_scene_crs(shape), _CRS.to_wkt())


def _label(slide: Landslide) -> NewLabel:
    record = {"geometry_role": "whole", "confidence": slide.confidence}
    return NewLabel(geometry_lonlat=_lonlat(slide.outline), attributes=record)


def _truth_mask(slides: list[Landslide], transform: Affine, size_px: int) -> NDArray[np.uint8]:
    grid: dict[str, Any] = {"transform": transform, "width": size_px, "height": size_px}
    mask = shapes.rasterise([_in_scene_crs(slide.outline) for slide in slides], **grid)
    return shapes.rasterise([_in_scene_crs(LABEL_AREA)], value=255, out=mask, **grid)


def _write_raster(path: Path, values: NDArray[Any], transform: Affine, **options: Any) -> None:
    count, height, width = values.shape
    with (
        whole_file(path) as draft,
        rasterio.open(
            draft,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=values.dtype,
            crs=_CRS,
            transform=transform,
            tiled=True,
            blockxsize=256,
            blockysize=256,
            compress="deflate",
            **options,
        ) as dataset,
    ):
        dataset.write(values)


def _write_truth(path: Path, slides: list[Landslide]) -> None:
    import geopandas as gpd  # a second to import, and only this needs it

    rows = [
        {"labelled": int(slide.labelled), "length_m": round(slide.length_m), "freshness": slide.freshness}
        for slide in slides
    ]
    frame = gpd.GeoDataFrame(rows, geometry=[_in_scene_crs(slide.outline) for slide in slides], crs=_CRS.to_wkt())
    with whole_file(path) as draft:
        frame.to_file(draft, driver="GPKG", layer="landslides", engine="pyogrio")
