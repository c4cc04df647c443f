"""One next step for every standing of a project."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icssn.records import Checkpoint, Label, Prediction, Scene
from icssn.store import checkpoints, predictions
from icssn.store.workspace import Workspace
from icssn.ui.next_step import STEPS, Standing, advise, standing

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


def test_a_look_at_a_part_leaves_the_scene_to_be_predicted(ws: Workspace, scene: Scene) -> None:
    checkpoints.add(ws.db, Checkpoint(id="c" * 32, run_id="r", round=1, sha256="c" * 64))
    checkpoints.promote(ws.db, "c" * 32)
    names = {"checkpoint_id": "c" * 32, "probability": "p.tif", "mask": "m.tif", "threshold": 0.5}
    whole = Prediction(scene_id=scene.id, **names)
    part = Prediction(scene_id=scene.id, bounds_lonlat=scene.facts.bounds_lonlat, **names)
    predictions.add(ws.db, part, [])
    assert standing(ws).unpredicted == 1
    predictions.add(ws.db, whole, [])
    assert standing(ws).unpredicted == 0
    predictions.add(ws.db, part.model_copy(update={"id": "later"}), [])
    assert standing(ws).unpredicted == 0
