import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from icssn.chips.ground import window_box
from icssn.chips.places import tiles
from icssn.chips.split import MAX_COST, HeldOut, hold_out, sides
from icssn.config import ChipConfig
from tests.chips.conftest import SMALL, scattered

AREA = box(0, 0, 640, 600)


def cost(found, config=SMALL):
    return abs(found.count("validation") / len(found) - config.validation_share) + found.count("lost") / len(found)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 24))
def test_landslides_and_background_remain_on_both_sides(seed, count):
    landslides = scattered(count, within=AREA, radius_px=(5, 30), seed=seed)
    held = hold_out(AREA, landslides, config=SMALL)
    assert held is not None
    found = sides(landslides, held)
    assert {"train", "validation"} <= set(found)
    assert SMALL.size_px / 4 <= held.buffer_px <= SMALL.buffer_px
    assert AREA.contains(held.inside)
    assert AREA.difference(held.zone).area > 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_labels_does_not_matter(seed):
    landslides = scattered(9, within=AREA, radius_px=(5, 30), seed=seed)
    assert hold_out(AREA, landslides, config=SMALL) == hold_out(AREA, landslides[::-1], config=SMALL)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_rectangle_of_blocks_is_cheaper(seed):
    # Slow twin: every rectangle of blocks, pixel by pixel.
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, [600, 560], (12, 2))
    landslides = [box(x, y, x + 24, y + 24) for x, y in corners.tolist()]
    held = hold_out(AREA, landslides, config=SMALL)
    edges_x = [round(640 * i / 6) for i in range(7)]
    edges_y = [round(600 * i / 6) for i in range(7)]
    costs = {}
    for (left, right), (top, bottom) in itertools.product(
        itertools.combinations(edges_x, 2), itertools.combinations(edges_y, 2)
    ):
        rectangle = (left, top, right - left, bottom - top)
        inside, near = np.zeros((2, 900, 900), bool)
        inside[100 + top : 100 + bottom, 100 + left : 100 + right] = True
        b = held.buffer_px
        near[100 + top - b : 100 + bottom + b, 100 + left - b : 100 + right + b] = True
        found = []
        for x, y in corners.tolist():
            place = np.s_[100 + y : 124 + y, 100 + x : 124 + x]
            found.append(
                "validation" if inside[place].mean() >= 0.5 else "train" if near[place].mean() <= 0.5 else "lost"
            )
        if {"train", "validation"} <= set(found):
            costs[rectangle] = cost(found)
    assert costs[held.rectangle] == pytest.approx(min(costs.values()))


def test_one_row_of_landslides_is_split_as_wished():
    landslides = [Point(50 + 100 * i, 150).buffer(20) for i in range(12)]
    held = hold_out(box(0, 0, 1200, 300), landslides, config=SMALL)
    found = sides(landslides, held)
    assert cost(found) < MAX_COST
    assert held.buffer_px == SMALL.buffer_px


def test_landslides_that_crowd_in_one_block_are_split_by_finer_blocks():
    crowd = [Point(x, y).buffer(8) for x in (110, 190) for y in (110, 190)]
    config = SMALL.model_copy(update={"blocks": 2})
    held = hold_out(box(0, 0, 800, 800), crowd, config=config)
    assert sorted(sides(crowd, held)) == ["train", "train", "train", "validation"]


@pytest.mark.parametrize("seed", range(20))
def test_eight_landslides_in_a_small_label_area_keep_two_for_validation(seed):
    # The demo project: 1000 × 1100 px of a 2048² scene, default settings, landslides as large as a chip.
    area = box(500, 400, 1500, 1500)
    landslides = scattered(8, within=area, radius_px=(40, 90), seed=seed)
    held = hold_out(area, landslides, config=ChipConfig())
    found = sides(landslides, held)
    assert found.count("validation") == 2
    assert found.count("train") >= 5
    assert held.buffer_px >= ChipConfig().size_px / 4


def test_the_buffer_shrinks_only_where_it_would_cost_too_much():
    roomy = box(0, 0, 3000, 3000)
    few = [Point(x, y).buffer(20) for x, y in ((300, 300), (2700, 300), (300, 2700), (2700, 2700))]
    assert hold_out(roomy, few, config=SMALL).buffer_px == SMALL.buffer_px
    dense = [Point(30 + 50 * i, 30 + 50 * j).buffer(20) for i in range(5) for j in range(5)]
    tight = hold_out(box(0, 0, 260, 260), dense, config=SMALL)
    assert SMALL.size_px / 4 <= tight.buffer_px < SMALL.buffer_px


def test_a_buffer_set_smaller_than_a_quarter_of_a_chip_is_obeyed():
    landslides = scattered(8, within=AREA, radius_px=(5, 30), seed=1)
    assert hold_out(AREA, landslides, config=SMALL.model_copy(update={"buffer_px": 0})).buffer_px == 0


@pytest.mark.parametrize("blocks", [2, 32])
def test_many_or_few_blocks_work(blocks):
    landslides = scattered(8, within=AREA, radius_px=(5, 30), seed=2)
    held = hold_out(AREA, landslides, config=SMALL.model_copy(update={"blocks": blocks}))
    assert min(held.rectangle[2:]) >= SMALL.size_px / 2  # blocks do not become useless slivers


def test_a_rectangle_chosen_earlier_stays_whatever_was_labelled_since():
    landslides = scattered(8, within=AREA, radius_px=(5, 30), seed=3)
    fixed = (17, 23, 111, 90)
    assert hold_out(AREA, landslides, config=SMALL, fixed=fixed).rectangle == fixed
    assert hold_out(AREA, [], config=SMALL, fixed=fixed).rectangle == fixed


def test_a_rectangle_chosen_earlier_gets_the_largest_buffer_that_costs_few_landslides():
    landslides = [Point(100 + 60 * i, 300).buffer(8) for i in range(8)]
    held = hold_out(AREA, landslides, config=SMALL, fixed=(0, 0, 130, 600))
    assert sides(landslides, held).count("lost") / 8 < MAX_COST
    wider = HeldOut(held.rectangle, held.buffer_px + 8)
    assert held.buffer_px < SMALL.buffer_px
    assert sides(landslides, wider).count("lost") / 8 >= MAX_COST


def test_a_rectangle_with_a_tile_free_of_landslides_is_preferred():
    area = box(0, 0, 1200, 400)
    filled = [Point(32 + 64 * i, 32 + 64 * j).buffer(12) for i in range(6) for j in range(6)]  # one on every tile
    sparse = [Point(700 + 80 * i, 20 + 100 * j).buffer(12) for i in range(6) for j in range(4)]
    held = hold_out(area, filled + sparse, config=SMALL)
    outlines = [window_box(tile) for tile in tiles(held.rectangle, size_px=SMALL.size_px)]
    assert any(all(tile.disjoint(slide) for slide in filled + sparse) for tile in outlines)


def test_a_landslide_belongs_to_the_side_that_has_at_least_half_of_it():
    held = HeldOut((100, 100, 100, 100), 50)
    places = {
        (150, 150): "validation",
        (100, 150): "validation",
        (90, 150): "lost",
        (60, 150): "lost",
        (20, 20): "train",
    }
    found = sides([box(x - 10, y - 10, x + 10, y + 10) for x, y in places], held)
    assert found == list(places.values())


def test_one_landslide_alone_cannot_be_split():
    assert hold_out(AREA, [Point(300, 300).buffer(30)], config=SMALL) is None
    assert hold_out(AREA, [], config=SMALL) is None
