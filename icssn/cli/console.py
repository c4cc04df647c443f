"""What the command line prints: one JSON object, or text and progress bars for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from icssn import actions
from icssn.errors import IcssnError
from icssn.records import Job
from icssn.store.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", help="Folder of the project; else ICSSN_WORKSPACE, else ./workspace.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]


class Console:
    """Prints one command's result.

    Attributes:
        as_json: One JSON object on stdout; everything else goes to stderr.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._stdout = RichConsole(highlight=False, width=None if sys.stdout.isatty() else 200)  # whole ids in pipes
        self._stderr = RichConsole(stderr=True, highlight=False)

    def give(self, answer: dict[str, Any], text: str = "") -> None:
        """Print the answer of the command: as JSON, or as `text` for people."""
        if self.as_json:
            print(json.dumps(answer, ensure_ascii=False, default=str))
        elif text:
            self._stdout.print(text, markup=False, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
        """Print rows for people (nothing in JSON mode); `empty` says what to do when there are none."""
        if self.as_json:
            return
        if not rows:
            self._stdout.print(empty, markup=False)
            return
        table = Table(box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self._stdout.print(table)

    def fail(self, reason: str) -> None:
        """Print why the command did not do its work."""
        if self.as_json:
            print(json.dumps({"error": reason}, ensure_ascii=False))
        else:
            self._stderr.print(reason, markup=False, soft_wrap=True)

    def wait(self, ws: Workspace, job: Job) -> Job:
        """Wait for a job with a progress bar on stderr; raises what `actions.wait_for` raises."""
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._stderr, transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task(job.kind.value, total=1.0)

            def show(current: Job) -> None:
                words = current.progress.message or current.state.value
                bar.update(task, completed=current.progress.fraction, description=words)

            try:
                return actions.wait_for(ws, job, on_progress=show)
            except KeyboardInterrupt:
                self._stderr.print(f"The job goes on in the background; `icssn run cancel {job.id}` stops it.")
                raise


@contextmanager
def session(workspace: Path | None, as_json: bool) -> Iterator[tuple[Workspace, Console]]:
    """Open the workspace for one command; turn an error into one sentence and exit status 1."""
    with told(as_json) as console:
        ws = actions.open_workspace(workspace)
        try:
            yield ws, console
        finally:
            ws.close()


@contextmanager
def told(as_json: bool) -> Iterator[Console]:
    """Turn an error of a command into one sentence and exit status 1."""
    console = Console(as_json=as_json)
    try:
        yield console
    except IcssnError as err:
        console.fail(str(err))
        raise typer.Exit(1) from err
    except KeyboardInterrupt as err:
        raise typer.Exit(130) from err
