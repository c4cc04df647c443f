"""Sub-objects: the cells of a feature map, their class by what they cover, and those near a landslide boundary."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LANDSLIDE, BACKGROUND, NEITHER = 1, 0, -1
_UNKNOWN = 255  # of masks


def cell_classes(masks: Tensor, stride: int, *, landslide_fraction: float, background_fraction: float) -> Tensor:
    """Class each cell by the share ρ of its pixels that is landslide.

    Unknown pixels, and those of border cells that lie outside the mask, count for neither class: a cell is landslide
    when known landslide covers enough of it, background when known background covers enough of it.

    Args:
        masks: 0 background, 1 landslide, 2 or 255 unknown, shape (N, H, W), uint8.
        stride: Pixels per side of a cell.
        landslide_fraction: ρ at or above which a cell is landslide, > 0.5.
        background_fraction: ρ at or below which a cell is background, < 0.5.

    Returns:
        1 landslide, 0 background, -1 neither, shape (N, ⌈H/stride⌉, ⌈W/stride⌉), int8.
    """
    landslide, background = cell_shares(masks, stride)
    classes = torch.full_like(landslide, NEITHER, dtype=torch.int8)
    classes[background >= 1 - background_fraction] = BACKGROUND
    classes[landslide >= landslide_fraction] = LANDSLIDE
    return classes


def cell_shares(masks: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Give the share of each cell that is known to be landslide, and the share that is known to be background.

    Args:
        masks: 0 background, 1 landslide, 2 or 255 unknown, shape (N, H, W), uint8; beyond the border nothing is known.
        stride: Pixels per side of a cell.

    Returns:
        In 0..1, float32, shape (N, ⌈H/stride⌉, ⌈W/stride⌉) each.
    """
    images, height, width = masks.shape
    rows, columns = -(-height // stride), -(-width // stride)
    grown = F.pad(masks, (0, columns * stride - width, 0, rows * stride - height), value=_UNKNOWN)
    blocks = grown.reshape(images, rows, stride, columns, stride)
    landslide, background = ((blocks == value).sum(dim=(2, 4)) / stride**2 for value in (LANDSLIDE, BACKGROUND))
    return landslide, background


def band(classes: Tensor, radius: int) -> Tensor:
    """Mark the cells with a cell of the other class at most `radius` cells away, rows and columns alike.

    Args:
        classes: 1 landslide, 0 background, -1 neither, shape (N, h, w).
        radius: In cells, >= 1.

    Returns:
        Shape (N, h, w), bool; never true where the class is -1.
    """
    landslide, background = classes == LANDSLIDE, classes == BACKGROUND
    return (landslide & _grown(background, radius)) | (background & _grown(landslide, radius))


def _grown(cells: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(cells.float().unsqueeze(1), 2 * radius + 1, stride=1, padding=radius).squeeze(1) > 0
