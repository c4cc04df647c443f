"""``icssn models`` and ``model …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.records import Checkpoint

model = typer.Typer(help="One trained model.", no_args_is_help=True)


def models(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the models, newest first."""
    with session(workspace, json) as (ws, console):
        found = actions.list_checkpoints(ws)
        states = [c.state if actions.is_usable(ws, c.id) else f"{c.state}, files missing" for c in found]
        rows = [(c.id, state, f"{c.created_at:%Y-%m-%d %H:%M}", _f1(c)) for c, state in zip(found, states, strict=True)]
        console.table(("model", "state", "made", "val_f1"), rows, empty="No models yet: icssn train --scene NAME")
        console.give({"models": [c.model_dump(mode="json") | {"usable": actions.is_usable(ws, c.id)} for c in found]})


def _f1(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.metrics['val_f1']:.3f}" if "val_f1" in checkpoint.metrics else "–"


@model.command("show")
def model_show(checkpoint_id: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show the card of a model."""
    with session(workspace, json) as (ws, console):
        found = actions.find_checkpoint(ws, checkpoint_id)
        card = actions.model_card(ws, checkpoint_id)
        rows = [(key, f"{value:.4g}") for key, value in sorted(found.metrics.items())]
        console.table(("validation figure", "value"), rows, empty="No figures were recorded.")
        sees = ", ".join(["the image", *actions.terrain_of(ws, checkpoint_id)])
        console.give({"model": found.model_dump(mode="json"), "card": card}, f"Looks at {sees}.")


@model.command("promote")
def model_promote(checkpoint_id: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Make a model the active one."""
    with session(workspace, json) as (ws, console):
        promoted = actions.promote(ws, checkpoint_id)
        console.give({"model": promoted.model_dump(mode="json")}, f"Model {promoted.id} is active.")


@model.command("export")
def model_export(
    checkpoint_id: str,
    path: Annotated[Path, typer.Argument(help="A zip file to write, or a folder for it.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Pack a model into one zip file: weights, card and STAC Item."""
    with session(workspace, json) as (ws, console):
        written = actions.export_model(ws, checkpoint_id, path)
        console.give({"file": str(written)}, f"Written: {written}")


@model.command("track")
def model_track(
    checkpoint_id: str,
    to: Annotated[
        str, typer.Argument(help="MLflow tracking URI, e.g. http://mlflow.office:5000 or sqlite:///mlflow.db")
    ],
    experiment: Annotated[str, typer.Option(help="Made there where it does not exist.")] = "icssn",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a model into an MLflow tracking store (needs the package mlflow-skinny or mlflow)."""
    with session(workspace, json) as (ws, console):
        entered = actions.track_model(ws, checkpoint_id, to=to, experiment=experiment)
        console.give({"mlflow_run": entered}, f"Entered as MLflow run {entered}.")


@model.command("import")
def model_import(
    path: Annotated[Path, typer.Argument(help="A zip file that ICSSN exported, or a folder with its content.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Take up a model that was exported here or elsewhere; it is a candidate until it is promoted."""
    with session(workspace, json) as (ws, console):
        taken = actions.import_model(ws, path)
        console.give({"model": taken.model_dump(mode="json")}, f"Model {taken.id} is here as a candidate.")
