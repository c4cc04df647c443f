"""``icssn labels …``: outlines and points, brought in, checked, taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.cli.scenes import SceneOption

labels = typer.Typer(help="Landslide outlines and points.", no_args_is_help=True)


@labels.command("import")
def labels_import(
    path: Path,
    scene: SceneOption,
    complete: Annotated[bool, typer.Option("--complete", help="The file holds every landslide of the scene.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Add the polygons of a GeoPackage, GeoJSON or Shapefile as landslides."""
    with session(workspace, json) as (ws, console):
        done = actions.import_labels(ws, actions.find_scene(ws, scene).id, path, complete=complete)
        text = f"{done.count} polygons ({done.crs_name}), {done.repaired} repaired, {done.already_there} already there."
        console.give(done.model_dump(mode="json"), text)


@labels.command("export")
def labels_export(path: Path, scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Write the labels to a .gpkg (CRS of the scene) or .geojson (longitude/latitude)."""
    with session(workspace, json) as (ws, console):
        count = actions.export_labels(ws, actions.find_scene(ws, scene).id, path)
        console.give({"count": count, "path": str(path)}, f"{count} labels written to {path}.")


@labels.command("list")
def labels_list(scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the labels of a scene."""
    with session(workspace, json) as (ws, console):
        scene_id = actions.find_scene(ws, scene).id
        found = actions.list_labels(ws, scene_id)
        rows = [(item.uid, item.cls, item.status, item.source, item.version, item.updated_by) for item in found]
        columns = ("uid", "class", "status", "source", "version", "by")
        console.table(columns, rows, empty=f"No labels yet: icssn labels import PATH --scene {scene}")
        console.give(
            {
                "labels": [item.model_dump(mode="json") for item in found],
                "revision": actions.label_revision(ws, scene_id),
            }
        )


@labels.command("check")
def labels_check(scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Say what looks wrong: overlaps, slivers, outlines off the image or on nodata, unlikely sizes."""
    with session(workspace, json) as (ws, console):
        scene_id = actions.find_scene(ws, scene).id
        found = actions.check_labels(ws, scene_id)
        rows = [(w.kind, " ".join(w.uids), f"{w.at_lonlat[0]:.5f} {w.at_lonlat[1]:.5f}", w.text) for w in found]
        console.table(("what", "labels", "where (lon lat)", "says"), rows, empty="Nothing looks wrong.")
        console.give({"warnings": [item.model_dump(mode="json") for item in found]})
