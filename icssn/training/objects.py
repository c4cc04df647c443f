"""What the classifier judges in a view: the cells that its landslide covers, or all cells where none is outlined."""

from __future__ import annotations

import torch
from torch import Tensor

from icssn.contrast.cells import cell_shares
from icssn.training.dataset import LANDSLIDE


def object_cells(masks: Tensor, kinds: Tensor, *, stride: int) -> Tensor:
    """Weigh the cells of each view for the object in it.

    That is the landslide as far as it is outlined, and the whole view where nothing is: background, hard negatives,
    landslides that are known by a point. In a scene candidates are judged by the mean over the cells of their outline;
    so the classifier learns from landslides what it will be asked.

    Args:
        masks: Of the views, (N, H, W), 0 / 1 / 2 / 255.
        kinds: What they show, (N,), positions in `KINDS` or -1.
        stride: Pixels per side of a cell.

    Returns:
        (N, ⌈H/stride⌉, ⌈W/stride⌉), adding up to 1 for each view.
    """
    landslide, _ = cell_shares(masks, stride)
    outlined = (kinds == LANDSLIDE) & landslide.any(dim=2).any(dim=1)
    weights = torch.where(outlined[:, None, None], landslide, 1.0)
    return weights / weights.sum(dim=(1, 2), keepdim=True)
