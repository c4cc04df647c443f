"""The catalogue of scenes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from icssn.errors import DuplicateError, NotFoundError
from icssn.records import Scene
from icssn.store import rows
from icssn.store.database import Database
from icssn.store.tables import scene as table


def add(db: Database, scene: Scene) -> Scene:
    """Add a scene.

    Raises:
        DuplicateError: The name is taken.
    """
    with db.write() as connection:
        rows.add(connection, table, scene, name=scene.name)
    return scene


def get(db: Database, scene_id: str) -> Scene:
    """Give the scene with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, table, Scene, scene_id)


def named(db: Database, name: str) -> Scene:
    """Give the scene with a name.

    Raises:
        NotFoundError: There is none; the message lists the names there are.
    """
    with db.read() as connection:
        row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
        if row is None:
            raise NotFoundError("scene", name, known=connection.scalars(select(table.c.name)))
        return rows.record_of(Scene, row)


def every(db: Database) -> list[Scene]:
    """Give all scenes, in the order in which they were added."""
    with db.read() as connection:
        return rows.every(connection, table, Scene)


def update(db: Database, scene_id: str, **changes: Any) -> Scene:
    """Set fields of a scene and give it as it now stands.

    Raises:
        NotFoundError: There is none with this id.
        DuplicateError: The new name is taken.
    """
    try:
        with db.write() as connection:
            return rows.change(connection, table, Scene, scene_id, changes)
    except IntegrityError as err:
        raise DuplicateError("scene", str(changes.get("name"))) from err
