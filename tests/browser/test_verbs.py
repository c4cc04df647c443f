"""Each editing verb of the label editor in a real browser: real mouse and keys, real server, real store."""

from __future__ import annotations

import pytest
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Point

from icssn.geo.crs import area_m2
from icssn.records import LabelClass, LabelStatus, NewLabel
from tests.browser.conftest import place
from tests.browser.desk import Desk, lay
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser

SLIDE0, SLIDE1 = (0.25, 0.25), (0.55, 0.55)  # the middles of two squares of a tenth of the scene


def covers(desk: Desk, uid: str, *shares: tuple[float, float]) -> list[bool]:
    outline = desk.drawn(uid).geometry_lonlat
    return [outline.covers(Point(*place(desk.scene, *share))) for share in shares]


def test_a_landslide_is_drawn_and_its_corner_moved(desk: Desk) -> None:
    view = desk.frame.evaluate("JSON.stringify([map.getCenter(), map.getZoom()])")
    desk.draw((0.6, 0.2), (0.8, 0.2), (0.8, 0.4))
    desk.drag((0.8, 0.4), (0.85, 0.45))
    labels = desk.save()
    [new] = [label for uid, label in labels.items() if uid not in ("slide0", "slide1", "area")]
    assert new.cls is LabelClass.landslide
    assert new.geometry_lonlat.bounds == pytest.approx(
        (*place(desk.scene, 0.6, 0.2), *place(desk.scene, 0.85, 0.45)), abs=2e-5
    )
    assert desk.frame.evaluate("JSON.stringify([map.getCenter(), map.getZoom()])") == view


def test_corners_are_added_and_removed_and_holes_and_parts_survive(desk: Desk) -> None:
    ring = inside(desk.scene, 0.6, 0.2).difference(inside(desk.scene, 0.73, 0.04))
    both = MultiPolygon([ring, inside(desk.scene, 0.85, 0.08)])
    lay(desk.ws, desk.scene, NewLabel(uid="multi", geometry_lonlat=both))
    desk.reload()
    desk.click((0.62, 0.7))  # beside the hole
    desk.drag((0.8, 0.7), (0.83, 0.7))  # the middle of the right side becomes a corner
    desk.click((0.6, 0.6), button="right")  # a corner goes
    label = desk.save()["multi"]
    large, small = sorted(label.geometry_lonlat.geoms, key=lambda part: -part.area)
    assert len(large.interiors) == 1
    assert small.equals_exact(both.geoms[1], 1e-7)
    assert len(large.exterior.coords) - 1 == 4  # of the square's four, one more and one less
    assert large.bounds[2] == pytest.approx(place(desk.scene, 0.83, 0)[0], abs=2e-5)
    assert not large.covers(Point(*place(desk.scene, 0.61, 0.61)))


def test_a_whole_polygon_is_moved_by_its_middle(desk: Desk) -> None:
    desk.click((0.27, 0.27))
    desk.drag(SLIDE0, (0.45, 0.3))
    moved = desk.save()["slide0"].geometry_lonlat
    assert (moved.centroid.x, moved.centroid.y) == pytest.approx(place(desk.scene, 0.45, 0.3), abs=2e-5)
    assert area_m2(moved) == pytest.approx(area_m2(inside(desk.scene, 0.2)), rel=1e-3)


def test_a_boundary_is_reshaped_by_drawing_over_it(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.draw((0.28, 0.22), (0.36, 0.22), (0.36, 0.28), (0.28, 0.28), key="r")
    desk.wait("icssn.pending().length === 1")
    assert covers(desk, "slide0", (0.34, 0.25), (0.21, 0.21), (0.34, 0.31)) == [True, True, False]
    assert "corners" in desk.toast()
    desk.press("Control+z")
    assert desk.pending() == []


def test_a_polygon_is_split_by_a_line_and_both_pieces_are_saved(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.draw((0.26, 0.15), (0.26, 0.35), key="k")
    desk.wait("icssn.labels().length === 4")
    whole = desk.save()
    pieces = [label for label in whole.values() if label.uid not in ("slide1", "area")]
    assert sorted(area_m2(piece.geometry_lonlat) for piece in pieces) == pytest.approx(
        [share * area_m2(inside(desk.scene, 0.2)) for share in (0.4, 0.6)], rel=0.06
    )
    desk.press("Control+z")
    assert desk.count() == 3


def test_a_line_that_does_not_cross_changes_nothing_and_says_why(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.draw((0.235, 0.235), (0.265, 0.265), key="k")
    desk.inside.locator(".ic-toast.ic-bad").wait_for()
    assert "from boundary to boundary" in desk.toast()
    assert desk.pending() == []


def test_labels_chosen_with_shift_are_merged_into_the_first(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.click(SLIDE1, shift=True)
    assert desk.chosen() == ["slide0", "slide1"]
    desk.press("m")
    desk.wait("icssn.labels().length === 2")
    labels = desk.save()
    assert labels.keys() == {"slide0", "area"}
    assert labels["slide0"].geometry_lonlat.geom_type == "MultiPolygon"
    desk.press("Control+z")
    assert desk.save().keys() == {"slide0", "slide1", "area"}


def test_a_hole_is_cut_and_filled_again(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.draw((0.23, 0.23), (0.27, 0.23), (0.27, 0.27), (0.23, 0.27), key="o")
    desk.wait("icssn.pending().length === 1")
    assert covers(desk, "slide0", SLIDE0, (0.21, 0.25)) == [False, True]
    desk.inside.locator("#ic-fill").click()
    desk.wait("icssn.rings(icssn.labels().find(l => l.uid === 'slide0').geometry).length === 1")
    assert covers(desk, "slide0", SLIDE0) == [True]


def test_simplify_and_smooth_state_how_the_area_changes(desk: Desk) -> None:
    blob = Point(*place(desk.scene, 0.75, 0.75)).buffer(0.0005, quad_segs=60)
    lay(desk.ws, desk.scene, NewLabel(uid="blob", geometry_lonlat=blob))
    desk.reload()
    desk.click((0.75, 0.77))
    desk.inside.locator("#ic-simplify").click()
    desk.wait("icssn.pending().length === 1")
    few = len(desk.drawn("blob").geometry_lonlat.exterior.coords)
    assert few < 60
    assert "area −" in desk.toast()
    desk.inside.locator("#ic-smooth").click()
    desk.wait(
        "document.querySelector('#ic-redo').disabled && icssn.rings(icssn.labels().find("
        f"l => l.uid === 'blob').geometry)[0].length > {few}"
    )
    assert "%" in desk.toast()


def test_a_copy_is_put_down_at_the_mouse(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.press("Control+c")
    desk.visit.page.mouse.move(*desk.at((0.7, 0.3)))
    desk.press("Control+v")
    assert desk.count() == 4
    [uid] = desk.chosen()
    copy = desk.save()[uid].geometry_lonlat
    assert (copy.centroid.x, copy.centroid.y) == pytest.approx(place(desk.scene, 0.7, 0.3), abs=2e-5)


def test_the_copy_of_a_point_is_put_down_at_the_mouse_too(desk: Desk) -> None:
    desk.press("t")
    desk.click((0.7, 0.3))
    desk.press("Control+c")
    desk.visit.page.mouse.move(*desk.at((0.6, 0.2)))
    desk.press("Control+v")
    [uid] = desk.chosen()
    copy = desk.drawn(uid).geometry_lonlat
    assert (copy.x, copy.y) == pytest.approx(place(desk.scene, 0.6, 0.2), abs=2e-5)


def test_a_corner_snaps_to_a_neighbours_corner_exactly(desk: Desk) -> None:
    x, y = desk.at((0.3, 0.3))
    desk.press("d")
    desk.visit.page.mouse.click(x + 4, y - 4)  # near the upper right corner of the first landslide
    desk.click((0.4, 0.32), (0.4, 0.4))
    desk.press("Enter")
    [uid] = desk.chosen()
    corner = inside(desk.scene, 0.2).exterior.coords
    assert any(
        point == pytest.approx(other, abs=1.1e-8)
        for point in desk.drawn(uid).geometry_lonlat.exterior.coords
        for other in corner
    )


def test_the_map_moves_while_space_is_held_and_the_outline_goes_on(desk: Desk) -> None:
    desk.press("d")
    desk.click((0.6, 0.2), (0.8, 0.2))
    before = desk.at((0.8, 0.2))
    desk.visit.page.keyboard.down("Space")
    x, y = before
    desk.visit.page.mouse.move(x - 80, y + 60, steps=4)
    for _ in range(40):  # the browser holds back the last move until its next frame, and a key overtakes it
        after = desk.at((0.8, 0.2))
        if after[0] < x - 75:
            break
        desk.visit.page.mouse.move(x - 80, y + 60)
        desk.visit.page.wait_for_timeout(50)
    desk.visit.page.keyboard.up("Space")
    assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((-80, 60), abs=5)
    desk.click((0.8, 0.4))
    desk.press("Enter")
    assert desk.count() == 4


def test_the_view_is_dragged_while_drawing(desk: Desk) -> None:
    desk.press("d")
    desk.click((0.6, 0.2), (0.8, 0.2))
    desk.drag((0.5, 0.5), (0.45, 0.45))
    desk.click((0.8, 0.4))
    desk.press("Enter")
    [uid] = desk.chosen()
    assert len(desk.drawn(uid).geometry_lonlat.exterior.coords) == 4


def test_one_key_accepts_rejects_or_leaves_unsure(desk: Desk) -> None:
    desk.click(SLIDE0)
    for key, status in (("u", LabelStatus.proposed), ("x", LabelStatus.rejected), ("a", LabelStatus.accepted)):
        desk.press(key)
        assert desk.drawn("slide0").status is status
        desk.click(SLIDE0)
    desk.press("x")
    assert desk.save()["slide0"].status is LabelStatus.rejected


def test_delete_takes_all_that_is_chosen(desk: Desk) -> None:
    desk.click(SLIDE0)
    desk.click(SLIDE1, shift=True)
    desk.press("Delete")
    assert desk.save().keys() == {"area"}


def test_arrow_keys_move_a_label_by_pixels_and_a_burst_of_them_is_one_step(desk: Desk) -> None:
    before = desk.drawn("slide0").geometry_lonlat
    view = desk.frame.evaluate("map.getCenter()")
    desk.click(SLIDE0)
    pixel = desk.frame.evaluate("map.containerPointToLatLng([1, 0]).lng - map.containerPointToLatLng([0, 0]).lng")
    desk.press("ArrowRight", "ArrowRight", "Shift+ArrowRight")
    moved = desk.drawn("slide0").geometry_lonlat
    assert moved.equals_exact(translate(before, 12 * pixel), 3e-8)
    desk.press("Shift+ArrowUp", "ArrowDown")
    assert desk.drawn("slide0").geometry_lonlat.bounds[1] > before.bounds[1]
    assert desk.frame.evaluate("map.getCenter()") == view
    desk.press("Control+z")
    assert desk.pending() == []
    desk.press("Control+y")
    desk.press("ArrowLeft")  # a step of its own
    desk.press("Control+z")
    assert desk.drawn("slide0").geometry_lonlat.bounds[0] == pytest.approx(moved.bounds[0], abs=3e-8)
    version = desk.stored()["slide0"].version
    assert desk.save()["slide0"].version == version + 1


def test_arrow_keys_move_the_chosen_corner_alone(desk: Desk) -> None:
    desk.click(SLIDE0)
    before = desk.drawn("slide0").geometry_lonlat
    desk.click((0.3, 0.3))  # its upper right corner
    for _ in range(3):
        desk.press("Shift+ArrowUp")
    after = desk.drawn("slide0").geometry_lonlat
    assert after.bounds[:3] == before.bounds[:3]
    assert after.bounds[3] > before.bounds[3]
    desk.inside.locator(".ic-corner.ic-active").wait_for()
    desk.press("Control+z")
    assert desk.pending() == []


def test_arrow_keys_move_the_map_where_nothing_is_chosen(desk: Desk) -> None:
    desk.click((0.5, 0.9))
    desk.press("Escape")  # the label area was hit
    center = desk.frame.evaluate("map.getCenter().lng")
    desk.press("ArrowRight")
    desk.wait(f"map.getCenter().lng > {center}")
    assert desk.pending() == []
