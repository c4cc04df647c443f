"""CAS: satellite and drone samples of nine regions, by region and sensor (Xu et al., Sci. Data 11:12, 2024)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from icssn.datasets.files import missing
from icssn.datasets.sample import Pixels, Sample, binary, in_order, paired
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_values

_ENDINGS = (".tif", ".tiff")


def samples(folder: Path) -> list[Sample]:
    """List the samples, each part (region and sensor) a split of its own, as pixel sizes differ between parts.

    Args:
        folder: Holds ``PART/img/*.tif`` and ``PART/mask/*.tif`` (0 and 1), or is such a part itself. The coloured
            masks in ``PART/label`` are not read.

    Raises:
        DatasetRefusedError: It holds no such pair.
        RasterRefusedError: The first sample of a part cannot be read.
    """
    found = []
    for images in sorted([*folder.glob("img"), *folder.glob("*/img"), *folder.glob("*/*/img")]):
        names = [file.name for file in images.iterdir() if file.suffix.lower() in _ENDINGS]
        pairs = [(images / name, images.with_name("mask") / name) for name in in_order(names)]
        pairs = [(image, mask) for image, mask in pairs if mask.exists()]
        if pairs:
            size_px, pixel_m = _grid(pairs[0][0])
            part = images.parent.name
            found += [Sample(image.stem, part, size_px, pixel_m, partial(_read, image, mask)) for image, mask in pairs]
    if not found:
        raise missing(folder, needed="folders of parts with img/*.tif and mask/*.tif of the same names")
    return found


def _grid(path: Path) -> tuple[tuple[int, int], float | None]:
    with open_raster(path) as dataset:
        in_metres = dataset.crs is not None and dataset.crs.is_projected
        side = float(np.sqrt(abs(dataset.transform.determinant)))
        return (dataset.height, dataset.width), side if in_metres else None


def _read(image: Path, mask: Path) -> Pixels:
    return paired(_values(image)[:3], binary(_values(mask)[0]), name=f"{image.parent.parent.name}/{image.name}")


def _values(path: Path) -> npt.NDArray[Any]:
    with open_raster(path) as dataset:
        return read_values(dataset, Window(0, 0, dataset.width, dataset.height), tuple(dataset.indexes))[0]
