"""The register of checkpoints."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from icssn.errors import DuplicateError, NotFoundError
from icssn.records import CheckpointState
from icssn.store import checkpoints
from icssn.store.database import Database
from tests.store.samples import a_checkpoint


def test_a_checkpoint_survives_the_table(db: Database) -> None:
    first = checkpoints.add(db, a_checkpoint(metrics={"f1": 0.7}, threshold=0.42))
    second = checkpoints.add(db, a_checkpoint(parent=first.id))
    assert checkpoints.get(db, first.id) == first
    assert checkpoints.every(db) == [second, first]
    with pytest.raises(DuplicateError):
        checkpoints.add(db, first)


def test_promotion_retires_the_active_one(db: Database) -> None:
    first, second = (checkpoints.add(db, a_checkpoint()) for _ in range(2))
    assert checkpoints.active(db) is None
    for chosen, other in ((first, second), (second, first), (second, first), (first, second)):
        promoted = checkpoints.promote(db, chosen.id)
        assert promoted.state is CheckpointState.active
        assert checkpoints.active(db) == promoted
        assert checkpoints.get(db, other.id).state is not CheckpointState.active


def test_promoting_what_is_not_there_keeps_the_active_one(db: Database) -> None:
    active = checkpoints.promote(db, checkpoints.add(db, a_checkpoint()).id)
    with pytest.raises(NotFoundError):
        checkpoints.promote(db, "x")
    assert checkpoints.active(db) == active


def test_the_database_itself_refuses_two_active_checkpoints(db: Database) -> None:
    checkpoints.add(db, a_checkpoint())
    checkpoints.add(db, a_checkpoint())
    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(text("UPDATE checkpoint SET state = 'active'"))
