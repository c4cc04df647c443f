"""``icssn scene …``: imagery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.records import LabelClass

scene = typer.Typer(help="Imagery.", no_args_is_help=True)

SceneOption = Annotated[str, typer.Option("--scene", help="Name of the scene.")]


@scene.command("add")
def scene_add(
    path: Path,
    name: Annotated[str, typer.Option(help="How to call it; the file's name by default.")] = "",
    dem: Annotated[Path | None, typer.Option(help="Elevation raster (GeoTIFF) of the same place.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Add a GeoTIFF; the file stays where it is and is never changed."""
    with session(workspace, json) as (ws, console):
        added, job = actions.add_scene(ws, path, name=name, dem=dem)
        console.wait(ws, job)
        facts = added.facts
        console.give(
            {"scene": actions.find_scene(ws, added.name).model_dump(mode="json")},
            f"Scene '{added.name}': {facts.width} × {facts.height} px of {facts.pixel_size_m:.2f} m, {facts.crs_name}.",
        )


@scene.command("list")
def scene_list(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the scenes."""
    with session(workspace, json) as (ws, console):
        found = actions.list_scenes(ws)
        rows = [(s.name, f"{s.facts.width} × {s.facts.height}", f"{s.facts.pixel_size_m:.2f} m") for s in found]
        console.table(("name", "pixels", "pixel size"), rows, empty="No scenes yet: icssn scene add PATH --name NAME")
        console.give({"scenes": [s.model_dump(mode="json") for s in found]})


@scene.command("show")
def scene_show(name: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show what is known of a scene."""
    with session(workspace, json) as (ws, console):
        found = actions.find_scene(ws, name)
        count = len(actions.list_labels(ws, found.id, cls=LabelClass.landslide))
        facts = found.facts
        text = (
            f"{found.name}\n  file         {found.original}\n  pixels       {facts.width} × {facts.height}, "
            f"{facts.band_count} band(s) {facts.dtype}, {facts.pixel_size_m:.2f} m\n  CRS          {facts.crs_name}\n"
            f"  landslides   {count} labelled, revision {actions.label_revision(ws, found.id)}"
        )
        console.give({"scene": found.model_dump(mode="json"), "landslides": count}, text)
