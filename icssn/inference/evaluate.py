"""Judge a scene's probability raster against truth: a mask on the same grid, or polygons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from icssn.errors import RasterRefusedError
from icssn.geo.shapes import rasterise
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_values
from icssn.metrics.pixels import IGNORE
from icssn.metrics.report import judge
from icssn.records import RasterFacts

_TOLERANCE_PX = 0.01  # by which the truth's grid may be off, as when another program wrote it


def evaluate(
    probability: Path,
    truth: Path | Iterable[BaseGeometry],
    *,
    facts: RasterFacts,
    threshold: float,
    min_object_px: int,
) -> dict[str, float]:
    """Judge the probability raster of one scene. Both rasters are held in memory whole, one byte a pixel.

    Args:
        probability: As written by `predict.predict_scene`.
        truth: A mask on the scene's own grid (0 background, 1 landslide; 255 and its nodata are not judged), or
            polygons of all landslides in the scene's CRS: outside them is background.
        facts: The scene's.
        threshold: Smallest probability that counts as landslide.
        min_object_px: Predicted objects with fewer pixels are left out.

    Returns:
        Figures of `metrics.report.judge`; pixels without data are not judged.

    Raises:
        RasterRefusedError: A raster cannot be read, or the truth does not lie on the scene's grid or holds other
            values.
    """
    with open_raster(probability) as dataset:
        values: NDArray[np.uint8] = dataset.read(1)
    if isinstance(truth, Path):
        mask = _read_mask(truth, facts)
    else:
        mask = rasterise(truth, transform=Affine(*facts.transform), width=facts.width, height=facts.height)
    return judge(mask, values, threshold=threshold, min_object_px=min_object_px, pixel_size_m=facts.pixel_size_m)


def _read_mask(path: Path, facts: RasterFacts) -> NDArray[np.uint8]:
    with open_raster(path) as dataset:
        _require_grid(dataset, facts, name=path.name)
        (values,), valid = read_values(dataset, Window(0, 0, dataset.width, dataset.height), (1,))
        if dataset.nodata == 0:  # many programs declare the background of a mask as nodata
            valid[:] = True
    strange = np.setdiff1d(values[valid], (0, 1, IGNORE))
    if strange.size or (not (values == 1).any() and (values[valid] == IGNORE).any()):
        raise RasterRefusedError(
            path.name,
            found=f"it holds the value {strange[0]}" if strange.size else "it holds 255 where 1 is expected",
            needed="a mask of 0 (background), 1 (landslide) and 255 (not judged)",
            remedy="Convert it, for example with the raster calculator of QGIS.",
        )
    return np.where(valid, values, IGNORE).astype(np.uint8)


def _require_grid(dataset: DatasetReader, facts: RasterFacts, *, name: str) -> None:
    size, wanted = f"{dataset.width} × {dataset.height} px", f"{facts.width} × {facts.height} px"
    corners = np.array([(0, 0, 1), (facts.width, 0, 1), (0, facts.height, 1)]).T
    to_scene = np.reshape(~Affine(*facts.transform) @ dataset.transform, (3, 3))
    if size != wanted:
        found = f"its size is {size}"
    elif dataset.crs != CRS.from_wkt(facts.crs_wkt):
        found = "its CRS is another one"
    elif np.abs(to_scene @ corners - corners).max() > _TOLERANCE_PX:
        found = "its pixels lie elsewhere"
    else:
        return
    raise RasterRefusedError(
        name,
        found=found,
        needed=f"a mask on the scene's own grid ({wanted}, same CRS, same transform)",
        remedy="Rasterise the truth onto the scene with gdal_rasterize or gdalwarp, or give its polygons instead.",
    )
