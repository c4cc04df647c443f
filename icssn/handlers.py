"""What the worker does for each kind of job: read the store, hand paths to the work, publish, write the row.

Heavy libraries are imported inside the functions that need them: an import job must not wait for torch.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shapely

from icssn import actions
from icssn.actions import inventory
from icssn.config import TrainConfig, device_wish, inference_config
from icssn.errors import CancelledError
from icssn.geo import crs
from icssn.imagery import cog
from icssn.records import (
    Candidate,
    CandidateStatus,
    Checkpoint,
    Edits,
    Job,
    JobKind,
    LabelClass,
    LabelStatus,
    NewLabel,
    Prediction,
    Progress,
    Round,
    Run,
    now,
)
from icssn.store import checkpoints, labels, predictions, registry, runs, scenes, stac
from icssn.store.workspace import Workspace
from icssn.vectors import read

Report = Callable[[Progress], None]
Stop = Callable[[], bool]


def perform(ws: Workspace, job: Job, *, report: Report, stop: Stop) -> dict[str, Any]:
    """Do the work of a job; gives the result that its row will carry.

    Raises:
        IcssnError: The work cannot be done; the message is for the user.
    """
    work = {
        JobKind.demo: make_demo,
        JobKind.import_scene: import_scene,
        JobKind.dataset: import_dataset,
        JobKind.train: train,
        JobKind.predict: predict,
        JobKind.evaluate: evaluate,
        JobKind.crossval: crossval,
        JobKind.export: export,
    }
    return work[job.kind](ws, job, report, stop)


def warm_up() -> None:
    """Import what training and prediction need, ahead of a job."""
    import icssn.chips.cut
    import icssn.inference.evaluate
    import icssn.inference.predict
    import icssn.training.rounds  # noqa: F401


def make_demo(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Generate the demo landscape and register it as the scene 'demo' with its first labels."""
    from icssn.demo import project as demo

    report = _stoppable(report, stop, "The demo project")
    folder = ws.folder / "demo"
    files = demo.make_project(folder, report=_part(report, 0.0, 0.7))
    known = {scene.name: scene for scene in scenes.every(ws.db)}
    scene = known.get("demo") or actions.register_scene(ws, files.image, name="demo", dem=files.dem)
    if not labels.revision(ws.db, scene.id):
        slides = tuple(NewLabel(geometry_lonlat=geometry) for geometry in files.start_labels)
        area = NewLabel(geometry_lonlat=files.label_area, cls=LabelClass.label_area)
        actions.save_edits(ws, scene.id, Edits(nonce=f"demo-{scene.id}", created=(*slides, area)))
    _make_map_layers(ws, scene.id, _part(report, 0.7, 1.0))
    return {"scene_id": scene.id, "truth": str(files.truth_mask)}


def import_scene(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Make a scene ready for the map: web-optimised copies of the image and of its hillshade."""
    _make_map_layers(ws, str(job.params["scene_id"]), _stoppable(report, stop, "The import"))
    return {"scene_id": job.params["scene_id"]}


def import_dataset(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Compose the samples of a public set into scenes and register them with their labels."""
    from icssn.datasets import mosaic, sets

    report = _stoppable(report, stop, "The import")
    public = sets.public_set(str(job.params["set"]))
    names: dict[str, str] = job.params["names"]
    parts = sets.by_split(public.samples(Path(job.params["folder"])))
    folder = ws.folder / "datasets" / job.id
    made = []
    for number, (part, name) in enumerate(names.items()):
        told = _part(report, number / len(names), (number + 1) / len(names))
        samples = sets.some(parts[part], job.params["most"])
        composed, outlines = mosaic.compose(
            folder, f"scene-{number + 1}", samples, colours=public.colours, report=_part(told, 0.0, 0.6)
        )
        known = {scene.name: scene for scene in scenes.every(ws.db)}  # a repeated job makes no second one
        scene = known.get(name) or actions.register_scene(ws, composed.raster, name=name)
        if not labels.revision(ws.db, scene.id):
            actions.import_labels(ws, scene.id, outlines)
        _make_map_layers(ws, scene.id, _part(told, 0.6, 1.0))
        counts = {"samples": len(samples), "landslides": len(composed.landslides)}
        made.append({"scene_id": scene.id, "name": name, "truth": str(composed.mask), **counts})
    return {"scenes": made}


def _make_map_layers(ws: Workspace, scene_id: str, report: Report) -> None:
    scene = scenes.get(ws.db, scene_id)
    folder = ws.scene_folder(scene_id)
    if scene.tiles is None:
        share = 0.7 if scene.dem else 1.0
        cog.make_tiles(
            Path(scene.original), folder / "tiles.tif", stretch=scene.facts.stretch, report=_part(report, 0, share)
        )
        scenes.update(ws.db, scene_id, tiles=f"scenes/{scene_id}/tiles.tif")
    if scene.dem and scene.hillshade is None:
        cog.make_hillshade(Path(scene.dem), folder / "hillshade.tif", report=_part(report, 0.7, 1.0))
        scenes.update(ws.db, scene_id, hillshade=f"scenes/{scene_id}/hillshade.tif")
    report(Progress(fraction=1.0, message="ready"))


def train(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Do a run: learn, publish the best checkpoint, then look with it at the scenes that were asked for."""
    run = runs.get(ws.db, str(job.params["run_id"]))
    looks = [str(scene_id) for scene_id in job.params.get("then_predict", [])]
    learned = 0.9 if looks else 1.0
    if not run.checkpoint_id:  # else an earlier attempt came as far as the predictions
        run = _learn(ws, job, run, report=_part(report, 0, learned), stop=stop)
    for number, scene_id in enumerate(looks):
        share = (1 - learned) / len(looks)
        told = _part(report, learned + number * share, learned + (number + 1) * share)
        _predict(ws, job, scene_id=scene_id, checkpoint_id=run.checkpoint_id, report=told, stop=stop)
    if looks:
        waited_s = (now() - run.created_at).total_seconds()
        run = runs.update(ws.db, run.id, summary=run.summary | {"click_to_mask_s": waited_s})
    return {"run_id": run.id, "checkpoint_id": run.checkpoint_id, **run.summary}


def _learn(ws: Workspace, job: Job, run: Run, *, report: Report, stop: Stop) -> Run:
    """Cut chips from the labels at the run's revisions, train the rounds, publish the best checkpoint."""
    from icssn.chips import cut
    from icssn.nets import device as devices
    from icssn.training import rounds

    begun = time.monotonic()
    config = TrainConfig.model_validate(run.config).model_copy(update={"device": device_wish()})
    folder = ws.run_folder(run.id)
    stoppable = _stoppable(report, stop, "Training")
    report(Progress(fraction=0.0, message="cutting chips"))
    sources = []
    for scene_id in run.scene_ids:
        scene = scenes.get(ws.db, scene_id)
        sources.append(
            cut.ChipSource(
                scene_id=scene_id,
                raster=Path(scene.original),
                facts=scene.facts,
                labels=labels.at_revision(ws.db, scene_id, run.revisions[scene_id]),
                revision=run.revisions[scene_id],
                validation_bounds_px=scene.validation_bounds_px,
            )
        )
    if (folder / "chips" / "manifest.json").exists():  # a resumed run keeps its chips
        manifest = cut.load(folder / "chips")[0]
    else:
        manifest = cut.cut(
            sources, folder / "chips", config=config.chips, seed=run.seed, report=_part(stoppable, 0, 0.03)
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
        report=_part(report, 0.03, 0.99),
        on_round=lambda done: runs.add_round(
            ws.db, Round(run_id=run.id, number=done.number, metrics=done.metrics, seconds=done.seconds)
        ),
        stop=stop,
    )
    checkpoint = _to_registry(ws, run, result.best.folder, round_number=result.best.number)
    seconds = time.monotonic() - begun
    summary = {"seconds": seconds, "metrics": checkpoint.metrics, "chips": len(manifest.chips)}
    return runs.publish(ws.db, run.id, checkpoint, ticket=job, ended_at=now(), summary=summary)


def _to_registry(ws: Workspace, run: Run, folder: Path, *, round_number: int) -> Checkpoint:
    """Copy a run's best checkpoint into the folder of models; give the row that is to follow."""
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


def predict(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Apply a checkpoint to a scene and write its rasters and candidates."""
    scene_id, checkpoint_id = str(job.params["scene_id"]), str(job.params["checkpoint_id"])
    prediction = _predict(ws, job, scene_id=scene_id, checkpoint_id=checkpoint_id, report=report, stop=stop)
    figures = {"candidates": prediction.candidate_count, "seconds": prediction.seconds}
    return {
        "prediction_id": prediction.id,
        "scene_id": prediction.scene_id,
        "threshold": prediction.threshold,
        "computed_by": prediction.computed_by,
    } | figures


def _predict(ws: Workspace, job: Job, *, scene_id: str, checkpoint_id: str, report: Report, stop: Stop) -> Prediction:
    from icssn.inference import predict as engine

    scene = scenes.get(ws.db, scene_id)
    checkpoint = checkpoints.get(ws.db, checkpoint_id)
    prediction_id = uuid.uuid5(uuid.UUID(job.id), f"prediction {scene_id}").hex  # a repeated job makes no second one
    known_already = [made for made in predictions.of_scene(ws.db, scene_id) if made.id == prediction_id]
    if known_already:
        return known_already[0]
    out = ws.prediction_folder(prediction_id)
    done = engine.predict_scene(
        Path(scene.original),
        facts=scene.facts,
        checkpoint=ws.models / checkpoint.id,
        out=out,
        config=inference_config(job.params.get("settings")),
        report=report,
        stop=stop,
    )
    prediction = Prediction(
        id=prediction_id,
        scene_id=scene.id,
        checkpoint_id=checkpoint.id,
        probability=f"predictions/{prediction_id}/{done.probability.name}",
        mask=f"predictions/{prediction_id}/{done.mask.name}",
        uncertainty=f"predictions/{prediction_id}/{done.uncertainty.name}" if done.uncertainty else None,
        computed_by=done.backend,
        threshold=done.threshold,
        seconds=done.seconds,
        candidate_count=len(done.objects),
    )
    known = [
        label.geometry_lonlat
        for label in labels.current(ws.db, scene.id, cls=LabelClass.landslide)
        if label.status is LabelStatus.accepted
    ]
    tree = shapely.STRtree(known)
    found = []
    for index, item in enumerate((*done.objects, *done.hints)):
        outline = crs.to_lonlat(item.geometry, scene.facts.crs_wkt)
        shared = sum(known[i].intersection(outline).area for i in tree.query(outline, predicate="intersects"))
        found.append(
            Candidate(
                id=uuid.uuid5(uuid.UUID(prediction_id), str(index)).hex,
                prediction_id=prediction_id,
                scene_id=scene.id,
                geometry_lonlat=outline,
                score=item.score,
                mask_score=item.mask_score,
                classifier_score=item.classifier_score,
                area_m2=crs.area_m2(outline),
                status=CandidateStatus.known if shared > 0.3 * outline.area else CandidateStatus.open,
            )
        )
    predictions.add(ws.db, prediction, found, ticket=job)
    actions.review_queue(ws, prediction.id)  # measures the outlines now, so that the first look at the queue is quick
    return prediction


def evaluate(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Judge a checkpoint on a scene against truth; predicts first where there is no prediction yet."""
    from icssn.inference import evaluate as judge
    from icssn.nets.checkpoint import least_object_px

    scene = scenes.get(ws.db, str(job.params["scene_id"]))
    checkpoint_id = str(job.params["checkpoint_id"])
    truth_path = Path(job.params["truth"])
    is_raster = truth_path.suffix.lower() in (".tif", ".tiff")
    truth = truth_path if is_raster else read.read_polygons(truth_path, crs_wkt=scene.facts.crs_wkt)
    prediction = predictions.latest(ws.db, scene.id, checkpoint_id=checkpoint_id) or _predict(
        ws, job, scene_id=scene.id, checkpoint_id=checkpoint_id, report=_part(report, 0.0, 0.8), stop=stop
    )
    report(Progress(fraction=0.85, message="comparing with the truth"))
    raster = ws.path(prediction.probability)
    metrics = judge.evaluate(
        raster,
        truth,
        facts=scene.facts,
        threshold=prediction.threshold,
        min_object_px=least_object_px(registry.card(ws.models / checkpoint_id)),
        candidates=[
            judge.Scored(
                crs.from_lonlat(found.geometry_lonlat, scene.facts.crs_wkt),
                found.score,
                found.mask_score,
                found.classifier_score,
            )
            for found in predictions.candidates(ws.db, prediction.id)
            if found.mask_score >= prediction.threshold  # no weak hints
        ],
    )
    curve = judge.reliability_curve(raster, truth, facts=scene.facts)
    told = {"prediction_id": prediction.id, "checkpoint_id": checkpoint_id}
    return {**told, "metrics": metrics, "reliability": curve}


def crossval(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Judge the method on every block of a scene, each by a model that never saw it; publishes nothing but figures."""
    from icssn import crossval as folds
    from icssn.chips import cut

    scene = scenes.get(ws.db, str(job.params["scene_id"]))
    config = TrainConfig.model_validate(job.params["config"]).model_copy(update={"device": device_wish()})
    revision = int(job.params["revision"])
    source = cut.ChipSource(
        scene_id=scene.id,
        raster=Path(scene.original),
        facts=scene.facts,
        labels=labels.at_revision(ws.db, scene.id, revision),
        revision=revision,
    )
    folder = ws.folder / "crossval" / job.id
    return folds.cross_validate(source, folder, config=config, folds=int(job.params["folds"]), report=report, stop=stop)


def export(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Pack the inventory of a scene into the workspace."""
    return inventory.make_inventory(ws, job, report=_stoppable(report, stop, "The export"))


def _stoppable(report: Report, stop: Stop, what: str) -> Report:
    """Give a report that ends the work, by CancelledError, once `stop` is true."""

    def told(progress: Progress) -> None:
        if stop():
            raise CancelledError(what)
        report(progress)

    return told


def _part(report: Report, start: float, end: float) -> Report:
    """Give a report whose 0–1 is a part of the whole."""
    return lambda p: report(p.model_copy(update={"fraction": start + (end - start) * p.fraction}))
