"""Everything a geologist can do, as one function each; the pages and the command line call nothing else.

Every verb takes the `Workspace` first, checks the actor's role, and either returns a record or raises an
`IcssnError` with nothing changed. Work of more than a second is queued as a job and returns at once.
"""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from icssn.config import TrainConfig, train_config, workspace_folder
from icssn.errors import DuplicateError, JobFailedError, NotAllowedError, NotFoundError, NotTrainableError
from icssn.imagery.open import inspect_in_child
from icssn.jobs import engine
from icssn.records import (
    Actor,
    Candidate,
    Checkpoint,
    Decision,
    Edits,
    ImportedLabels,
    Job,
    JobKind,
    JobState,
    Label,
    LabelClass,
    LabelStatus,
    LabelVersion,
    Prediction,
    Readiness,
    Role,
    Round,
    Run,
    SavedEdits,
    Scene,
    new_id,
)
from icssn.store import cards, checkpoints, jobs, labels, predictions, runs, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import check, read, write

# ---- the workspace ---------------------------------------------------------------------------------------------


def open_workspace(folder: Path | None = None, *, actor: Actor | None = None) -> Workspace:
    """Open a workspace, creating it where there is none."""
    return Workspace(workspace_folder(folder), actor=actor or Actor(name=getpass.getuser()))


def load_demo(ws: Workspace) -> Job:
    """Queue the making of the demo project: a generated landscape with terrain and few labels."""
    _require(ws, Role.annotator, "load the demo")
    return _submit(ws, Job(kind=JobKind.demo, created_by=ws.actor.name))


# ---- scenes ----------------------------------------------------------------------------------------------------


def add_scene(ws: Workspace, path: Path, *, name: str = "", dem: Path | None = None) -> tuple[Scene, Job]:
    """Register a GeoTIFF and queue its conversion for the map; the file itself is never changed.

    Raises:
        RasterRefusedError: The raster, or the DEM, cannot be used; the message says why and what to do.
        DuplicateError: The name is taken.
    """
    scene = register_scene(ws, path, name=name, dem=dem)
    job = Job(kind=JobKind.import_scene, params={"scene_id": scene.id}, created_by=ws.actor.name)
    return scene, _submit(ws, job)


def register_scene(ws: Workspace, path: Path, *, name: str = "", dem: Path | None = None) -> Scene:
    """Check a GeoTIFF and enter it in the catalogue, without the conversion for the map; raises as `add_scene`."""
    _require(ws, Role.annotator, "add a scene")
    wanted = name or path.stem
    if any(scene.name == wanted for scene in scenes.every(ws.db)):
        raise DuplicateError("scene", wanted)
    facts = inspect_in_child(path)
    if dem is not None:
        inspect_in_child(dem)
    scene = Scene(
        id=new_id(),
        name=wanted,
        original=str(path.resolve()),
        facts=facts,
        dem=str(dem.resolve()) if dem else None,
        created_by=ws.actor.name,
    )
    return scenes.add(ws.db, scene)


def list_scenes(ws: Workspace) -> list[Scene]:
    """Give all scenes, in the order they were added."""
    return scenes.every(ws.db)


def find_scene(ws: Workspace, name: str) -> Scene:
    """Give the scene with this name.

    Raises:
        NotFoundError: There is none; the message lists those there are.
    """
    return scenes.named(ws.db, name)


def map_file(ws: Workspace, kind: str, item_id: str) -> Path:
    """Give the raster of a map layer: ``scene`` or ``hillshade`` of a scene, ``probability`` of a prediction.

    Raises:
        NotFoundError: There is no such scene or prediction, or the layer is not made yet.
    """
    if kind == "probability":
        relative: str | None = predictions.get(ws.db, item_id).probability
    else:
        scene = scenes.get(ws.db, item_id)
        relative = {"scene": scene.tiles, "hillshade": scene.hillshade}.get(kind)
    if not relative:
        raise NotFoundError("map layer", f"{kind} {item_id}")
    return ws.path(relative)


# ---- labels ----------------------------------------------------------------------------------------------------


def list_labels(ws: Workspace, scene_id: str, *, cls: LabelClass | None = None) -> list[Label]:
    """Give the current labels of a scene."""
    return labels.current(ws.db, scene_id, cls=cls)


def label_revision(ws: Workspace, scene_id: str) -> int:
    """Give the number of the scene's latest label revision (0: never labelled)."""
    return labels.revision(ws.db, scene_id)


def label_history(ws: Workspace, uid: str) -> list[LabelVersion]:
    """Give every version of a label, oldest first."""
    return labels.history(ws.db, uid)


def save_edits(ws: Workspace, scene_id: str, edits: Edits) -> SavedEdits:
    """Save one set of edits, whole or not at all; the same nonce is applied once.

    Raises:
        ConflictError: Somebody changed one of the labels first.
        LabelsRefusedError: A geometry cannot be used.
    """
    _require(ws, Role.annotator, "change labels")
    scene = scenes.get(ws.db, scene_id)
    return labels.save(ws.db, scene_id, check.checked(edits, facts=scene.facts, name=scene.name), actor=ws.actor.name)


def restore_label(ws: Workspace, uid: str, *, version: int) -> Label:
    """Bring back an earlier version of a label, as a new version."""
    _require(ws, Role.annotator, "restore a label")
    return labels.restore(ws.db, uid, version=version, actor=ws.actor.name)


def import_labels(ws: Workspace, scene_id: str, path: Path, *, complete: bool = False) -> ImportedLabels:
    """Add the polygons of a vector file as landslides.

    Args:
        complete: The file holds *every* landslide of the scene: its whole extent becomes a label area.
    """
    _require(ws, Role.annotator, "import labels")
    scene = scenes.get(ws.db, scene_id)
    found = read.read_labels(path, facts=scene.facts, scene_name=scene.name)
    there = {label.geometry_lonlat.wkb for label in labels.current(ws.db, scene_id)}
    area = (check.whole_scene_area(scene.facts),) if complete else ()
    new = tuple(label for label in (*found.labels, *area) if label.geometry_lonlat.wkb not in there)
    saved = labels.save(ws.db, scene_id, Edits(created=new), actor=ws.actor.name)
    return ImportedLabels(
        count=len(found.labels),
        already_there=sum(label.geometry_lonlat.wkb in there for label in found.labels),
        repaired=found.repaired,
        crs_name=found.crs_name,
        revision=saved.revision,
    )


def export_labels(ws: Workspace, scene_id: str, path: Path) -> int:
    """Write the scene's labels to a GeoPackage or GeoJSON in the scene's CRS; gives their count."""
    scene = scenes.get(ws.db, scene_id)
    return write.write_labels(path, labels.current(ws.db, scene_id), facts=scene.facts)


# ---- training --------------------------------------------------------------------------------------------------


def readiness(ws: Workspace, scene_ids: Iterable[str]) -> Readiness:
    """Say whether a run over these scenes can start, and if not, why, in sentences."""
    accepted = Counter(
        label.cls
        for scene_id in scene_ids
        for label in labels.current(ws.db, scene_id)
        if label.status is LabelStatus.accepted
    )
    slides, negatives, areas = (
        accepted[cls] for cls in (LabelClass.landslide, LabelClass.hard_negative, LabelClass.label_area)
    )
    needed = TrainConfig().chips.min_landslides
    reasons = []
    if slides < needed:
        reasons.append(
            f"Training needs at least {needed} landslides, but only {slides} are labelled: draw or accept more."
        )
    if not areas and not negatives:
        reasons.append(
            "Nothing says where there is no landslide: draw a label area inside which every landslide is "
            "labelled, or reject some candidates."
        )
    seconds = {
        tier: next((r.summary.get("seconds") for r in runs.every(ws.db) if r.tier == tier and r.checkpoint_id), None)
        for tier in ("full", "quick")
    }
    return Readiness(
        ready=not reasons,
        reasons=tuple(reasons),
        landslides=slides,
        hard_negatives=negatives,
        label_areas=areas,
        estimate_full_s=seconds["full"],
        estimate_quick_s=seconds["quick"],
    )


def start_run(
    ws: Workspace,
    scene_ids: Iterable[str],
    *,
    quick: bool = False,
    overrides: dict[str, Any] | None = None,
    config_file: Path | None = None,
) -> tuple[Run, Job]:
    """Queue a run: freeze the labels at their revisions, then train.

    Args:
        quick: Start from the active checkpoint and take few steps.
        overrides: Dotted settings, e.g. ``{"segment.steps": 300}``.

    Raises:
        BusyError: A run is already queued or running.
        NotTrainableError: The labels do not suffice.
        ConfigError: A setting is unknown or out of range.
    """
    _require(ws, Role.annotator, "train")
    chosen = tuple(dict.fromkeys(scene_ids))
    config = train_config(overrides, quick=quick, file=config_file)
    state = readiness(ws, chosen)
    if not state.ready:
        raise NotTrainableError(state.reasons)
    parent = checkpoints.active(ws.db) if quick else None
    run_id = new_id()
    run = Run(
        id=run_id,
        scene_ids=chosen,
        revisions={scene_id: labels.revision(ws.db, scene_id) for scene_id in chosen},
        tier="quick" if quick else "full",
        seed=config.seed,
        config=config.model_dump(mode="json"),
        parent_checkpoint=parent.id if parent else "",
        code_version=importlib.metadata.version("icssn"),
        folder=f"runs/{run_id}",
        created_by=ws.actor.name,
    )
    job = Job(kind=JobKind.train, params={"run_id": run_id}, created_by=ws.actor.name)
    run = runs.start(ws.db, run.model_copy(update={"job_id": job.id}), job)
    engine.ensure_worker(ws.folder)
    return run, job


def list_runs(ws: Workspace) -> list[Run]:
    """Give all runs, newest first."""
    return runs.every(ws.db)


def find_run(ws: Workspace, run_id: str) -> Run:
    """Give one run."""
    return runs.get(ws.db, run_id)


def list_rounds(ws: Workspace, run_id: str) -> list[Round]:
    """Give the finished rounds of a run with their validation metrics."""
    return runs.rounds(ws.db, run_id)


def run_journal(ws: Workspace, run_id: str) -> dict[str, Any]:
    """Give what a run tells of itself so far: ``looks`` (what validation said at a step), ``rounds``, ``seconds``."""
    path = ws.run_folder(runs.get(ws.db, run_id).id) / "journal.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


# ---- models ----------------------------------------------------------------------------------------------------


def list_checkpoints(ws: Workspace) -> list[Checkpoint]:
    """Give all checkpoints, newest first."""
    return checkpoints.every(ws.db)


def active_checkpoint(ws: Workspace) -> Checkpoint | None:
    """Give the checkpoint that predictions use unless another is asked for."""
    return checkpoints.active(ws.db)


def find_checkpoint(ws: Workspace, checkpoint_id: str) -> Checkpoint:
    """Give one checkpoint."""
    return checkpoints.get(ws.db, checkpoint_id)


def model_card(ws: Workspace, checkpoint_id: str) -> dict[str, Any]:
    """Give the card of a checkpoint: settings, data, metrics, lineage."""
    return cards.read(ws.models / checkpoints.get(ws.db, checkpoint_id).id)


def promote(ws: Workspace, checkpoint_id: str) -> Checkpoint:
    """Make a checkpoint the active one; the former active one is retired."""
    _require(ws, Role.reviewer, "promote a model")
    return checkpoints.promote(ws.db, checkpoint_id)


# ---- predictions and review ------------------------------------------------------------------------------------


def predict_scene(ws: Workspace, scene_id: str, *, checkpoint_id: str = "") -> Job:
    """Queue the prediction of a scene with a checkpoint (the active one by default)."""
    _require(ws, Role.annotator, "predict")
    scenes.get(ws.db, scene_id)
    chosen = _checkpoint(ws, checkpoint_id)
    params = {"scene_id": scene_id, "checkpoint_id": chosen.id}
    return _submit(ws, Job(kind=JobKind.predict, params=params, created_by=ws.actor.name))


def list_predictions(ws: Workspace, scene_id: str) -> list[Prediction]:
    """Give the predictions of a scene, newest first."""
    return predictions.of_scene(ws.db, scene_id)


def latest_prediction(ws: Workspace, scene_id: str) -> Prediction:
    """Give the newest prediction of a scene.

    Raises:
        NotFoundError: The scene was never predicted.
    """
    found = predictions.latest(ws.db, scene_id)
    if found is None:
        raise NotFoundError("prediction", scenes.get(ws.db, scene_id).name, remedy="Predict the scene first.")
    return found


def list_candidates(ws: Workspace, prediction_id: str) -> list[Candidate]:
    """Give the candidates of a prediction, highest score first."""
    return predictions.candidates(ws.db, prediction_id)


def review(ws: Workspace, scene_id: str, decisions: Iterable[Decision]) -> SavedEdits:
    """Accept, reject or leave candidates unsure; accepted ones become labels, rejected ones hard negatives."""
    _require(ws, Role.annotator, "review candidates")
    return predictions.decide(ws.db, scene_id, list(decisions), actor=ws.actor.name)


def export_prediction(ws: Workspace, prediction_id: str, folder: Path) -> list[Path]:
    """Copy a prediction out: ``probability.tif``, ``mask.tif`` and ``candidates.gpkg``."""
    prediction = predictions.get(ws.db, prediction_id)
    scene = scenes.get(ws.db, prediction.scene_id)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source, name in ((prediction.probability, "probability.tif"), (prediction.mask, "mask.tif")):
        written.append(Path(shutil.copyfile(ws.path(source), folder / name)))
    found = predictions.candidates(ws.db, prediction_id)
    write.write_candidates(folder / "candidates.gpkg", found, facts=scene.facts)
    return [*written, folder / "candidates.gpkg"]


def evaluate_scene(ws: Workspace, scene_id: str, truth: Path, *, checkpoint_id: str = "") -> Job:
    """Queue the judging of a checkpoint on a scene against a truth mask (GeoTIFF) or truth polygons."""
    scenes.get(ws.db, scene_id)
    if not truth.exists():
        raise NotFoundError("truth file", str(truth), remedy="Check the path.")
    chosen = _checkpoint(ws, checkpoint_id)
    params = {"scene_id": scene_id, "checkpoint_id": chosen.id, "truth": str(truth.resolve())}
    return _submit(ws, Job(kind=JobKind.evaluate, params=params, created_by=ws.actor.name))


# ---- jobs ------------------------------------------------------------------------------------------------------


def find_job(ws: Workspace, job_id: str) -> Job:
    """Give a job as it stands; wakes the worker when the job waits and no worker runs."""
    job = jobs.get(ws.db, job_id)
    if job.state is JobState.queued:
        engine.ensure_worker(ws.folder)
    return job


def active_jobs(ws: Workspace) -> list[Job]:
    """Give all queued and running jobs; wakes the worker when there are some and none runs."""
    waiting = jobs.active(ws.db)
    if waiting:
        engine.ensure_worker(ws.folder)
    return waiting


def recent_jobs(ws: Workspace, *, kind: JobKind | None = None, limit: int = 20) -> list[Job]:
    """Give the latest jobs, newest first."""
    return jobs.recent(ws.db, kind=kind, limit=limit)


def cancel_job(ws: Workspace, job_id: str) -> Job:
    """Ask a job to stop; a running one ends within seconds and keeps what it had finished."""
    _require(ws, Role.annotator, "cancel a job")
    return jobs.request_cancel(ws.db, job_id)


def job_log(ws: Workspace, job_id: str) -> str:
    """Give the end of a job's log, at most 64 KiB."""
    path = ws.log_file(jobs.get(ws.db, job_id).id)
    return path.read_bytes()[-65536:].decode("utf-8", "replace") if path.exists() else ""


def wait_for(ws: Workspace, job: Job, *, on_progress: Callable[[Job], None] | None = None) -> Job:
    """Wait until a job is over.

    Raises:
        JobFailedError: The job failed or was cancelled; the message carries the recorded reason.
    """
    while True:
        job = find_job(ws, job.id)
        if on_progress:
            on_progress(job)
        if job.state.is_over:
            break
        time.sleep(0.2)
    if job.state is not JobState.done:
        raise JobFailedError(job.kind, job.id, job.error or f"it was {job.state}.")
    return job


def _submit(ws: Workspace, job: Job) -> Job:
    queued = jobs.add(ws.db, job)
    engine.ensure_worker(ws.folder)
    return queued


def _checkpoint(ws: Workspace, checkpoint_id: str) -> Checkpoint:
    if checkpoint_id:
        return checkpoints.get(ws.db, checkpoint_id)
    chosen = checkpoints.active(ws.db)
    if chosen is None:
        raise NotFoundError("model", "active", remedy="Train first: press Retrain, or run `icssn train`.")
    return chosen


def _require(ws: Workspace, needed: Role, verb: str) -> None:
    order = list(Role)
    if order.index(ws.actor.role) < order.index(needed):
        raise NotAllowedError(ws.actor.name, ws.actor.role, verb, needed)
