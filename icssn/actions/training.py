"""Training: can it start, start it, what came of it."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from icssn.actions.networks import require_network, require_same_network
from icssn.actions.permission import require
from icssn.actions.whereabouts import elevation_gone, image_gone
from icssn.actions.work import require_room, submit, wake
from icssn.config import TerrainLayer, TrainConfig, train_config
from icssn.errors import NotFoundError, NotTrainableError
from icssn.metrics.intervals import enough, paired_difference
from icssn.metrics.pixels import Confusion
from icssn.records import (
    Checkpoint,
    Comparison,
    Job,
    JobKind,
    LabelClass,
    Readiness,
    Role,
    Round,
    Run,
)
from icssn.store import checkpoints, jobs, labels, registry, runs, scenes
from icssn.store.workspace import Workspace


def readiness(ws: Workspace, scene_ids: Iterable[str], *, terrain: Sequence[TerrainLayer] = ()) -> Readiness:
    """Say whether a run over these scenes, with these layers of terrain, can start; if not, why, in sentences."""
    chosen = list(scene_ids)
    accepted = labels.accepted(ws.db, chosen)
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
    unseen = out_of_sight(ws, chosen, terrain=terrain)
    seconds = {
        tier: next((_took_s(run) for run in runs.every(ws.db) if run.tier == tier and run.checkpoint_id), None)
        for tier in ("full", "quick")
    }
    return Readiness(
        ready=not reasons and not unseen,
        reasons=(*reasons, *unseen),
        labels_suffice=not reasons,
        landslides=slides,
        landslide_points=points,
        hard_negatives=negatives,
        label_areas=areas,
        estimate_full_s=seconds["full"],
        estimate_quick_s=seconds["quick"],
    )


def out_of_sight(ws: Workspace, scene_ids: Iterable[str], *, terrain: Sequence[TerrainLayer] = ()) -> list[str]:
    """Say of which scenes the image, or the heights for these layers of terrain, cannot be seen, in sentences."""
    reasons = []
    for scene in (scenes.get(ws.db, scene_id) for scene_id in dict.fromkeys(scene_ids)):
        if image_gone(scene):
            reasons.append(
                f"The image of scene '{scene.name}' is not there any more (it was {scene.original}): say where it is "
                "now, on the Scenes page or with icssn scene move."
            )
        if terrain and not scene.dem:
            reasons.append(
                f"Scene '{scene.name}' has no elevation model, from which terrain is measured: attach one on the "
                "Scenes page, or leave terrain out."
            )
        if terrain and elevation_gone(scene):
            reasons.append(
                f"The elevation model of scene '{scene.name}' is not there any more (it was {scene.dem}): attach it "
                "again, on the Scenes page or with icssn scene dem, or leave terrain out."
            )
    return reasons


def _took_s(run: Run) -> float | None:
    """Give the seconds of a finished run, up to the mask where one was asked for."""
    return run.summary.get("click_to_mask_s") or run.summary.get("seconds")


def start_run(
    ws: Workspace,
    scene_ids: Iterable[str],
    *,
    quick: bool = False,
    from_active: bool = False,
    then_predict: Iterable[str] = (),
    overrides: dict[str, Any] | None = None,
    config_file: Path | None = None,
) -> tuple[Run, Job]:
    """Queue a run: freeze the labels at their revisions, then train.

    The network gets as many bands as the scenes show.

    Args:
        then_predict: Scenes to look at with the new model in the same job.
        quick: Start from the active checkpoint and take few steps; its encoder stays, with the terrain it sees.
        from_active: Start from the active checkpoint, as a quick run does, but take all steps (decision 27).
        overrides: Dotted settings, e.g. ``{"segment.steps": 300}``.

    Raises:
        BusyError: A run is already queued or running.
        NotTrainableError: The labels do not suffice, the image of a scene is gone, or terrain is asked for and a
            scene has no elevation raster, or that is gone.
        ConfigError: A setting is unknown or out of range, or there is no such encoder.
        NotFoundError: No checkpoint is active, from which a full run was to start.
        CheckpointRefusedError: The active checkpoint is to go on, and its card cannot be read or its weights do not
            fit; or the encoder's starting weights cannot be read or do not fit it.
    """
    require(ws, Role.annotator, "train")
    chosen, looks = tuple(dict.fromkeys(scene_ids)), list(then_predict)
    parent = checkpoints.active(ws.db) if quick or from_active else None
    if from_active and parent is None:
        raise NotFoundError("model", "active", remedy="Put one in use on the Models page, or train without it.")
    given = bands_of(ws, chosen) | (_encoder_of(ws, parent) if parent else {})
    config = train_config(given | (overrides or {}), quick=quick, file=config_file)
    state = readiness(ws, chosen, terrain=config.encoder.terrain)
    others = [scene_id for scene_id in looks if scene_id not in chosen]
    reasons = [*state.reasons, *out_of_sight(ws, others, terrain=config.encoder.terrain)]
    if reasons:
        raise NotTrainableError(reasons)
    if parent:
        require_same_network(config, registry.settings(ws.models / parent.id), name=parent.id)
    else:
        config = require_network(config)
    run = Run(
        scene_ids=chosen,
        revisions={scene_id: labels.revision(ws.db, scene_id) for scene_id in chosen},
        tier="quick" if quick else "full",
        seed=config.seed,
        config=config.model_dump(mode="json"),
        parent_checkpoint=parent.id if parent else "",
    )
    return _enter(ws, run, then_predict=looks)


def _encoder_of(ws: Workspace, parent: Checkpoint) -> dict[str, Any]:
    """Give the settings of a checkpoint's encoder, without which its weights would not fit; bands come from scenes."""
    encoder = registry.settings(ws.models / parent.id).encoder.model_dump(exclude={"bands"})
    return {f"encoder.{key}": value for key, value in encoder.items()}


def bands_of(ws: Workspace, scene_ids: Sequence[str]) -> dict[str, int]:
    """Give the setting of the bands that a network needs for these scenes; that all have as many, the cut sees to."""
    return {"encoder.bands": len(scenes.get(ws.db, scene_ids[0]).facts.stretch.bands)} if scene_ids else {}


def repeat_run(ws: Workspace, run_id: str) -> tuple[Run, Job]:
    """Queue a run again: same labels at their old revisions, same settings, seed and parent.

    On the same machine's processor, with the same version of ICSSN, it gives the same weights and the same mask, bit
    for bit; on a graphics card nearly the same.

    Raises:
        NotFoundError: There is no such run.
        NotTrainableError: The image of a scene, or an elevation raster that the network looks at, is gone.
        BusyError: A run is already queued or running.
    """
    require(ws, Role.annotator, "train")
    former = runs.get(ws.db, run_id)
    same = ("scene_ids", "revisions", "tier", "seed", "config", "parent_checkpoint")
    run = Run(**{name: getattr(former, name) for name in same})
    looks = jobs.get(ws.db, former.job_id).params.get("then_predict", [])
    terrain = former.config.get("encoder", {}).get("terrain", ())
    if reasons := out_of_sight(ws, [*run.scene_ids, *looks], terrain=terrain):
        raise NotTrainableError(reasons)
    return _enter(ws, run, then_predict=looks)


def resume_run(ws: Workspace, run_id: str) -> tuple[Run, Job]:
    """Queue a run that was cancelled, or failed, to go on from its last state.

    Raises:
        NotFoundError: There is no such run, or it has ended with a model.
        BusyError: A run is already queued or running.
    """
    require(ws, Role.annotator, "train")
    run = runs.get(ws.db, run_id)
    if run.checkpoint_id:
        raise NotFoundError("unfinished run", run_id, remedy="It has ended; start a new one.")
    former = jobs.get(ws.db, run.job_id)
    job = submit(ws, Job(kind=JobKind.train, params=former.params, created_by=ws.actor.name), alone=True)
    return runs.update(ws.db, run.id, job_id=job.id), job


def _enter(ws: Workspace, run: Run, *, then_predict: Iterable[str]) -> tuple[Run, Job]:
    """Enter a run with its job, unless one is queued or running, or one of its scenes was removed."""
    looks = list(then_predict)
    for scene_id in (*run.scene_ids, *looks):
        scenes.in_project(ws.db, scene_id)
    params = {"run_id": run.id, "then_predict": looks}
    job = Job(kind=JobKind.train, params=params, created_by=ws.actor.name)
    signed = {
        "job_id": job.id,
        "folder": f"runs/{run.id}",
        "code_version": importlib.metadata.version("icssn"),
        "created_by": ws.actor.name,
    }
    require_room(ws, job)
    run = runs.start(ws.db, run.model_copy(update=signed), job)
    wake(ws)
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


def compare_runs(ws: Workspace, run_id: str, baseline_id: str) -> Comparison | None:
    """Say how much better a run's model finds the held-out ground than another's; None where they cannot be compared.

    They are compared on the held-out chips whose labels say the same for both, of which there must be
    `intervals.enough`: a candidate that was accepted meanwhile makes truth of what a model had said. Chips that
    were drawn from very many are the same in both runs, as far as each goes (`plan.validation_plans`): those that both
    have are those of the run that drew more sparsely, and stand for as much ground as there.
    """
    judged, before = _judged(ws, runs.get(ws.db, run_id)), _judged(ws, runs.get(ws.db, baseline_id))
    both = [(*judged[place], *before[place]) for place in judged if place in before]
    alike = [
        (one.times(max(weight, weight_before)), other.times(max(weight, weight_before)))
        for one, weight, other, weight_before in both
        if _shown(one) == _shown(other)
    ]
    blocks, baseline = [one for one, _ in alike], [other for _, other in alike]
    if not enough(blocks):
        return None
    low, high = paired_difference(blocks, baseline)
    wrong = [(one.fp + one.fn, other.fp + other.fn) for one, other in alike]
    return Comparison(
        f1=sum(blocks, start=Confusion()).f1 - sum(baseline, start=Confusion()).f1,
        low=low,
        high=high,
        chips=len(blocks),
        better=sum(one < other for one, other in wrong),
        worse=sum(one > other for one, other in wrong),
    )


def _shown(counted: Confusion) -> tuple[int, int]:
    """Give how many pixels of a chip are labelled as landslide, and as background."""
    return counted.tp + counted.fn, counted.fp + counted.tn


def _judged(ws: Workspace, run: Run) -> dict[tuple[str, int, int], tuple[Confusion, float]]:
    """Give what was counted on each held-out chip with a run's model and what it stands for, by the chip's place."""
    if not run.checkpoint_id:
        return {}
    chips = registry.card(ws.models / run.checkpoint_id).get("validation", [])
    return {
        (chip["scene"], chip["col"], chip["row"]): (Confusion(*chip["tp_fp_fn_tn"]), chip.get("stands_for", 1.0))
        for chip in chips
    }
