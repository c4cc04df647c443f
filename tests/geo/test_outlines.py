"""Outlines change where they are told to and nowhere else; what comes out is always a valid polygon."""

from __future__ import annotations

import contextlib

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as some
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from icssn.errors import OutlineError
from icssn.geo import outlines
from icssn.geo.crs import area_m2

SQUARE = box(105.0, 35.0, 105.01, 35.01)
RING = SQUARE.difference(box(105.004, 35.004, 105.006, 35.006))


def line(*points: tuple[float, float]) -> LineString:
    """A line by its places in thousandths of a degree from the square's lower left corner."""
    return LineString([(105 + x / 1000, 35 + y / 1000) for x, y in points])


def test_a_line_outside_the_boundary_adds_the_ground_up_to_it() -> None:
    found = outlines.reshape(SQUARE, line((9, 2), (13, 2), (13, 8), (9, 8)))
    assert found.equals(SQUARE.union(box(105.01, 35.002, 105.013, 35.008)))


def test_a_line_inside_the_boundary_cuts_the_smaller_side_off() -> None:
    found = outlines.reshape(SQUARE, line((11, 2), (7, 2), (7, 8), (11, 8)))
    assert found.equals(SQUARE.difference(box(105.007, 35.002, 105.01, 35.008)))


def test_a_line_that_weaves_in_and_out_does_both() -> None:
    found = outlines.reshape(SQUARE, line((11, 1), (8, 1), (8, 4), (12, 4), (12, 8), (9, 8)))
    assert found.covers(Point(105.011, 35.006))
    assert not found.covers(Point(105.0095, 35.002))
    assert found.geom_type == "Polygon"


def test_reshaping_leaves_holes_and_other_parts_as_they_are() -> None:
    other = box(105.02, 35.0, 105.021, 35.001)
    found = outlines.reshape(MultiPolygon([RING, other]), line((9, 2), (13, 2), (13, 8), (9, 8)))
    assert found.equals(MultiPolygon([RING.union(box(105.01, 35.002, 105.013, 35.008)), other]))


def test_a_line_across_a_hole_alone_reshapes_the_hole() -> None:
    found = outlines.reshape(RING, line((5.5, 4.5), (7, 4.5), (7, 5.5), (5.5, 5.5)))
    assert Polygon(found.exterior).equals(SQUARE)
    assert not found.covers(Point(105.0065, 35.005))


def test_corners_that_a_verb_does_not_touch_stay_exactly() -> None:
    blob = Point(105.005, 35.005).buffer(0.004, quad_segs=15)
    found = outlines.reshape(blob, line((8.5, 4), (11, 4), (11, 6), (8.5, 6)))
    kept = {tuple(point) for point in shapely.get_coordinates(blob)} & {
        tuple(p) for p in shapely.get_coordinates(found)
    }
    assert len(kept) >= 50


@pytest.mark.parametrize("short", [line((9, 2), (13, 2)), line((20, 0), (21, 1)), line((4, 1), (6, 2))])
def test_a_line_that_crosses_less_than_twice_is_refused(short: LineString) -> None:
    with pytest.raises(OutlineError, match="twice"):
        outlines.reshape(SQUARE, short)


@pytest.mark.parametrize("ends", [(9.9, 10.1), (10.1, 9.9), (10.1, 10.1), (10, 10.1), (10.1, 10)])
def test_an_end_that_stops_short_of_the_boundary_is_led_to_it(ends: tuple[float, float]) -> None:
    drawn = line((ends[0], 2), (13, 2), (13, 8), (ends[1], 8))
    with pytest.raises(OutlineError, match="twice"):
        outlines.reshape(SQUARE, drawn, reach_m=5)
    found = outlines.reshape(SQUARE, drawn, reach_m=15)  # a ten-thousandth of a degree is 9 m here
    wanted = SQUARE.union(box(105.01, 35.002, 105.013, 35.008))
    assert found.symmetric_difference(wanted).area < 1e-4 * SQUARE.area
    assert found.geom_type == "Polygon"


def test_a_line_that_needs_no_help_is_taken_as_it_was_drawn() -> None:
    drawn = line((9.9, 2), (13, 2), (13, 8), (9.9, 8))
    assert outlines.reshape(SQUARE, drawn, reach_m=50).equals(outlines.reshape(SQUARE, drawn))


def test_a_cut_from_boundary_to_boundary_splits() -> None:
    drawn = line((5, 0.1), (5, 9.9))
    with pytest.raises(OutlineError, match="from outside to outside"):
        outlines.split(SQUARE, drawn)
    left, right = outlines.split(SQUARE, drawn, reach_m=15)
    assert left.area == pytest.approx(right.area, rel=0.01)


def test_a_split_gives_all_ground_to_one_piece_or_another() -> None:
    pieces = outlines.split(RING, line((3, -1), (3, 5), (11, 5)))
    assert len(pieces) == 2
    assert pieces[0].area > pieces[1].area
    assert shapely.union_all(pieces).equals(RING)
    assert pieces[0].intersection(pieces[1]).area < 1e-15


def test_a_split_through_a_hole_opens_it() -> None:
    pieces = outlines.split(RING, line((5, -1), (5, 11)))
    assert [len(piece.interiors) for piece in pieces] == [0, 0]


def test_parts_that_the_line_misses_stay_with_the_largest_piece() -> None:
    other = box(105.02, 35.0, 105.021, 35.001)
    large, small = outlines.split(MultiPolygon([SQUARE, other]), line((3, -1), (3, 11)))
    assert large.covers(other)
    assert small.equals(box(105.0, 35.0, 105.003, 35.01))


def test_a_line_that_ends_inside_does_not_split() -> None:
    with pytest.raises(OutlineError, match="from outside to outside"):
        outlines.split(SQUARE, line((5, -1), (5, 5)))


def test_neighbours_merge_into_one_outline_and_distant_ones_into_parts() -> None:
    neighbour, distant = box(105.01, 35.0, 105.02, 35.01), box(105.05, 35.0, 105.06, 35.01)
    assert outlines.merge([SQUARE, neighbour]).geom_type == "Polygon"
    assert outlines.merge([RING, distant]).equals(MultiPolygon([RING, distant]))


def test_a_hole_is_cut_and_can_be_filled_again() -> None:
    found = outlines.cut(SQUARE, box(105.004, 35.004, 105.006, 35.006))
    assert found.equals(RING)
    assert outlines.fill(found).equals(SQUARE)


def test_a_hole_beside_the_polygon_or_over_all_of_it_is_refused() -> None:
    with pytest.raises(OutlineError, match="on the polygon"):
        outlines.cut(SQUARE, box(106, 35, 106.1, 35.1))
    with pytest.raises(OutlineError, match="left"):
        outlines.cut(SQUARE, box(104, 34, 106, 36))


def test_simplifying_keeps_the_boundary_within_the_tolerance() -> None:
    blob = Point(105.005, 35.005).buffer(0.004, quad_segs=60)
    found = outlines.simplify(blob, tolerance_m=2)
    assert len(found.exterior.coords) < len(blob.exterior.coords) / 3
    assert found.hausdorff_distance(blob) < 2 / 91_000  # a degree of longitude has 91 km here
    assert area_m2(found) == pytest.approx(area_m2(blob), rel=0.01)


def test_smoothing_takes_the_steps_of_pixels_out_and_hardly_changes_the_area() -> None:
    steps = [(105 + i / 10_000, 35 + (i % 2 + i) / 10_000) for i in range(60)]
    stairs = Polygon([*steps, (105.006, 35.0)]).difference(box(105.004, 35.001, 105.005, 35.002))
    found = outlines.smooth(stairs, reach_m=6)
    assert found.length < 0.97 * stairs.length
    assert len(found.interiors) == 1
    assert area_m2(found) == pytest.approx(area_m2(stairs), rel=0.02)


@settings(deadline=None, max_examples=60)
@given(some.lists(some.tuples(some.floats(-2, 12), some.floats(-2, 12)), min_size=2, max_size=8, unique=True))
def test_whatever_line_is_drawn_the_result_is_valid_or_refused(points: list[tuple[float, float]]) -> None:
    drawn = line(*points)
    with contextlib.suppress(OutlineError):
        found = outlines.reshape(RING, drawn)
        assert found.is_valid
        assert found.area > 0
    with contextlib.suppress(OutlineError):
        pieces = outlines.split(RING, drawn)
        assert all(piece.is_valid for piece in pieces)
        assert sum(piece.area for piece in pieces) == pytest.approx(RING.area, rel=1e-6)
