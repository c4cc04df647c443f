"""What to do next, from what there is: one step, never a menu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from icssn import actions
from icssn.records import CandidateStatus, Prediction, Scene
from icssn.store.workspace import Workspace

STEPS = ("add_scene", "label", "find_image", "train_first", "activate", "predict", "review", "retrain", "more_labels")
"""Phrases of the ``next`` table, in the order of the loop."""

_READ_IMAGES = ("train_first", "predict", "retrain")  # steps that wait for images whose files are gone


@dataclass(frozen=True)
class Standing:
    """How far a project is, in numbers."""

    scenes: int = 0
    landslides: int = 0
    hard_negatives: int = 0
    points: int = 0
    models: int = 0
    active: bool = False  # one of the models is in use
    unpredicted: int = 0  # scenes whose newest prediction as a whole is not by the active model, or that have none
    unseen: int = 0  # scenes whose image is not where it was
    open_candidates: int = 0  # of the prediction by which every scene is judged, see `newest`
    labels_since_training: bool = False  # some scene has a newer revision than the last run learned from
    trainable: bool = False  # the labels suffice; an image may be gone


def standing(ws: Workspace) -> Standing:
    """Count what is in the project."""
    scenes = actions.list_scenes(ws)
    ready = actions.readiness(ws, [scene.id for scene in scenes])
    active = actions.active_checkpoint(ws)
    made = [newest(actions.list_predictions(ws, scene.id)) for scene in scenes]
    last_run = next((run for run in actions.list_runs(ws) if run.checkpoint_id), None)
    return Standing(
        scenes=len(scenes),
        landslides=ready.landslides,
        hard_negatives=ready.hard_negatives,
        points=ready.landslide_points,
        models=len(actions.list_checkpoints(ws)),
        active=active is not None,
        unpredicted=sum(
            prediction is None
            or prediction.bounds_lonlat is not None
            or (active is not None and prediction.checkpoint_id != active.id)
            for prediction in made
        ),
        unseen=sum(actions.image_gone(scene) for scene in scenes),
        open_candidates=sum(
            actions.candidate_statuses(ws, prediction.id)[CandidateStatus.open] for prediction in made if prediction
        ),
        labels_since_training=last_run is not None and _has_newer_labels(ws, scenes, last_run.revisions),
        trainable=ready.labels_suffice,
    )


def newest(predictions: Sequence[Prediction]) -> Prediction | None:
    """Give the prediction by which a scene is judged, None where there is none.

    It is the newest one of the whole scene; only where there is none, the newest look at a part.

    Args:
        predictions: All of one scene, newest first.
    """
    whole = (prediction for prediction in predictions if prediction.bounds_lonlat is None)
    return next(whole, predictions[0] if predictions else None)


def advise(now: Standing) -> tuple[str, str]:
    """Give the next step: (phrase of the ``next`` table, page where it is done)."""
    steps = (
        (not now.scenes, "add_scene", "scenes"),
        (not now.models and not now.trainable, "label", "label"),
        (not now.models, "train_first", "train"),
        (not now.active, "activate", "models"),
        (now.labels_since_training and not now.open_candidates, "retrain", "train"),
        (now.unpredicted > 0, "predict", "review"),
        (now.open_candidates > 0, "review", "review"),
        (True, "more_labels", "label"),
    )
    step, page = next((step, page) for holds, step, page in steps if holds)
    return ("find_image", "scenes") if now.unseen and step in _READ_IMAGES else (step, page)


def _has_newer_labels(ws: Workspace, scenes: list[Scene], learned: dict[str, int]) -> bool:
    return any(actions.label_revision(ws, scene.id) > learned.get(scene.id, 0) for scene in scenes)
