"""What a mask takes for landslides in views, and whether they are: the objects that a classifier is asked about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from icssn.chips.ground import IGNORE, LANDSLIDE, SPOT
from icssn.config import MIN_OBJECT_PX
from icssn.contrast.cells import cell_shares
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

    One is a landslide where 30 % of its pixels are, or where it holds the spot of a point; otherwise it is none, unless
    more than 30 % of it are unknown: then it is left out.

    Args:
        probabilities: Of landslide, (N, H, W).
        masks: Of the views, uint8 (N, H, W), 0 / 1 / 2 / 255.
        stride: Pixels per side of a cell.

    Returns:
        On the device of `masks`, view by view.
    """
    views, insides, landslides = [], [np.zeros((0, *masks.shape[1:]), np.bool_)], []
    for view, (likely, mask) in enumerate(
        zip((probabilities >= LEAST_PROBABILITY).cpu().numpy(), masks.cpu().numpy(), strict=True)
    ):
        numbered, count = components(likely)
        for inside in (numbered == number for number in range(1, count + 1)):
            landslide = _landslide(mask[inside])
            if landslide is not None:
                views.append(view)
                insides.append(inside[None])
                landslides.append(landslide)
    covered, _ = cell_shares(torch.from_numpy(np.concatenate(insides)).to(masks.device).byte(), stride)
    return Candidates(
        torch.tensor(views, dtype=torch.int64, device=masks.device),
        covered / covered.sum(dim=(1, 2), keepdim=True),
        torch.tensor(landslides, dtype=torch.bool, device=masks.device),
    )


def _landslide(ground: NDArray[np.uint8]) -> bool | None:
    """Say whether the ground inside an object is a landslide; None where nobody knows, or where it is too small."""
    if ground.size < MIN_OBJECT_PX:
        return None
    if (ground == SPOT).any() or (ground == LANDSLIDE).mean() >= COVERAGE:
        return True
    return None if (ground == IGNORE).mean() > COVERAGE else False
