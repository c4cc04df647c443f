"""Training: can it start, start it, what came of it."""

from __future__ import annotations

import importlib.metadata
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from icssn.actions.permission import require
from icssn.actions.work import submit
from icssn.config import TrainConfig, train_config
from icssn.errors import ConfigError, NotTrainableError
from icssn.jobs import engine
from icssn.records import (
    Job,
    JobKind,
    LabelClass,
    LabelStatus,
    Readiness,
    Role,
    Round,
    Run,
    new_id,
)
from icssn.store import checkpoints, labels, runs
from icssn.store.workspace import Workspace


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
    points = accepted[LabelClass.landslide_point]
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
        landslide_points=points,
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
    require(ws, Role.annotator, "train")
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


def cross_validate(ws: Workspace, scene_id: str, *, folds: int = 4, overrides: dict[str, Any] | None = None) -> Job:
    """Queue the cross-validation of the method on a scene: folds + 1 trainings, none of which is kept as a model.

    Raises:
        NotTrainableError: The labels do not suffice.
        ConfigError: A setting is unknown or out of range, or there are fewer than two folds.
    """
    require(ws, Role.annotator, "train")
    if folds < 2:
        raise ConfigError("folds", folds, "2 or more")
    config = train_config(overrides)
    state = readiness(ws, [scene_id])
    if not state.ready:
        raise NotTrainableError(state.reasons)
    params = {
        "scene_id": scene_id,
        "revision": labels.revision(ws.db, scene_id),
        "folds": folds,
        "config": config.model_dump(mode="json"),
    }
    return submit(ws, Job(kind=JobKind.crossval, params=params, created_by=ws.actor.name))


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
