"""One next step for every standing of a project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from icssn import actions
from icssn.records import (
    Candidate,
    CandidateStatus,
    Checkpoint,
    Edits,
    Label,
    LabelClass,
    NewLabel,
    Prediction,
    Scene,
)
from icssn.store import checkpoints, predictions, scenes
from icssn.store.workspace import Workspace
from icssn.ui import guide
from icssn.ui.next_step import STEPS, Standing, advise, newest, standing
from icssn.ui.wording import phrase
from tests.ui.conftest import inside
from tests.ui.test_pages import opened

TRAINED = Standing(scenes=2, landslides=9, models=1, active=True, trainable=True)


@pytest.mark.parametrize(
    ("now", "step"),
    [
        (Standing(), "add_scene"),
        (Standing(scenes=1), "label"),
        (Standing(scenes=1, landslides=9, trainable=True), "train_first"),
        (replace(TRAINED, active=False, unpredicted=1), "activate"),
        (replace(TRAINED, unpredicted=1), "predict"),
        (replace(TRAINED, open_candidates=4), "review"),
        (replace(TRAINED, open_candidates=4, labels_since_training=True), "review"),
        (replace(TRAINED, labels_since_training=True), "retrain"),
        (TRAINED, "more_labels"),
        (Standing(scenes=1, unseen=1), "label"),
        (Standing(scenes=2, landslides=9, trainable=True, unseen=1), "find_image"),
        (replace(TRAINED, active=False, unpredicted=1, unseen=1), "activate"),
        (replace(TRAINED, unpredicted=1, unseen=1), "find_image"),
        (replace(TRAINED, labels_since_training=True, unseen=1), "find_image"),
        (replace(TRAINED, open_candidates=4, unseen=1), "review"),
        (replace(TRAINED, unseen=1), "more_labels"),
    ],
)
def test_the_next_step_follows_the_loop(now: Standing, step: str) -> None:
    assert advise(now)[0] == step
    assert step in STEPS


def test_an_empty_workspace_stands_at_nothing(ws: Workspace) -> None:
    assert standing(ws) == Standing()


def test_a_labelled_scene_is_counted(ws: Workspace, label: Label) -> None:
    now = standing(ws)
    assert (now.scenes, now.landslides, now.models, now.unpredicted, now.trainable) == (1, 1, 0, 1, False)


@pytest.fixture
def whole(ws: Workspace, scene: Scene) -> Prediction:
    """What the active model may have found on the whole scene; it is not stored."""
    checkpoints.add(ws.db, Checkpoint(id="c" * 32, run_id="r", round=1, sha256="c" * 64))
    checkpoints.promote(ws.db, "c" * 32)
    return Prediction(
        scene_id=scene.id, checkpoint_id="c" * 32, probability="p.tif", mask="m.tif", threshold=0.5, candidate_count=0
    )


@pytest.fixture
def part(scene: Scene, whole: Prediction) -> Prediction:
    """What it may have found on a part, later."""
    return whole.model_copy(update={"id": "part", "bounds_lonlat": scene.facts.bounds_lonlat})


def found(prediction: Prediction, scene: Scene, status: CandidateStatus) -> Candidate:
    return Candidate(
        id=f"{prediction.id[:8]}-{status}",
        prediction_id=prediction.id,
        scene_id=scene.id,
        geometry_lonlat=inside(scene, 0.3),
        score=0.5,
        mask_score=0.5,
        classifier_score=0.5,
        area_m2=100.0,
        status=status,
    )


def test_a_look_at_a_part_leaves_the_scene_to_be_predicted(ws: Workspace, whole: Prediction, part: Prediction) -> None:
    predictions.add(ws.db, part, [])
    assert standing(ws).unpredicted == 1
    predictions.add(ws.db, whole, [])
    assert standing(ws).unpredicted == 0
    predictions.add(ws.db, part.model_copy(update={"id": "later"}), [])
    assert standing(ws).unpredicted == 0


def test_a_scene_is_judged_by_its_newest_prediction_as_a_whole(whole: Prediction, part: Prediction) -> None:
    before = whole.model_copy(update={"id": "before"})
    assert newest([part, whole, before]) == whole
    assert newest([part, part.model_copy(update={"id": "earlier"})]) == part
    assert newest([]) is None


def test_a_look_at_a_part_hides_no_open_candidate_of_the_whole(
    ws: Workspace, scene: Scene, whole: Prediction, part: Prediction
) -> None:
    left = [found(whole, scene, status) for status in (CandidateStatus.open, CandidateStatus.rejected)]
    predictions.add(ws.db, whole, left)
    predictions.add(ws.db, part, [])
    assert actions.list_predictions(ws, scene.id)[0] == part
    assert standing(ws).open_candidates == 1
    assert advise(standing(ws)) == ("review", "review")
    assert "review" not in guide.steps_done(ws)
    [table] = opened().table
    assert table.value.iloc[0, 4] == "1 / 2"


def test_where_only_a_part_was_looked_at_its_candidates_count(ws: Workspace, scene: Scene, part: Prediction) -> None:
    predictions.add(ws.db, part, [found(part, scene, CandidateStatus.open)])
    assert standing(ws).open_candidates == 1
    assert "review" not in guide.steps_done(ws)
    [table] = opened().table
    assert table.value.iloc[0, 4] == "0 / 1"


def test_an_image_that_is_gone_does_not_send_back_to_labels_that_suffice(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    other = scenes.add(ws.db, scene.model_copy(update={"id": "o" * 32, "name": "other"}))
    slides = [NewLabel(geometry_lonlat=inside(scene, 0.1 + 0.15 * i)) for i in range(5)]
    area = NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    assert advise(standing(ws)) == ("train_first", "train")
    scenes.update(ws.db, other.id, original=str(tmp_path / "gone.tif"))
    assert (standing(ws).trainable, standing(ws).unseen) == (True, 1)
    assert advise(standing(ws)) == ("find_image", "scenes")
    assert guide.steps_done(ws) == {"scenes", "label"}
    app = opened()
    assert phrase("next.find_image", language="en") in [item.value for item in app.markdown]
    assert [item.label for item in app.button if item.key == "next"] == [phrase("scenes.open", language="en")]
