"""The catalogue of scenes: those in the project, and those that were removed from it and may be restored.

Files of a scene that lie in the workspace are kept relative to it, so that they are found where that has been moved.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from icssn.errors import DuplicateError, NotFoundError
from icssn.records import Job, Scene
from icssn.store import jobs, rows
from icssn.store.database import Database
from icssn.store.tables import scene as table

_IN = table.c.removed.is_(None)
_FILES = ("original", "dem")


def add(db: Database, scene: Scene, *, job: Job | None = None) -> Scene:
    """Add a scene, and queue a job with it; both or neither.

    Raises:
        DuplicateError: The name is taken.
        QueueFullError: Too many jobs wait already.
    """
    with db.write() as connection:
        if job:
            jobs.enter(connection, job)
        rows.add(connection, table, scene.model_copy(update=_kept(db, dict(scene))), name=scene.name)
    return scene


def get(db: Database, scene_id: str) -> Scene:
    """Give the scene with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return _placed(db, rows.get(connection, table, Scene, scene_id))


def in_project(db: Database, scene_id: str) -> Scene:
    """Give the scene with an id, which must be in the project: new work may begin on it.

    Raises:
        NotFoundError: There is none, or it was removed; the message says how to restore it.
    """
    return _in_project(get(db, scene_id))


def named(db: Database, name: str, *, removed: bool = False) -> Scene:
    """Give the scene with a name.

    Args:
        db: The database.
        name: Of the scene.
        removed: One that was removed will do as well.

    Raises:
        NotFoundError: There is none, and the message lists the names there are; or it was removed, and the message
            says how to restore it.
    """
    with db.read() as connection:
        row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
        if row is None:
            there = select(table.c.name) if removed else select(table.c.name).where(_IN)
            raise NotFoundError("scene", name, known=connection.scalars(there))
    scene = _placed(db, rows.record_of(Scene, row))
    return scene if removed else _in_project(scene)


def every(db: Database) -> list[Scene]:
    """Give the scenes that are in the project, in the order in which they were added."""
    with db.read() as connection:
        return [_placed(db, scene) for scene in rows.every(connection, table, Scene, _IN)]


def removed(db: Database) -> list[Scene]:
    """Give the scenes that were removed from the project, in the order in which they were added."""
    with db.read() as connection:
        return [_placed(db, scene) for scene in rows.every(connection, table, Scene, table.c.removed.is_not(None))]


def known(db: Database) -> list[Scene]:
    """Give all scenes, those that were removed among them, in the order in which they were added."""
    with db.read() as connection:
        return [_placed(db, scene) for scene in rows.every(connection, table, Scene)]


def update(db: Database, scene_id: str, *, job: Job | None = None, **changes: Any) -> Scene:
    """Set fields of a scene, queue a job with it, both or neither, and give the scene as it now stands.

    Raises:
        NotFoundError: There is none with this id.
        DuplicateError: The new name is taken.
        QueueFullError: Too many jobs wait already.
    """
    try:
        with db.write() as connection:
            if job:
                jobs.enter(connection, job)
            changed = rows.change(connection, table, Scene, scene_id, changes | _kept(db, changes))
    except IntegrityError as err:
        raise DuplicateError("scene", str(changes.get("name"))) from err
    return _placed(db, changed)


def _in_project(scene: Scene) -> Scene:
    if scene.removed:
        remedy = "Restore it on the Scenes page, or with icssn scene restore."
        raise NotFoundError("scene", scene.name, remedy=scene.removed.refusal(remedy))
    return scene


def _kept(db: Database, values: dict[str, Any]) -> dict[str, Any]:
    """Give those of the values that name files in the workspace, relative to it."""
    if (home := db.home) is None:
        return {}
    named = {key: Path(values[key]) for key in _FILES if values.get(key)}
    return {key: path.relative_to(home).as_posix() for key, path in named.items() if path.is_relative_to(home)}


def _placed(db: Database, scene: Scene) -> Scene:
    """Give a scene as it was read with the absolute paths of its files."""
    if (home := db.home) is None:
        return scene
    files = {"dem": _found(home, scene.dem)} if scene.dem else {}
    if scene.facts.version is None:  # else it is an address in a store
        files["original"] = _found(home, scene.original)
    return scene.model_copy(update=files)


def _found(home: Path, name: str) -> str:
    """Give the absolute path of a file; of one that lay in the workspace before that was moved, where it lies now.

    Rows of earlier versions hold absolute paths. No file outside the workspace is asked for, unless there is one inside
    with the same name in the same folder: its disk may be out of reach.
    """
    path = Path(name)
    if not path.is_absolute():
        return str(home / path)
    if not path.is_relative_to(home):
        for first in range(1, len(path.parts) - 1):
            inside = home.joinpath(*path.parts[first:])
            if os.path.isfile(inside):
                return name if os.path.exists(path) else str(inside)
    return name
