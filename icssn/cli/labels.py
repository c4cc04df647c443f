"""``icssn labels …``: outlines and points, brought in, checked, taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.actions.returning import Returned
from icssn.cli.console import Console, JsonOption, WorkspaceOption, session
from icssn.cli.scenes import SceneOption
from icssn.errors import ConfigError
from icssn.records import ImportPreview

_LEFT = "differ from labels that have another number, or that were changed or deleted here since"
labels = typer.Typer(help="Landslide outlines and points.", no_args_is_help=True)


@labels.command("import")
def labels_import(
    path: Path,
    scene: SceneOption,
    complete: Annotated[bool, typer.Option("--complete", help="The file holds every landslide of the scene.")] = False,
    points: Annotated[bool, typer.Option("--points", help="Points are landslides whose boundary is unknown.")] = False,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="COLUMN=FIELD of the record; =- keeps it as it is, = leaves it out."),
    ] = None,
    layer: Annotated[str, typer.Option(help="Of a GeoPackage or zip with several.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only say what the file holds.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Add the features of a GeoPackage, Shapefile (.shp, .zip), GeoJSON, KML, CSV with WKT or COCO file.

    Labels of an export that were edited in it take that over, their outlines too; see it first with --preview.
    """
    with session(workspace, json) as (ws, console):
        scene_id = actions.find_scene(ws, scene).id
        columns = _columns(mapped or [])
        if preview:
            found = actions.preview_import(ws, scene_id, path, points=points, columns=columns, layer=layer)
            known = None
            if not found.refused:
                known = actions.preview_return(ws, scene_id, path, points=points, columns=columns, layer=layer)
            _show(console, found, known)
            return
        done = actions.import_labels(ws, scene_id, path, complete=complete, points=points, columns=columns, layer=layer)
        text = f"{done.count} labels ({done.crs_name}), {done.repaired} repaired, {done.already_there} already there."
        if done.updated:
            text += (
                f" {done.updated} of them were edited in the file: their labels took that over, as a new version each."
            )
        if done.left:
            text += f" {done.left} {_LEFT}; nothing was done with them."
        if done.off_scene:
            text += f" {done.off_scene} lie beside the image."
        if done.strange:
            text += f" Values that no field knows were kept as they came: {', '.join(done.strange)}."
        console.give(done.model_dump(mode="json"), text)


@labels.command("export")
def labels_export(path: Path, scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Write the labels with their whole records: .gpkg, .shp, .zip, .geojson, .kml, .csv or .coco.json."""
    with session(workspace, json) as (ws, console):
        done = actions.export_labels(ws, actions.find_scene(ws, scene).id, path)
        text = f"{done.count} labels written to {path} ({done.crs_name})."
        console.give(done.model_dump(mode="json") | {"path": str(path)}, "\n".join([text, *done.notices]))


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


def _show(console: Console, found: ImportPreview, known: Returned | None) -> None:
    rows = [
        (
            item.name,
            "(left out)" if item.key == "" else item.key or "(as it is)",
            item.filled,
            item.strange or "",
            ", ".join(item.samples),
        )
        for item in found.columns
    ]
    console.table(("column", "field", "filled", "unknown values", "for instance"), rows, empty="No columns.")
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    texts = [f"{found.count} features ({kinds}), {found.crs_name}, {found.repaired} to repair.", *found.problems]
    figures = {}
    if known:
        figures = {"already_there": known.there, "updated": len(known.edited), "outlines": known.outlines}
        figures["left"] = known.left + known.deleted
        texts.append(f"{len(known.new)} would be new, {known.there} are already there.")
        if known.edited:
            versions = "their labels would take that over, as a new version each"
            texts.append(f"{len(known.edited)} were edited in the file ({known.outlines} the outline): {versions}.")
        if figures["left"]:
            texts.append(f"{figures['left']} {_LEFT}; nothing would be done with them.")
    console.give(found.model_dump(mode="json") | figures, "\n".join(texts))


def _columns(mapped: list[str]) -> dict[str, str | None]:
    for pair in mapped:
        if "=" not in pair:
            raise ConfigError("--map", pair, "COLUMN=FIELD, or COLUMN= to leave the column out")
    pairs = ((column.strip(), key.strip()) for column, _, key in (pair.rpartition("=") for pair in mapped))
    return {column: None if key == "-" else key for column, key in pairs}
