"""Validation tiles: of very many empty ones some stand for all, and a sliver of a landslide is never left out."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box

from icssn.chips import cut as cutting
from icssn.chips.cut import cut
from icssn.chips.ground import Ground, survey
from icssn.chips.plan import Plan, validation_plans
from tests.chips.conftest import SMALL

WHOLE = box(0, 0, 640, 640)  # a hundred tiles of 64 px
SLIDE, SLIVER = box(70, 70, 100, 100), box(300, 200, 321, 230)  # the second reaches 1 px into the next tile


@pytest.fixture
def ground(make_source) -> Ground:
    source = make_source(
        size=(640, 640), landslides=[SLIDE, SLIVER], areas=[WHOLE], negatives=[box(520, 520, 550, 550)]
    )
    return survey(source.labels, source.facts)


def tiled(ground: Ground, *, most_empty: int) -> list[Plan]:
    return validation_plans(ground, (0, 0, 640, 640), most_empty=most_empty, config=SMALL, rng=np.random.default_rng(0))


def test_where_empty_tiles_are_few_each_stands_for_itself(ground) -> None:
    plans = tiled(ground, most_empty=100)
    assert len(plans) == 100
    assert {plan.stands_for for plan in plans} == {1.0}
    kinds = [plan.kind for plan in plans]
    assert (kinds.count("landslide"), kinds.count("unknown"), kinds.count("hard_negative")) == (2, 1, 1)


def test_of_many_empty_tiles_some_stand_for_all_and_no_tile_with_an_object_is_left_out(ground) -> None:
    plans = tiled(ground, most_empty=12)
    empty = [plan for plan in plans if plan.kind == "background"]
    assert len(empty) == 12
    assert sum(plan.stands_for for plan in empty) == pytest.approx(96)
    assert {(plan.kind, plan.stands_for) for plan in plans if plan not in empty} == {
        ("landslide", 1.0),
        ("unknown", 1.0),  # it shows one column of pixels of the second landslide
        ("hard_negative", 1.0),
    }


def test_chips_say_how_many_tiles_they_stand_for(make_source, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cutting, "MAX_EMPTY_TILES", 3)
    slides = [box(x, y, x + 20, y + 20) for x in (80, 300, 500) for y in (80, 200, 400, 520)]
    source = make_source(size=(640, 640), landslides=slides, areas=[WHOLE], validation_bounds_px=(256, 0, 256, 640))
    manifest = cut([source], tmp_path / "chips", config=SMALL, seed=0)
    judged = [chip for chip in manifest.chips if chip.split == "validation"]
    empty = [chip.stands_for for chip in judged if chip.kind == "background"]
    assert len(empty) == 3
    assert sum(empty) == pytest.approx(40 - (len(judged) - 3))
    assert {chip.stands_for for chip in judged if chip.kind != "background"} == {1.0}
    assert {chip.stands_for for chip in manifest.chips if chip.split == "train"} == {1.0}
