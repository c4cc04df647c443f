"""Runs and rounds."""

from __future__ import annotations

import math

import pytest

from icssn.errors import DuplicateError, NotFoundError
from icssn.records import Round, Run, now
from icssn.store import runs
from icssn.store.database import Database


def _run() -> Run:
    return Run(scene_ids=("a", "b"), revisions={"a": 3, "b": 1}, config={"rounds": 2, "atrous_rates": [3, 6, 9]})


def test_a_run_survives_the_table(db: Database) -> None:
    run = runs.add(db, _run())
    later = runs.add(db, _run())
    assert runs.get(db, run.id) == run
    assert runs.every(db) == [later, run]
    with pytest.raises(DuplicateError):
        runs.add(db, run)
    with pytest.raises(NotFoundError):
        runs.get(db, "x")


def test_a_run_is_completed_later(db: Database) -> None:
    run = runs.add(db, _run())
    moment = now()
    ended = runs.update(db, run.id, ended_at=moment, checkpoint_id="c", summary={"f1": 0.7})
    assert runs.get(db, run.id) == ended
    assert (ended.ended_at, ended.checkpoint_id, ended.summary) == (moment, "c", {"f1": 0.7})


def test_a_round_is_kept_once_however_often_it_is_reported(db: Database) -> None:
    run = runs.add(db, _run())
    second = Round(run_id=run.id, number=2, metrics={"f1": 0.7, "precision": math.nan}, seconds=12.5)
    first = Round(run_id=run.id, number=1, metrics={"f1": 0.5})
    for round_ in (second, first, first, second):
        runs.add_round(db, round_)
    found = runs.rounds(db, run.id)
    assert [round_.number for round_ in found] == [1, 2]
    assert found[0] == first
    assert math.isnan(found[1].metrics["precision"])
    with pytest.raises(NotFoundError):
        runs.add_round(db, Round(run_id="x", number=1, metrics={}))
