"""``icssn scene …``: imagery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.errors import ConfigError
from icssn.imagery.open import raster_at
from icssn.records import LabelClass

scene = typer.Typer(help="Imagery.", no_args_is_help=True)

Number = TypeVar("Number", int, float)
SceneOption = Annotated[str, typer.Option("--scene", help="Name of the scene.")]


@scene.command("add")
def scene_add(
    path: Annotated[
        str, typer.Argument(help="Of the file, or its address in a store, such as s3://survey/valley.tif.")
    ],
    name: Annotated[str, typer.Option(help="How to call it; the file's name by default.")] = "",
    dem: Annotated[Path | None, typer.Option(help="Elevation raster (GeoTIFF) of the same place.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Even if a scene has the same image already.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Add a GeoTIFF; the file stays where it is and is never changed."""
    with session(workspace, json) as (ws, console):
        added, job = actions.add_scene(ws, raster_at(path), name=name, dem=dem, again=again)
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


@scene.command("set")
def scene_set(
    name: str,
    bands: Annotated[str, typer.Option(help="Bands for red, green and blue, such as 4,3,2; or one.")] = "",
    percent: Annotated[str, typer.Option(help="Percentiles that become black and white.")] = "2,98",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Choose the bands and the stretch of a scene; its map is drawn anew, its file stays as it is."""
    with session(workspace, json) as (ws, console):
        low, high = _numbers("percent", percent, float, 2)
        chosen = tuple(_numbers("bands", bands, int)) if bands else None
        scene_id = actions.find_scene(ws, name).id
        changed, job = actions.set_stretch(ws, scene_id, bands=chosen, percent=(low, high))
        console.wait(ws, job)
        stretch = changed.facts.stretch
        shown = ", ".join(
            f"band {band}: {lowest:g} to {highest:g}"
            for band, lowest, highest in zip(stretch.bands, stretch.low, stretch.high, strict=True)
        )
        console.give({"scene": actions.find_scene(ws, name).model_dump(mode="json")}, f"Scene '{name}' shows {shown}.")


@scene.command("dem")
def scene_dem(name: str, path: Path, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Attach an elevation raster (GeoTIFF) to a scene, in the place of an earlier one."""
    with session(workspace, json) as (ws, console):
        _, job = actions.set_elevation(ws, actions.find_scene(ws, name).id, path)
        console.wait(ws, job)
        attached = {"scene": actions.find_scene(ws, name).model_dump(mode="json")}
        console.give(attached, f"Scene '{name}' has the heights of {path.name}.")


def _numbers(name: str, text: str, kind: type[Number], count: int | None = None) -> list[Number]:
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError as err:
        raise ConfigError(name, text, "numbers with commas between them") from err
    if count is not None and len(found) != count:
        raise ConfigError(name, text, f"{count} numbers with a comma between them")
    return found
