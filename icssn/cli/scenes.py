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
def scene_list(
    removed: Annotated[bool, typer.Option("--removed", help="Those that were removed from the project.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the scenes."""
    with session(workspace, json) as (ws, console):
        found = actions.list_scenes(ws, removed=removed)
        rows = [(s.name, f"{s.facts.width} × {s.facts.height}", f"{s.facts.pixel_size_m:.2f} m") for s in found]
        none = f"No scenes yet in {ws.folder}: icssn scene add PATH --name NAME"
        console.table(("name", "pixels", "pixel size"), rows, empty="No scene was removed." if removed else none)
        console.give({"scenes": [s.model_dump(mode="json") for s in found]})


@scene.command("show")
def scene_show(name: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show what is known of a scene."""
    with session(workspace, json) as (ws, console):
        found = actions.find_scene(ws, name)
        count = len(actions.list_labels(ws, found.id, cls=LabelClass.landslide))
        facts = found.facts
        gone = " (not there: icssn scene move says where it is now)" if actions.image_gone(found) else ""
        text = (
            f"{found.name}\n  file         {found.original}{gone}\n  pixels       {facts.width} × {facts.height}, "
            f"{facts.band_count} band(s) {facts.dtype}, {facts.pixel_size_m:.2f} m\n  CRS          {facts.crs_name}\n"
            f"  landslides   {count} labelled, revision {actions.label_revision(ws, found.id)}"
        )
        console.give({"scene": found.model_dump(mode="json"), "landslides": count}, text)


@scene.command("set")
def scene_set(
    name: str,
    bands: Annotated[str, typer.Option(help="Bands for red, green and blue, such as 4,3,2; or one.")] = "",
    percent: Annotated[
        str, typer.Option(help="Percentiles that become black and white, such as 2,98; by default as before.")
    ] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Choose the bands and the stretch of a scene; its map is drawn anew, its file stays as it is."""
    with session(workspace, json) as (ws, console):
        chosen = tuple(_numbers("bands", bands, int)) if bands else None
        cut = None
        if percent:
            low, high = _numbers("percent", percent, float, 2)
            cut = low, high
        scene_id = actions.find_scene(ws, name).id
        changed, job = actions.set_stretch(ws, scene_id, bands=chosen, percent=cut)
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


@scene.command("rename")
def scene_rename(
    name: str,
    new_name: Annotated[str, typer.Argument(help="How to call it from now on.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Give a scene another name."""
    with session(workspace, json) as (ws, console):
        renamed = actions.rename_scene(ws, actions.find_scene(ws, name).id, new_name)
        console.give({"scene": renamed.model_dump(mode="json")}, f"Scene '{name}' is now called '{renamed.name}'.")


@scene.command("move")
def scene_move(
    name: str,
    path: Annotated[Path, typer.Argument(help="Where the scene's file is now.")],
    dem: Annotated[Path | None, typer.Option(help="Where its elevation raster is now.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Say where the file of a scene is now, after it was moved; it must show the same image. Labels stay."""
    with session(workspace, json) as (ws, console):
        _, job = actions.move_scene(ws, actions.find_scene(ws, name).id, path, dem=dem)
        if job:
            console.wait(ws, job)
        found = actions.find_scene(ws, name)
        text = f"Scene '{name}' has its image at {found.original}."
        if actions.elevation_gone(found):
            text += f" Its elevation raster is not at {found.dem}: icssn scene dem attaches it again."
        console.give({"scene": found.model_dump(mode="json")}, text)


@scene.command("remove")
def scene_remove(name: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Take a scene out of the project; nothing is deleted, and icssn scene restore brings it back."""
    with session(workspace, json) as (ws, console):
        gone = actions.remove_scene(ws, actions.find_scene(ws, name).id)
        text = f"Scene '{name}' was removed from the project. Nothing was deleted: icssn scene restore brings it back."
        console.give({"scene": gone.model_dump(mode="json")}, text)


@scene.command("restore")
def scene_restore(name: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Bring a scene that was removed back into the project."""
    with session(workspace, json) as (ws, console):
        back = actions.restore_scene(ws, actions.find_scene(ws, name, removed=True).id)
        console.give({"scene": back.model_dump(mode="json")}, f"Scene '{name}' is in the project.")


def _numbers(name: str, text: str, kind: type[Number], count: int | None = None) -> list[Number]:
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError as err:
        raise ConfigError(name, text, "numbers with commas between them") from err
    if count is not None and len(found) != count:
        raise ConfigError(name, text, f"{count} numbers with a comma between them")
    return found
