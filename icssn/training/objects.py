"""What the classifier judges in a view: the cells that its landslide covers, or all cells where none is known."""

from __future__ import annotations

import torch
from torch import Tensor

from icssn.chips.ground import SPOT
from icssn.contrast.cells import cell_shares
from icssn.training.dataset import LANDSLIDE


def object_cells(masks: Tensor, kinds: Tensor, *, stride: int) -> Tensor:
    """Weigh the cells of each view for the object in it.

    That is the landslide as far as it is outlined, else the spot that was pointed at, and the whole view where there is
    neither, as in background and hard negatives. In a scene candidates are judged by the mean over the cells of their
    outline; so the classifier learns from landslides what it will be asked.

    Args:
        masks: Of the views, (N, H, W), 0 / 1 / 2 / 255.
        kinds: What they show, (N,), positions in `KINDS` or -1.
        stride: Pixels per side of a cell.

    Returns:
        (N, ⌈H/stride⌉, ⌈W/stride⌉), adding up to 1 for each view.
    """
    outlined, _ = cell_shares(masks, stride)
    pointed_at, _ = cell_shares((masks == SPOT).byte(), stride)
    weights = torch.ones_like(outlined)
    for shown in (pointed_at, outlined):  # the better known one last
        there = (kinds == LANDSLIDE) & shown.any(dim=2).any(dim=1)
        weights = torch.where(there[:, None, None], shown, weights)
    return weights / weights.sum(dim=(1, 2), keepdim=True)
