"""Validation tiles: of very many empty ones some stand for all, and a sliver of a landslide is never left out."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from icssn.chips import cut as cutting
from icssn.chips.cut import cut
from icssn.chips.ground import Ground, survey
from icssn.chips.plan import Plan, validation_plans
from tests.chips.conftest import SMALL

WHOLE = box(0, 0, 640, 640)  # a hundred tiles of 64 px
INSIDE = (256, 0, 256, 640)  # forty of them
SLIDE, SLIVER = box(70, 70, 100, 100), box(300, 200, 321, 230)  # the second reaches 1 px into the next tile


@pytest.fixture
def ground(make_source) -> Ground:
    return _surveyed(make_source)


def _surveyed(make_source, *more: BaseGeometry) -> Ground:
    source = make_source(
        size=(640, 640), landslides=[SLIDE, SLIVER, *more], areas=[WHOLE], negatives=[box(520, 520, 550, 550)]
    )
    return survey(source.labels, source.facts)


def tiled(ground: Ground, *, most_empty: int) -> list[Plan]:
    return validation_plans(ground, (0, 0, 640, 640), most_empty=most_empty, config=SMALL)


def drawn(ground: Ground, *, most_empty: int) -> set[tuple[int, int]]:
    """Give the upper left corners of the empty tiles that are judged."""
    plans = tiled(ground, most_empty=most_empty)
    return {(plan.known.col_off, plan.known.row_off) for plan in plans if plan.known and plan.kind == "background"}


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


def test_the_fewer_empty_tiles_that_are_drawn_are_among_the_more(ground) -> None:
    assert drawn(ground, most_empty=5) < drawn(ground, most_empty=12) < drawn(ground, most_empty=30)


def test_a_drawn_tile_that_shows_an_object_now_gives_way_to_one_other(ground, make_source) -> None:
    twelve = drawn(ground, most_empty=12)
    col, row = min(twelve)
    now = drawn(_surveyed(make_source, box(col + 10, row + 10, col + 40, row + 40)), most_empty=12)
    assert twelve - now == {(col, row)}
    assert len(now) == 12


def test_empty_tiles_are_drawn_from_everywhere(make_source) -> None:
    source = make_source(size=(640, 640), landslides=[SLIDE], areas=[WHOLE])
    ground = survey(source.labels, source.facts)
    plans = validation_plans(ground, (0, 0, 6400, 6400), most_empty=400, config=SMALL)
    empty = [(plan.known.col_off, plan.known.row_off) for plan in plans if plan.known and plan.kind == "background"]
    in_sixteenths = np.histogram2d(*np.transpose(empty), bins=4, range=[(0, 6400)] * 2)[0]
    assert in_sixteenths.min() > 10
    assert in_sixteenths.max() < 40  # 25 each, on average


def test_a_landslide_drawn_elsewhere_leaves_the_held_out_ground_as_it_was(make_source, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cutting, "MAX_EMPTY_TILES", 8)
    slides = [box(x, y, x + 20, y + 20) for x in (80, 300, 540) for y in (80, 200, 400, 520)]

    def judged(name: str, more: list[BaseGeometry]) -> list[tuple[int, int, str, float]]:
        source = make_source(size=(640, 640), landslides=slides + more, areas=[WHOLE], validation_bounds_px=INSIDE)
        chips = cut([source], tmp_path / name, config=SMALL, seed=0).chips
        return [(chip.col, chip.row, chip.kind, chip.stands_for) for chip in chips if chip.split == "validation"]

    assert judged("before", []) == judged("after", [box(70, 300, 95, 325)])


def test_chips_say_how_many_tiles_they_stand_for(make_source, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cutting, "MAX_EMPTY_TILES", 3)
    slides = [box(x, y, x + 20, y + 20) for x in (80, 300, 500) for y in (80, 200, 400, 520)]
    source = make_source(size=(640, 640), landslides=slides, areas=[WHOLE], validation_bounds_px=INSIDE)
    manifest = cut([source], tmp_path / "chips", config=SMALL, seed=0)
    judged = [chip for chip in manifest.chips if chip.split == "validation"]
    empty = [chip.stands_for for chip in judged if chip.kind == "background"]
    assert len(empty) == 3
    assert sum(empty) == pytest.approx(40 - (len(judged) - 3))
    assert {chip.stands_for for chip in judged if chip.kind != "background"} == {1.0}
    assert {chip.stands_for for chip in manifest.chips if chip.split == "train"} == {1.0}
