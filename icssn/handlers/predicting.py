"""Jobs that apply a checkpoint to a scene: predict it, judge the answer, hand it out."""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from icssn import actions
from icssn.actions import inventory
from icssn.config import inference_config
from icssn.geo import crs
from icssn.handlers.course import Report, Stop, stoppable, within
from icssn.records import (
    Bounds,
    Candidate,
    CandidateStatus,
    Job,
    LabelClass,
    LabelStatus,
    Prediction,
    Progress,
    RasterFacts,
)
from icssn.store import checkpoints, labels, predictions, registry, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import read


def predict(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Apply a checkpoint to a scene and write its rasters and candidates."""
    scene_id, checkpoint_id = str(job.params["scene_id"]), str(job.params["checkpoint_id"])
    bounds = job.params.get("bounds")
    prediction = predict_once(
        ws,
        job,
        scene_id=scene_id,
        checkpoint_id=checkpoint_id,
        bounds=tuple(bounds) if bounds else None,
        report=report,
        stop=stop,
    )
    figures = {"candidates": prediction.candidate_count, "seconds": prediction.seconds}
    return {
        "prediction_id": prediction.id,
        "scene_id": prediction.scene_id,
        "threshold": prediction.threshold,
        "computed_by": prediction.computed_by,
    } | figures


def predict_once(
    ws: Workspace,
    job: Job,
    *,
    scene_id: str,
    checkpoint_id: str,
    report: Report,
    stop: Stop,
    bounds: Bounds | None = None,
) -> Prediction:
    """Apply a checkpoint to a scene and publish what it finds; a repeated job gives the prediction that is there.

    Args:
        bounds: In longitude and latitude, the part of the scene that is looked at; objects that its border cuts are no
            candidates. None: the whole scene.
    """
    from icssn.inference import predict as engine

    scene = scenes.get(ws.db, scene_id)
    checkpoint = checkpoints.get(ws.db, checkpoint_id)
    name = f"prediction {scene_id}" + (f" {bounds}" if bounds else "")
    prediction_id = uuid.uuid5(uuid.UUID(job.id), name).hex  # a repeated job makes no second one
    region = _region(bounds, scene.facts) if bounds else None
    known_already = [made for made in predictions.of_scene(ws.db, scene_id) if made.id == prediction_id]
    if known_already:
        return known_already[0]
    out = ws.prediction_folder(prediction_id)
    done = engine.predict_scene(
        scene.raster,
        facts=scene.facts,
        dem=Path(scene.dem) if scene.dem else None,
        checkpoint=ws.models / checkpoint.id,
        out=out,
        config=inference_config(job.params.get("settings")),
        report=report,
        stop=stop,
        region=region,
    )
    inside = region and region.buffer(-2 * math.hypot(*scene.facts.transform[:4:3]))  # two pixels, in the CRS's unit
    objects = [item for item in done.objects if inside is None or inside.covers(item.geometry)]
    hints = [item for item in done.hints if inside is None or inside.covers(item.geometry)]
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
        candidate_count=len(objects),
        bounds_lonlat=bounds,
    )
    known = [
        label.geometry_lonlat
        for label in labels.current(ws.db, scene.id, cls=LabelClass.landslide)
        if label.status is LabelStatus.accepted
    ]
    tree = shapely.STRtree(known)
    found = []
    for index, item in enumerate((*objects, *hints)):
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


def _region(bounds: Bounds, facts: RasterFacts) -> BaseGeometry:
    """Give bounds in longitude and latitude as an outline in the scene's CRS, its sides following the projection."""
    outline = shapely.box(*bounds)
    return crs.from_lonlat(outline.segmentize(outline.length / 80), facts.crs_wkt)


def evaluate(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Judge a checkpoint on a scene against truth; predicts first where there is no prediction yet."""
    from icssn.inference import evaluate as judge
    from icssn.nets.checkpoint import least_object_px

    scene = scenes.get(ws.db, str(job.params["scene_id"]))
    checkpoint_id = str(job.params["checkpoint_id"])
    truth_path = Path(job.params["truth"])
    is_raster = truth_path.suffix.lower() in (".tif", ".tiff")
    truth = truth_path if is_raster else read.read_polygons(truth_path, crs_wkt=scene.facts.crs_wkt)
    prediction = predictions.latest(ws.db, scene.id, checkpoint_id=checkpoint_id) or predict_once(
        ws, job, scene_id=scene.id, checkpoint_id=checkpoint_id, report=within(report, 0.0, 0.8), stop=stop
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


def export(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Pack the inventory of a scene into the workspace."""
    return inventory.make_inventory(ws, job, report=stoppable(report, stop, "The export"))
