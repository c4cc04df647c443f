"""Jobs that apply a checkpoint to a scene: predict it, judge the answer, hand it out."""

from __future__ import annotations

import contextlib
import math
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from icssn import actions
from icssn.actions import inventory
from icssn.config import inference_config
from icssn.errors import ConfigError
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
    Scene,
)
from icssn.store import checkpoints, jobs, labels, predictions, registry, scenes
from icssn.store.workspace import Workspace
from icssn.vectors.truth import read_truth

if TYPE_CHECKING:
    from icssn.inference.predict import ScenePrediction, ScoredObject

# Settings that, beside the threshold, change what there is to judge.
_DECISIVE = {"core_px", "halo_px", "min_object_px", "simplify_px", "device", "backend", "quality"}


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
    scene = scenes.get(ws.db, scene_id)
    checkpoint = checkpoints.get(ws.db, checkpoint_id)
    prediction_id = _prediction_id(job, scene_id, bounds)
    region = _region(bounds, scene.facts) if bounds else None
    known_already = [made for made in predictions.of_scene(ws.db, scene_id) if made.id == prediction_id]
    if known_already:
        return known_already[0]
    out = ws.prediction_folder(prediction_id)
    done = _mapped(ws, job, scene, checkpoint.id, out=out, region=region, report=report, stop=stop)
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
    found = _candidates(ws, scene, prediction_id, [*objects, *hints])
    predictions.add(ws.db, prediction, found, ticket=job)
    actions.review_queue(ws, prediction.id)  # measures the outlines now, so that the first look at the queue is quick
    return prediction


def _mapped(
    ws: Workspace,
    job: Job,
    scene: Scene,
    checkpoint_id: str,
    *,
    out: Path,
    report: Report,
    stop: Stop,
    region: BaseGeometry | None = None,
) -> ScenePrediction:
    """Let a checkpoint look at a scene with the job's settings; the rasters go to `out`, and nothing is published."""
    from icssn.inference.predict import predict_scene

    return predict_scene(
        scene.raster,
        facts=scene.facts,
        dem=Path(scene.dem) if scene.dem else None,
        checkpoint=ws.models / checkpoint_id,
        out=out,
        config=inference_config(job.params.get("settings")),
        report=report,
        stop=stop,
        region=region,
        scratch=ws.scratch_folder(job.id) / out.name,
    )


def _candidates(ws: Workspace, scene: Scene, prediction_id: str, objects: Sequence[ScoredObject]) -> list[Candidate]:
    """Give objects as candidates of a prediction; those on landslides that are labelled already are known."""
    from icssn.metrics.objects import COVERAGE

    known = [
        label.geometry_lonlat
        for label in labels.current(ws.db, scene.id, cls=LabelClass.landslide)
        if label.status is LabelStatus.accepted
    ]
    tree = shapely.STRtree(known)
    found = []
    for index, item in enumerate(objects):
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
                status=CandidateStatus.known if shared > COVERAGE * outline.area else CandidateStatus.open,
            )
        )
    return found


def _prediction_id(job: Job, scene_id: str, bounds: Bounds | None = None) -> str:
    """Give the id of what a job makes of a scene; a repeated job makes no second one."""
    return uuid.uuid5(uuid.UUID(job.id), f"prediction {scene_id}" + (f" {bounds}" if bounds else "")).hex


def _region(bounds: Bounds, facts: RasterFacts) -> BaseGeometry:
    """Give bounds in longitude and latitude as an outline in the scene's CRS, its sides following the projection."""
    outline = shapely.box(*bounds)
    return crs.from_lonlat(outline.segmentize(outline.length / 80), facts.crs_wkt)


def evaluate(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Judge a checkpoint on a scene against truth, with its own threshold and smallest object, in fast quality.

    Judged is the newest prediction of the whole scene that was made so (`prediction_id`). Where there is none, one is
    made for this job alone and goes with it: what the project shows, and asks to be reviewed, stays as it is. The
    result says of a vector file how many features it holds and how many of them were taken for landslides (`truth`).
    """
    from icssn.inference import evaluate as judge
    from icssn.nets.checkpoint import least_object_px, threshold_for

    scene = scenes.get(ws.db, str(job.params["scene_id"]))
    checkpoint_id = str(job.params["checkpoint_id"])
    card = registry.card(ws.models / checkpoint_id)
    threshold, min_object_px = threshold_for("map", card), least_object_px(card)
    path = Path(job.params["truth"])
    labelled = None if path.suffix.lower() in (".tif", ".tiff") else read_truth(path, scene=scene)
    own = _with_own_settings(ws, scene.id, checkpoint_id, threshold=threshold, min_object_px=min_object_px)
    if own:
        raster, candidates = ws.path(own.probability), predictions.candidates(ws.db, own.id)
    else:
        out = ws.scratch_folder(job.id)
        done = _mapped(ws, job, scene, checkpoint_id, out=out, report=within(report, 0.0, 0.8), stop=stop)
        raster = done.probability
        candidates = _candidates(ws, scene, _prediction_id(job, scene.id), [*done.objects, *done.hints])
    report(Progress(fraction=0.85, message="comparing with the truth"))
    truth: Path | NDArray[np.uint8] = path
    if labelled is not None:
        chips = registry.settings(ws.models / checkpoint_id).chips
        radius_px = chips.point_radius_chips * chips.size_px
        truth = judge.drawn(labelled.labels, facts=scene.facts, point_radius_px=radius_px)
    metrics = judge.evaluate(
        raster,
        truth,
        facts=scene.facts,
        threshold=threshold,
        min_object_px=min_object_px,
        candidates=[
            judge.Scored(
                crs.from_lonlat(found.geometry_lonlat, scene.facts.crs_wkt),
                found.score,
                found.mask_score,
                found.classifier_score,
            )
            for found in candidates
            if found.mask_score >= threshold  # no weak hints
        ],
    )
    curve = judge.reliability_curve(raster, truth, facts=scene.facts)
    told: dict[str, Any] = {"checkpoint_id": checkpoint_id} | ({"prediction_id": own.id} if own else {})
    if labelled is not None:
        told["truth"] = {"features": labelled.features, "landslides": labelled.landslides}
    return {**told, "metrics": metrics, "reliability": curve}


def _with_own_settings(
    ws: Workspace, scene_id: str, checkpoint_id: str, *, threshold: float, min_object_px: int
) -> Prediction | None:
    """Give the newest prediction of a whole scene that nothing but the checkpoint decided, None if there is none.

    Others were asked for with another threshold, smallest object or quality; what is judged must not depend on them.
    Which machine computed it does not matter.

    Args:
        threshold: On the checkpoint's card.
        min_object_px: On the checkpoint's card.
    """

    def settings(wishes: dict[str, Any] | None) -> dict[str, Any]:
        config = inference_config(wishes)
        least_px = min_object_px if config.min_object_px is None else config.min_object_px
        return config.model_dump(include=_DECISIVE) | {"min_object_px": least_px}

    asked = {_prediction_id(job, scene_id): job.params.get("settings") for job in jobs.recent(ws.db, limit=sys.maxsize)}
    for made in predictions.of_scene(ws.db, scene_id):
        whole = made.checkpoint_id == checkpoint_id and made.bounds_lonlat is None
        if whole and made.threshold == threshold and made.id in asked:
            with contextlib.suppress(ConfigError):  # of a version that knew other settings
                if settings(asked[made.id]) == settings(None):
                    return made
    return None


def export(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Pack the inventory of a scene into the workspace."""
    return inventory.make_inventory(ws, job, report=stoppable(report, stop, "The export"))
