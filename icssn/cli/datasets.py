"""``icssn dataset …``: public landslide sets as scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session

dataset = typer.Typer(help="Public landslide sets.", no_args_is_help=True)


@dataset.command("import")
def dataset_import(
    kind: Annotated[str, typer.Argument(help="bijie, landslide4sense, hr-gldd, gvlm or cas.")],
    folder: Annotated[Path, typer.Argument(help="Into which the set was unpacked.")],
    name: Annotated[str, typer.Option(help="How to call the scene; the kind by default.")] = "",
    samples: Annotated[int | None, typer.Option(help="At most so many samples a scene, drawn at random.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Compose the samples of a public set into scenes, complete with labels; one scene for each part of the set."""
    with session(workspace, json) as (ws, console):
        made = console.wait(ws, actions.import_dataset(ws, kind, folder, name=name, most=samples)).result
        rows = [(of["name"], of["samples"], of["landslides"], of["truth"]) for of in made["scenes"]]
        console.table(("scene", "samples", "landslides", "truth, for icssn evaluate"), rows, empty="")
        console.give(made)
