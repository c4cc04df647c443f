"""Blocks of a scene for cross-validation: rectangles that share its landslides, and the scene without one of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from icssn.chips.cut import ChipSource
from icssn.chips.ground import SPOT_PX, Ground, survey, to_lonlat, to_pixels
from icssn.chips.split import Rectangle, grown
from icssn.config import ChipConfig
from icssn.errors import NotTrainableError
from icssn.geo import shapes
from icssn.records import Label, LabelClass, LabelStatus

_LEAST = 2  # landslides of a block


def surveyed(source: ChipSource, config: ChipConfig) -> Ground:
    """Carry a scene's labels into its pixels, nothing known around points, as chips are cut."""
    return survey(source.labels, source.facts, point_radius_px=config.point_radius_chips * config.size_px)


def split_into_blocks(source: ChipSource, count: int) -> list[Rectangle]:
    """Divide the labelled ground into `count` rectangles with about as many landslides each, two at least.

    Divided is the longer side, or the other one where those in the middle of the longer lie within a pixel of a line
    across it.

    Raises:
        NotTrainableError: There are fewer than two landslides for each, or no edges part them.
    """
    ground = survey(source.labels, source.facts)
    centres = np.array([(g.centroid.x, g.centroid.y) for g in ground.landslides.values()]).reshape(-1, 2)
    if len(centres) < _LEAST * count:
        needed = _LEAST * count
        raise NotTrainableError(
            [f"For {count} folds at least {needed} labelled landslides are needed, but there are {len(centres)}."]
        )
    west, north, east, south = shapely.total_bounds([ground.background, *ground.landslides.values()])
    left, top = int(np.floor(west)), int(np.floor(north))
    whole = (left, top, int(np.ceil(east)) - left, int(np.ceil(south)) - top)
    return _halved(whole, centres, count)


def without(source: ChipSource, rectangle: Rectangle, *, config: ChipConfig) -> ChipSource:
    """Give the scene as if nothing had been labelled in a rectangle and nearer to it than the buffer.

    A point is kept as it is, unless its spot meets that ground. Around every point, kept or not, nothing is known
    either way: how far its landslide reaches, out of the hidden ground as well, nobody has said.
    """
    zone = grown(rectangle, config.buffer_px)
    hidden = to_lonlat(shapely.segmentize(zone, 64), source.facts)
    kept = []
    for label in source.labels:
        if label.cls is LabelClass.landslide_point:
            if to_pixels(label.geometry_lonlat, source.facts).distance(zone) > SPOT_PX:
                kept.append(label)
            continue
        rest, _ = shapes.repair(label.geometry_lonlat.difference(hidden))
        if not rest.is_empty:
            kept.append(label.model_copy(update={"geometry_lonlat": rest}))
    around, _ = shapes.repair(shapely.union_all(surveyed(source, config).doubtful).difference(zone))
    if not around.is_empty:
        outline = to_lonlat(around, source.facts)
        proposed = LabelStatus.proposed  # may be a landslide, and is learned as neither class
        kept.append(Label(uid="around-points", scene_id=source.scene_id, geometry_lonlat=outline, status=proposed))
    return replace(source, labels=kept, validation_bounds_px=None)


def _halved(rectangle: Rectangle, centres: NDArray[np.float64], count: int) -> list[Rectangle]:
    if count == 1:
        return [rectangle]
    col, row, width, height = rectangle
    first = count // 2
    axis, edge = _edge(centres, first, count - first, axes=(0, 1) if width >= height else (1, 0))
    low = centres[:, axis] < edge
    if axis == 0:
        parts = (col, row, edge - col, height), (edge, row, col + width - edge, height)
    else:
        parts = (col, row, width, edge - row), (col, edge, width, row + height - edge)
    return [*_halved(parts[0], centres[low], first), *_halved(parts[1], centres[~low], count - first)]


def _edge(centres: NDArray[np.float64], first: int, second: int, *, axes: tuple[int, int]) -> tuple[int, int]:
    """Give the axis and the edge that part centres (n, 2) about as `first` : `second`, two for each block at least.

    Of edges that do it as well, give or take an eighth of the landslides, the one between those in the middle, then
    the one on the first of the axes. Centres within half a pixel of where an edge should be may fall on either side.
    """
    count = len(centres)
    middle = round(count * first / (first + second))
    choices = []
    for side, axis in enumerate(axes):
        along = np.sort(centres[:, axis])
        between = (along[:-1] + along[1:]) / 2
        edges = np.rint(between).astype(int)
        least, most = np.searchsorted(along, between - 0.5, side="right"), np.searchsorted(along, between + 0.5)
        uneven = np.rint(4 * np.maximum(abs(least - middle), abs(most - middle)) / count)
        away = abs(np.arange(1, count) - middle)
        low = np.searchsorted(along, edges)
        for place in np.flatnonzero((low >= _LEAST * first) & (low <= count - _LEAST * second)):
            choices.append((uneven[place], away[place], side, int(edges[place])))
    if not choices:
        raise NotTrainableError(
            [
                "The labelled landslides lie too close together for so many folds: ask for fewer folds, or label "
                "landslides farther apart."
            ]
        )
    *_, side, edge = min(choices)
    return axes[side], edge
