"""A project: its workspace, and the demo."""

from __future__ import annotations

import os
from pathlib import Path

from icssn.actions.permission import require, require_role
from icssn.actions.work import require_room, submit, wake
from icssn.environment import database_place, person, workspace_folder
from icssn.errors import DuplicateError
from icssn.records import (
    Actor,
    Job,
    JobKind,
    Role,
)
from icssn.store import backup, scenes
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
    if os.path.lexists(path):
        raise DuplicateError("file", str(path), remedy="Choose another name; backups are never overwritten.")
    backup.write(ws.db, path)


def restore_backup(path: Path, folder: Path | None = None, *, actor: Actor | None = None) -> Path | None:
    """Put a backup in the place of a workspace's database, which nobody may have open; nothing is deleted.

    The one verb besides `open_workspace` that takes no workspace: the database may be damaged, or gone.

    Args:
        path: The backup; it is copied.
        folder: The workspace, as `open_workspace` takes it.
        actor: Who does it.

    Returns:
        Where the former database lies now, None where there was none.

    Raises:
        NotFoundError: There is no such file.
        DatabaseUnusableError: It is no sound backup; another program has the database open; or the database is none
            of a file, then the text says which command restores it.
        DiskFullError: There is no room for it.
    """
    require_role(actor or Actor(name=person()), Role.admin, "restore a backup")
    return backup.restore(path, database_place(workspace_folder(folder)))


def load_demo(ws: Workspace) -> Job:
    """Queue the making of the demo project: a generated landscape with terrain and few labels.

    Where its scene was removed, that is restored.

    Raises:
        DiskFullError: There is no room for it; nothing was restored.
        QueueFullError: Too many jobs wait already; nothing was restored.
    """
    require(ws, Role.annotator, "load the demo")
    job = Job(kind=JobKind.demo, created_by=ws.actor.name)
    removed = next((scene for scene in scenes.removed(ws.db) if scene.name == "demo"), None)
    if removed is None:
        return submit(ws, job)
    require_room(ws, job)
    scenes.update(ws.db, removed.id, job=job, removed=None)
    wake(ws)
    return job
