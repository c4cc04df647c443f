"""The label editor in a real browser: real mouse and keys, real server, real store."""

from __future__ import annotations

import pytest
from shapely.geometry import MultiPolygon, Point

from icssn import actions
from icssn.records import Edits, LabelClass, NewLabel, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import Server, Visit, place
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser


@pytest.fixture
def editor(scene: Scene, server: Server, visit: Visit) -> Visit:
    """The Label page with its three labels loaded."""
    visit.page.goto(f"{server.url}/Label")
    frame, _ = visit.map()
    frame.wait_for_function("icssn.labels().length === 3")
    visit.page.mouse.move(*visit.point(*place(scene, 0.5, 0.9)))
    return visit


def draw(editor: Visit, scene: Scene, corners: list[tuple[float, float]]) -> None:
    editor.page.keyboard.press("d")
    for corner in corners:
        editor.page.mouse.click(*editor.point(*place(scene, *corner)))
        editor.page.wait_for_timeout(60)
    editor.page.keyboard.press("Enter")


def save(editor: Visit) -> None:
    frame, _ = editor.map()
    editor.page.keyboard.press("Control+s")
    frame.wait_for_function("icssn.pending().length === 0", timeout=30_000)


def test_draw_correct_delete_and_save_in_one_go(editor: Visit, ws: Workspace, scene: Scene) -> None:
    frame, _ = editor.map()
    view = frame.evaluate("JSON.stringify([map.getCenter(), map.getZoom()])")
    draw(editor, scene, [(0.6, 0.2), (0.8, 0.2), (0.8, 0.4)])
    editor.drag(place(scene, 0.8, 0.4), place(scene, 0.85, 0.45))  # a corner of what was drawn
    editor.page.mouse.click(*editor.point(*place(scene, 0.25, 0.25)))  # the first landslide
    editor.drag(place(scene, 0.3, 0.3), place(scene, 0.35, 0.35))  # its upper right corner
    editor.page.mouse.click(*editor.point(*place(scene, 0.55, 0.55)))  # the second one
    editor.page.keyboard.press("Delete")
    assert frame.evaluate("icssn.pending().length") == 3
    save(editor)
    labels = {label.uid: label for label in actions.list_labels(ws, scene.id)}
    assert labels.keys() >= {"slide0", "area"}
    assert "slide1" not in labels
    assert labels["slide0"].version == 2
    assert labels["slide0"].geometry_lonlat.bounds[2:] == pytest.approx(place(scene, 0.35, 0.35), abs=2e-5)
    [new] = [label for uid, label in labels.items() if uid not in ("slide0", "area")]
    assert new.cls is LabelClass.landslide
    assert new.geometry_lonlat.bounds == pytest.approx((*place(scene, 0.6, 0.2), *place(scene, 0.85, 0.45)), abs=2e-5)
    assert frame.evaluate("JSON.stringify([map.getCenter(), map.getZoom()])") == view
    assert (editor.foreign, editor.errors) == ([], [])


def test_undo_and_redo_step_through_edits_and_through_saves(editor: Visit, ws: Workspace, scene: Scene) -> None:
    frame, _ = editor.map()
    draw(editor, scene, [(0.6, 0.2), (0.8, 0.2), (0.8, 0.4)])
    editor.page.keyboard.press("Control+z")
    assert frame.evaluate("[icssn.labels().length, icssn.pending().length]") == [3, 0]
    editor.page.keyboard.press("Control+y")
    assert frame.evaluate("[icssn.labels().length, icssn.pending().length]") == [4, 1]
    editor.page.mouse.click(*editor.point(*place(scene, 0.25, 0.25)))
    editor.page.keyboard.press("Delete")
    save(editor)
    editor.page.keyboard.press("Control+z")  # brings the deleted landslide back, under a new id
    save(editor)
    assert len(actions.list_labels(ws, scene.id)) == 4
    assert editor.errors == []


def test_unsaved_edits_survive_a_reload(editor: Visit, ws: Workspace, scene: Scene) -> None:
    draw(editor, scene, [(0.6, 0.2), (0.8, 0.2), (0.8, 0.4)])
    editor.page.reload()
    frame, inside_map = editor.map()
    frame.wait_for_function("icssn.pending().length === 1")
    assert "brought back" in inside_map.locator(".ic-toast").inner_text()
    editor.page.mouse.move(*editor.point(*place(scene, 0.5, 0.9)))
    save(editor)
    assert len(actions.list_labels(ws, scene.id)) == 4


def test_a_save_while_the_server_is_away_arrives_when_it_is_back(
    editor: Visit, server: Server, ws: Workspace, scene: Scene
) -> None:
    frame, _ = editor.map()
    server.stop()
    draw(editor, scene, [(0.6, 0.2), (0.8, 0.2), (0.8, 0.4)])
    editor.page.keyboard.press("Control+s")
    editor.page.wait_for_timeout(1000)
    assert frame.evaluate("icssn.pending().length") == 1
    server.start()
    frame.wait_for_function("icssn.pending().length === 0", timeout=120_000)
    assert len(actions.list_labels(ws, scene.id)) == 4


def test_a_conflict_is_told_and_can_be_settled_without_losing_anything(
    editor: Visit, ws: Workspace, scene: Scene
) -> None:
    frame, inside_map = editor.map()
    editor.page.mouse.click(*editor.point(*place(scene, 0.25, 0.25)))
    editor.drag(place(scene, 0.3, 0.3), place(scene, 0.35, 0.35))
    theirs = {"uid": "slide0", "expected_version": 1, "geometry_lonlat": inside(scene, 0.1, 0.05)}
    actions.save_edits(ws, scene.id, Edits.model_validate({"changed": [theirs]}))
    editor.page.keyboard.press("Control+s")
    toast = inside_map.locator(".ic-toast.ic-bad")
    toast.wait_for(timeout=30_000)
    assert "nothing was saved" in toast.inner_text()
    assert frame.evaluate("icssn.pending()") == ["slide0"]
    inside_map.get_by_role("button", name="Keep mine").click()
    save(editor)
    [label] = [label for label in actions.list_labels(ws, scene.id) if label.uid == "slide0"]
    assert label.version == 3
    assert label.geometry_lonlat.bounds[2:] == pytest.approx(place(scene, 0.35, 0.35), abs=2e-5)


def test_text_of_labels_is_never_read_as_html(editor: Visit, ws: Workspace, scene: Scene) -> None:
    hostile = "<img src=x onerror=window.hacked=1>"
    made = NewLabel(
        uid="h1",
        geometry_lonlat=inside(scene, 0.7),
        cls=LabelClass.hard_negative,
        attributes={"look_alike": hostile, "note": "</script><script>window.hacked=1</script>"},
    )
    actions.save_edits(ws, scene.id, Edits(created=(made,)))
    editor.page.reload()
    frame, _ = editor.map()
    frame.wait_for_function("icssn.labels().length === 4")
    editor.page.mouse.click(*editor.point(*place(scene, 0.75, 0.75)))
    editor.page.wait_for_timeout(300)
    assert frame.evaluate("window.hacked") is None
    assert editor.errors == []


def test_the_language_holds_over_pages_and_reloads(editor: Visit) -> None:
    page = editor.page
    page.get_by_test_id("stSidebar").get_by_text("中文").click()
    page.get_by_role("heading", name="标注").wait_for(timeout=30_000)
    page.get_by_test_id("stSidebar").get_by_role("link", name="训练").click()
    page.get_by_role("heading", name="训练").wait_for(timeout=30_000)
    page.reload()
    page.get_by_role("heading", name="训练").wait_for(timeout=30_000)
    assert (editor.foreign, editor.errors) == ([], [])


def test_corners_are_added_and_removed_and_holes_and_parts_survive(editor: Visit, ws: Workspace, scene: Scene) -> None:
    ring = inside(scene, 0.6, 0.2).difference(inside(scene, 0.73, 0.04))
    both = MultiPolygon([ring, inside(scene, 0.85, 0.08)])
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(uid="multi", geometry_lonlat=both),)))
    editor.page.reload()
    frame, _ = editor.map()
    frame.wait_for_function("icssn.labels().length === 4")
    editor.page.mouse.click(*editor.point(*place(scene, 0.62, 0.7)))  # beside the hole
    editor.drag(place(scene, 0.8, 0.7), place(scene, 0.83, 0.7))  # the middle of the right side becomes a corner
    editor.page.mouse.click(*editor.point(*place(scene, 0.6, 0.6)), button="right")  # a corner goes
    save(editor)
    [label] = [label for label in actions.list_labels(ws, scene.id) if label.uid == "multi"]
    large, small = sorted(label.geometry_lonlat.geoms, key=lambda part: -part.area)
    assert len(large.interiors) == 1
    assert small.equals_exact(both.geoms[1], 1e-7)
    assert len(large.exterior.coords) - 1 == 4  # of the square's four, one more and one less
    assert large.bounds[2] == pytest.approx(place(scene, 0.83, 0)[0], abs=2e-5)
    assert not large.covers(Point(*place(scene, 0.61, 0.61)))
