"""Blocks of a cross-validation: how a scene is divided, and what is known of it without one of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.geometry import Point, box

from icssn.chips.blocks import split_into_blocks, surveyed, without
from icssn.chips.cut import ChipSource
from icssn.chips.ground import BACKGROUND, IGNORE, LANDSLIDE, SPOT, survey, to_lonlat
from icssn.chips.split import Rectangle, grown
from icssn.config import ChipConfig
from icssn.errors import NotTrainableError
from icssn.records import LabelClass, LabelStatus
from tests.chips.conftest import WHOLE, label, scattered

Make = Callable[..., ChipSource]

CHIPS = ChipConfig(size_px=64, margin_px=8, buffer_px=32)  # so that 32 px around a point nothing is known
BLOCK = (200, 200, 200, 200)  # with its buffer, all from 168 to 432 is hidden
NORTH = [box(60, 40, 90, 70), box(300, 40, 330, 70)]  # outlined landslides far away from it


@pytest.fixture
def source(make_source: Make) -> ChipSource:
    return make_source(landslides=scattered(24, within=WHOLE, radius_px=(8, 14), seed=1), areas=[WHOLE])


def shares(source: ChipSource, blocks: list[Rectangle]) -> list[int]:
    centres = [g.centroid for g in survey(source.labels, source.facts).landslides.values()]
    return [sum(grown(block, 0).contains(centre) for centre in centres) for block in blocks]


def known_without_block(source: ChipSource) -> NDArray[np.uint8]:
    left = without(source, BLOCK, config=CHIPS)
    return surveyed(left, CHIPS).mask(Window(0, 0, 640, 600))


def disc(point: Point, radius_px: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:600, :640] + 0.5
    return np.hypot(columns - point.x, rows - point.y) < radius_px


# ---- dividing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_blocks_tile_the_labelled_ground_and_share_the_landslides(source: ChipSource, folds: int) -> None:
    blocks = split_into_blocks(source, folds)
    boxes = [grown(block, 0) for block in blocks]
    assert shapely.union_all(boxes).equals(box(0, 0, 640, 600))
    assert sum(part.area for part in boxes) == pytest.approx(640 * 600)
    counts = shares(source, blocks)
    assert max(counts) - min(counts) <= 2


def test_the_longer_side_is_divided_between_the_landslides_in_the_middle(make_source: Make) -> None:
    slides = [Point(x, 300).buffer(10) for x in (100, 200, 300, 500)]
    assert split_into_blocks(make_source(landslides=slides, areas=[WHOLE]), 2) == [(0, 0, 250, 600), (250, 0, 390, 600)]


@pytest.mark.parametrize("wobble", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("folds", [2, 3, 4])
def test_landslides_one_below_the_other_are_divided_along_the_shorter_side(
    make_source: Make, folds: int, wobble: float
) -> None:
    column = [Point(299.8 + wobble * (i % 2), 30 + 60 * i).buffer(12) for i in range(9)]
    source = make_source(landslides=column, areas=[WHOLE])
    blocks = split_into_blocks(source, folds)
    assert all(col == 0 and width == 640 for col, _, width, _ in blocks)
    counts = shares(source, blocks)
    assert (sum(counts), min(counts) >= 2, max(counts) - min(counts) <= 1) == (9, True, True)


def test_landslides_in_two_places_are_divided_between_them(make_source: Make) -> None:
    twins = [*[Point(100, 100).buffer(12)] * 2, *[Point(500, 300).buffer(12)] * 6]  # imported twice, and oftener
    source = make_source(landslides=twins, areas=[WHOLE])
    assert shares(source, split_into_blocks(source, 2)) == [2, 6]


def test_landslides_that_no_edge_parts_are_refused(make_source: Make) -> None:
    same = make_source(landslides=[Point(300, 300).buffer(12)] * 8, areas=[WHOLE])
    with pytest.raises(NotTrainableError, match="too close together for so many folds"):
        split_into_blocks(same, 2)


def test_too_few_landslides_for_the_folds_are_refused(make_source: Make) -> None:
    few = make_source(landslides=scattered(5, within=WHOLE, radius_px=(8, 14), seed=1), areas=[WHOLE])
    with pytest.raises(NotTrainableError, match="For 3 folds at least 6"):
        split_into_blocks(few, 3)


# ---- hiding ------------------------------------------------------------------------------------------------------


def test_nothing_is_known_in_a_hidden_block_and_its_buffer(source: ChipSource) -> None:
    block = split_into_blocks(source, 4)[2]
    left = without(source, block, config=CHIPS)
    assert {one.uid for one in left.labels} <= {one.uid for one in source.labels}
    ground = survey(left.labels, source.facts)
    mask = ground.mask(Window(0, 0, 640, 600))
    rows, columns = np.nonzero(mask != IGNORE)
    near = grown(block, 31)  # a pixel of rounding on the way through longitude and latitude
    assert not shapely.contains_xy(near, columns + 0.5, rows + 0.5).any()
    assert {BACKGROUND, LANDSLIDE} <= set(np.unique(mask).tolist())


def test_points_of_other_blocks_are_kept_as_they_are(make_source: Make) -> None:
    far, near = Point(100, 500), Point(165, 300)  # the second 3 px beside what is hidden
    source = make_source(landslides=NORTH, areas=[WHOLE], points=[far, near])
    left = without(source, BLOCK, config=CHIPS)
    points = [one for one in source.labels if one.cls is LabelClass.landslide_point]
    assert [one for one in left.labels if one.cls is LabelClass.landslide_point] == points
    mask = known_without_block(source)
    for point in (far, near):
        around = disc(point, 31)
        assert set(np.unique(mask[around]).tolist()) == {SPOT, IGNORE}
        assert (mask[disc(point, 1.5)] == SPOT).all()
    assert (mask[300, 100:130] == BACKGROUND).all()  # beyond the ground around the point, the label area holds
    assert (mask[168:432, 168:432] == IGNORE).all()


@pytest.mark.parametrize("inside_px", [-1.5, 0.5, 20])
def test_a_point_on_hidden_ground_is_not_known_but_around_it_nothing_is_learned(
    make_source: Make, inside_px: float
) -> None:
    point = Point(168 + inside_px, 300)
    source = make_source(landslides=NORTH, areas=[WHOLE], points=[point])
    left = without(source, BLOCK, config=CHIPS)
    assert not any(one.cls is LabelClass.landslide_point for one in left.labels)
    mask = known_without_block(source)
    assert SPOT not in mask
    assert (mask[disc(point, 31)] == IGNORE).all()
    rows, columns = np.nonzero(disc(point, 45) & ~disc(point, 33))
    outside = columns < 166
    assert (mask[rows[outside], columns[outside]] == BACKGROUND).all()


def test_a_point_deep_in_hidden_ground_changes_nothing(make_source: Make) -> None:
    plain = make_source(landslides=NORTH, areas=[WHOLE])
    source = make_source(landslides=NORTH, areas=[WHOLE], points=[Point(300, 300)])
    assert [one.uid for one in without(source, BLOCK, config=CHIPS).labels] == [one.uid for one in plain.labels]
    assert np.array_equal(known_without_block(source), known_without_block(plain))


def test_a_point_in_a_landslide_that_the_block_cuts_says_nothing_more(make_source: Make) -> None:
    slides = [*NORTH, box(150, 290, 190, 310)]
    plain = make_source(landslides=slides, areas=[WHOLE])
    source = make_source(landslides=slides, areas=[WHOLE], points=[Point(172, 300)])
    mask = known_without_block(source)
    assert np.array_equal(mask, known_without_block(plain))
    assert (mask[290:310, 150:167] == LANDSLIDE).all()


def test_what_is_known_for_sure_near_a_hidden_point_stays_known(make_source: Make) -> None:
    slide, negative = box(140, 290, 150, 310), box(150, 310, 160, 320)
    source = make_source(landslides=[*NORTH, slide], negatives=[negative], areas=[WHOLE], points=[Point(172, 305)])
    mask = known_without_block(source)
    assert (mask[290:310, 140:150] == LANDSLIDE).all()
    assert (mask[310:320, 150:160] == BACKGROUND).all()
    assert (mask[300:310, 151:160] == IGNORE).all()


def test_nothing_is_known_around_a_proposed_point_either(make_source: Make) -> None:
    plain = make_source(landslides=NORTH, areas=[WHOLE])
    place = Point(100, 500)
    proposed = label(
        "s",
        "p",
        to_lonlat(place, plain.facts),
        cls=LabelClass.landslide_point,
        status=LabelStatus.proposed,
    )
    mask = known_without_block(make_source(landslides=NORTH, areas=[WHOLE], more=[proposed]))
    assert (mask[disc(place, 31)] == IGNORE).all()
