"""Old landslides: where the slope would bear one, what it did to the ground, and its outline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage, spatial
from shapely.geometry import Polygon, box

from icssn.demo.noise import Field, band_noise, smoothstep
from icssn.demo.terrain import CELL_M, SIDE_M

LABEL_AREA = Polygon([(60, 120), (905, 70), (955, 1010), (930, 1985), (95, 1930)])
"""The area mapped at the start, in metres east and south of the scene's north-west corner."""

# (length crown to toe m, width / length, freshness, labelled at the start). Freshness 1: scarp and hummocks are
# still plain; 0.2: smoothed and terraced again, nearly invisible. Lengths cover the 60–350 m that were asked for.
_WANTED = (
    (340, 0.55, 0.75, False),
    (310, 0.60, 0.85, True),
    (285, 0.65, 0.35, False),
    (250, 0.62, 0.60, True),
    (235, 0.75, 0.90, False),
    (215, 0.7, 0.65, False),
    (200, 0.68, 0.95, True),
    (190, 0.85, 0.50, False),
    (175, 0.7, 0.70, True),
    (165, 0.72, 0.85, False),
    (150, 0.75, 0.45, True),
    (145, 0.65, 0.25, False),
    (130, 0.75, 0.80, True),
    (125, 0.85, 0.60, False),
    (110, 0.85, 0.90, False),
    (105, 0.95, 0.55, True),
    (95, 0.90, 0.70, False),
    (85, 0.80, 0.80, True),
    (75, 0.90, 0.40, False),
    (64, 0.95, 0.75, False),
)
_GAP_M = 14.0  # between outlines, and between an outline and the border of the label area or the scene
_TRIES = 5000  # crowns tried for each size


@dataclass(frozen=True)
class Landslide:
    """One landslide; metres east and south of the scene's north-west corner."""

    outline: Polygon
    axis: NDArray[np.float64]  # (N, 2) from crown to toe
    freshness: float
    labelled: bool

    @property
    def length_m(self) -> float:
        """Length of the axis."""
        return float(np.hypot(*np.diff(self.axis, axis=0).T).sum())


@dataclass(frozen=True)
class Slipped:
    """The ground after the landslides, on the 4 m grid."""

    height_m: Field
    disturbed: Field  # 0 outside, up to the landslide's freshness inside
    scarp: Field  # the same for the steep arc below the crown


def place(rng: np.random.Generator, height_m: Field) -> list[Landslide]:
    """Find slopes for about twenty landslides, long ones first.

    A good site falls evenly from below the ridge to a valley floor or gully, is not itself a gully, and lies
    wholly inside or wholly outside `LABEL_AREA`.

    Args:
        rng: Source of randomness.
        height_m: Bare terrain on the 4 m grid.
    """
    placed: list[Landslide] = []
    low = ndimage.minimum_filter(height_m, int(140 / CELL_M))
    high = ndimage.maximum_filter(height_m, int(140 / CELL_M))
    standing = (height_m - low) / np.maximum(high - low, 8)
    slope = slope_of(ndimage.gaussian_filter(height_m, 1.5), CELL_M)
    for length, ratio, freshness, labelled in _WANTED:
        site = _best_site(rng, height_m, standing, slope, length, ratio * length, labelled, placed)
        if site is not None:
            placed.append(Landslide(*site, freshness=freshness, labelled=labelled))
    return placed


def slope_of(height_m: Field, cell_m: float) -> Field:
    """Give the steepness as rise over run."""
    down, right = np.gradient(height_m, cell_m)
    steepness: Field = np.hypot(down, right).astype(np.float32)
    return steepness


def deform(rng: np.random.Generator, height_m: Field, landslides: list[Landslide]) -> Slipped:
    """Let the landslides fall.

    Args:
        rng: Source of randomness.
        height_m: Bare terrain on the 4 m grid.
        landslides: From `place`.
    """
    height_m = height_m.copy()
    disturbed = np.zeros_like(height_m)
    scarp = np.zeros_like(height_m)
    hummocks = band_noise(rng, height_m.shape, cell_m=CELL_M, wavelength_m=42, octaves=0.9)
    for landslide in landslides:
        rows, cols = _window(landslide.outline)
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        at = Affine(CELL_M, 0, cols.start * CELL_M, 0, CELL_M, rows.start * CELL_M)
        inside = rasterize([landslide.outline], out_shape=shape, transform=at).astype(bool)
        depth = (ndimage.distance_transform_edt(inside) * CELL_M).astype(np.float32)
        depth = ndimage.gaussian_filter(depth, 0.7) * inside
        along = _along(landslide, rows, cols)
        fresh, length = landslide.freshness, landslide.length_m
        scarp_m = length * (0.034 + 0.042 * fresh)  # a tenth of the length is fresh; these are centuries old
        ramp_m = max(0.13 * length, 9.0)
        rotation = np.interp(along, [0, 0.3, 0.55, 0.82, 1.0], [1.0, 0.75, -0.05, -0.72, -0.55]).astype(np.float32)
        moved = rotation * smoothstep(depth, 0, ramp_m) * scarp_m
        waves = np.cos(along * length / (6.5 + 0.045 * length) * 2 + hummocks[rows, cols])
        rough = (0.8 * hummocks[rows, cols] + 0.3 * waves) * (0.3 + 0.005 * length) * (0.3 + 0.8 * fresh)
        tread = smoothstep(along, 0.15, 0.4) * smoothstep(depth, 3, 22)
        height_m[rows, cols] += rough * tread - moved
        disturbed[rows, cols] = np.maximum(disturbed[rows, cols], fresh * smoothstep(depth, 0, 12))
        bare = fresh * smoothstep(depth, 0, 5) * smoothstep(depth, 1.1 * ramp_m, 0.5 * ramp_m)
        scarp[rows, cols] = np.maximum(scarp[rows, cols], bare * smoothstep(along, 0.5, 0.22))
    return Slipped(height_m, disturbed, scarp)


def _best_site(
    rng: np.random.Generator,
    height: Field,
    standing: Field,
    slope: Field,
    length: float,
    width: float,
    labelled: bool,
    placed: list[Landslide],
) -> tuple[Polygon, NDArray[np.float64]] | None:
    smooth = ndimage.gaussian_filter(height, max(length / 7, 12) / CELL_M)
    paths = _paths(rng.uniform(30, SIDE_M - 30, (_TRIES, 2)), smooth, length)
    score = _scores(paths, height, standing, slope, width)
    allowed = LABEL_AREA.buffer(-_GAP_M) if labelled else box(0, 0, SIDE_M, SIDE_M).buffer(-_GAP_M)
    for index in np.argsort(-score)[:400]:
        if not np.isfinite(score[index]):
            break
        outline = _outline(paths[index], _half_widths(rng, paths.shape[1], width))
        near = outline.buffer(_GAP_M)
        clear = not any(near.intersects(other.outline) for other in placed)
        if clear and allowed.contains(outline) and (labelled or not near.intersects(LABEL_AREA)):
            return outline, paths[index]
    return None


def _paths(crowns: NDArray[np.float64], height: Field, length: float) -> NDArray[np.float64]:
    """Ways of steepest descent (crowns, points, 2) from each crown over smoothed ground."""
    down, right = np.gradient(height, CELL_M)
    steps = 24
    at = crowns
    paths = [at]
    for _ in range(steps):
        fall = np.stack([-_sampled(right, at), -_sampled(down, at)], -1)
        at = at + fall / np.maximum(np.hypot(*fall.T), 1e-6)[:, None] * length / steps
        paths.append(at)
    return np.stack(paths, 1)


def _scores(paths: NDArray[np.float64], height: Field, standing: Field, slope: Field, width: float) -> Field:
    """Rate sites: higher is better, -inf is no site."""
    start, end = paths[:, 0], paths[:, -1]
    chord = end - start
    length = float(np.hypot(*(paths[0, 1] - paths[0, 0]))) * (paths.shape[1] - 1)
    straight = np.hypot(*chord.T) / length
    across = np.stack([-chord[:, 1], chord[:, 0]], -1) / np.maximum(np.hypot(*chord.T), 1)[:, None]
    middle = _sampled(height, paths)
    left = _sampled(height, paths + 0.5 * width * across[:, None])
    right = _sampled(height, paths - 0.5 * width * across[:, None])
    fall = (middle[:, 0] - middle[:, -1]) / length
    hollow = np.abs((left + right) / 2 - middle)[:, 2:-4].max(1) / width
    tilt = np.abs(left - right)[:, 2:-4].max(1) / width
    climb = np.maximum(np.diff(middle, axis=1), 0).sum(1) / length
    steep = np.maximum(_sampled(slope, paths)[:, 1:-4].max(1) - 0.55, 0)
    score = (
        -6 * hollow
        - 2 * tilt
        - 8 * climb
        - 5 * steep
        - 3 * np.abs(fall - 0.32)
        - 1.5 * _sampled(standing, end)
        + 0.3 * _sampled(standing, start)
    )
    usable = (straight > 0.95) & (fall > 0.2) & (fall < 0.55)
    return np.where(usable, score, -np.inf).astype(np.float32)


def _half_widths(rng: np.random.Generator, points: int, width: float) -> NDArray[np.float64]:
    """Half widths (2, points) left and right of the axis: a round crown, a slight neck, a spread, uneven toe."""
    along = np.linspace(0, 1, points)
    neck = rng.uniform(0.82, 0.95)
    lobe = rng.uniform(0.98, 1.15)
    shape = np.interp(along, [0, 0.3, 0.55, 0.82, 1], [0.95, 1.0, neck, lobe, lobe])
    shape *= np.sqrt(np.clip(1 - ((0.34 - along) / 0.345).clip(0) ** 2, 0, 1))
    shape *= np.sqrt(np.clip(1 - ((along - 0.76) / 0.245).clip(0) ** 2, 0, 1))
    uneven = ndimage.gaussian_filter1d(rng.normal(0, 0.42, (2, points)), 3.0, mode="nearest")
    halves: NDArray[np.float64] = np.maximum(0.5 * width * shape * (1 + uneven), 1.0)
    return halves


def _outline(axis: NDArray[np.float64], halves: NDArray[np.float64]) -> Polygon:
    ahead = np.gradient(axis, axis=0)
    ahead /= np.hypot(*ahead.T)[:, None]
    side = np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    left, right = axis + side * halves[0, :, None], axis - side * halves[1, :, None]
    ring = Polygon(np.concatenate([left, right[::-1]])).buffer(0)
    ring = ring if ring.geom_type == "Polygon" else max(ring.geoms, key=lambda part: part.area)
    soft = halves.max() * 0.15
    round_ring = ring.buffer(soft).buffer(-2 * soft).buffer(soft)
    round_ring = round_ring if round_ring.geom_type == "Polygon" else max(round_ring.geoms, key=lambda part: part.area)
    return Polygon(round_ring.simplify(0.5).exterior)


def _along(landslide: Landslide, rows: slice, cols: slice) -> Field:
    """Share of the way from crown (0) to toe (1) for the cells of a window."""
    dense = np.linspace(0, 1, 200)
    share = np.linspace(0, 1, len(landslide.axis))
    axis = np.stack([np.interp(dense, share, landslide.axis[:, k]) for k in (0, 1)], -1)
    x, y = np.meshgrid(
        (np.arange(cols.start, cols.stop) + 0.5) * CELL_M, (np.arange(rows.start, rows.stop) + 0.5) * CELL_M
    )
    _, nearest = spatial.cKDTree(axis).query(np.stack([x, y], -1))
    along: Field = ndimage.gaussian_filter(dense[nearest], 1.0).astype(np.float32)
    return along


def _window(outline: Polygon) -> tuple[slice, slice]:
    west, north, east, south = outline.bounds
    side = int(SIDE_M / CELL_M)
    return (
        slice(max(int(north / CELL_M) - 4, 0), min(int(south / CELL_M) + 5, side)),
        slice(max(int(west / CELL_M) - 4, 0), min(int(east / CELL_M) + 5, side)),
    )


def _sampled(field: Field, at: NDArray[np.float64]) -> Field:
    """Values at points (…, 2) in metres east and south."""
    cells = [at[..., 1] / CELL_M - 0.5, at[..., 0] / CELL_M - 0.5]
    sampled: Field = ndimage.map_coordinates(field, cells, order=1, mode="nearest")
    return sampled
