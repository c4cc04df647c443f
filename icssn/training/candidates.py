"""What a mask takes for landslides in views, and whether they are: the objects that a classifier is asked about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from icssn.chips.ground import IGNORE, LANDSLIDE, SPOT
from icssn.config import MIN_OBJECT_PX
from icssn.metrics.objects import COVERAGE, components

LEAST_PROBABILITY = 0.1  # on ground that it learned from, a mask errs little above its threshold (decision 23)


class Candidates(NamedTuple):
    """Objects that a mask proposes in views, those of which the labels say what they are.

    Attributes:
        views: The view of each, int64 (M,).
        cells: How much of each cell's pixels it covers, adding up to 1 for each, float32 (M, ⌈H/stride⌉, ⌈W/stride⌉).
        landslides: Whether it is one, bool (M,).
    """

    views: Tensor
    cells: Tensor
    landslides: Tensor


def candidates(probabilities: Tensor, masks: Tensor, *, stride: int) -> Candidates:
    """Find the objects that a mask proposes, and judge them as in a scene: by the rule "cov30".

    One is a landslide where 30 % of its known pixels are, or where it holds the spot of a point; otherwise it is none,
    unless more than 30 % of it are unknown: then it is left out.

    Args:
        probabilities: Of landslide, (N, H, W).
        masks: Of the views, uint8 (N, H, W), 0 / 1 / 2 / 255.
        stride: Pixels per side of a cell.

    Returns:
        On the device of `masks`, view by view.
    """
    asked = zip((probabilities >= LEAST_PROBABILITY).cpu().numpy(), masks.cpu().numpy(), strict=True)
    cells, landslides = zip(*(_judged(likely, mask, stride=stride) for likely, mask in asked), strict=True)
    views = np.repeat(np.arange(len(cells)), [len(of_view) for of_view in cells])
    found = (views, np.concatenate(cells), np.concatenate(landslides))
    return Candidates(*(torch.from_numpy(of_all).to(masks.device) for of_all in found))


def _judged(
    likely: NDArray[np.bool_], mask: NDArray[np.uint8], *, stride: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Give the cells of the objects in one view and whether they are landslides, without those that nobody can tell."""
    numbered, count = components(likely)
    height, width = likely.shape
    rows, columns = -(-height // stride), -(-width // stride)
    cell = np.add.outer(np.arange(height) // stride * columns, np.arange(width) // stride)
    covered = np.bincount((numbered * (rows * columns) + cell).ravel(), minlength=(count + 1) * rows * columns)
    covered = covered.reshape(count + 1, rows, columns)[1:]

    def pixels(known: int) -> NDArray[np.int64]:
        return np.bincount(numbered[mask == known], minlength=count + 1)[1:]

    px = covered.sum(axis=(1, 2))
    shown, unknown = pixels(LANDSLIDE), pixels(IGNORE)
    landslides = (pixels(SPOT) > 0) | ((shown > 0) & (shown >= COVERAGE * (px - unknown)))
    told = (px >= MIN_OBJECT_PX) & (landslides | (unknown <= COVERAGE * px))
    return (covered[told] / px[told, None, None]).astype(np.float32), landslides[told]
