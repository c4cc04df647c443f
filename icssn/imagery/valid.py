"""Where a raster has no data, as outlines: a coarse look at the whole of it."""

from __future__ import annotations

import math

import numpy as np
from rasterio.transform import Affine
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from icssn.geo import crs, shapes
from icssn.imagery.limits import georeference
from icssn.imagery.open import open_raster
from icssn.records import Raster

COARSE_PX = 2048  # longer side of the look; patches of fewer than 2 × 2 of its pixels are not seen


def nodata_lonlat(raster: Raster) -> list[BaseGeometry]:
    """Give the outlines of all ground without data, in longitude/latitude.

    Each is drawn in by one coarse pixel, so that what is reported does lie on nodata.

    Args:
        raster: A GeoTIFF; one with overviews is read in a moment, another as a whole.

    Raises:
        RasterRefusedError: The file cannot be opened.
    """
    with open_raster(raster) as dataset:
        wkt, _ = georeference(dataset, raster.name)
        step = max(1.0, max(dataset.width, dataset.height) / COARSE_PX)
        width, height = math.ceil(dataset.width / step), math.ceil(dataset.height / step)
        valid = dataset.dataset_mask(out_shape=(height, width)) > 0
        coarse = dataset.transform * Affine.scale(dataset.width / width, dataset.height / height)
    found = shapes.polygons((~valid).astype(np.uint8), transform=Affine.identity(), min_px=4)
    drawn_in = (shapes.repair(outline.buffer(-1, join_style="mitre"))[0] for outline in found)
    to_crs = [coarse.a, coarse.b, coarse.d, coarse.e, coarse.c, coarse.f]
    return [crs.to_lonlat(affine_transform(item, to_crs), wkt) for item in drawn_in if not item.is_empty]
