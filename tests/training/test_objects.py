"""The object of a view: what the classifier is asked about."""

from __future__ import annotations

import torch

from icssn.chips.ground import SPOT
from icssn.nets.classifier import pool
from icssn.training.dataset import BACKGROUND, HARD_NEGATIVE, LANDSLIDE
from icssn.training.objects import object_cells

STRIDE = 4


def _mask(rows: int = 8, columns: int = 12) -> torch.Tensor:
    return torch.zeros(rows, columns, dtype=torch.uint8)


def test_a_landslide_is_its_own_cells_by_how_much_of_them_it_covers() -> None:
    mask = _mask()
    mask[0:4, 0:4] = 1  # a whole cell
    mask[0:4, 4:6] = 1  # half of the next
    mask[4:8] = 255
    weights = object_cells(mask[None], torch.tensor([LANDSLIDE]), stride=STRIDE)
    torch.testing.assert_close(weights[0], torch.tensor([[2 / 3, 1 / 3, 0], [0, 0, 0]]))


def test_a_landslide_without_outline_is_the_spot_that_was_pointed_at() -> None:
    mask = torch.full((8, 12), 255, dtype=torch.uint8)
    mask[3:5, 8:10] = SPOT  # half in the upper row of cells, half in the lower one
    outlined = mask.clone()
    outlined[0:4, 0:4] = 1
    background = _mask()
    background[3:5, 8:10] = SPOT
    masks = torch.stack([mask, outlined, background])
    weights = object_cells(masks, torch.tensor([LANDSLIDE, LANDSLIDE, BACKGROUND]), stride=STRIDE)
    torch.testing.assert_close(weights[0], torch.tensor([[0, 0, 0.5], [0, 0, 0.5]]))
    torch.testing.assert_close(weights[1], torch.tensor([[1.0, 0, 0], [0, 0, 0]]))
    torch.testing.assert_close(weights[2], torch.full((2, 3), 1 / 6))


def test_where_nothing_is_known_of_its_place_the_view_is_judged_as_a_whole() -> None:
    point = torch.full((8, 12), 255, dtype=torch.uint8)
    little = _mask()
    little[0, 0] = 1  # of a landslide, and too little to say so
    masks = torch.stack([_mask(), _mask(), point, little])
    weights = object_cells(masks, torch.tensor([BACKGROUND, HARD_NEGATIVE, LANDSLIDE, -1]), stride=STRIDE)
    torch.testing.assert_close(weights, torch.full((4, 2, 3), 1 / 6))


def test_cells_at_the_border_of_an_odd_view_count_by_what_they_show() -> None:
    weights = object_cells(torch.ones(1, 6, 4, dtype=torch.uint8), torch.tensor([LANDSLIDE]), stride=STRIDE)
    torch.testing.assert_close(weights[0], torch.tensor([[2 / 3], [1 / 3]]))


def test_features_are_averaged_over_the_cells_of_the_object() -> None:
    features = torch.arange(12.0).reshape(1, 2, 2, 3)  # two channels; the last column shows no part of the view
    weights = torch.tensor([[[0.5, 0.0], [0, 0.5]]])
    torch.testing.assert_close(pool(features, weights), torch.tensor([[2.0, 8.0]]))
    torch.testing.assert_close(pool(features), features.mean(dim=(2, 3)))
