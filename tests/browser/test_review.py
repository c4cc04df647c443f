"""The review map in a real browser: keys decide, the threshold acts at once, two predictions stand side by side."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from icssn import actions
from icssn.records import Candidate, CandidateStatus, Checkpoint, LabelClass, Prediction, Run, Scene, new_id
from icssn.store import checkpoints, predictions, runs
from icssn.store.workspace import Workspace
from tests.browser.conftest import MAP, Server, Visit
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser


def a_prediction(ws: Workspace, scene: Scene, *, probability: int) -> Prediction:
    """Store a prediction whose probability (0–254) is the same everywhere, with three candidates."""
    run = runs.add(ws.db, Run(scene_ids=(scene.id,), revisions={}))
    model = checkpoints.add(ws.db, Checkpoint(id=new_id(), run_id=run.id, round=1, sha256="0" * 64))
    checkpoints.promote(ws.db, model.id)
    made = Prediction(
        id=new_id(),
        scene_id=scene.id,
        checkpoint_id=model.id,
        probability=f"predictions/{model.id}.tif",
        mask="none.tif",
        threshold=0.5,
        candidate_count=3,
    )
    path = ws.path(made.probability)
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(scene.original) as image:
        profile = {**image.profile, "count": 1, "nodata": 255}
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.full((1, 512, 512), probability, np.uint8))
    found = [
        Candidate(
            id=f"{name}{made.id[:8]}",
            prediction_id=made.id,
            scene_id=scene.id,
            geometry_lonlat=inside(scene, at),
            score=score,
            mask_score=score,
            classifier_score=score,
            area_m2=2621.0,
        )
        for name, at, score in (("a", 0.1, 0.9), ("b", 0.35, 0.8), ("c", 0.7, 0.7))
    ]
    predictions.add(ws.db, made, found)
    return made


@pytest.fixture
def earlier(ws: Workspace, scene: Scene) -> Prediction:
    return a_prediction(ws, scene, probability=200)


@pytest.fixture
def latest(earlier: Prediction, ws: Workspace, scene: Scene) -> Prediction:
    return a_prediction(ws, scene, probability=150)


@pytest.fixture
def review(latest: Prediction, server: Server, visit: Visit) -> Visit:
    """The Review page with the candidates of the latest prediction."""
    visit.page.goto(f"{server.url}/Review")
    frame, _ = visit.map()
    frame.wait_for_function("icssn.candidates().length === 3")
    box = visit.page.locator(MAP).bounding_box()
    assert box
    visit.page.mouse.move(box["x"] + 300, box["y"] + 300)
    return visit


def test_each_decision_takes_a_key_and_is_confirmed(
    review: Visit, ws: Workspace, scene: Scene, latest: Prediction
) -> None:
    _, inside_map = review.map()
    review.page.keyboard.press("n")
    inside_map.get_by_text("Candidate 1").wait_for()
    review.page.keyboard.press("a")
    inside_map.get_by_text("2,621 m² is now a landslide label").wait_for(timeout=30_000)
    review.page.keyboard.press("x")
    review.page.keyboard.press("2")
    inside_map.get_by_text("Rejected as quarry").wait_for(timeout=30_000)
    review.page.keyboard.press("u")
    inside_map.get_by_text("Left unsure").wait_for(timeout=30_000)
    inside_map.get_by_text("0 of 3 open").wait_for()
    found = [item.status for item in actions.list_candidates(ws, latest.id)]
    assert found == [CandidateStatus.accepted, CandidateStatus.rejected, CandidateStatus.unsure]
    [negative] = actions.list_labels(ws, scene.id, cls=LabelClass.hard_negative)
    assert negative.attributes["look_alike"] == "quarry"
    assert (review.foreign, review.errors) == ([], [])


def test_decisions_in_quick_succession_all_arrive(review: Visit, ws: Workspace, latest: Prediction) -> None:
    _, inside_map = review.map()
    for key in "naaa":
        review.page.keyboard.press(key)
    inside_map.get_by_text("Labels are at revision").wait_for(timeout=30_000)
    for _ in range(100):
        found = {item.status for item in actions.list_candidates(ws, latest.id)}
        if found == {CandidateStatus.accepted}:
            break
        review.page.wait_for_timeout(100)
    assert found == {CandidateStatus.accepted}


def test_the_threshold_acts_at_once_and_asks_the_server_nothing(review: Visit) -> None:
    frame, inside_map = review.map()
    frame.wait_for_function("icssn.painted() > 100000")  # .59 everywhere, threshold .5
    asked: list[str] = []
    review.page.on("request", lambda request: asked.append(request.url))
    inside_map.locator("#ic-threshold").fill("0.6")
    frame.wait_for_function("icssn.painted() === 0", timeout=2_000)
    inside_map.locator("#ic-threshold").fill("0.58")
    frame.wait_for_function("icssn.painted() > 100000", timeout=2_000)
    assert asked == []


def test_two_predictions_stand_side_by_side(review: Visit) -> None:
    review.page.get_by_test_id("stSelectbox").nth(2).click()
    review.page.get_by_role("option").nth(1).click()
    review.page.wait_for_timeout(500)
    _, inside_map = review.map()
    bar = inside_map.locator(".ic-swipe")
    bar.wait_for(timeout=30_000)
    before = bar.bounding_box()
    assert before
    review.page.mouse.move(before["x"] + 10, before["y"] + 200)
    review.page.mouse.down()
    review.page.mouse.move(before["x"] - 140, before["y"] + 200, steps=5)
    review.page.mouse.up()
    after = bar.bounding_box()
    assert after
    assert after["x"] == pytest.approx(before["x"] - 150, abs=3)
    assert inside_map.locator(".ic-side").count() == 2
    assert (review.foreign, review.errors) == ([], [])
