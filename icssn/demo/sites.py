"""Where a slope would bear a landslide, and the outline that one would have there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Polygon, box

from icssn.demo.landslides import Landslide
from icssn.demo.noise import Field
from icssn.demo.terrain import CELL_M, SIDE_M, slope_of

LABEL_AREA = Polygon([(60, 120), (905, 70), (955, 1010), (930, 1985), (95, 1930)])
"""The area mapped at the start, in metres east and south of the scene's north-west corner."""

Points = NDArray[np.float64]


class _Wanted(NamedTuple):
    length_m: float
    ratio: float  # width / length
    freshness: float
    labelled: bool


_WANTED = (  # long ones first: they are hardest to place
    _Wanted(340, 0.55, 0.75, False),
    _Wanted(310, 0.60, 0.85, True),
    _Wanted(285, 0.65, 0.35, False),
    _Wanted(250, 0.62, 0.60, True),
    _Wanted(235, 0.75, 0.90, False),
    _Wanted(215, 0.70, 0.65, False),
    _Wanted(200, 0.68, 0.95, True),
    _Wanted(190, 0.85, 0.50, False),
    _Wanted(175, 0.70, 0.70, True),
    _Wanted(165, 0.72, 0.85, False),
    _Wanted(150, 0.75, 0.45, True),
    _Wanted(145, 0.65, 0.25, False),
    _Wanted(130, 0.75, 0.80, True),
    _Wanted(125, 0.85, 0.60, False),
    _Wanted(110, 0.85, 0.90, False),
    _Wanted(105, 0.90, 0.55, True),
    _Wanted(95, 0.90, 0.70, False),
    _Wanted(85, 0.80, 0.80, True),
    _Wanted(75, 0.90, 0.40, False),
    _Wanted(64, 0.95, 0.75, False),
)
_GAP_M = 14.0  # between outlines, and between an outline and the border of the label area or the scene
_TRIES = 4000  # crowns tried for each size
_STEPS = 24  # of the axis


def place(rng: np.random.Generator, height_m: Field) -> list[Landslide]:
    """Find slopes for twenty landslides, eight of them inside `LABEL_AREA` and labelled, the rest outside.

    A good site falls evenly from below a ridge to a valley floor or gully and is not itself a gully. No outline
    comes near another one or the border of the label area.

    Args:
        rng: Source of randomness.
        height_m: Bare terrain on the 4 m grid.
    """
    reach = int(140 / CELL_M)
    low, high = ndimage.minimum_filter(height_m, reach), ndimage.maximum_filter(height_m, reach)
    standing = (height_m - low) / np.maximum(high - low, np.float32(8))  # 0 in the valley, 1 on the ridge
    steep = slope_of(ndimage.gaussian_filter(height_m, 1.5), CELL_M)
    inside, whole = LABEL_AREA.buffer(-_GAP_M), box(0, 0, SIDE_M, SIDE_M).buffer(-_GAP_M)
    placed: list[Landslide] = []
    for wanted in _WANTED:
        smooth = ndimage.gaussian_filter(height_m, max(wanted.length_m / 7, 12) / CELL_M)
        axes = _axes(smooth, rng.uniform(30, SIDE_M - 30, (_TRIES, 2)), length_m=wanted.length_m)
        score = _scores(axes, wanted, height_m=height_m, standing=standing, steep=steep)
        for index in np.argsort(-score)[:400]:
            if not np.isfinite(score[index]):
                break
            outline = _outline(axes[index], _half_widths(rng, wanted.length_m * wanted.ratio))
            near = outline.buffer(_GAP_M)
            fits = inside.contains(outline) if wanted.labelled else not near.intersects(LABEL_AREA)
            if fits and whole.contains(outline) and not any(near.intersects(other.outline) for other in placed):
                placed.append(Landslide(outline, axes[index], wanted.freshness, wanted.labelled))
                break
    return placed


def _axes(height_m: Field, crowns: Points, *, length_m: float) -> Points:
    """Ways of steepest descent over smoothed ground, shape (crowns, points, 2)."""
    down, right = (np.asarray(rise, np.float32) for rise in np.gradient(height_m, CELL_M))
    at = crowns
    axes = [at]
    for _ in range(_STEPS):
        fall = np.stack([-_sampled(right, at), -_sampled(down, at)], -1)
        at = at + fall / np.maximum(np.hypot(*fall.T), 1e-6)[:, None] * length_m / _STEPS
        axes.append(at)
    return np.stack(axes, 1)


def _scores(axes: Points, wanted: _Wanted, *, height_m: Field, standing: Field, steep: Field) -> Points:
    """Rate sites: higher is better, -inf is no site."""
    width = wanted.length_m * wanted.ratio
    start, end = axes[:, 0], axes[:, -1]
    chord = np.hypot(*(end - start).T)
    across = np.stack([start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]], -1) / np.maximum(chord, 1)[:, None]
    middle = _sampled(height_m, axes)
    left = _sampled(height_m, axes + 0.5 * width * across[:, None])
    right = _sampled(height_m, axes - 0.5 * width * across[:, None])
    fall = (middle[:, 0] - middle[:, -1]) / wanted.length_m
    hollow = np.abs((left + right) / 2 - middle)[:, 2:-4].max(1) / width
    tilt = np.abs(left - right)[:, 2:-4].max(1) / width
    climb = np.maximum(np.diff(middle, axis=1), 0).sum(1) / wanted.length_m
    body = np.concatenate([axes + side * width * across[:, None] for side in (-0.35, 0, 0.35)], -1)[:, 2:-4]
    gully = np.maximum(_sampled(steep, body.reshape(len(axes), -1, 2)).max(1) - 0.5, 0)
    ridge_to_valley = 0.3 * _sampled(standing, start) - 1.5 * _sampled(standing, end)
    score = ridge_to_valley - 6 * hollow - 2 * tilt - 8 * climb - 5 * gully - 3 * np.abs(fall - 0.32)
    usable = (chord > 0.95 * wanted.length_m) & (fall > 0.2) & (fall < 0.55)
    return np.where(usable, score, -np.inf)


def _half_widths(rng: np.random.Generator, width_m: float) -> Points:
    """Half widths (2, points) left and right of the axis: a round crown, a slight neck, a spread, uneven toe."""
    along = np.linspace(0, 1, _STEPS + 1)
    neck, lobe = rng.uniform(0.82, 0.95), rng.uniform(0.98, 1.15)
    shape = np.interp(along, [0, 0.3, 0.55, 0.82, 1], [0.95, 1.0, neck, lobe, lobe])
    shape *= np.sqrt(np.clip(1 - ((0.34 - along) / 0.345).clip(0) ** 2, 0, 1))
    shape *= np.sqrt(np.clip(1 - ((along - 0.76) / 0.245).clip(0) ** 2, 0, 1))
    uneven = ndimage.gaussian_filter1d(rng.normal(0, 0.38, (2, _STEPS + 1)), 3.0, mode="nearest")
    halves: Points = np.maximum(0.5 * width_m * shape * (1 + uneven), 1.0)
    return halves


def _outline(axis: Points, halves: Points) -> Polygon:
    ahead = np.gradient(axis, axis=0)
    ahead /= np.hypot(*ahead.T)[:, None]
    side = np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    left, right = axis + side * halves[0, :, None], axis - side * halves[1, :, None]
    ring = Polygon(np.concatenate([left, right[::-1]])).buffer(0)
    soft = halves.max() * 0.15
    smooth = ring.buffer(3 * soft).buffer(-4 * soft).buffer(soft)  # no bays, no spikes
    largest = max(getattr(smooth, "geoms", [smooth]), key=lambda part: part.area)
    return Polygon(largest.simplify(0.5).exterior)


def _sampled(field: Field, at: Points) -> Points:
    """Values at points (…, 2) in metres east and south."""
    cells = [at[..., 1] / CELL_M - 0.5, at[..., 0] / CELL_M - 0.5]
    sampled: Points = ndimage.map_coordinates(field, cells, order=1, mode="nearest", output=np.float64)
    return sampled
