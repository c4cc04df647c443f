"""Bare loess terrain: rolling hills grown by uplift, carved by streams, then cut again by gullies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from icssn.demo.noise import Field, band_noise, fractal_noise

SIDE_M = 2048.0  # ground covered by the scene
CELL_M = 4.0  # of the terrain grid
_MARGIN_M = 256.0  # simulated around the scene, then dropped, so that no border effect shows
_BASE_M = 1180.0  # height of the river where it leaves the scene; Wei river near Tianshui lies at about 1,100 m


def grow(rng: np.random.Generator) -> Field:
    """Grow bare hills from noise: heights of 2,048 m square on a 4 m grid, row 0 in the north.

    Streams follow the implicit stream-power scheme (Braun and Willett 2013, doi:10.1016/j.geomorph.2012.10.008)
    with linear hillslope diffusion until hills are rounded; then the river falls and gullies with straight
    flanks eat back into them, which leaves the shoulder line that is typical of loess.
    """
    rock = fractal_noise(rng, _cells(16.0), cell_m=16.0, longest_m=500.0, slope=2.2)
    height = _BASE_M + 30 + 0.05 * _from_river(16.0)[1] + 14 * rock + rng.standard_normal(rock.shape, dtype=np.float32)
    for cell_m, steps in ((16.0, 260), (8.0, 30)):
        base = _base_level(cell_m)
        hardness = np.exp(0.4 * _resized(rock, base.shape))
        height = _resized(height, base.shape)
        for _ in range(steps):
            height = _evolve(height, base, cell_m=cell_m, uplift_m=1.0, power=0.085 * hardness, spread_m=14.0)
    height = ndimage.gaussian_filter(height, 2.2, mode="nearest")
    for cell_m, steps in ((8.0, 7), (4.0, 6)):
        base = _base_level(cell_m) - 12
        hardness = np.exp(0.4 * _resized(rock, base.shape))
        height = _resized(height, base.shape)
        for _ in range(steps):
            height = _evolve(
                height,
                base,
                cell_m=cell_m,
                uplift_m=0.0,
                power=0.07 * hardness,
                spread_m=1.5,
                least_area_m2=9000,
                steepest=0.8,
            )
    return _framed(rng, height)


def drainage(height_m: Field, *, cell_m: float) -> Field:
    """Give the contributing area of every cell in m² (steepest of eight neighbours)."""
    receiver, _ = _receivers(height_m, cell_m)
    order, starts = _levels(receiver)
    return _accumulated(receiver, order, starts, cell_m).reshape(height_m.shape)


def slope_of(height_m: Field, cell_m: float) -> Field:
    """Give the steepness as rise over run."""
    down, right = np.gradient(height_m, cell_m)
    steepness: Field = np.hypot(down, right).astype(np.float32)
    return steepness


def river_line(x_m: Field) -> Field:
    """Give how far south of the scene's top the river runs, for distances east of its west side; all in metres."""
    bends: Field = 640 + 0.52 * x_m + 120 * np.sin(x_m / 330 + 0.4) + 45 * np.sin(x_m / 131 + 1.9)
    return bends


def _cells(cell_m: float) -> tuple[int, int]:
    return (int((SIDE_M + 2 * _MARGIN_M) / cell_m),) * 2


def _from_river(cell_m: float) -> tuple[Field, Field]:
    """Distance east of the scene's west side (1, columns), and from the river (rows, columns), in metres."""
    rows, cols = _cells(cell_m)
    x = (np.arange(cols, dtype=np.float32)[None, :] + 0.5) * cell_m - _MARGIN_M
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * cell_m - _MARGIN_M
    return x, np.abs(y - river_line(x))


def _base_level(cell_m: float) -> Field:
    """Heights of the river's floor and of far valleys beyond the margin; NaN elsewhere."""
    x, away = _from_river(cell_m)
    half_width = 34 + 16 * np.sin(x / 190 + 0.7) + 9 * np.sin(x / 67)
    level = np.broadcast_to(_BASE_M + 0.012 * (SIDE_M - x), away.shape)
    base = np.where(away <= half_width, level, np.nan).astype(np.float32)
    base[0], base[-1] = level[0] + 25, level[-1] + 40
    return base


def _evolve(
    height: Field,
    base: Field,
    *,
    cell_m: float,
    uplift_m: float,
    power: Field | float,
    spread_m: float,
    least_area_m2: float = 0.0,
    steepest: float = np.inf,
) -> Field:
    """Take one step: uplift, stream incision from the outlets upwards, collapse of steep flanks, creep.

    Args:
        height: Heights, m.
        base: Heights that stay (outlets), NaN elsewhere.
        cell_m: Side of a cell.
        uplift_m: Of all other cells.
        power: Incision in m per m of slope and per m of the root of the contributing area.
        spread_m: Standard deviation of the creep.
        least_area_m2: Smaller catchments carve nothing.
        steepest: Slope (rise over run) beyond which ground collapses.
    """
    fixed = ~np.isnan(base)
    height = np.where(fixed, base, height + uplift_m).astype(np.float32)
    receiver, length = _receivers(height, cell_m)
    receiver[fixed.ravel()] = np.flatnonzero(fixed.ravel())
    order, starts = _levels(receiver)
    area = _accumulated(receiver, order, starts, cell_m)
    strength = np.broadcast_to(power, height.shape).ravel() * np.sqrt(np.maximum(area - least_area_m2, 0))
    factor = (strength / length)[order].astype(np.float32)
    sorted_height = height.ravel()[order]
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    below = place[receiver[order]]
    for start, end in pairwise(starts[1:]):
        part = slice(start, end)
        sorted_height[part] = (sorted_height[part] + factor[part] * sorted_height[below[part]]) / (1 + factor[part])
    carved = np.empty_like(sorted_height)
    carved[order] = sorted_height
    carved = _collapsed(carved.reshape(height.shape), steepest * cell_m) if np.isfinite(steepest) else carved
    spread: Field = ndimage.gaussian_filter(carved.reshape(height.shape), spread_m / cell_m, mode="nearest")
    return np.where(fixed, base, spread).astype(np.float32)


def _collapsed(height: Field, step_m: float) -> Field:
    """Lower what stands more than `step_m` above a neighbour (loess fails in straight flanks)."""
    for _ in range(3):
        for axis in (0, 1):
            for way in (1, -1):
                height = np.minimum(height, np.roll(height, way, axis) + step_m)
        for down in (1, -1):
            for right in (1, -1):
                height = np.minimum(height, np.roll(height, (down, right), (0, 1)) + 1.41 * step_m)
    return height


def _receivers(height: Field, cell_m: float) -> tuple[NDArray[np.int64], Field]:
    """Index of the steepest lower neighbour (itself in a pit) and the distance to it, both flat."""
    rows, cols = height.shape
    padded = np.pad(height, 1, constant_values=np.inf)
    steepest = np.zeros((rows, cols), np.float32)
    receiver = np.arange(rows * cols, dtype=np.int64).reshape(rows, cols)
    own = receiver.copy()
    length = np.full((rows, cols), cell_m, np.float32)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down == right == 0:
                continue
            reach = cell_m * float(np.hypot(down, right))
            fall = (height - padded[1 + down : 1 + down + rows, 1 + right : 1 + right + cols]) / reach
            better = fall > steepest
            steepest[better] = fall[better]
            receiver[better] = own[better] + down * cols + right
            length[better] = reach
    return receiver.ravel(), length.ravel()


def _levels(receiver: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cells sorted by their number of hops to an outlet, and where each hop count starts."""
    hops = (receiver != np.arange(receiver.size)).astype(np.int32)
    jump = receiver
    while True:
        further = hops[jump]
        if not further.any():
            break
        hops = hops + further
        jump = jump[jump]
    order = np.argsort(hops, kind="stable")
    starts = np.searchsorted(hops[order], np.arange(int(hops.max()) + 2))
    return order, starts


def _accumulated(
    receiver: NDArray[np.int64], order: NDArray[np.int64], starts: NDArray[np.int64], cell_m: float
) -> Field:
    area = np.full(receiver.size, cell_m**2, np.float64)
    for start, end in zip(starts[-2:0:-1], starts[:1:-1], strict=True):
        cells = order[start:end]
        np.add.at(area, receiver[cells], area[cells])
    return area.astype(np.float32)


def _framed(rng: np.random.Generator, height: Field) -> Field:
    """Cut the scene out of the simulated square, bending away the eight directions of the grid."""
    side = int(SIDE_M / CELL_M)
    margin = int(_MARGIN_M / CELL_M)
    rows, cols = np.mgrid[0:side, 0:side].astype(np.float32)
    bend = [
        9 * band_noise(rng, (side, side), cell_m=CELL_M, wavelength_m=170)
        + 3 * band_noise(rng, (side, side), cell_m=CELL_M, wavelength_m=55)
        for _ in range(2)
    ]
    at = [rows + margin + bend[0] / CELL_M, cols + margin + bend[1] / CELL_M]
    framed: Field = ndimage.map_coordinates(height, at, order=3, mode="nearest").astype(np.float32)
    return framed


def _resized(field: Field, shape: tuple[int, int]) -> Field:
    rows, cols = shape
    at_row = (np.arange(rows) + 0.5) * field.shape[0] / rows - 0.5
    at_col = (np.arange(cols) + 0.5) * field.shape[1] / cols - 0.5
    at = np.meshgrid(at_row, at_col, indexing="ij")
    resized: Field = ndimage.map_coordinates(field, at, order=3, mode="nearest").astype(np.float32)
    return resized
