"""Jobs: queued, watched, cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable

from icssn.actions.permission import require
from icssn.errors import JobFailedError
from icssn.jobs import engine
from icssn.records import (
    Job,
    JobKind,
    JobState,
    Role,
)
from icssn.store import jobs
from icssn.store.workspace import Workspace


def find_job(ws: Workspace, job_id: str) -> Job:
    """Give a job as it stands; wakes the worker when the job is not over and no worker runs."""
    job = jobs.get(ws.db, job_id)
    if not job.state.is_over:
        engine.ensure_worker(ws.folder)
    return job


def active_jobs(ws: Workspace) -> list[Job]:
    """Give all queued and running jobs; wakes the worker when there are some and none runs."""
    waiting = jobs.active(ws.db)
    if waiting:
        engine.ensure_worker(ws.folder)
    return waiting


def stand_by(ws: Workspace) -> None:
    """Have a worker ready that has done its slow imports, so that the next click on Retrain need not wait for them."""
    engine.stand_by(ws.folder)


def recent_jobs(ws: Workspace, *, kind: JobKind | None = None, limit: int = 20) -> list[Job]:
    """Give the latest jobs, newest first."""
    return jobs.recent(ws.db, kind=kind, limit=limit)


def cancel_job(ws: Workspace, job_id: str) -> Job:
    """Ask a job to stop; a running one ends within seconds and keeps what it had finished."""
    require(ws, Role.annotator, "cancel a job")
    return jobs.request_cancel(ws.db, job_id)


def job_log(ws: Workspace, job_id: str) -> str:
    """Give the end of a job's log, at most 64 KiB."""
    path = ws.log_file(jobs.get(ws.db, job_id).id)
    return path.read_bytes()[-65536:].decode("utf-8", "replace") if path.exists() else ""


def wait_for(ws: Workspace, job: Job, *, on_progress: Callable[[Job], None] | None = None) -> Job:
    """Wait until a job is over.

    Raises:
        JobFailedError: The job failed or was cancelled; the message carries the recorded reason.
    """
    while True:
        job = find_job(ws, job.id)
        if on_progress:
            on_progress(job)
        if job.state.is_over:
            break
        time.sleep(0.2)
    if job.state is not JobState.done:
        raise JobFailedError(job.kind, job.id, job.error or f"it was {job.state}.")
    return job


def submit(ws: Workspace, job: Job) -> Job:
    """Queue a job and wake the worker."""
    queued = jobs.add(ws.db, job)
    engine.ensure_worker(ws.folder)
    return queued
