"""Seats: the browser tabs at work on a scene, each with its last sign of life and its draft of unsaved edits."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from icssn.errors import NotFoundError
from icssn.records import Draft, Present, now
from icssn.store.database import Database
from icssn.store.tables import scene
from icssn.store.tables import seat as table

PRESENT_S = 20.0
"""A tab that was silent for longer counts as gone; its draft stays."""

_FORGET_S = 86_400.0  # a silent tab without a draft is forgotten after a day


def keep(db: Database, scene_id: str, *, person: str, session_id: str, draft: str) -> None:
    """Keep a tab's draft in the place of its earlier one; counts as a sign of life.

    Raises:
        NotFoundError: There is no such scene.
    """
    moment = now()
    with db.write() as connection:
        _sit(connection, scene_id, person, session_id, {"seen_at": moment, "draft": draft, "kept_at": moment})


def beat(db: Database, scene_id: str, *, person: str, session_id: str) -> None:
    """Write a tab's sign of life; its draft stays as it is.

    Raises:
        NotFoundError: There is no such scene.
    """
    with db.write() as connection:
        _sit(connection, scene_id, person, session_id, {"seen_at": now()})
        silent = table.c.seen_at < now() - dt.timedelta(seconds=_FORGET_S)
        connection.execute(delete(table).where(table.c.scene_id == scene_id, table.c.draft.is_(None), silent))


def drop(db: Database, scene_id: str, *, person: str, session_id: str) -> None:
    """Forget a tab's draft: it was saved or thrown away. Without one, nothing happens."""
    with db.write() as connection:
        seat = _is(scene_id, person, session_id)
        connection.execute(update(table).where(*seat).values(draft=None, kept_at=None))


def drafts(db: Database, scene_id: str, *, person: str) -> list[Draft]:
    """Give a person's drafts on a scene, the newest first."""
    query = select(table).where(table.c.scene_id == scene_id, table.c.person == person, table.c.draft.is_not(None))
    with db.read() as connection:
        found = connection.execute(query.order_by(table.c.kept_at.desc(), table.c.seq.desc())).all()
    return [
        Draft(session_id=row.session_id, body=row.draft, kept_at=row.kept_at, is_open=row.seen_at >= _lately())
        for row in found
    ]


def others(db: Database, scene_id: str, *, session_id: str) -> list[Present]:
    """Give who else has the scene open now, by name; a person's own other tabs count as others."""
    there = (table.c.scene_id == scene_id, table.c.seen_at >= _lately(), table.c.session_id != session_id)
    with db.read() as connection:
        tabs = Counter(connection.scalars(select(table.c.person).where(*there)))
    return [Present(person=person, tabs=count) for person, count in sorted(tabs.items())]


def _lately() -> dt.datetime:
    return now() - dt.timedelta(seconds=PRESENT_S)


def _is(scene_id: str, person: str, session_id: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.scene_id == scene_id, table.c.person == person, table.c.session_id == session_id


def _sit(connection: Connection, scene_id: str, person: str, session_id: str, values: dict[str, Any]) -> None:
    if connection.execute(update(table).where(*_is(scene_id, person, session_id)).values(values)).rowcount:
        return
    if connection.scalar(select(scene.c.seq).where(scene.c.id == scene_id)) is None:
        raise NotFoundError("scene", scene_id)
    whose = {"scene_id": scene_id, "person": person, "session_id": session_id}
    connection.execute(insert(table), whose | values)
