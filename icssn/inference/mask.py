"""From a finished probability raster to its mask and the outlines of its objects, strip by strip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.windows import Window

from icssn.config import InferenceConfig
from icssn.imagery.colours import MASK_PALETTE
from icssn.imagery.open import open_raster
from icssn.imagery.write import MASK_TAGS, PROBABILITY_NODATA, write_grid
from icssn.inference.hints import weak_outlines
from icssn.inference.objects import Cells, Outline, Piece, level_of, outlines, survey, trace
from icssn.records import RasterFacts

_STRIP_PX = 256  # rows read at once: one row of the raster's blocks


def write_mask(
    probability: Path,
    mask: Path,
    *,
    facts: RasterFacts,
    threshold: float,
    config: InferenceConfig,
    tags: dict[str, str],
    cells: Cells | None = None,
    tell: Callable[[float], None],
) -> list[Outline]:
    """Write the mask of a probability raster and give the outlines of its objects.

    Args:
        probability: uint8 raster on the scene's grid: value / 254, 255 nodata.
        mask: Where the mask goes.
        facts: The scene's grid.
        threshold: Smallest probability of the mask.
        config: Smallest object and tolerance of the outlines.
        tags: Written into the mask's file, beside its meaning and threshold.
        cells: The classifier's evidence, gathered for the objects.
        tell: Called before every strip with the share of the work done; what it raises ends the work.
    """
    pieces: list[Piece] = []
    with open_raster(probability) as dataset:
        found = survey(_strips(dataset, tell=lambda share: tell(share / 2)), level=level_of(threshold), cells=cells)

        def strips() -> Iterator[tuple[Window, NDArray[np.uint8]]]:
            row = 0
            values = _strips(dataset, tell=lambda share: tell(0.5 + share / 2))
            for strip, new in trace(values, found=found, min_px=config.least_object_px):
                pieces.extend(new)
                yield Window(0, row, dataset.width, strip.shape[0]), strip
                row += strip.shape[0]

        means = {**MASK_TAGS, "ICSSN_THRESHOLD": f"{threshold:.4f}", **tags}
        write_grid(mask, strips(), like=facts, nodata=PROBABILITY_NODATA, tags=means, colormap=MASK_PALETTE)
    return outlines(pieces, found=found, simplify_px=config.simplify_px)


def weak_ones(
    probability: Path, mask: Path, *, threshold: float, config: InferenceConfig, cells: Cells
) -> list[Outline]:
    """Give the outlines of weak hints in a probability raster, away from its mask; none where none is wanted.

    Args:
        probability: As in `write_mask`.
        mask: What `write_mask` made of it.
        threshold: Smallest probability of the mask.
        config: How many hints at most.
        cells: The classifier's evidence.
    """
    if not config.most_hints:
        return []
    with open_raster(probability) as values, open_raster(mask) as objects:
        return weak_outlines(lambda: _strips(values), _strips(objects), threshold=threshold, config=config, cells=cells)


def _strips(dataset: DatasetReader, *, tell: Callable[[float], None] = lambda _: None) -> Iterator[NDArray[np.uint8]]:
    for row in range(0, dataset.height, _STRIP_PX):
        tell(row / dataset.height)
        yield dataset.read(1, window=Window(0, row, dataset.width, min(_STRIP_PX, dataset.height - row)))
