"""Object scores: the classifier looks at chips centred on each object, and its logit is added to the mask's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import shapely
from rasterio import DatasetReader
from rasterio.windows import Window
from shapely.geometry import Polygon, box

from icssn.imagery.read import read_window
from icssn.inference.backend import Backend
from icssn.records import Stretch

_BATCH = 16  # chips per forward
_MOST_CHIPS = 4  # looked at per object
_SURE = 1e-4  # probabilities nearer to 0 or 1 count as this, so that neither judge alone decides


def fused_score(mask_score: float, classifier_score: float) -> float:
    """Combine two probabilities of one object by the sum of their logits (method.md, trial 2).

    Returns:
        In (0, 1); equals the other where one of them is 0.5.
    """
    return 1 / (1 + math.exp(-_logit(mask_score) - _logit(classifier_score)))


def classifier_scores(
    dataset: DatasetReader,
    polygons_px: Sequence[Polygon],
    backend: Backend,
    *,
    stretch: Stretch,
    chip_px: int,
    tell: Callable[[float], None],
) -> list[float]:
    """Give the classifier's probability that each object is a landslide.

    Args:
        dataset: The open scene.
        polygons_px: Objects in pixel coordinates.
        backend: Computes the chips.
        stretch: How the scene's values become 0-255.
        chip_px: Side of the chips that the classifier was trained on.
        tell: Called before every forward with the share of chips done; what it raises ends the work.

    Returns:
        One value in [0, 1] per object: the largest over its chips.
    """
    chips = [
        (number, window)
        for number, polygon in enumerate(polygons_px)
        for window in chips_on(polygon, chip_px=chip_px, width=dataset.width, height=dataset.height)
    ]
    scores = [0.0] * len(polygons_px)
    for start in range(0, len(chips), _BATCH):
        tell(start / len(chips))
        numbers, windows = zip(*chips[start : start + _BATCH], strict=True)
        images = np.stack([read_window(dataset, window, stretch)[0] for window in windows])
        for number, score in zip(numbers, backend.classify(images).tolist(), strict=True):
            scores[number] = max(scores[number], score)
    return scores


def chips_on(polygon: Polygon, *, chip_px: int, width: int, height: int) -> list[Window]:
    """Choose the squares through which the classifier looks at one object.

    The classifier knows landslides at the scale it was trained on, so a large object is not scaled down: it is cut by
    an even grid of cells no larger than a chip, and a chip is centred on its part in each cell, for the four largest
    parts. An object that fits into a chip gets one chip, centred on its bounds. Chips are moved into the scene.

    Args:
        polygon: In pixel coordinates.
        chip_px: Side of a chip.
        width: Of the scene, px.
        height: Of the scene, px.
    """
    parts = sorted(_cut(polygon, side_px=chip_px), key=lambda part: -part.area)[:_MOST_CHIPS]
    return [
        Window(
            _start((part.bounds[0] + part.bounds[2]) / 2, chip_px, width),
            _start((part.bounds[1] + part.bounds[3]) / 2, chip_px, height),
            chip_px,
            chip_px,
        )
        for part in parts
    ]


def _cut(polygon: Polygon, *, side_px: int) -> Iterator[shapely.Geometry]:
    west, north, east, south = polygon.bounds
    columns, rows = math.ceil((east - west) / side_px), math.ceil((south - north) / side_px)
    if columns <= 1 and rows <= 1:
        yield polygon
        return
    x, y = np.linspace(west, east, columns + 1), np.linspace(north, south, rows + 1)
    for (left, right), (top, bottom) in itertools.product(itertools.pairwise(x), itertools.pairwise(y)):
        part = polygon.intersection(box(left, top, right, bottom))
        if part.area > 0:
            yield part


def _start(centre_px: float, chip_px: int, scene_px: int) -> int:
    start = round(centre_px - chip_px / 2)
    return min(max(start, 0), scene_px - chip_px) if scene_px >= chip_px else (scene_px - chip_px) // 2


def _logit(probability: float) -> float:
    clipped = min(max(probability, _SURE), 1 - _SURE)
    return math.log(clipped / (1 - clipped))
