"""Predictors that never look at the image: what any result has to beat."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from icssn.metrics.objects import components
from icssn.metrics.pixels import Confusion, confusion

RADII = (0.14, 0.19, 0.24)  # of the spacing; blobs that cover 6, 11 and 18 % of the scene


def all_background(truth: npt.NDArray[np.uint8]) -> Confusion:
    """Judge a mask without any landslide: F1 0, but a pixel accuracy of 1 - prevalence."""
    return confusion(truth, np.zeros(truth.shape, np.bool_))


def all_landslide(truth: npt.NDArray[np.uint8]) -> Confusion:
    """Judge a mask that is all landslide: IoU is the prevalence."""
    return confusion(truth, np.ones(truth.shape, np.bool_))


def grid_blobs(shape: tuple[int, int], spacing_px: float, radius_px: float) -> npt.NDArray[np.bool_]:
    """Draw discs on a regular grid, the first one half a spacing from the upper left corner.

    With the spacing of the tiles that a scene was built from, this is the centre blob of every tile.

    Args:
        shape: (H, W) of the mask.
        spacing_px: Between the centres of neighbouring discs.
        radius_px: Of a disc; a pixel belongs to it when its centre does.
    """
    rows, cols = (((np.arange(length) + 0.5) % spacing_px - spacing_px / 2) ** 2 for length in shape)
    return np.asarray(rows[:, None] <= radius_px**2 - cols[None, :])


def strongest(truth: npt.NDArray[np.uint8], *, tile_px: float | None = None) -> Confusion:
    """Judge the best of all landslide and some grids of blobs, chosen with the truth in hand: a bar set rather high.

    Args:
        truth: uint8 (H, W), 0 / 1 / 255.
        tile_px: Side of the tiles that the scene was built from, if it was; else a grid with one blob for each true
            landslide is laid.
    """
    height, width = truth.shape
    _, count = components(truth == 1)
    spacing = tile_px or math.sqrt(int((truth != 255).sum()) / max(count, 1))
    grids = [grid_blobs((height, width), spacing, share * spacing) for share in RADII]
    return max([all_landslide(truth), *(confusion(truth, grid) for grid in grids)], key=lambda judged: judged.f1)
