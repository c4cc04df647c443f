"""Whether two rasters of the same grid hold the same image, however each of them is stored."""

from __future__ import annotations

import hashlib

from rasterio.io import DatasetReader

from icssn.imagery.read import read_values
from icssn.imagery.stretch import sample_windows


def sample_sha256(dataset: DatasetReader) -> str:
    """Give a digest of the stored values in an even sample of windows, the same for every way to store them.

    Up to 1,024 px a side these are all pixels; of a larger raster 64 windows that lie an eighth of each side apart.
    An image of another day or another sensor differs in nearly every pixel; a change of a small place may lie between
    the windows.

    Args:
        dataset: Open; all bands are read.

    Raises:
        RasterRefusedError: The file is damaged at one of these places.
    """
    digest = hashlib.sha256()
    for window in sample_windows(dataset.width, dataset.height):
        digest.update(read_values(dataset, window, tuple(dataset.indexes))[0].tobytes())
    return digest.hexdigest()
