"""``icssn export …``: results handed out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.cli.scenes import SceneOption
from icssn.durable import require_folder

export = typer.Typer(help="Results as files for other programs.", no_args_is_help=True)


@export.callback()
def _group() -> None:
    """Keep ``inventory`` a word of its own while it is the only one."""


@export.command("inventory")
def inventory(
    scene: SceneOption,
    out: Annotated[Path, typer.Option(help="Folder that the files go into.")],
    language: Annotated[str, typer.Option(help="Of the sheets: en or zh.")] = "en",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write the inventory of a scene: labels, rasters, a sheet for each landslide, summary, STAC item, manifest."""
    with session(workspace, json) as (ws, console):
        if language not in ("en", "zh"):
            raise typer.BadParameter("en or zh")
        known = actions.find_scene(ws, scene)
        actions.require_inventory_place(ws, out)
        require_folder(out)
        job = console.wait(ws, actions.export_inventory(ws, known.id, language=language))
        files = actions.unpack_inventory(ws, job.id, out)
        text = f"{len(files)} files written to {out}."
        if actions.elevation_gone(known):
            text += f" {actions.NO_HEIGHTS}"
        console.give({"files": [str(path) for path in files]}, text)
