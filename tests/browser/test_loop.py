"""The whole loop in a real browser: load the demo, draw, retrain, predict, look, accept; nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from icssn import actions
from icssn.records import CandidateStatus, LabelClass
from tests.browser.conftest import LONG_MS, Server, Visit, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

# Small chips and few steps: the loop is under test, not what the model learns.
SETTINGS = """rounds=1
chips.size_px=96
chips.margin_px=16
chips.buffer_px=64
classify.steps=6
classify.batch_size=4
segment.steps=20
segment.batch_size=4
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The application, started as people start it."""
    with serving(tmp_path / "workspace") as running:
        yield running


def test_the_whole_loop(server: Server, visit: Visit) -> None:
    page = visit.page

    page.goto(server.url)
    page.get_by_role("button", name="Load the demo project").click(timeout=60_000)
    page.get_by_text("Next step").wait_for(timeout=LONG_MS)
    ws = actions.open_workspace(server.workspace)
    scene = actions.find_scene(ws, "demo")
    before = len(actions.list_labels(ws, scene.id))

    page.get_by_test_id("stSidebar").get_by_role("link", name="Label").click()
    frame, _ = visit.map()
    frame.wait_for_function(f"icssn.labels && icssn.labels().length === {before}")
    west, south, east, north = scene.facts.bounds_lonlat
    page.mouse.move(*visit.point((west + east) / 2, north))
    page.keyboard.press("d")
    for across, up in ((0.7, 0.5), (0.76, 0.5), (0.76, 0.57), (0.7, 0.57)):
        page.mouse.click(*visit.point(west + across * (east - west), south + up * (north - south)))
        page.wait_for_timeout(60)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")
    frame.wait_for_function("icssn.pending().length === 0", timeout=60_000)
    assert len(actions.list_labels(ws, scene.id)) == before + 1

    page.get_by_test_id("stSidebar").get_by_role("link", name="Train").click()
    page.get_by_text("Advanced settings").click(timeout=60_000)
    page.get_by_role("textbox", name="One KEY=VALUE per line").fill(SETTINGS)
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Retrain", exact=True).click()
    page.get_by_text("round 1 of 1").first.wait_for(timeout=LONG_MS)  # progress is shown while it runs
    page.get_by_role("button", name="See the result").click(timeout=LONG_MS)

    # The same press predicts; the page shows the result by itself when it is there.
    frame, inside = visit.map_when("icssn.candidates && icssn.candidates().length > 0", timeout_s=LONG_MS / 1000)
    inside.locator("#ic-threshold").fill("0")
    frame.wait_for_function("icssn.painted() > 0", timeout=60_000)  # the mask covers the image
    inside.locator("#ic-threshold").fill("1")
    frame.wait_for_function("icssn.painted() === 0", timeout=5_000)  # at once, without asking the server

    [prediction] = actions.list_predictions(ws, scene.id)
    row = inside.locator(".ic-row").first
    uid = row.get_attribute("data-id")

    def status() -> CandidateStatus:
        [found] = [candidate for candidate in actions.list_candidates(ws, prediction.id) if candidate.id == uid]
        return found.status

    assert status() is CandidateStatus.open
    row.click()
    inside.locator("#ic-accept").click()
    inside.get_by_text("is now a landslide label").wait_for(timeout=60_000)
    assert status() is CandidateStatus.accepted
    assert uid in {label.uid for label in actions.list_labels(ws, scene.id, cls=LabelClass.landslide)}

    page.get_by_test_id("stSidebar").get_by_role("link", name="Models").click()
    page.get_by_text("used for predictions").wait_for(timeout=60_000)
    ws.close()
    assert visit.foreign == []
    assert visit.errors == []
