"""Pixels of a window, whether or not it lies inside the raster, with what is valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from icssn.errors import RasterRefusedError
from icssn.imagery.stretch import apply
from icssn.records import Stretch


def read_window(
    dataset: DatasetReader, window: Window, stretch: Stretch
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Read a window as the networks and the map see it.

    Args:
        dataset: From `icssn.imagery.open.open_raster`.
        window: Whole pixels; may reach outside the raster.
        stretch: Bands and values that become 0–255.

    Returns:
        image: uint8 (C, H, W), C = len(stretch.bands), 0 where not valid.
        valid: bool (H, W), as of `read_values`.

    Raises:
        RasterRefusedError: The file is damaged at this place.
    """
    values, valid = read_values(dataset, window, stretch.bands)
    image = apply(values, stretch)
    return (image if valid.all() else np.where(valid, image, np.uint8(0))), valid


def read_values(
    dataset: DatasetReader, window: Window, bands: tuple[int, ...]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Read stored values of a window.

    Args:
        dataset: From `icssn.imagery.open.open_raster`.
        window: Whole pixels; may reach outside the raster.
        bands: 1-based numbers.

    Returns:
        values: In the raster's own type, (C, H, W); 0 outside the raster.
        valid: bool (H, W); False outside the raster, where alpha or the mask is 0, where every band is nodata, and
            where a chosen band is NaN or infinite.

    Raises:
        RasterRefusedError: The file is damaged at this place.
    """
    height, width = int(window.height), int(window.width)
    left, top = int(window.col_off), int(window.row_off)
    col, row = max(left, 0), max(top, 0)
    cols, rows = min(left + width, dataset.width) - col, min(top + height, dataset.height) - row
    if cols <= 0 or rows <= 0:
        return np.zeros((len(bands), height, width), dataset.dtypes[0]), np.zeros((height, width), np.bool_)
    inside = Window(col, row, cols, rows)
    try:
        values = dataset.read(bands, window=inside)
        valid = dataset.dataset_mask(window=inside) > 0
    except RasterioError as err:
        raise RasterRefusedError(
            Path(dataset.name).name,
            found=f"its pixels could not be read near column {col}, row {row} ({err})",
            needed="an undamaged file",
            remedy="Copy it again from its source.",
        ) from err
    if values.dtype.kind == "f":
        valid &= np.isfinite(values).all(axis=0)
    if (rows, cols) == (height, width):
        return values, valid
    around = (row - top, top + height - row - rows), (col - left, left + width - col - cols)
    return np.pad(values, ((0, 0), *around)), np.pad(valid, around)
