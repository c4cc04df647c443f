"""Jobs that learn: a run with its checkpoints, a cross-validation."""

from __future__ import annotations

import functools
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icssn.config import TrainConfig
from icssn.environment import device_wish
from icssn.handlers import predicting
from icssn.handlers.course import Report, Stop, stoppable, within
from icssn.handlers.first_look import bounds_of_last_work
from icssn.records import (
    Checkpoint,
    Job,
    Progress,
    Round,
    Run,
    Scene,
    now,
)
from icssn.store import checkpoints, labels, registry, runs, scenes, stac
from icssn.store.workspace import Workspace

if TYPE_CHECKING:
    from icssn.chips.cut import ChipSource

_FIRST_LOOK = 0.3  # share of a prediction's bar for its first part; how large the scene is decides the true one


def train(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Do a run: learn, publish the last round's checkpoint, then look with it at the scenes that were asked for."""
    run = runs.get(ws.db, str(job.params["run_id"]))
    looks = [str(scene_id) for scene_id in job.params.get("then_predict", [])]
    learned = 0.9 if looks else 1.0
    if not run.checkpoint_id:  # else an earlier attempt came as far as the predictions
        run = _learn(ws, job, run, report=within(report, 0, learned), stop=stop)
    for number, scene_id in enumerate(looks):
        share = (1 - learned) / len(looks)
        told = within(report, learned + number * share, learned + (number + 1) * share)
        _look(ws, job, scene_id, run.checkpoint_id, report=told, stop=stop)
    if looks:
        waited_s = (now() - run.created_at).total_seconds()
        run = runs.update(ws.db, run.id, summary=run.summary | {"click_to_mask_s": waited_s})
    return {"run_id": run.id, "checkpoint_id": run.checkpoint_id, **run.summary}


def _look(ws: Workspace, job: Job, scene_id: str, checkpoint_id: str, *, report: Report, stop: Stop) -> None:
    """Predict a scene; of a large one first the ground that was worked on last, so that nobody waits for the whole."""
    bounds = bounds_of_last_work(ws, scenes.get(ws.db, scene_id))
    predict = functools.partial(predicting.predict_once, ws, job, scene_id=scene_id, checkpoint_id=checkpoint_id)
    if bounds is not None:
        predict(bounds=bounds, report=within(report, 0, _FIRST_LOOK), stop=stop)
        report = _after_the_first_look(within(report, _FIRST_LOOK, 1))
    predict(report=report, stop=stop)


def _after_the_first_look(report: Report) -> Report:
    """Give a report that says each time that there is something to see already."""
    return lambda p: report(p.model_copy(update={"message": f"the ground of the last edit is ready · {p.message}"}))


def _learn(ws: Workspace, job: Job, run: Run, *, report: Report, stop: Stop) -> Run:
    """Cut chips from the labels at the run's revisions, train the rounds, publish the checkpoint of the last one."""
    from icssn.chips import cut
    from icssn.nets import device as devices
    from icssn.training import rounds

    begun = time.monotonic()
    config = TrainConfig.model_validate(run.config).model_copy(update={"device": device_wish()})
    folder = ws.run_folder(run.id)
    told = stoppable(report, stop, "Training")
    report(Progress(fraction=0.0, message="cutting chips"))
    learned_from = [scenes.get(ws.db, scene_id) for scene_id in run.scene_ids]
    seen = _seen_whole(ws, run.parent_checkpoint)
    sources = [
        replace(
            _source(ws, one, run.revisions[one.id]),
            validation_bounds_px=one.validation_bounds_px,
            may_hold_out=one.id not in seen,
        )
        for one in learned_from
    ]
    if (folder / "chips" / "manifest.json").exists():  # a resumed run keeps its chips
        manifest = cut.load(folder / "chips")[0]
    else:
        manifest = cut.cut(
            sources,
            folder / "chips",
            config=config.chips,
            seed=run.seed,
            terrain=config.encoder.terrain,
            report=within(told, 0, 0.03),
        )
    for scene_id, bounds in manifest.validation_bounds_px.items():
        if scenes.get(ws.db, scene_id).validation_bounds_px is None:
            scenes.update(ws.db, scene_id, validation_bounds_px=bounds)
    device = devices.describe(devices.pick_device(config.device))
    runs.update(ws.db, run.id, device=device)
    result = rounds.train(
        folder,
        folder / "chips",
        config=config,
        parent=ws.models / run.parent_checkpoint if run.parent_checkpoint else None,
        report=within(report, 0.03, 0.99),
        on_round=lambda done: runs.add_round(
            ws.db, Round(run_id=run.id, number=done.number, metrics=done.metrics, seconds=done.seconds)
        ),
        stop=stop,
    )
    checkpoint = _to_registry(ws, run, result.last.folder, round_number=result.last.number)
    seconds = time.monotonic() - begun
    summary = {"seconds": seconds, "metrics": checkpoint.metrics, "chips": len(manifest.chips)}
    return runs.publish(ws.db, run.id, checkpoint, ticket=job, ended_at=now(), summary=summary)


def _seen_whole(ws: Workspace, checkpoint_id: str) -> set[str]:
    """Give the scenes from which a checkpoint, or one that it comes from, learned without holding any ground out."""
    seen: set[str] = set()
    while checkpoint_id:
        card = registry.card(ws.models / checkpoint_id)
        if "validation" in card:
            seen |= set(card["revisions"]) - {chip["scene"] for chip in card["validation"]}
        checkpoint_id = checkpoints.get(ws.db, checkpoint_id).parent
    return seen


def _source(ws: Workspace, scene: Scene, revision: int) -> ChipSource:
    """Give a scene to learn from, its labels as they were at a revision."""
    from icssn.chips.cut import ChipSource

    return ChipSource(
        scene_id=scene.id,
        raster=scene.raster,
        facts=scene.facts,
        labels=labels.at_revision(ws.db, scene.id, revision),
        revision=revision,
        dem=Path(scene.dem) if scene.dem else None,
    )


def _to_registry(ws: Workspace, run: Run, folder: Path, *, round_number: int) -> Checkpoint:
    """Copy the checkpoint that a run offers into the folder of models; give the row that is to follow."""
    card = registry.card(folder)
    checkpoint = Checkpoint(
        id=uuid.uuid5(uuid.UUID(run.id), f"round-{round_number}").hex,
        run_id=run.id,
        round=round_number,
        sha256=card["sha256"],
        metrics=card["metrics"],
        threshold=card["threshold"],
        parent=run.parent_checkpoint,
    )
    bounds = [scenes.get(ws.db, scene_id).facts.bounds_lonlat for scene_id in run.scene_ids]
    registry.enter(ws.models, checkpoint.id, folder, item=stac.item(checkpoint, card, bounds=bounds))
    return checkpoint


def crossval(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Judge the method on every block of a scene, each by a model that never saw it; publishes nothing but figures."""
    from icssn import crossval as folds

    scene = scenes.get(ws.db, str(job.params["scene_id"]))
    config = TrainConfig.model_validate(job.params["config"]).model_copy(update={"device": device_wish()})
    source = _source(ws, scene, int(job.params["revision"]))
    folder = ws.scratch_folder(job.id)  # chips, weights and rasters of every fold
    return folds.cross_validate(source, folder, config=config, folds=int(job.params["folds"]), report=report, stop=stop)
