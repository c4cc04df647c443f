"""Polygons to mask and mask to polygons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from rasterio import features
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry

Mask = npt.NDArray[np.uint8]


def rasterise(
    geometries: Iterable[BaseGeometry],
    *,
    transform: Affine,
    width: int,
    height: int,
    value: int = 1,
    out: Mask | None = None,
) -> Mask:
    """Burn geometries into a mask: a pixel belongs to a polygon when its centre lies inside.

    Args:
        geometries: In the CRS units of `transform`; empty ones are passed over.
        transform: Pixel → CRS.
        width: Of the mask, px.
        height: Of the mask, px.
        value: Written inside the geometries, 0–255.
        out: A mask (height, width) to write into; else one of zeros.

    Returns:
        Mask, uint8 (height, width); `out` itself where given.
    """
    mask = np.zeros((height, width), np.uint8) if out is None else out
    burnt = [(geometry, value) for geometry in geometries if not geometry.is_empty]
    if burnt:
        features.rasterize(burnt, out=mask, transform=transform, all_touched=False)
    return mask


def polygons(mask: Mask, *, transform: Affine, simplify_px: float = 0.0, min_px: int = 0) -> list[Polygon]:
    """Trace the pixels of value 1, joined by their sides (connectivity 4), as polygons that are always valid.

    Connectivity 8 would give rings that touch themselves. Without simplification, `rasterise` of the result gives
    back the mask exactly.

    Args:
        mask: uint8 (H, W); only the value 1 is traced.
        transform: Pixel → CRS.
        simplify_px: Tolerance of the outlines (Douglas–Peucker, topology kept), px.
        min_px: Objects of fewer pixels are left out; holes are kept whatever their size.

    Returns:
        Polygons with holes, in CRS units of `transform`, ordered from the top of the image.
    """
    ones = (mask == 1).astype(np.uint8)
    if min_px > ones.sum(dtype=np.int64):
        return []
    if min_px > 1:  # drops speckle before the costly tracing; holes that the sieve fills are reopened
        ones &= features.sieve(ones, size=min_px, connectivity=4)
    traced: list[Polygon] = []
    for outline, _ in features.shapes(ones, mask=ones, connectivity=4):
        in_pixels = shape(outline)
        if in_pixels.area < min_px:
            continue
        if simplify_px > 0:
            in_pixels = in_pixels.simplify(simplify_px, preserve_topology=True)
        traced += _valid_parts(_moved(in_pixels, transform))
    return traced


def pixel_transform(transform: Affine, window: Window) -> Affine:
    """Give the transform of a window's own pixels: its upper left corner becomes (0, 0)."""
    return transform * Affine.translation(window.col_off, window.row_off)


def repair(geometry: BaseGeometry) -> tuple[BaseGeometry, bool]:
    """Make a geometry valid and keep only its polygons.

    Returns:
        The polygon or multipolygon (empty when nothing has an area), and whether anything had to change.
    """
    if geometry.is_valid and isinstance(geometry, Polygon | MultiPolygon):
        return geometry, False
    parts = _valid_parts(geometry)
    if not parts:
        return Polygon(), True
    return (parts[0] if len(parts) == 1 else shapely.multipolygons(parts)), True


def _moved(in_pixels: BaseGeometry, transform: Affine) -> BaseGeometry:
    def move(cols: Any, rows: Any) -> tuple[Any, Any]:
        return (
            transform.a * cols + transform.b * rows + transform.c,
            transform.d * cols + transform.e * rows + transform.f,
        )

    return shapely.transform(in_pixels, move, interleaved=False)


def _valid_parts(geometry: BaseGeometry) -> list[Polygon]:
    # "structure" unites parts that overlap; the default would cut a hole where they do.
    valid = geometry if geometry.is_valid else shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    flat: list[Any] = [valid]
    for _ in range(2):  # a collection may hold multipolygons
        flat = [part for item in flat for part in (item.geoms if hasattr(item, "geoms") else [item])]
    return [part for part in flat if isinstance(part, Polygon) and part.area > 0]
