"""One next step for every standing of a project."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icssn.records import Label
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
