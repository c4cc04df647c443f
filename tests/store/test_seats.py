"""Drafts and presence: nothing unsaved is lost, and who is gone is not counted."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import update

from icssn.errors import NotFoundError
from icssn.records import Present, Scene, now
from icssn.store import scenes, seats
from icssn.store.database import Database
from icssn.store.tables import seat
from tests.store.samples import a_scene


def _silence(db: Database, session_id: str, *, seconds: float) -> None:
    """Let so many seconds pass since a tab's last sign of life."""
    past = now() - dt.timedelta(seconds=seconds)
    with db.write() as connection:
        connection.execute(update(seat).where(seat.c.session_id == session_id).values(seen_at=past))


def test_each_tab_keeps_one_draft_of_its_own(db: Database, scene: Scene) -> None:
    other = scenes.add(db, a_scene())
    for person, tab, text in (("ann", "t1", "1"), ("ann", "t2", "2"), ("bob", "t3", "3"), ("ann", "t1", "1+")):
        seats.keep(db, scene.id, person=person, session_id=tab, draft=text)
    seats.keep(db, other.id, person="ann", session_id="t1", draft="elsewhere")
    assert [(d.session_id, d.body) for d in seats.drafts(db, scene.id, person="ann")] == [("t1", "1+"), ("t2", "2")]
    seats.drop(db, scene.id, person="ann", session_id="t1")
    seats.drop(db, scene.id, person="ann", session_id="t3")  # bob's
    assert [d.body for d in seats.drafts(db, scene.id, person="ann")] == ["2"]
    assert [d.body for d in seats.drafts(db, scene.id, person="bob")] == ["3"]
    assert [d.body for d in seats.drafts(db, other.id, person="ann")] == ["elsewhere"]


def test_a_draft_outlives_its_tab(db: Database, scene: Scene) -> None:
    seats.keep(db, scene.id, person="ann", session_id="t1", draft="x")
    assert seats.drafts(db, scene.id, person="ann")[0].is_open
    _silence(db, "t1", seconds=10 * 86_400)
    seats.beat(db, scene.id, person="ann", session_id="t2")
    [kept] = seats.drafts(db, scene.id, person="ann")
    assert (kept.body, kept.is_open) == ("x", False)


def test_others_are_those_heard_from_lately(db: Database, scene: Scene) -> None:
    for person, tab in (("ann", "t1"), ("bob", "t2"), ("bob", "t3"), ("eve", "t4")):
        seats.beat(db, scene.id, person=person, session_id=tab)
    _silence(db, "t4", seconds=21)
    assert seats.others(db, scene.id, session_id="t1") == [Present(person="bob", tabs=2)]
    assert seats.others(db, scene.id, session_id="t2") == [Present(person="ann", tabs=1), Present(person="bob", tabs=1)]
    assert seats.others(db, scenes.add(db, a_scene()).id, session_id="t1") == []


def test_tabs_without_a_draft_are_forgotten_after_a_day(db: Database, scene: Scene) -> None:
    for tab in ("t1", "t2"):
        seats.beat(db, scene.id, person="ann", session_id=tab)
    _silence(db, "t1", seconds=90_000)
    seats.beat(db, scene.id, person="ann", session_id="t2")
    with db.read() as connection:
        assert connection.scalars(seat.select().with_only_columns(seat.c.session_id)).all() == ["t2"]


def test_an_unknown_scene_is_refused(db: Database) -> None:
    with pytest.raises(NotFoundError, match="no scene 'atlantis'"):
        seats.keep(db, "atlantis", person="ann", session_id="t1", draft="x")
    with pytest.raises(NotFoundError, match="no scene 'atlantis'"):
        seats.beat(db, "atlantis", person="ann", session_id="t1")
