"""The objects of a view: what the classifier is asked about."""

from __future__ import annotations

import torch

from icssn.nets.classifier import pool
from icssn.training.dataset import BACKGROUND, HARD_NEGATIVE, LANDSLIDE
from icssn.training.objects import objects_in

STRIDE = 4


def _mask(rows: int = 8, columns: int = 12) -> torch.Tensor:
    return torch.zeros(rows, columns, dtype=torch.uint8)


def test_a_landslide_is_its_own_cells_by_how_much_of_them_it_covers() -> None:
    mask = _mask()
    mask[0:4, 0:4] = 1  # a whole cell
    mask[0:4, 4:6] = 1  # half of the next
    weights, kinds = objects_in(mask[None], torch.tensor([LANDSLIDE]), stride=STRIDE)
    torch.testing.assert_close(weights[0, 0], torch.tensor([[2 / 3, 1 / 3, 0], [0, 0, 0]]))
    assert kinds.tolist() == [[LANDSLIDE, BACKGROUND]]


def test_the_ground_beside_it_is_known_ground_in_cells_without_any_of_it() -> None:
    mask = _mask()
    mask[0:4, 0:1] = 1  # its cell is no ground, though three quarters of it are
    mask[4:8, 8:12] = 255
    mask[4:8, 4:6] = 255
    weights, _ = objects_in(mask[None], torch.tensor([LANDSLIDE]), stride=STRIDE)
    share = torch.tensor([[0, 1, 1], [1, 0.5, 0]]) / 3.5
    torch.testing.assert_close(weights[0, 1], share)


def test_nothing_is_asked_of_ground_where_too_little_is_known() -> None:
    mask = torch.full((8, 12), 255, dtype=torch.uint8)
    mask[0:4, 0:4] = 1
    mask[4:8, 4:7] = 0  # three quarters of a cell
    weights, kinds = objects_in(mask[None], torch.tensor([LANDSLIDE]), stride=STRIDE)
    assert kinds.tolist() == [[LANDSLIDE, -1]]
    assert (weights[0, 1] == 0).all()


def test_where_nothing_is_outlined_the_view_is_judged_as_a_whole() -> None:
    point = torch.full((8, 12), 255, dtype=torch.uint8)
    little = _mask()
    little[0, 0] = 1  # of a landslide, and too little to say so
    masks = torch.stack([_mask(), _mask(), point, little])
    asked = torch.tensor([BACKGROUND, HARD_NEGATIVE, LANDSLIDE, -1])
    weights, kinds = objects_in(masks, asked, stride=STRIDE)
    torch.testing.assert_close(weights[:, 0], torch.full((4, 2, 3), 1 / 6))
    assert kinds[:, 0].tolist() == asked.tolist()
    assert (kinds[:, 1] == -1).all()


def test_cells_at_the_border_of_an_odd_view_count_by_what_they_show() -> None:
    weights, _ = objects_in(torch.ones(1, 6, 4, dtype=torch.uint8), torch.tensor([LANDSLIDE]), stride=STRIDE)
    torch.testing.assert_close(weights[0, 0], torch.tensor([[2 / 3], [1 / 3]]))


def test_features_are_averaged_over_the_cells_of_each_object() -> None:
    features = torch.arange(12.0).reshape(1, 2, 2, 3)  # two channels; the last column shows no part of the view
    weights = torch.tensor([[[[0.5, 0.5], [0, 0]], [[0, 0], [0, 1.0]]]])
    torch.testing.assert_close(pool(features, weights), torch.tensor([[[0.5, 6.5], [4.0, 10.0]]]))
    torch.testing.assert_close(pool(features), features.mean(dim=(2, 3)))
