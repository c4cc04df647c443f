"""The ground at the resolution of the image: terraces cut into the hills, fields, valley floor, what grows where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage, sparse
from shapely.geometry.base import BaseGeometry

from icssn.demo.landslides import Slipped, slope_of
from icssn.demo.noise import Field, band_noise, fractal_noise, hashed, smoothstep
from icssn.demo.settlement import Settlement
from icssn.demo.terrain import CELL_M, SIDE_M, drainage, river_line

_RISER_SHARE = 0.30  # of a terrace's width that is its slope; the rest is the bench
_TERRACE_M = 11.0  # usual width of a terrace; loess terraces measure some 5–20 m


@dataclass(frozen=True)
class Ground:
    """Layers of one size, float32 and 0–1 unless said otherwise."""

    pixel_m: float
    height_m: Field  # bare ground: the DEM
    slope: Field  # of the hill, without its terraces (rise over run)
    terraced: Field
    riser: Field
    field: NDArray[np.int64]  # number of the field or terrace plot
    edge: Field  # borders between plots
    gully: Field  # steep, uncultivated flanks
    planted: Field  # dense young forest
    abandoned: Field  # terraces that nobody works any more: looks like old landslide, is none
    wet: Field  # hollows and gully bottoms
    floor: Field  # floor of the main valley
    river: Field
    disturbed: Field
    scarp: Field
    quarry: Field
    road: Field
    track: Field
    yard: Field
    roof: NDArray[np.uint8]  # 0 none, else kind of roof + 1


def shape_ground(rng: np.random.Generator, slipped: Slipped, built: Settlement, *, size_px: int) -> Ground:
    """Cut terraces and refine the 4 m terrain to `size_px` pixels a side.

    Args:
        rng: Source of randomness.
        slipped: Terrain after the landslides.
        built: Roads, hamlets and quarry.
        size_px: Pixels per side; the ground covered stays the same.
    """
    pixel_m = SIDE_M / size_px
    shape = (size_px, size_px)

    def fine(coarse: Field) -> Field:
        return resampled(coarse, size_px)

    def drawn(shapes: list[BaseGeometry], blur_m: float = 0.7) -> Field:
        mask = burnt([(item, 1) for item in shapes], size_px).astype(np.float32)
        soft: Field = ndimage.gaussian_filter(mask, blur_m / pixel_m)
        return soft

    coarse = _quarried(slipped.height_m, built)
    steep_coarse = slope_of(ndimage.gaussian_filter(coarse, 1.2), CELL_M)
    gully_coarse = ndimage.gaussian_filter((steep_coarse > 0.56).astype(np.float32), 1.5)
    gully_coarse = smoothstep(gully_coarse, 0.25, 0.6)
    area = drainage(coarse, cell_m=CELL_M)
    wet = fine(ndimage.gaussian_filter(smoothstep(np.log10(area), 3.6, 4.8), 1.3))
    x = (np.arange(size_px, dtype=np.float32) + 0.5)[None, :] * pixel_m
    y = (np.arange(size_px, dtype=np.float32) + 0.5)[:, None] * pixel_m
    quiet_height = fine(ndimage.gaussian_filter(coarse, 1.6))
    slope = fine(slope_of(ndimage.gaussian_filter(coarse, 5), CELL_M))
    floor = _floor(rng, x, y, fine(steep_coarse), pixel_m)
    disturbed, scarp = fine(slipped.disturbed), fine(slipped.scarp)
    patchy = fractal_noise(rng, shape, cell_m=pixel_m, longest_m=260, slope=1.8)
    kept = band_noise(rng, shape, cell_m=pixel_m, wavelength_m=95) * smoothstep(disturbed, 0.05, 0.3)
    terraced = (
        smoothstep(slope + 0.05 * patchy, 0.52, 0.40)
        * (1 - fine(gully_coarse))
        * (1 - floor)
        * (1 - 0.92 * smoothstep(0.6 * disturbed + 0.33 * kept, 0.12, 0.5))
    )
    planted = smoothstep(band_noise(rng, shape, cell_m=pixel_m, wavelength_m=300) + 0.15 * patchy, 1.5, 1.56)
    planted *= (1 - floor) * smoothstep(slope, 0.15, 0.22)
    terraced *= 1 - 0.7 * planted
    quarry = drawn([built.quarry], 1.0)
    yard = drawn(list(built.yards))
    terraced *= (1 - quarry) * (1 - yard)
    planted *= (1 - quarry) * (1 - yard)
    step_m, level, part = _terraces(rng, quiet_height, slope, disturbed, pixel_m)
    lift = step_m * (smoothstep(part, 1 - _RISER_SHARE, 1.0) + 0.10 * part - part * 1.10 + 0.05)
    height = fine(coarse) + terraced * lift + (0.10 + 0.25 * fine(gully_coarse)) * patchy
    height += 0.30 * disturbed * band_noise(rng, shape, cell_m=pixel_m, wavelength_m=11)
    height += 0.35 * fine(gully_coarse) * band_noise(rng, shape, cell_m=pixel_m, wavelength_m=9)
    bed = drawn([way.buffer(3.5) for way in (*built.roads, *built.tracks)], 2.0)
    height += bed * (ndimage.gaussian_filter(height, 5 / pixel_m) - height)
    plot = _plots(rng, level, fine(ndimage.gaussian_filter(coarse, 12)), x, y, pixel_m)
    river = _river(x, y, pixel_m)
    return Ground(
        pixel_m=pixel_m,
        height_m=height - 1.6 * river,
        slope=slope,
        terraced=terraced,
        riser=terraced * smoothstep(np.abs(part - (1 - _RISER_SHARE / 2)), 0.8 * _RISER_SHARE, 0.35 * _RISER_SHARE),
        field=plot,
        edge=_edges(plot, pixel_m),
        gully=fine(gully_coarse),
        planted=planted,
        abandoned=terraced * smoothstep(band_noise(rng, shape, cell_m=pixel_m, wavelength_m=190), 1.0, 1.5),
        wet=wet,
        floor=floor,
        river=river,
        disturbed=disturbed,
        scarp=scarp,
        quarry=quarry,
        road=drawn([road.buffer(2.2) for road in built.roads]),
        track=drawn([track.buffer(1.2) for track in built.tracks]),
        yard=yard,
        roof=burnt([(house.roof, house.kind + 1) for house in built.houses], size_px),
    )


def resampled(coarse: Field, size_px: int) -> Field:
    """Bring a field of the 4 m grid to `size_px` pixels a side with a cubic spline."""
    weights = _spline(coarse.shape[0], size_px)
    middle = coarse.mean()
    fine: Field = np.ascontiguousarray((weights @ (weights @ (coarse - middle)).T).T) + middle
    return fine


@cache
def _spline(cells: int, size_px: int) -> sparse.csr_matrix:
    at = (np.arange(size_px) + 0.5) * cells / size_px - 0.5
    grid = np.meshgrid(at, np.arange(cells), indexing="ij")
    weights = ndimage.map_coordinates(np.eye(cells, dtype=np.float32), grid, order=3, mode="nearest")
    for first, second, beyond in ((0, 1, at < 0), (-1, -2, at > cells - 1)):  # straight on, past the last cell centre
        over = np.where(first == 0, -at, at - (cells - 1))[beyond]
        weights[beyond] = 0
        weights[beyond, first], weights[beyond, second] = 1 + over, -over
    return sparse.csr_matrix(np.where(np.abs(weights) > 1e-6, weights, 0).astype(np.float32))


def burnt(shapes: list[tuple[BaseGeometry, int]], size_px: int) -> NDArray[np.uint8]:
    """Rasterise shapes given in metres from the north-west corner."""
    pixel_m = SIDE_M / size_px
    mask: NDArray[np.uint8] = rasterize(
        [item for item in shapes if not item[0].is_empty],
        out_shape=(size_px, size_px),
        transform=Affine(pixel_m, 0, 0, 0, pixel_m, 0),
        dtype=np.uint8,
    )
    return mask


def _quarried(height: Field, built: Settlement) -> Field:
    """Cut the quarry: benches of 6 m down to a floor that is open on the valley side."""
    mask = rasterize([built.quarry], out_shape=height.shape, transform=Affine(CELL_M, 0, 0, 0, CELL_M, 0))
    deep = (ndimage.distance_transform_edt(mask) * CELL_M).astype(np.float32)
    depth = 6 * (smoothstep(deep, 0, 6) + smoothstep(deep, 13, 19) + smoothstep(deep, 25, 31))
    floor = np.percentile(height[mask > 0], 20)
    lowered: Field = np.maximum(height - depth, np.minimum(height, floor)).astype(np.float32)
    return lowered


def _terraces(
    rng: np.random.Generator, height: Field, slope: Field, disturbed: Field, pixel_m: float
) -> tuple[Field, Field, Field]:
    """Height of a terrace step (m), its number (unique), and the share of the way up from its lower edge."""
    shape = height.shape
    drift = 1.3 * band_noise(rng, shape, cell_m=pixel_m, wavelength_m=240) + 0.35 * band_noise(
        rng, shape, cell_m=pixel_m, wavelength_m=60
    )
    shaken = 1.5 * disturbed * band_noise(rng, shape, cell_m=pixel_m, wavelength_m=34)
    choice = np.log2(np.maximum(slope, 0.02) * _TERRACE_M) + 0.55 * band_noise(
        rng, shape, cell_m=pixel_m, wavelength_m=150
    )
    octave = np.clip(np.rint(choice), 0, 2)
    step = np.exp2(octave).astype(np.float32)
    steps = (height + drift + shaken) / step
    whole = np.floor(steps)
    return step, whole * 4 + octave, steps - whole


def _plots(
    rng: np.random.Generator, level: Field, hill: Field, x: Field, y: Field, pixel_m: float
) -> NDArray[np.int64]:
    """Number the plots: every terrace is cut across at its own uneven places."""
    shape = level.shape
    bend = [14 * band_noise(rng, shape, cell_m=pixel_m, wavelength_m=160) for _ in range(2)]
    down, right = np.gradient(hill, pixel_m)
    sector = np.rint(np.arctan2(down, right) / (np.pi / 5)).astype(np.int64) % 5
    turn = sector * np.pi / 5
    along = -(x + bend[0]) * np.sin(turn) + (y + bend[1]) * np.cos(turn)
    number = level.astype(np.int64) + 100_000
    length = 28 + 75 * hashed(number, sector, seed=11)
    piece = np.floor(along / length + hashed(number, sector, seed=12)).astype(np.int64)
    plot: NDArray[np.int64] = (number * 8 + sector) * 4096 + piece + 2048
    return plot


def _edges(plot: NDArray[np.int64], pixel_m: float) -> Field:
    edge = np.zeros(plot.shape, np.float32)
    edge[1:] = plot[1:] != plot[:-1]
    edge[:, 1:] = np.maximum(edge[:, 1:], plot[:, 1:] != plot[:, :-1])
    soft: Field = np.clip(2.2 * ndimage.gaussian_filter(edge, 0.7 / pixel_m), 0, 1)
    return soft


def _floor(rng: np.random.Generator, x: Field, y: Field, steep: Field, pixel_m: float) -> Field:
    away = np.abs(y - river_line(x)) + 5 * band_noise(rng, steep.shape, cell_m=pixel_m, wavelength_m=60)
    floor: Field = smoothstep(away, 85, 60) * smoothstep(steep, 0.22, 0.12)
    return floor


def _river(x: Field, y: Field, pixel_m: float) -> Field:
    middle = river_line(x) + 13 * np.sin(x / 41 + 0.6 * np.sin(x / 97)) + 6 * np.sin(x / 17.0)
    width = 2.6 + 1.2 * np.sin(x / 23) + 0.9 * np.sin(x / 9 + y / 7)
    river: Field = smoothstep(np.abs(y - middle), 1.0 * width + 1.5, 0.6 * width).astype(np.float32)
    return river
