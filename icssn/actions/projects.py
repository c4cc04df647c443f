"""A project: its workspace, and the demo."""

from __future__ import annotations

from pathlib import Path

from icssn.actions.permission import require
from icssn.actions.work import submit
from icssn.environment import person, workspace_folder
from icssn.errors import DuplicateError
from icssn.records import (
    Actor,
    Job,
    JobKind,
    Role,
)
from icssn.store import backup
from icssn.store.workspace import Workspace


def open_workspace(folder: Path | None = None, *, actor: Actor | None = None) -> Workspace:
    """Open a workspace, creating it where there is none."""
    return Workspace(workspace_folder(folder), actor=actor or Actor(name=person()))


def back_up(ws: Workspace, path: Path) -> None:
    """Write all labels, their history and what else is in the database to a file, while others go on working.

    Raises:
        DuplicateError: The file is there already; a backup never replaces one.
    """
    require(ws, Role.annotator, "make a backup")
    if path.exists():
        raise DuplicateError("file", str(path), remedy="Choose another name; backups are never overwritten.")
    backup.write(ws.db, path)


def load_demo(ws: Workspace) -> Job:
    """Queue the making of the demo project: a generated landscape with terrain and few labels."""
    require(ws, Role.annotator, "load the demo")
    return submit(ws, Job(kind=JobKind.demo, created_by=ws.actor.name))
