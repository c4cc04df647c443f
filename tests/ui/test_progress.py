"""A job that nobody works on is told calmly, with what to do; one that goes on is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icssn.records import Job, JobKind, JobState, Progress, Scene, now
from icssn.store import jobs
from icssn.store.workspace import Workspace
from icssn.ui import progress
from tests.ui.test_pages import opened

NOON = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


def ago(seconds: float) -> dt.datetime:
    return NOON - dt.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("known", "its_turn_since", "said"),
    [
        ({"state": JobState.running, "heartbeat_at": ago(6)}, None, ""),
        ({"state": JobState.running, "heartbeat_at": ago(300)}, None, "no sign of life for 5 min"),
        ({"state": JobState.queued}, ago(6), ""),
        ({"state": JobState.queued}, None, ""),  # another is running
        ({"state": JobState.queued}, ago(40), "No worker has taken this up for 40 s"),
    ],
)
def test_only_what_stands_still_is_told(
    known: dict[str, Any], its_turn_since: dt.datetime | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "en"})
    job = Job(kind=JobKind.train, created_at=ago(9000), **known)
    found = progress.standstill(job, its_turn_since=its_turn_since, at=NOON)
    assert said in found
    assert bool(found) == bool(said)
    assert not found or "Nothing is lost" in found


def told(app: AppTest) -> str:
    """Give what Home says beside its bars."""
    return "\n".join(element.value for kind in (app.info, app.caption) for element in kind)


def test_home_says_that_the_worker_of_a_run_gives_no_sign_of_life(ws: Workspace, scene: Scene) -> None:
    job = jobs.add(ws.db, Job(kind=JobKind.predict, params={"scene_id": scene.id}))
    ticket = jobs.claim(ws.db, worker="elsewhere:1")
    assert ticket
    jobs.report(ws.db, ticket, Progress(fraction=0.4, remaining_s=840))
    assert "no sign of life" not in told(opened())
    silent_since(ws, job, now() - dt.timedelta(minutes=3))
    assert "no sign of life for 3 min" in told(opened())


def test_home_says_that_a_run_was_interrupted(ws: Workspace, scene: Scene) -> None:
    jobs.add(ws.db, Job(kind=JobKind.predict, params={"scene_id": scene.id}))
    ticket = jobs.claim(ws.db, worker="elsewhere:1")
    assert ticket
    jobs.requeue(ws.db, ticket)
    assert "interrupted and goes on" in told(opened())
    jobs.claim(ws.db, worker="elsewhere:2")
    assert "interrupted and has gone on" in told(opened())


def silent_since(ws: Workspace, job: Job, moment: dt.datetime) -> None:
    """Set a job's last sign of life."""
    from sqlalchemy import update

    from icssn.store.tables import job as table

    with ws.db.write() as connection:
        connection.execute(update(table).where(table.c.id == job.id).values(heartbeat_at=moment))
