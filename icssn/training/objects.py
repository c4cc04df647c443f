"""The objects of a view: the cells that its landslide covers, and those of the ground beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from icssn.contrast.cells import cell_shares
from icssn.training.dataset import BACKGROUND, LANDSLIDE

LEAST_GROUND = 1.0  # cells; of less known ground beside a landslide nothing is asked


def objects_in(masks: Tensor, kinds: Tensor, *, stride: int) -> tuple[Tensor, Tensor]:
    """Weigh the cells of each view for the two things that the classifier judges in it.

    The first is the landslide as far as it is outlined, and the whole view where none is: background, hard negatives,
    landslides that are known by a point. The second is the ground beside an outlined landslide: cells without any of
    it. In a scene, candidates are judged by the mean over the cells of their outline; so the classifier learns what it
    will be asked, and a landslide is told from its own surroundings.

    Args:
        masks: Of the views, (N, H, W), 0 / 1 / 255.
        kinds: What they show, (N,), positions in `KINDS` or -1.
        stride: Pixels per side of a cell.

    Returns:
        Weights (N, 2, ⌈H/stride⌉, ⌈W/stride⌉), which add up to 1, or are 0 where there is no second thing; and what
        they show, (N, 2), -1 where nothing is to be asked.
    """
    landslide, background = cell_shares(masks, stride)
    outlined = (kinds == LANDSLIDE) & landslide.any(dim=2).any(dim=1)
    ground = background * (landslide == 0)
    beside = outlined & (ground.sum(dim=(1, 2)) >= LEAST_GROUND)
    first = torch.where(outlined[:, None, None], landslide, 1.0)
    second = torch.where(beside[:, None, None], ground, 0.0)
    weights = torch.stack([first, second], dim=1)
    weights = weights / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    return weights, torch.stack([kinds, torch.where(beside, BACKGROUND, -1)], dim=1)
