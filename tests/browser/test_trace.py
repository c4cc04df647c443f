"""Tracing with the pen in a real browser: the line follows the mouse while Shift is held."""

from __future__ import annotations

import math

import pytest
from shapely.geometry import Point, Polygon

from icssn.geo.crs import area_m2
from icssn.records import LabelClass, NewLabel
from tests.browser.conftest import place
from tests.browser.desk import Desk, Share, lay
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser

SLIDE0, SLIDE1 = (0.25, 0.25), (0.55, 0.55)  # the middles of two squares of a tenth of the scene
OVER = (0.28, 0.22), (0.36, 0.22), (0.36, 0.28), (0.28, 0.28)  # over the right side of the first


def round_path(middle: Share, radius: float, steps: int = 32) -> list[Share]:
    """Give places around a middle, the last near the first."""
    turns = [2 * math.pi * k / steps for k in range(steps)]
    return [(middle[0] + radius * math.cos(turn), middle[1] + radius * math.sin(turn)) for turn in turns]


def ground(desk: Desk, path: list[Share]) -> Polygon:
    """Give the outline that a path has on the ground."""
    return Polygon([place(desk.scene, *share) for share in path])


def agreement(one: Polygon, other: Polygon) -> float:
    """Intersection over union."""
    return float(one.intersection(other).area / one.union(other).area)


def steps(desk: Desk) -> int:
    """Give how often Ctrl+Z takes something off the pen until nothing is left."""
    count = 0
    while desk.frame.evaluate("!document.querySelector('#ic-undo').disabled"):
        desk.press("Control+z")
        count += 1
    return count


@pytest.mark.parametrize("pressed", [False, True])
def test_a_traced_landslide_has_the_form_that_was_drawn_and_few_corners(desk: Desk, pressed: bool) -> None:
    path = round_path((0.75, 0.3), 0.1)
    desk.press("d")
    if pressed:
        desk.trace(*path, path[0], pressed=True)  # let go at the first corner: done
    else:
        desk.click(path[0])
        desk.trace(*path)
        desk.press("Enter")
    [uid] = desk.chosen()
    drawn = desk.save()[uid].geometry_lonlat
    assert isinstance(drawn, Polygon)
    assert area_m2(drawn) == pytest.approx(area_m2(ground(desk, path)), rel=0.03)
    assert agreement(drawn, ground(desk, path)) > 0.97
    corners = list(drawn.exterior.coords)[:-1]
    assert 10 < len(corners) < 32  # fewer than were drawn, and far fewer than the mouse told
    assert len(set(corners)) == len(corners)


def test_a_traced_stretch_and_a_clicked_place_are_one_step_of_undo_each(desk: Desk) -> None:
    path = round_path((0.75, 0.3), 0.1)
    desk.press("d")
    desk.click((0.6, 0.2), (0.7, 0.15))
    desk.trace(*path[24:], *path[:8])
    desk.click((0.65, 0.45))
    desk.press("Control+z", "Control+z")
    desk.press("Control+y")  # the stretch again, whole
    desk.press("Enter")
    [uid] = desk.chosen()
    outline = desk.drawn(uid).geometry_lonlat
    assert outline.distance(Point(*place(desk.scene, 0.85, 0.3))) < 2e-5  # 2 px: the far side of the stretch
    assert not outline.covers(Point(*place(desk.scene, 0.655, 0.43)))  # the last place is gone
    desk.press("d")
    desk.click((0.6, 0.2), (0.7, 0.15))
    desk.trace(*path[24:], *path[:8])
    desk.wait("icssn.isKept()")
    desk.reload()  # steps of the pen are kept in the draft
    assert steps(desk) == 3


def test_the_pen_takes_no_place_while_nothing_is_begun_or_another_key_is_held(desk: Desk) -> None:
    path = round_path((0.75, 0.3), 0.1)
    desk.press("d")
    desk.trace(*path)  # no place yet, and the button is up
    assert steps(desk) == 0
    desk.click((0.6, 0.2))
    desk.visit.page.keyboard.down("Control")
    desk.trace(*path)
    desk.visit.page.keyboard.up("Control")
    assert steps(desk) == 1


def test_a_boundary_is_reshaped_by_one_drag_and_the_view_stays(desk: Desk) -> None:
    view = desk.frame.evaluate("JSON.stringify([map.getCenter(), map.getZoom()])")
    desk.click(SLIDE0)
    desk.press("r")
    desk.trace(*OVER, pressed=True)  # letting the button go ends the line
    desk.wait("icssn.pending().length === 1")
    assert desk.chosen() == ["slide0"]
    wanted = inside(desk.scene, 0.2).union(ground(desk, list(OVER)))
    assert agreement(desk.drawn("slide0").geometry_lonlat, wanted) > 0.97
    assert desk.frame.evaluate("JSON.stringify([map.getCenter(), map.getZoom()])") == view
    desk.press("Control+z")
    assert desk.pending() == []


def test_a_polygon_is_split_and_a_hole_is_cut_by_tracing(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.press("k")
    desk.trace((0.26, 0.15), (0.24, 0.25), (0.26, 0.35), pressed=True)
    desk.wait("icssn.labels().length === 4")
    desk.press("Control+z")
    desk.click(SLIDE0)
    desk.press("o")
    hole = round_path(SLIDE0, 0.045)
    desk.click(hole[0])
    desk.trace(*hole)
    desk.press("Enter")
    desk.wait("icssn.pending().length === 1")
    left = desk.drawn("slide0").geometry_lonlat
    assert area_m2(left) == pytest.approx(area_m2(inside(desk.scene, 0.2)) - area_m2(ground(desk, hole)), rel=0.1)


def test_a_stroke_snaps_to_neighbours_where_it_begins_and_ends(desk: Desk) -> None:
    desk.press("d")
    desk.click((0.4, 0.35))
    near = 0.006  # of the scene's side: some pixels
    desk.trace((0.3 + near, 0.3), (0.35, 0.25), (0.3 + near, 0.2))
    desk.press("Enter")
    [uid] = desk.chosen()
    drawn = list(desk.drawn(uid).geometry_lonlat.exterior.coords)
    corners = list(inside(desk.scene, 0.2).exterior.coords)
    for corner in (place(desk.scene, 0.3, 0.3), place(desk.scene, 0.3, 0.2)):
        exact = min(corners, key=lambda other: math.dist(other, corner))
        assert any(point == pytest.approx(exact, abs=1.1e-8) for point in drawn)


def test_the_map_still_moves_by_drag_and_by_space_between_strokes(desk: Desk) -> None:
    path = round_path((0.75, 0.3), 0.08)
    desk.press("d")
    desk.click(path[0])
    desk.trace(*path[:16])
    before = desk.at(path[0])
    desk.drag((0.5, 0.5), (0.45, 0.45))
    dragged = desk.at(path[0])
    assert math.dist(before, dragged) > 20
    desk.visit.page.keyboard.down("Space")
    desk.visit.page.mouse.move(dragged[0] - 100, dragged[1] + 40, steps=4)
    desk.visit.page.mouse.move(dragged[0] - 160, dragged[1] + 40, steps=8)
    desk.visit.page.wait_for_timeout(100)
    desk.visit.page.keyboard.up("Space")
    assert math.dist(desk.at(path[0]), dragged) > 20
    desk.trace(*path[16:])
    desk.press("Enter")
    [uid] = desk.chosen()
    assert agreement(desk.drawn(uid).geometry_lonlat, ground(desk, path)) > 0.95


def test_shift_and_drag_zooms_again_when_the_pen_is_down_no_more(desk: Desk) -> None:
    desk.press("d")
    desk.press("Escape")
    zoom = desk.frame.evaluate("map.getZoom()")
    desk.trace((0.3, 0.6), (0.4, 0.7), pressed=True)
    desk.wait(f"map.getZoom() > {zoom}")


def test_the_landslide_that_a_line_crosses_is_reshaped_without_being_chosen_first(desk: Desk) -> None:
    desk.inside.locator("#ic-reshape").click()
    desk.rest()
    desk.click(*OVER)  # inside the label area, whose boundary it does not cross
    desk.press("Enter")
    desk.wait("icssn.pending().length === 1")
    assert desk.chosen() == ["slide0"]
    wanted = inside(desk.scene, 0.2).union(ground(desk, list(OVER)))
    assert agreement(desk.drawn("slide0").geometry_lonlat, wanted) > 0.97


def test_a_line_that_stops_just_short_of_the_boundary_reshapes_all_the_same(desk: Desk) -> None:
    short = [(0.307, 0.22), (0.36, 0.22), (0.36, 0.28), (0.307, 0.28)]  # 4 px beside it
    desk.press("r")
    desk.trace(*short, pressed=True)
    desk.wait("icssn.pending().length === 1")
    wanted = inside(desk.scene, 0.2).union(ground(desk, list(OVER)))
    assert desk.chosen() == ["slide0"]
    assert agreement(desk.drawn("slide0").geometry_lonlat, wanted) > 0.96


def test_the_landslide_goes_before_the_label_area_and_the_most_crossed_before_others(desk: Desk) -> None:
    neighbour = NewLabel(uid="near", geometry_lonlat=inside(desk.scene, 0.3))  # shares a corner with the first
    lay(desk.ws, desk.scene, neighbour)
    desk.reload()
    zigzag = (
        (0.27, 0.18),
        (0.27, 0.23),
        (0.32, 0.23),
        (0.32, 0.26),
        (0.28, 0.26),
        (0.28, 0.33),
        (0.34, 0.33),
        (0.34, 0.28),
    )
    desk.draw(*zigzag, key="r")
    desk.wait("icssn.pending().length === 1")
    assert desk.pending() == ["slide0"]
    desk.press("Control+z", "Escape")
    desk.draw((0.03, 0.9), (0.1, 0.9), (0.1, 0.8), (0.03, 0.8), key="r")
    desk.wait("icssn.pending().length === 1")
    assert desk.drawn("area").cls is LabelClass.label_area
    assert desk.pending() == ["area"]


def test_a_line_that_could_mean_two_labels_stays_until_one_is_chosen(desk: Desk) -> None:
    lay(desk.ws, desk.scene, NewLabel(uid="twin", geometry_lonlat=inside(desk.scene, 0.2)))
    desk.reload()
    desk.draw(*OVER, key="r")
    desk.inside.locator(".ic-toast.ic-bad").wait_for()
    assert "equally often" in desk.toast()
    assert desk.pending() == []
    desk.inside.locator("[data-uid=twin]").click()
    desk.press("Enter")
    desk.wait("icssn.pending().length === 1")
    assert desk.pending() == ["twin"]


def test_a_line_that_crosses_nothing_changes_nothing_and_can_go_on(desk: Desk) -> None:
    desk.draw((0.36, 0.22), (0.36, 0.24), key="r")
    desk.inside.locator(".ic-toast.ic-bad").wait_for()
    assert "begin and end at a boundary" in desk.toast()
    assert desk.pending() == []
    desk.click((0.25, 0.24), (0.25, 0.32))
    desk.press("Enter")
    desk.wait("icssn.pending().length === 1")
    assert desk.chosen() == ["slide0"]
