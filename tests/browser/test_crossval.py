"""A cross-validation from its button to its figures, which are still there after a reload."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page
from shapely.geometry import box

from benchmarks.crime_scene import until
from icssn import actions
from icssn.records import Edits, JobState, LabelClass, NewLabel, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import LONG_MS, Server, Visit, a_hill, place

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

# The smallest encoder and one step a stage: the way is under test, not what the models learn.
SETTINGS = """encoder.name=tu-test_efficientnet
encoder.weights=none
decoder_channels=16
contrast.dimensions=8
rounds=1
chips.size_px=64
chips.margin_px=8
chips.buffer_px=32
chips.min_landslides=2
classify.steps=1
classify.batch_size=2
segment.steps=1
segment.batch_size=2
"""


@pytest.fixture
def labelled(ws: Workspace, tmp_path: Path) -> Scene:
    """A scene of 512 × 512 px with sixteen landslides in a label area."""
    scene = a_hill(ws, tmp_path)
    corners = [(0.1 + 0.22 * (n % 4), 0.1 + 0.22 * (n // 4)) for n in range(16)]
    slides = [box(*place(scene, x, y), *place(scene, x + 0.06, y + 0.06)) for x, y in corners]
    area = NewLabel(
        geometry_lonlat=box(*place(scene, 0.02, 0.02), *place(scene, 0.98, 0.98)), cls=LabelClass.label_area
    )
    created = (*(NewLabel(geometry_lonlat=slide) for slide in slides), area)
    actions.save_edits(ws, scene.id, Edits(created=created))
    return scene


def started(server: Server, visit: Visit) -> Page:
    """Press Cross-validate with small settings and two blocks, and wait until the first fold is at work."""
    page = visit.page
    page.goto(f"{server.url}/Train")
    page.get_by_text("Not judged yet.").wait_for(timeout=60_000)
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_role("textbox", name="One KEY=VALUE per line").last.fill(SETTINGS)
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Escape")
    for blocks in (3, 2):
        page.get_by_role("slider").last.press("ArrowLeft")
        page.get_by_text(f"{blocks + 1} trainings; no earlier run").wait_for(timeout=60_000)
    page.get_by_role("button", name="Cross-validate").click()
    page.get_by_text("fold 1 of 3").first.wait_for(timeout=LONG_MS)  # progress is shown while it runs
    return page


def test_the_method_is_judged_from_a_button_and_the_figures_stay(
    ws: Workspace, labelled: Scene, server: Server, visit: Visit
) -> None:
    page = started(server, visit)
    page.get_by_text("F1 that a random split claims").wait_for(timeout=LONG_MS)
    [job] = actions.recent_jobs(ws, limit=1)
    assert job.state is JobState.done
    page.reload()
    page.get_by_text("labels at revision 1 · 2 blocks").wait_for(timeout=60_000)
    found = actions.latest_cross_validation(ws, labelled.id)
    assert found
    page.get_by_text(f"({found.random_split_f1:.2f})", exact=True).wait_for(timeout=60_000)
    picture = page.get_by_test_id("stImage").locator("img")
    picture.wait_for()
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 100
    assert (visit.foreign, visit.errors) == ([], [])


def test_a_cancelled_one_leaves_nothing_and_can_be_started_again_as_it_was(
    ws: Workspace, labelled: Scene, server: Server, visit: Visit
) -> None:
    page = started(server, visit)
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    assert cancel.evaluate(
        "e => [...e.querySelectorAll('*')].every((part) => part.scrollWidth <= part.clientWidth + 1)"
    )
    cancel.click()
    page.get_by_text("Cross-validating: cancelled.").wait_for(timeout=60_000)
    [job] = actions.recent_jobs(ws, limit=1)
    assert job.state is JobState.cancelled
    page.get_by_text("Not judged yet.").wait_for()
    page.get_by_text("3 trainings; no earlier run").wait_for()  # blocks and settings are as they were
    page.get_by_role("button", name="Settings", exact=True).click()
    assert page.get_by_role("textbox", name="One KEY=VALUE per line").last.input_value() == SETTINGS
    page.keyboard.press("Escape")
    until(lambda: not list(ws.scratch_folder("").iterdir()), 30)
    page.get_by_role("button", name="Cross-validate").click()
    page.get_by_text("fold 1 of 3").first.wait_for(timeout=LONG_MS)
    assert (visit.foreign, visit.errors) == ([], [])
