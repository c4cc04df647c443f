"""Weak hints: places below the mask's threshold which the classifier, seeing them whole, takes for landslides.

The mask alone would miss them; the queue of the review shows them beside its candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from icssn.config import InferenceConfig
from icssn.inference.objects import Cells, Outline, Piece, level_of, outlines, survey, trace

Strips = Callable[[], Iterator[NDArray[np.uint8]]]


def weak_outlines(
    strips: Strips, objects: list[Outline], *, threshold: float, config: InferenceConfig, cells: Cells | None = None
) -> list[Outline]:
    """Outline connected ground of some probability that holds no object of the mask, the weightiest first.

    Args:
        strips: Gives the probability values (H, W) from top to bottom, each time it is called; 255 is nodata.
        objects: Of the mask; a hint that touches one is part of its surroundings.
        threshold: Of the mask, in [0, 1].
        config: Smallest object, lowest probability and largest number of hints.
        cells: The classifier's evidence.

    Returns:
        At most `config.most_hints` outlines by falling sum of probability.
    """
    found = survey(strips(), level=level_of(threshold * config.hint_share), cells=cells)
    heavy = np.argsort(-found.area_px * found.mean)[: 4 * config.most_hints]  # most of the rest is noise
    kept = np.zeros(len(found.area_px), np.bool_)
    kept[heavy] = True
    pieces: list[Piece] = []
    chosen = replace(found, area_px=np.where(kept, found.area_px, 0))
    for _, new in trace(strips(), found=chosen, min_px=max(1, config.least_object_px)):
        pieces.extend(new)
    tree = shapely.STRtree([item.polygon_px for item in objects])
    alone = [
        item
        for item in outlines(pieces, found=found, simplify_px=config.simplify_px)
        if not len(tree.query(item.polygon_px, predicate="intersects"))
    ]
    return sorted(alone, key=lambda item: -item.area_px * item.mask_score)[: config.most_hints]
