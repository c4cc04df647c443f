"""Candidates in hands: the last row counts, none is ever changed."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from icssn.errors import NotFoundError
from icssn.records import CandidateStatus, Decision, Scene
from icssn.store import assignments, predictions, scenes, seats
from icssn.store.database import Database
from icssn.store.tables import assignment
from tests.store.samples import a_candidate, a_prediction, a_scene, drawn


@pytest.fixture
def found(db: Database, scene: Scene) -> list[str]:
    """The ids of three candidates of one prediction."""
    prediction = a_prediction(scene.id)
    items = [a_candidate(prediction) for _ in range(3)]
    predictions.add(db, prediction, items)
    return [item.id for item in items]


def of(db: Database, candidate_id: str) -> dict[str, str]:
    return assignments.standing(db, predictions.candidate(db, candidate_id).prediction_id)


def test_a_candidate_is_with_whom_it_was_given_to_last(db: Database, scene: Scene, found: list[str]) -> None:
    first, second, third = found
    assert of(db, first) == {}
    assert assignments.give(db, scene.id, [first, second, second], person="Li", by="Li") == 2
    assert assignments.give(db, scene.id, [second, third], person="王", by="Li") == 2
    assert of(db, first) == {first: "Li", second: "王", third: "王"}
    assert assignments.give(db, scene.id, [first], person="", by="Li") == 1
    assert of(db, first) == {second: "王", third: "王"}


def test_giving_what_somebody_has_already_writes_nothing(db: Database, scene: Scene, found: list[str]) -> None:
    assignments.give(db, scene.id, found, person="Li", by="Li")
    assert assignments.give(db, scene.id, found, person="Li", by="Wang") == 0
    with db.read() as connection:
        assert connection.scalar(select(func.count()).select_from(assignment)) == 3


def test_a_stranger_among_them_stops_all(db: Database, scene: Scene, found: list[str]) -> None:
    other = scenes.add(db, a_scene())
    for scene_id, ids in ((scene.id, [found[0], "x"]), (other.id, found)):
        with pytest.raises(NotFoundError, match="no candidate"):
            assignments.give(db, scene_id, ids, person="Li", by="Li")
    assert of(db, found[0]) == {}


def test_who_ever_worked_here_is_known(db: Database, scene: Scene, found: list[str]) -> None:
    assert assignments.people(db) == []
    drawn(db, scene.id)  # by ann
    decision = Decision(candidate_id=found[0], status=CandidateStatus.unsure)
    predictions.decide(db, scene.id, [decision], actor="bob")
    assignments.give(db, scene.id, found[1:], person="王", by="ann")
    seats.beat(db, scene.id, person="eve", session_id="tab")
    assert assignments.people(db) == ["ann", "bob", "eve", "王"]


def test_assignments_cannot_be_changed_or_deleted(db: Database, scene: Scene, found: list[str]) -> None:
    assignments.give(db, scene.id, found, person="Li", by="Li")
    for statement in ("UPDATE assignment SET person = 'eve'", "DELETE FROM assignment"):
        with pytest.raises(IntegrityError, match="append-only"), db.write() as connection:
            connection.execute(text(statement))
