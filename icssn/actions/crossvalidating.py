"""Cross-validation of the method on a scene: can it start, how long would it take, start it, what came of it."""

from __future__ import annotations

from typing import Any

from icssn.actions.networks import require_network
from icssn.actions.permission import require
from icssn.actions.training import bands_of, readiness
from icssn.actions.work import submit
from icssn.config import TrainConfig, train_config
from icssn.errors import ConfigError, NotTrainableError
from icssn.records import CrossValidation, Job, JobKind, JobState, Readiness, Role
from icssn.store import jobs, labels
from icssn.store.workspace import Workspace

FOLDS = 4
_FAR = 1000  # jobs looked through for the last cross-validation of a scene


def crossval_readiness(
    ws: Workspace, scene_id: str, *, folds: int = FOLDS, overrides: dict[str, Any] | None = None
) -> Readiness:
    """Say whether a scene can be cross-validated, why not, and how long it would take (as ``estimate_full_s``).

    Raises:
        ConfigError: A setting is unknown or out of range, or there are fewer than two folds.
    """
    config = _config(ws, scene_id, folds, overrides)
    state = readiness(ws, [scene_id], terrain=config.encoder.terrain)
    reasons = list(state.reasons)
    if state.landslides < 2 * folds:
        reasons.append(
            f"For {folds} folds at least {2 * folds} labelled landslides are needed, but there are {state.landslides}."
        )
    alike = [job for job in _done(ws) if job.params.get("config") == config.model_dump(mode="json")]
    one_s = _seconds(alike[0]) / (int(alike[0].params["folds"]) + 1) if alike else None
    if one_s is None and not overrides:
        one_s = state.estimate_full_s
    estimate = None if one_s is None else one_s * (folds + 1)
    changes = {"ready": not reasons, "reasons": tuple(reasons), "estimate_full_s": estimate, "estimate_quick_s": None}
    return state.model_copy(update=changes)


def cross_validate(ws: Workspace, scene_id: str, *, folds: int = FOLDS, overrides: dict[str, Any] | None = None) -> Job:
    """Queue the cross-validation of the method on a scene: folds + 1 trainings, none of which is kept as a model.

    Raises:
        NotTrainableError: The labels do not suffice, or terrain is asked for and the scene has no elevation raster.
        ConfigError: A setting is unknown or out of range, there is no such encoder, or there are fewer than two folds.
        CheckpointRefusedError: The encoder's starting weights cannot be read or do not fit it.
        BusyError: A cross-validation is already queued or running.
    """
    require(ws, Role.annotator, "train")
    state = crossval_readiness(ws, scene_id, folds=folds, overrides=overrides)
    if not state.ready:
        raise NotTrainableError(state.reasons)
    params = {
        "scene_id": scene_id,
        "revision": labels.revision(ws.db, scene_id),
        "folds": folds,
        "config": require_network(_config(ws, scene_id, folds, overrides)).model_dump(mode="json"),
    }
    return submit(ws, Job(kind=JobKind.crossval, params=params, created_by=ws.actor.name), alone=True)


def latest_cross_validation(ws: Workspace, scene_id: str) -> CrossValidation | None:
    """Give the newest finished cross-validation of a scene, None where there is none."""
    job = latest_job(ws, scene_id)
    if job is None or job.ended_at is None or "blocks" not in job.result:
        return None
    return CrossValidation(
        job_id=job.id,
        scene_id=scene_id,
        revision=int(job.params["revision"]),
        ended_at=job.ended_at,
        seconds=_seconds(job),
        **{name: job.result[name] for name in ("folds", "blocks", "random_split_f1")},
    )


def latest_job(ws: Workspace, scene_id: str) -> Job | None:
    """Give the job of the newest finished cross-validation of a scene, None where there is none."""
    return next((job for job in _done(ws) if job.params["scene_id"] == scene_id), None)


def _done(ws: Workspace) -> list[Job]:
    recent = jobs.recent(ws.db, kind=JobKind.crossval, limit=_FAR)
    return [job for job in recent if job.state is JobState.done]


def _seconds(job: Job) -> float:
    if job.started_at is None or job.ended_at is None:
        return 0.0
    return (job.ended_at - job.started_at).total_seconds()


def _config(ws: Workspace, scene_id: str, folds: int, overrides: dict[str, Any] | None) -> TrainConfig:
    if folds < 2:
        raise ConfigError("folds", folds, "2 or more")
    return train_config(bands_of(ws, [scene_id]) | (overrides or {}))
