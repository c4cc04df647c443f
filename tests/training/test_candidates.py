"""What a mask proposes in views, and what the labels say of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from icssn.config import MIN_OBJECT_PX
from icssn.metrics.objects import match_objects
from icssn.training.candidates import LEAST_PROBABILITY, Candidates, candidates

SIDE, STRIDE = 64, 32
SURE = 0.9


def _proposed(*boxes: tuple[int, int, int, int]) -> Tensor:
    """Give the probabilities of one view in which boxes (top, left, height, width) are taken for landslides."""
    likely = torch.zeros(1, SIDE, SIDE)
    for top, left, height, width in boxes:
        likely[0, top : top + height, left : left + width] = SURE
    return likely


def _ground(value: int = 0) -> Tensor:
    return torch.full((1, SIDE, SIDE), value, dtype=torch.uint8)


def _found(likely: Tensor, ground: Tensor) -> Candidates:
    return candidates(likely, ground, stride=STRIDE)


def test_an_object_weighs_the_cells_by_what_it_covers_of_them() -> None:
    found = _found(_proposed((0, 0, 32, 48)), _ground())
    assert found.views.tolist() == [0]
    torch.testing.assert_close(found.cells, torch.tensor([[[2 / 3, 1 / 3], [0, 0]]]))


@pytest.mark.parametrize(("rows", "landslide"), [(9, False), (10, True), (32, True)])
def test_it_is_a_landslide_from_thirty_percent_on(rows: int, landslide: bool) -> None:
    ground = _ground()
    ground[0, :rows, :32] = 1
    assert _found(_proposed((0, 0, 32, 32)), ground).landslides.tolist() == [landslide]


def test_the_spot_of_a_point_makes_it_one_however_little_is_known_around() -> None:
    ground = _ground(255)
    assert _found(_proposed((0, 0, 32, 32)), ground).landslides.tolist() == []
    ground[0, 5, 5] = 2
    assert _found(_proposed((0, 0, 32, 32)), ground).landslides.tolist() == [True]


@pytest.mark.parametrize(("unknown_rows", "told"), [(9, [False]), (10, [])])
def test_what_is_mostly_unknown_is_left_out(unknown_rows: int, told: list[bool]) -> None:
    ground = _ground()
    ground[0, :unknown_rows, :32] = 255
    assert _found(_proposed((0, 0, 32, 32)), ground).landslides.tolist() == told


@pytest.mark.parametrize(("rows", "landslide"), [(7, False), (8, True)])
def test_thirty_percent_are_of_what_is_known(rows: int, landslide: bool) -> None:
    ground = _ground()
    ground[0, :rows, :32] = 1
    ground[0, 24:32, :32] = 255  # a quarter: with it, eight rows would be no landslide
    assert _found(_proposed((0, 0, 32, 32)), ground).landslides.tolist() == [landslide]


def test_small_and_unlikely_ground_is_none() -> None:
    assert len(_found(_proposed((0, 0, 9, 11)), _ground()).views) == 0
    assert len(_found(_proposed((0, 0, 10, MIN_OBJECT_PX // 10)), _ground()).views) == 1
    assert len(_found(torch.full((1, SIDE, SIDE), LEAST_PROBABILITY - 0.01), _ground()).views) == 0


def test_objects_of_several_views_come_one_after_the_other() -> None:
    likely = torch.cat([_proposed((0, 0, 20, 20), (40, 40, 20, 20)), _proposed(), _proposed((0, 40, 20, 20))])
    found = _found(likely, _ground().repeat(3, 1, 1))
    assert found.views.tolist() == [0, 0, 2]
    torch.testing.assert_close(found.cells.sum(dim=(1, 2)), torch.ones(3))


@given(st.integers(0, 2**32 - 1))
def test_where_all_is_known_it_judges_as_scenes_are_judged(seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth = np.kron(chance.random((4, 4)) < 0.4, np.ones((16, 16))).astype(np.uint8)
    likely = np.kron(chance.random((5, 5)) < 0.4, np.ones((13, 13)))[:SIDE, :SIDE]
    found = candidates(torch.from_numpy(likely)[None], torch.from_numpy(truth)[None], stride=STRIDE)
    told = match_objects(truth, likely > 0, pixel_area_m2=1)
    assert len(found.landslides) == told["predicted_objects"]
    if len(found.landslides):
        assert float(found.landslides.float().mean()) == pytest.approx(told["object_precision_cov30"])
