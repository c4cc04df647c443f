"""Predictions: made, judged, reviewed, exported."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import shapely

from icssn import landslide_record
from icssn.actions import envelopes
from icssn.actions.models import terrain_of
from icssn.actions.permission import require
from icssn.actions.targets import require_apart, require_replaceable
from icssn.actions.work import submit
from icssn.config import inference_config
from icssn.durable import whole_file
from icssn.errors import BoundsError, NotFoundError
from icssn.imagery.sight import open_as_added, require_elevation
from icssn.records import (
    Bounds,
    Candidate,
    CandidateStatus,
    Checkpoint,
    Decision,
    Job,
    JobKind,
    LabelClass,
    Prediction,
    RemoteRaster,
    Role,
    SavedEdits,
    Scene,
)
from icssn.review import priority
from icssn.review.priority import Ranked
from icssn.store import checkpoints, predictions, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import check, write

_FILES = ("probability.tif", "mask.tif", "candidates.gpkg")  # of a prediction that is handed out


def predict_scene(
    ws: Workspace,
    scene_id: str,
    *,
    checkpoint_id: str = "",
    settings: dict[str, Any] | None = None,
    bounds_lonlat: Bounds | None = None,
) -> Job:
    """Queue the prediction of a scene with a checkpoint (the active one by default).

    Args:
        ws: Where.
        scene_id: The scene.
        checkpoint_id: The checkpoint.
        settings: Fields of `config.InferenceConfig`, for example ``{"quality": "high"}``.
        bounds_lonlat: The part of the scene to look at; None: all of it.

    Raises:
        NotFoundError: There is no such scene or checkpoint.
        BoundsError: The bounds are none, or lie beside the scene.
        ConfigError: A setting is unknown or out of range.
        RasterRefusedError: The scene's file is gone, damaged or replaced; or the checkpoint looks at terrain, and the
            scene has no elevation raster, or that is gone.
        CheckpointRefusedError: The checkpoint's card is missing or cannot be read.
    """
    require(ws, Role.annotator, "predict")
    inference_config(settings)
    scene = scenes.get(ws.db, scene_id)
    if bounds_lonlat is not None:
        _require_part(bounds_lonlat, scene)
    chosen = _fitting(ws, checkpoint_id, scene)
    params = {"scene_id": scene_id, "checkpoint_id": chosen.id, "settings": settings or {}, "bounds": bounds_lonlat}
    return submit(ws, Job(kind=JobKind.predict, params=params, created_by=ws.actor.name))


def _require_part(bounds: Bounds, scene: Scene) -> None:
    west, south, east, north = bounds
    whole = scene.facts.bounds_lonlat
    if not (west < east and south < north and shapely.box(*bounds).intersects(shapely.box(*whole))):
        found = ",".join(f"{value:g}" for value in bounds)
        raise BoundsError(found, scene=scene.name, of_scene=whole)


def list_predictions(ws: Workspace, scene_id: str) -> list[Prediction]:
    """Give the predictions of a scene, newest first."""
    return predictions.of_scene(ws.db, scene_id)


def latest_prediction(ws: Workspace, scene_id: str) -> Prediction:
    """Give the newest prediction of a whole scene.

    Raises:
        NotFoundError: The scene was never predicted as a whole.
    """
    found = predictions.latest(ws.db, scene_id)
    if found is None:
        raise NotFoundError("prediction", scenes.get(ws.db, scene_id).name, remedy="Predict the scene first.")
    return found


def list_candidates(ws: Workspace, prediction_id: str) -> list[Candidate]:
    """Give the candidates of a prediction, highest score first."""
    return predictions.candidates(ws.db, prediction_id)


def candidate_statuses(ws: Workspace, prediction_id: str) -> Counter[CandidateStatus]:
    """Count the candidates of a prediction by status; quick, however many there are."""
    return predictions.statuses(ws.db, prediction_id)


def find_candidate(ws: Workspace, candidate_id: str) -> Candidate:
    """Give the candidate with an id.

    Raises:
        NotFoundError: There is none.
    """
    return predictions.candidate(ws.db, candidate_id)


def review_queue(ws: Workspace, prediction_id: str) -> list[Ranked]:
    """Give the candidates of a prediction in the order in which they are worth a look, with the reasons."""
    prediction = predictions.get(ws.db, prediction_id)
    found = predictions.candidates(ws.db, prediction_id)
    sure = envelopes.of_prediction(ws, prediction, found, facts=scenes.get(ws.db, prediction.scene_id).facts)
    return priority.rank(found, sure, threshold=prediction.threshold)


def review(ws: Workspace, scene_id: str, decisions: Iterable[Decision]) -> SavedEdits:
    """Accept, reject or leave candidates unsure; accepted ones become labels, rejected ones hard negatives.

    Raises:
        NotFoundError: A candidate is not one of this scene's; nothing was changed.
        LabelsRefusedError: A corrected outline cannot be used; nothing was changed.
        AttributeRefusedError: There is no such kind of look-alike; nothing was changed.
    """
    require(ws, Role.annotator, "review candidates")
    decisions = list(decisions)
    for decision in decisions:
        landslide_record.checked({"look_alike": decision.look_alike})
    scene = scenes.get(ws.db, scene_id)
    area = check.scene_outline(scene.facts)
    sound = [
        decision
        if decision.geometry_lonlat is None
        else decision.model_copy(
            update={
                "geometry_lonlat": check.sound_geometry(
                    decision.geometry_lonlat, cls=LabelClass.landslide, area=area, name=scene.name
                )
            }
        )
        for decision in decisions
    ]
    return predictions.decide(ws.db, scene_id, sound, actor=ws.actor.name)


def require_prediction_place(ws: Workspace, folder: Path) -> None:
    """Refuse a folder in which the files of a prediction would take the place of others.

    Raises:
        UnwritableError: The folder lies in the project, or one of the files is there and is a raster of a scene or
            was not written by ICSSN.
    """
    targets = [folder / name for name in _FILES]
    require_apart(ws, targets)
    require_replaceable(targets)


def export_prediction(ws: Workspace, prediction_id: str, folder: Path) -> list[Path]:
    """Copy a prediction out: ``probability.tif``, ``mask.tif`` and ``candidates.gpkg``, each whole.

    Raises:
        NotFoundError: One of its rasters is not there any more; nothing was written.
        UnwritableError: As `require_prediction_place`; or the folder cannot be made, or no file be written there.
        DiskFullError: The disk is full.
    """
    require_prediction_place(ws, folder)
    prediction = predictions.get(ws.db, prediction_id)
    scene = scenes.get(ws.db, prediction.scene_id)
    *rasters, candidates = (folder / name for name in _FILES)
    sources = [ws.path(prediction.probability), ws.path(prediction.mask)]
    for source in sources:
        if not source.is_file():
            raise NotFoundError("file", str(source), remedy="Predict again.")
    for source, target in zip(sources, rasters, strict=True):
        with whole_file(target) as draft:
            shutil.copyfile(source, draft)
    found = predictions.candidates(ws.db, prediction_id)
    write.write_candidates(candidates, found, facts=scene.facts)
    return [*rasters, candidates]


def evaluate_scene(ws: Workspace, scene_id: str, truth: Path, *, checkpoint_id: str = "") -> Job:
    """Queue the judging of a checkpoint on a scene against a truth mask (GeoTIFF) or truth polygons.

    Raises:
        NotFoundError: There is no such scene, file or checkpoint.
        RasterRefusedError: As `predict_scene`.
        CheckpointRefusedError: The checkpoint's card is missing or cannot be read.
    """
    require(ws, Role.annotator, "judge a model")
    scene = scenes.get(ws.db, scene_id)
    if not truth.exists():
        raise NotFoundError("truth file", str(truth), remedy="Check the path.")
    chosen = _fitting(ws, checkpoint_id, scene)
    params = {"scene_id": scene_id, "checkpoint_id": chosen.id, "truth": str(truth.resolve())}
    return submit(ws, Job(kind=JobKind.evaluate, params=params, created_by=ws.actor.name))


def _fitting(ws: Workspace, checkpoint_id: str, scene: Scene) -> Checkpoint:
    """Give the checkpoint with an id, the active one where that is empty, if what it looks at is there."""
    chosen = checkpoints.get(ws.db, checkpoint_id) if checkpoint_id else checkpoints.active(ws.db)
    if chosen is None:
        raise NotFoundError("model", "active", remedy="Train first: press Retrain, or run `icssn train`.")
    if not isinstance(scene.raster, RemoteRaster):  # a store is asked by the job
        with open_as_added(scene.raster, scene.facts):
            pass
    if terrain_of(ws, chosen.id):
        require_elevation(Path(scene.dem) if scene.dem else None, name=scene.name)
    return chosen
