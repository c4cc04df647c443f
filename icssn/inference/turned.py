"""The thorough way to predict: every window in all turns and mirror images of a square, and how far they disagree.

The ground has no upper side, so each view is as good as any other: their mean is the probability, their standard
deviation says how unsure the network is of it. It takes eight times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from icssn.imagery.write import PROBABILITY_STEPS
from icssn.inference.backend import Backend, Maps

_MULTIPLE = 32  # px; windows grow to it before they are turned, so that cells stay cells
_TURNS = ((0, False), (2, False), (0, True), (2, True), (1, False), (3, False), (1, True), (3, True))
# quarter turns and mirroring; those that keep the shape come first, since a backend prepares itself for each shape


class TurnedBackend:
    """A backend that looks at each image in eight views.

    Args:
        backend: Sees one view at a time.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.description = f"{backend.description}, 8 turned views"
        self.window_px = backend.window_px
        self.cell_px = backend.cell_px

    def map(self, images: NDArray[np.uint8]) -> Maps:
        """See `Backend`; the spread is the standard deviation of the eight probabilities × 254, at most 127."""
        count, _, height, width = images.shape
        grown = np.pad(images, ((0, 0), (0, 0), (0, -height % _MULTIPLE), (0, -width % _MULTIPLE)), mode="edge")
        mean, square = (np.zeros((count, *grown.shape[2:]), np.float32) for _ in range(2))
        cells: list[NDArray[np.float32]] = []
        for turn in _TURNS:
            view = self._backend.map(np.ascontiguousarray(_turned(grown, *turn)))
            probability = _turned_back(view.probability, *turn).astype(np.float32)
            mean += probability
            square += probability**2
            cells.append(_turned_back(view.cells, *turn))
        mean /= len(_TURNS)
        spread = np.sqrt(np.maximum(square / len(_TURNS) - mean**2, 0))
        rows, columns = -(-height // self.cell_px), -(-width // self.cell_px)
        return Maps(
            np.rint(mean).astype(np.uint8)[:, :height, :width],
            np.asarray(np.mean(cells, axis=0), np.float32)[:, :rows, :columns],
            np.rint(np.minimum(spread, PROBABILITY_STEPS // 2)).astype(np.uint8)[:, :height, :width],
        )


def _turned(values: NDArray[Any], quarters: int, mirrored: bool) -> NDArray[Any]:
    turned = np.rot90(values, quarters, axes=(-2, -1))
    return turned[..., ::-1] if mirrored else turned


def _turned_back(values: NDArray[Any], quarters: int, mirrored: bool) -> NDArray[Any]:
    return np.rot90(values[..., ::-1] if mirrored else values, -quarters, axes=(-2, -1))
