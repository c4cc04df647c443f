"""Weak hints: places below the mask's threshold which mask and classifier together still take for landslides.

The mask alone would miss them; the queue of the review shows them beside its candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from icssn.config import InferenceConfig
from icssn.inference.objects import Cells, Outline, Survey, outlines, survey, trace
from icssn.metrics.pixels import level_of

Strips = Callable[[], Iterator[NDArray[np.uint8]]]


def weak_outlines(
    strips: Strips,
    objects: Survey,
    *,
    threshold: float,
    config: InferenceConfig,
    cells: Cells | None = None,
) -> list[Outline]:
    """Outline connected ground of some probability that holds no object of the mask, the weightiest first.

    Args:
        strips: Gives the probability values (H, W) from top to bottom, each time it is called; 255 is nodata.
        objects: What was found of the mask in the same strips; a hint that holds an object would be its surroundings.
        threshold: Of the mask, in [0, 1].
        config: Smallest object, lowest probability and largest number of hints.
        cells: The classifier's evidence.

    Returns:
        At most `config.most_hints` outlines by falling sum of probability.
    """
    if not config.most_hints:
        return []
    kept = objects.seeds_of(objects.area_px >= config.least_object_px)
    found = survey(strips(), level=level_of(threshold * config.hint_share), cells=cells, beside=kept)
    alone = np.flatnonzero(~found.taken & (found.area_px >= max(1, config.least_object_px)))
    weightiest = alone[np.argsort(-found.area_px[alone] * found.mean[alone], kind="stable")][: config.most_hints]
    wanted = np.zeros_like(found.area_px)
    wanted[weightiest] = 1
    chosen = replace(found, area_px=wanted)
    pieces = [piece for _, new in trace(strips(), found=chosen, min_px=1) for piece in new]
    hints = outlines(pieces, found=found, simplify_px=config.simplify_px)
    return sorted(hints, key=lambda item: -item.area_px * item.mask_score)
