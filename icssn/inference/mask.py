"""From the objects found in a probability raster to its mask and their outlines, strip by strip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from icssn.config import InferenceConfig
from icssn.imagery.colours import MASK_PALETTE
from icssn.imagery.write import MASK_TAGS, PROBABILITY_NODATA, write_grid
from icssn.inference.objects import Outline, Piece, Survey, outlines, trace
from icssn.records import RasterFacts


def write_mask(
    strips: Iterable[NDArray[np.uint8]],
    mask: Path,
    *,
    found: Survey,
    facts: RasterFacts,
    threshold: float,
    config: InferenceConfig,
    tags: dict[str, str],
) -> list[Outline]:
    """Write the mask of a scene's probability and give the outlines of its objects.

    Args:
        strips: Probability values (H, W) from top to bottom: value / 254, 255 nodata.
        mask: Where the mask goes.
        found: What was found in the same strips.
        facts: The scene's grid.
        threshold: Smallest probability of the mask.
        config: Smallest object and tolerance of the outlines.
        tags: Written into the mask's file, beside its meaning and threshold.
    """
    pieces: list[Piece] = []

    def rows() -> Iterator[tuple[Window, NDArray[np.uint8]]]:
        row = 0
        for strip, new in trace(strips, found=found, min_px=config.least_object_px):
            pieces.extend(new)
            yield Window(0, row, facts.width, strip.shape[0]), strip
            row += strip.shape[0]

    means = {**MASK_TAGS, "ICSSN_THRESHOLD": f"{threshold:.4f}", **tags}
    write_grid(mask, rows(), like=facts, nodata=PROBABILITY_NODATA, tags=means, colormap=MASK_PALETTE)
    return outlines(pieces, found=found, simplify_px=config.simplify_px)
