"""The label editor in a real browser: real mouse and keys, real server, real store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from icssn import actions, handlers
from icssn.records import Edits, Job, JobKind, LabelClass, NewLabel, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import Server, Visit
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace")
    yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace, tmp_path: Path) -> Scene:
    """A scene of 512 × 512 px of 1 m with two landslides in a label area."""
    path = tmp_path / "hill.tif"
    profile = {"driver": "GTiff", "width": 512, "height": 512, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 512, 512), dtype=np.uint8))
    known = actions.register_scene(ws, path, name="hill")
    job = Job(kind=JobKind.import_scene, params={"scene_id": known.id})
    handlers.perform(ws, job, report=lambda _: None, stop=lambda: False)
    slides = tuple(NewLabel(uid=f"slide{i}", geometry_lonlat=inside(known, 0.2 + 0.3 * i)) for i in range(2))
    area = NewLabel(uid="area", geometry_lonlat=inside(known, 0.05, 0.9), cls=LabelClass.label_area)
    actions.save_edits(ws, known.id, Edits(created=(*slides, area)))
    return known


def place(scene: Scene, across: float, up: float) -> tuple[float, float]:
    """Give longitude and latitude at shares of the scene's sides from its lower left corner."""
    west, south, east, north = scene.facts.bounds_lonlat
    return west + across * (east - west), south + up * (north - south)


@pytest.fixture
def editor(serve: Callable[[Path], Server], ws: Workspace, scene: Scene, visit: Visit) -> Visit:
    """The Label page with its three labels loaded."""
    server = serve(ws.folder)
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
