"""Old landslides: what they did to the ground, and what centuries have left of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage, spatial
from shapely.geometry import Polygon

from icssn.demo.noise import Field, band_noise, ramp
from icssn.demo.terrain import CELL_M, SIDE_M

_PLAIN, _WORN = 0.75, 0.5  # freshness from which one is mapped with high, with moderate confidence
_BODY_M = 12.0  # from the outline to fully disturbed ground
# Vertical shift along the axis in units of the scarp's height: the crown sinks, the toe bulges (a rotational slide).
_SHIFT_AT = [0.0, 0.3, 0.55, 0.82, 1.0]
_SHIFT = [-1.0, -0.75, 0.05, 0.72, 0.55]


@dataclass(frozen=True)
class Landslide:
    """One landslide; metres east and south of the scene's north-west corner."""

    outline: Polygon
    axis: NDArray[np.float64]  # (N, 2) from crown to toe
    freshness: float  # 1: scarp and hummocks are plain; 0.2: smoothed and terraced again, nearly invisible
    labelled: bool

    @property
    def length_m(self) -> float:
        """Length of the axis."""
        return float(np.hypot(*np.diff(self.axis, axis=0).T).sum())

    @property
    def confidence(self) -> str:
        """How sure a mapper could be of it, as the landslide record says it."""
        return "high" if self.freshness >= _PLAIN else "moderate" if self.freshness >= _WORN else "low"


@dataclass(frozen=True)
class Slipped:
    """The ground after the landslides, on the 4 m grid."""

    height_m: Field
    disturbed: Field  # 0 outside, up to the landslide's freshness inside
    scarp: Field  # the same for the steep arc below the crown


def deform(rng: np.random.Generator, height_m: Field, *, landslides: list[Landslide]) -> Slipped:
    """Let the landslides fall: arcuate scarp, sunken tread with hummocks, toe that bulges.

    Args:
        rng: Source of randomness.
        height_m: Bare terrain on the 4 m grid.
        landslides: Where, how long and how fresh.
    """
    slipped = Slipped(height_m.copy(), np.zeros_like(height_m), np.zeros_like(height_m))
    hummocks = band_noise(rng, height_m.shape, cell_m=CELL_M, wavelength_m=42, octaves=0.9)
    for landslide in landslides:
        window = _window(landslide.outline)
        depth, along = _depth(landslide, window), _along(landslide, window)
        fresh, length = landslide.freshness, landslide.length_m
        scarp_m = length * (0.038 + 0.046 * fresh)  # young ones fall by some tenth of their length; these are worn
        flank_m = max(0.13 * length, 9.0)
        shift = np.interp(along, _SHIFT_AT, _SHIFT).astype(np.float32) * ramp(depth, 0, flank_m) * scarp_m
        ridges = np.cos(2 * along * length / (6.5 + 0.045 * length) + hummocks[window])  # across the tread
        rough = (0.8 * hummocks[window] + 0.3 * ridges) * (0.3 + 0.005 * length) * (0.3 + 0.8 * fresh)
        slipped.height_m[window] += shift + rough * ramp(along, 0.15, 0.4) * ramp(depth, 3, 22)
        body = fresh * ramp(depth, 0, _BODY_M)
        rim = fresh * ramp(depth, 0, 5) * ramp(depth, 1.1 * flank_m, 0.5 * flank_m) * ramp(along, 0.5, 0.22)
        np.maximum(slipped.disturbed[window], body, out=slipped.disturbed[window])
        np.maximum(slipped.scarp[window], rim, out=slipped.scarp[window])
    return slipped


def _window(outline: Polygon) -> tuple[slice, slice]:
    west, north, east, south = outline.bounds
    side = int(SIDE_M / CELL_M)
    return (
        slice(max(int(north / CELL_M) - 4, 0), min(int(south / CELL_M) + 5, side)),
        slice(max(int(west / CELL_M) - 4, 0), min(int(east / CELL_M) + 5, side)),
    )


def _depth(landslide: Landslide, window: tuple[slice, slice]) -> Field:
    """Distance to the outline in metres, 0 outside."""
    rows, cols = window
    shape = (rows.stop - rows.start, cols.stop - cols.start)
    at = Affine(CELL_M, 0, cols.start * CELL_M, 0, CELL_M, rows.start * CELL_M)
    inside = rasterize([landslide.outline], out_shape=shape, transform=at).astype(bool)
    depth: Field = ndimage.gaussian_filter(ndimage.distance_transform_edt(inside) * CELL_M, 0.7) * inside
    return depth.astype(np.float32)


def _along(landslide: Landslide, window: tuple[slice, slice]) -> Field:
    """Share of the way from crown (0) to toe (1)."""
    rows, cols = window
    dense = np.linspace(0, 1, 200)
    share = np.linspace(0, 1, len(landslide.axis))
    axis = np.stack([np.interp(dense, share, landslide.axis[:, k]) for k in (0, 1)], -1)
    x, y = np.meshgrid(
        (np.arange(cols.start, cols.stop) + 0.5) * CELL_M, (np.arange(rows.start, rows.stop) + 0.5) * CELL_M
    )
    _, nearest = spatial.cKDTree(axis).query(np.stack([x, y], -1))
    along: Field = ndimage.gaussian_filter(dense[nearest], 1.0).astype(np.float32)
    return along
