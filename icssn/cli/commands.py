"""The list of all commands of ``icssn``; each opens the workspace, calls one action and prints its answer."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

import typer

from icssn import actions
from icssn.cli import datasets, demo, doctor, export, labels, learning, models, results, reviewing, scenes
from icssn.cli.console import Console, JsonOption, WorkspaceOption, session, told
from icssn.jobs import engine

app = typer.Typer(
    help="Map old landslides from few labels: correct, retrain, look.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the command line; an unforeseen error becomes one sentence, its details go to a file."""
    console = Console(as_json="--json" in sys.argv)
    for word in map(os.fsencode, sys.argv):
        if not _is_text(word):
            shown = word.decode("utf-8", "backslashreplace")
            console.fail(f"'{shown}' is not written in UTF-8. Type it again, or give the file or folder another name.")
            sys.exit(1)
    try:
        app()
    except Exception as err:
        with tempfile.NamedTemporaryFile("w", prefix="icssn-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        reason = f"Something unexpected went wrong ({type(err).__name__}). The details are in {log.name}."
        console.fail(reason)
        sys.exit(1)


def _is_text(word: bytes) -> bool:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@app.command("init")
def init(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Create a workspace (a project folder), or open the one that is there."""
    with session(workspace, json) as (ws, console):
        console.give({"workspace": str(ws.folder), "scenes": len(actions.list_scenes(ws))}, f"Workspace {ws.folder}")


@app.command("backup")
def backup(path: Path, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Write the database, with all labels and their history, to a new file while others go on working."""
    with session(workspace, json) as (ws, console):
        actions.back_up(ws, path)
        console.give({"path": str(path), "bytes": path.stat().st_size}, f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


@app.command("restore")
def restore(path: Path, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Put a backup in the place of the database; the present one is kept beside it, under a name with the time."""
    with told(json):
        former = actions.restore_backup(path, workspace)
    with session(workspace, json) as (ws, console):
        count = len(actions.list_scenes(ws))
        kept = f"The former database is now {former}." if former else "There was no database before."
        answer = {"path": str(path), "database": ws.db.place, "scenes": count, "former": former}
        console.give(answer, f"{ws.db.place} is now what {path} holds ({count} scenes). {kept}")


@app.command("worker")
def worker(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Serve the job queue in this terminal until interrupted."""
    with session(workspace, json) as (ws, console):
        served = engine.serve(ws, idle_exit_s=float("inf"))
        console.give({"served": served}, "" if served else "Another worker already serves this workspace.")


app.command("demo")(demo.demo)
app.add_typer(scenes.scene, name="scene")
app.add_typer(datasets.dataset, name="dataset")
app.add_typer(labels.labels, name="labels")
app.command("train")(learning.train)
app.command("runs")(learning.runs)
app.add_typer(learning.run, name="run")
app.command("predict")(results.predict)
app.command("evaluate")(results.evaluate)
app.command("crossval")(learning.crossval)
app.add_typer(results.candidates, name="candidates")
app.add_typer(reviewing.review, name="review")
app.add_typer(export.export, name="export")
app.command("models")(models.models)
app.add_typer(models.model, name="model")
app.command("doctor")(doctor.doctor)
