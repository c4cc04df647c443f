"""Jobs: the queue between the app and its workers, and what the user sees of it.

queued → running → done | failed | cancelled; a running job whose worker died goes back to queued.

A job as `claim` gave it is a ticket: what its holder writes counts only while nobody has claimed the job again. A
worker that was taken for dead, and returns, can neither report nor publish.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, Connection, func, select, update

from icssn.errors import BusyError, LostJobError, QueueFullError
from icssn.records import Job, JobKind, JobState, Progress, now
from icssn.store import rows
from icssn.store.database import Database
from icssn.store.tables import job as table

MAX_WAITING = 50  # a queue that is longer than a day's work is a mistake, or an attack

_ALIVE = (JobState.queued.value, JobState.running.value)


def add(db: Database, job: Job) -> Job:
    """Queue a job.

    Raises:
        QueueFullError: `MAX_WAITING` jobs wait already; nothing was queued.
    """
    with db.write() as connection:
        enter(connection, job)
    return job


def add_unless_busy(db: Database, job: Job) -> Job:
    """Queue a job, unless one of its kind is queued or running.

    Raises:
        BusyError: There is one; nothing was queued.
        QueueFullError: `MAX_WAITING` jobs wait already; nothing was queued.
    """
    with db.write() as connection:
        add_if_idle(connection, job)
    return job


def add_if_idle(connection: Connection, job: Job) -> None:
    """Queue a job within a writing transaction; raises as `add_unless_busy`."""
    kind_alive = (table.c.kind == job.kind.value, table.c.state.in_(_ALIVE))
    for other in rows.every(connection, table, Job, *kind_alive, limit=1):
        raise BusyError(other.kind, other.id, other.state)
    enter(connection, job)


def get(db: Database, job_id: str) -> Job:
    """Give the job with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, table, Job, job_id)


def recent(db: Database, *, kind: JobKind | None = None, limit: int = 50) -> list[Job]:
    """Give the newest jobs, newest first."""
    conditions = [] if kind is None else [table.c.kind == kind.value]
    with db.read() as connection:
        return rows.every(connection, table, Job, *conditions, newest_first=True, limit=limit)


def among(db: Database, ids: list[str]) -> list[Job]:
    """Give the jobs with these ids, newest first; those that there are not are left out."""
    with db.read() as connection:
        return rows.every(connection, table, Job, table.c.id.in_(ids), newest_first=True)


def active(db: Database) -> list[Job]:
    """Give the queued and running jobs, oldest first."""
    with db.read() as connection:
        return rows.every(connection, table, Job, table.c.state.in_(_ALIVE))


# ---- the worker's side --------------------------------------------------------------------------------------


def claim(db: Database, *, worker: str) -> Job | None:
    """Start the oldest queued job for a worker; None when the queue is empty. No job is given twice."""
    with db.write() as connection:
        for job in rows.every(connection, table, Job, table.c.state == JobState.queued.value, limit=1):
            moment = now()
            changes = {
                "state": JobState.running,
                "worker": worker,
                "attempts": job.attempts + 1,
                "started_at": moment,
                "heartbeat_at": moment,
            }
            return rows.change(connection, table, Job, job.id, changes)
    return None


def report(db: Database, ticket: Job, progress: Progress) -> bool:
    """Write how far a running job is; counts as a sign of life. False: another worker has the job now."""
    return _sign(db, ticket, progress=progress)


def beat(db: Database, ticket: Job) -> bool:
    """Write a sign of life of a running job. False: another worker has the job now."""
    return _sign(db, ticket)


def require_held(connection: Connection, ticket: Job) -> None:
    """Make sure, within the transaction that publishes a job's result, that the job is still its holder's.

    Raises:
        LostJobError: It was given to another worker, or is over.
    """
    if connection.execute(select(table.c.id).where(*_held(ticket))).one_or_none() is None:
        raise LostJobError(ticket.id)


def cancel_requested(db: Database, job_id: str) -> bool:
    """Say whether the user wants a job to stop."""
    return get(db, job_id).cancel_requested


def finish(
    db: Database, ticket: Job, state: JobState, *, result: dict[str, object] | None = None, error: str = ""
) -> Job:
    """End a job as done, failed or cancelled; the first end of a job stands, and only its holder's word counts.

    Args:
        db: The database.
        ticket: The job, as its holder claimed it.
        state: How it ended.
        result: What it gave; JSON-ready.
        error: One sentence for the user, when it failed.
    """
    if not state.is_over:
        raise ValueError(f"A job cannot end as {state}.")
    with db.write() as connection:
        job = rows.get(connection, table, Job, ticket.id)
        if job.state.is_over or job.attempts != ticket.attempts:
            return job
        changes = {"state": state, "result": result or {}, "error": error, "ended_at": now()}
        if state is JobState.done:
            changes["progress"] = job.progress.model_copy(update={"fraction": 1.0, "remaining_s": None})
        return rows.change(connection, table, Job, job.id, changes)


# ---- cancelling and reviving --------------------------------------------------------------------------------


def request_cancel(db: Database, job_id: str) -> Job:
    """Ask a running job to stop, or cancel a queued one at once; a job that is over stays as it is.

    Raises:
        NotFoundError: There is no such job.
    """
    with db.write() as connection:
        job = rows.get(connection, table, Job, job_id)
        if job.state.is_over:
            return job
        ended = {"state": JobState.cancelled, "ended_at": now()} if job.state is JobState.queued else {}
        return rows.change(connection, table, Job, job_id, {"cancel_requested": True} | ended)


def requeue(db: Database, ticket: Job, *, died: bool = True) -> Job:
    """Put a running job whose process died back into the queue, at its old place and with its death counted.

    One that was asked to stop is cancelled instead; one that does not run, or runs elsewhere by now, stays as it is.

    Args:
        db: The database.
        ticket: The job, as its holder claimed it.
        died: False when its holder gives it back of its own will.
    """
    with db.write() as connection:
        job = rows.get(connection, table, Job, ticket.id)
        if job.state is not JobState.running or job.attempts != ticket.attempts:
            return job
        changes: dict[str, object] = {"state": JobState.queued, "worker": "", "heartbeat_at": None}
        if died:
            changes["deaths"] = (*job.deaths, job.progress.fraction)
        if job.cancel_requested:
            changes = {"state": JobState.cancelled, "ended_at": now()}
        return rows.change(connection, table, Job, job.id, changes)


def stale(db: Database, *, older_than_s: float) -> list[Job]:
    """Give the running jobs without a sign of life for longer than so many seconds, oldest first."""
    limit = now() - dt.timedelta(seconds=older_than_s)
    with db.read() as connection:
        return rows.every(connection, table, Job, table.c.state == JobState.running.value, table.c.heartbeat_at < limit)


def enter(connection: Connection, job: Job) -> None:
    waiting = connection.scalar(select(func.count()).where(table.c.state == JobState.queued.value)) or 0
    if waiting >= MAX_WAITING:
        raise QueueFullError(waiting)
    rows.add(connection, table, job, name=job.id)


def _sign(db: Database, ticket: Job, **values: object) -> bool:
    with db.write() as connection:
        signed = connection.execute(update(table).where(*_held(ticket)).values(heartbeat_at=now(), **values))
    return signed.rowcount == 1


def _held(ticket: Job) -> tuple[ColumnElement[bool], ...]:
    return table.c.id == ticket.id, table.c.state == JobState.running.value, table.c.attempts == ticket.attempts
