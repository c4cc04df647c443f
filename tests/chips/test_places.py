import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from icssn.chips import places
from tests.chips.conftest import scattered


def square(place, side):
    x, y = place
    return box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(-50, 500), st.integers(-50, 500), st.integers(1, 700), st.integers(1, 700)),
    st.integers(16, 200),
)
def test_tiles_cover_a_rectangle_exactly_once_and_none_is_larger_than_a_chip(rectangle, size_px):
    col, row, width, height = rectangle
    seen = np.zeros((height, width), int)
    for tile in places.tiles(rectangle, size_px=size_px):
        assert 0 < tile.width <= size_px
        assert 0 < tile.height <= size_px
        top, left = tile.row_off - row, tile.col_off - col
        seen[top : top + tile.height, left : left + tile.width] += 1
    assert (seen == 1).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(2, 90))
def test_a_small_object_gets_one_chip_that_shows_all_of_it_off_centre(seed, width):
    found = box(300, 200, 300 + width, 230)
    (place,) = places.over(found, size_px=96, rng=np.random.default_rng(seed))
    assert square(place, 96).contains(found)


def test_objects_are_not_always_in_the_middle():
    rng = np.random.default_rng(0)
    centres = np.array([places.over(Point(100, 100).buffer(20), size_px=96, rng=rng)[0] for _ in range(200)])
    assert centres.std(axis=0).min() > 5
    assert np.abs(centres.mean(axis=0) - 100).max() < 3


def test_a_large_object_is_covered_by_several_chips():
    found = box(0, 0, 300, 130)
    chosen = places.over(found, size_px=96, rng=np.random.default_rng(1))
    assert len(chosen) == 4 * 2
    covered = shapely.union_all([square(place, 96 + 2 * 24) for place in chosen])
    assert covered.contains(found)


def test_chips_over_a_large_bent_object_all_touch_it():
    bent = box(0, 0, 500, 60).union(box(0, 0, 60, 500))
    chosen = places.over(bent, size_px=96, rng=np.random.default_rng(2))
    assert 6 <= len(chosen) <= places.MAX_PER_LABEL
    assert all(square(place, 96).intersects(bent) for place in chosen)


def test_one_huge_object_does_not_outvote_the_rest():
    chosen = places.over(box(0, 0, 3000, 3000), size_px=96, rng=np.random.default_rng(3))
    assert len(set(chosen)) == places.MAX_PER_LABEL


@pytest.mark.parametrize("seed", range(4))
def test_background_chips_hold_no_landslide_lie_in_the_region_and_keep_apart(seed):
    region = box(0, 0, 900, 700)
    landslides = scattered(10, within=region, radius_px=(15, 45), seed=seed)
    chosen = places.without_landslides(
        region, landslides, wanted=25, size_px=64, margin_px=16, rng=np.random.default_rng(seed)
    )
    assert len(chosen) == 25
    assert all(not square(place, 64).intersects(slide) for place in chosen for slide in landslides)
    assert all(square(place, 64).intersection(region).area > 0.5 * 64**2 for place in chosen)
    apart = [max(abs(x - u), abs(y - v)) for x, y in chosen for u, v in chosen if (x, y) != (u, v)]
    assert min(apart) >= 32


def test_the_best_ground_is_taken_first():
    region = box(0, 0, 1000, 1000)
    landslides = [box(0, 0, 500, 1000)]
    first = places.without_landslides(
        region, landslides, wanted=6, size_px=64, margin_px=32, rng=np.random.default_rng(0)
    )
    assert all(x >= 500 + 64 for x, _ in first)  # the margin, too, is free of landslides


def test_places_are_spread_over_all_parts_of_a_region_by_their_area():
    region = shapely.union_all([box(0, 0, 400, 400), box(5000, 5000, 5400, 5800)])
    chosen = places.without_landslides(region, [], wanted=18, size_px=64, margin_px=0, rng=np.random.default_rng(5))
    far = sum(x > 1000 for x, _ in chosen)
    assert len(chosen) == 18
    assert 9 <= far <= 15


def plainly(region, landslides, *, wanted, size_px, margin_px, rng):
    """Choose as `without_landslides` says, by comparing each place with all that are kept."""
    count = int(np.clip(places.DRAWS_PER_PLACE * wanted, places.MIN_DRAWS, places.MAX_DRAWS))
    drawn = places._points_in(region, count=count, rng=rng)
    chips, wider = places._squares(drawn, size_px), places._squares(drawn, size_px + 2 * margin_px)
    known = shapely.area(shapely.intersection(chips, region)) / size_px**2
    anywhere = shapely.union_all(landslides)
    free, wholly_free = (~shapely.intersects(squares, anywhere) for squares in (chips, wider))
    steps = [
        (wholly_free & (known > 0.9), size_px),
        (free & (known > 0.9), size_px),
        (free & (known > 0.5), size_px / 2),
    ]
    kept = []
    for good, apart_px in steps:
        for x, y in drawn[good].tolist():
            if len(kept) < wanted and all(max(abs(x - u), abs(y - v)) >= apart_px for u, v in kept):
                kept.append((float(x), float(y)))
    return kept


@pytest.mark.parametrize("seed", range(6))
def test_places_are_those_that_are_far_enough_from_all_kept_before_them(seed):
    region = shapely.union_all([box(-150, -90, 500, 400), box(600, 300, 900, 733)])
    given = {"landslides": scattered(8, within=region, radius_px=(15, 45), seed=seed), "size_px": 64, "margin_px": 16}
    for wanted in (30, 400):  # the second is more than there is room for
        chosen, expected = (
            choose(region, **given, wanted=wanted, rng=np.random.default_rng(seed))
            for choose in (places.without_landslides, plainly)
        )
        assert chosen == expected
    assert 50 < len(chosen) < 400


def test_many_places_on_a_large_scene_are_chosen_soon():
    began = time.process_time()
    chosen = places.without_landslides(
        box(0, 0, 12_000, 12_000), [], wanted=2400, size_px=192, margin_px=48, rng=np.random.default_rng(0)
    )
    assert len(chosen) > 2000
    assert time.process_time() - began < 8  # compared with all that are kept: over 20 s


@pytest.mark.parametrize("region", [Polygon(), box(0, 0, 100, 100)])
def test_where_landslides_are_everywhere_no_place_is_given(region):
    chosen = places.without_landslides(
        region, [box(-10, -10, 200, 200)], wanted=5, size_px=64, margin_px=0, rng=np.random.default_rng(0)
    )
    assert chosen == []


def test_the_same_seed_gives_the_same_places():
    region, rng = box(0, 0, 500, 500), np.random.default_rng
    one, other, third = (
        places.without_landslides(region, [], wanted=9, size_px=64, margin_px=0, rng=rng(seed)) for seed in (4, 4, 5)
    )
    assert one == other != third


def test_a_window_lies_around_its_place():
    window = places.window_at((100.0, 50.0), side_px=96)
    assert (window.col_off, window.row_off, window.width, window.height) == (52, 2, 96, 96)
