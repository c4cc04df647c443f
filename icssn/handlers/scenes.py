"""Jobs that bring scenes into the workspace: the demo, one raster, a public set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from icssn import actions
from icssn.actions.whereabouts import heights_of
from icssn.handlers.course import Report, Stop, stoppable, within
from icssn.imagery import cog
from icssn.imagery.relief import LAYERS, make_relief
from icssn.records import (
    Edits,
    Job,
    LabelClass,
    NewLabel,
    Progress,
)
from icssn.store import labels, scenes
from icssn.store.workspace import Workspace


def make_demo(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Generate the demo landscape and register it as the scene 'demo' with its first labels."""
    from icssn.demo import project as demo

    report = stoppable(report, stop, "The demo project")
    folder = ws.folder / "demo"
    files = demo.make_project(folder, report=within(report, 0.0, 0.7))
    known = {scene.name: scene for scene in scenes.known(ws.db)}
    scene = known.get("demo") or actions.register_scene(ws, files.image, name="demo", dem=files.dem)
    if not labels.revision(ws.db, scene.id):
        area = NewLabel(geometry_lonlat=files.label_area, cls=LabelClass.label_area)
        actions.save_edits(ws, scene.id, Edits(nonce=f"demo-{scene.id}", created=(*files.start_labels, area)))
    _make_map_layers(ws, scene.id, within(report, 0.7, 1.0))
    return {"scene_id": scene.id, "truth": str(files.truth_mask)}


def import_scene(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Make a scene ready for the map: web-optimised copies of the image and of its terrain."""
    _make_map_layers(ws, str(job.params["scene_id"]), stoppable(report, stop, "The import"))
    return {"scene_id": job.params["scene_id"]}


def import_dataset(ws: Workspace, job: Job, report: Report, stop: Stop) -> dict[str, Any]:
    """Compose the samples of a public set into scenes and register them with their labels."""
    from icssn.datasets import mosaic, sets

    report = stoppable(report, stop, "The import")
    public = sets.public_set(str(job.params["set"]))
    names: dict[str, str] = job.params["names"]
    parts = sets.by_split(public.samples(Path(job.params["folder"])))
    folder = ws.folder / "datasets" / job.id
    made = []
    for number, (part, name) in enumerate(names.items()):
        told = within(report, number / len(names), (number + 1) / len(names))
        samples = sets.some(parts[part], job.params["most"])
        composed, outlines = mosaic.compose(
            folder, f"scene-{number + 1}", samples, colours=public.colours, report=within(told, 0.0, 0.6)
        )
        known = {scene.name: scene for scene in scenes.known(ws.db)}  # a repeated job makes no second one
        scene = known.get(name) or actions.register_scene(ws, composed.raster, name=name)
        if not labels.revision(ws.db, scene.id):
            actions.import_labels(ws, scene.id, outlines)
        _make_map_layers(ws, scene.id, within(told, 0.6, 1.0))
        counts = {"samples": len(samples), "landslides": len(composed.landslides)}
        made.append({"scene_id": scene.id, "name": name, "truth": str(composed.mask), **counts})
    return {"scenes": made}


def _make_map_layers(ws: Workspace, scene_id: str, report: Report) -> None:
    """Convert image and terrain, where that can be seen; layers that already show what they should cost nothing."""
    scene = scenes.get(ws.db, scene_id)
    heights = heights_of(scene)
    folder = ws.scene_folder(scene_id)
    share = 0.3 if heights else 1.0
    told = within(report, 0, share)
    cog.make_tiles(scene.raster, folder / "tiles.tif", stretch=scene.facts.stretch, report=told)
    if scenes.get(ws.db, scene_id).facts.stretch == scene.facts.stretch:  # else the next job draws another
        scenes.update(ws.db, scene_id, tiles=f"scenes/{scene_id}/tiles.tif")
    if heights:
        for number, layer in enumerate(LAYERS):
            told = within(within(report, share, 1), number / len(LAYERS), (number + 1) / len(LAYERS))
            make_relief(heights, folder / f"{layer}.tif", layer=layer, report=told)
        if scenes.get(ws.db, scene_id).dem == scene.dem:
            scenes.update(ws.db, scene_id, hillshade=f"scenes/{scene_id}/hillshade.tif")
    report(Progress(fraction=1.0, message="ready"))
