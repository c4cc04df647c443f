"""The other ways to predict, on the Review page."""

from __future__ import annotations

import pytest

from icssn import actions
from icssn.records import JobKind, Prediction, Scene
from icssn.store import predictions
from icssn.store.workspace import Workspace
from tests.ui.test_model_card import a_model
from tests.ui.test_pages import opened, texts

HIGH, SEARCH = "Predict in high quality", "Predict to miss few"


@pytest.mark.parametrize(("button", "settings"), [(0, {"quality": "high"}), (1, {"aim": "search"})])
def test_each_way_is_told_in_numbers_of_landslides_and_queued(
    ws: Workspace, scene: Scene, button: int, settings: dict[str, str]
) -> None:
    actions.promote(ws, a_model(ws, scene, "a").id)
    app = opened("pages/4_Review.py")
    assert not app.exception
    assert "15 of 16 held-out landslides were found, with 14 objects that are none" in texts(app)
    ways = [item for item in app.button if item.label in (HIGH, SEARCH)]
    ways[button].click().run()
    assert not app.exception
    (job,) = actions.recent_jobs(ws, kind=JobKind.predict)
    assert job.params["settings"] == settings


@pytest.mark.parametrize(
    ("threshold", "uncertainty", "part", "offered"),
    [
        (0.5, None, False, [HIGH, SEARCH]),
        (0.15, None, False, [HIGH]),
        (0.5, "u.tif", False, [SEARCH]),
        (0.15, "u.tif", False, []),
        (0.15, "u.tif", True, [HIGH, SEARCH]),
    ],
)
def test_the_way_in_which_the_shown_prediction_was_made_is_not_offered_again(
    ws: Workspace, scene: Scene, *, threshold: float, uncertainty: str | None, part: bool, offered: list[str]
) -> None:
    model = a_model(ws, scene, "a")
    actions.promote(ws, model.id)
    made = Prediction(
        scene_id=scene.id,
        checkpoint_id=model.id,
        probability="p.tif",
        mask="m.tif",
        threshold=threshold,
        uncertainty=uncertainty,
        bounds_lonlat=scene.facts.bounds_lonlat if part else None,
    )
    predictions.add(ws.db, made, [])
    app = opened("pages/4_Review.py")
    assert not app.exception
    assert [item.label for item in app.button if item.label in (HIGH, SEARCH)] == offered
