"""Jobs: queued, watched, cancelled."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable

from icssn.actions.permission import require
from icssn.errors import DiskFullError, JobFailedError, QueueFullError, UnwritableError
from icssn.jobs import engine
from icssn.records import (
    Job,
    JobKind,
    JobState,
    RasterFacts,
    Role,
)
from icssn.store import jobs, scenes
from icssn.store.workspace import Workspace

_ROOM_MB = {
    JobKind.demo: 150.0,
    JobKind.import_scene: 20.0,
    JobKind.dataset: 500.0,  # a thousand samples of 512 px
    JobKind.train: 400.0,  # chips of a hundred landslides, two states of the network, one checkpoint a round
    JobKind.crossval: 400.0,
    JobKind.predict: 20.0,
    JobKind.evaluate: 20.0,
    JobKind.export: 50.0,  # sheets with pictures, beside the rasters
}
_BYTES_PER_PIXEL = 4.0  # of a scene: a map copy with overviews, or probability and mask with their drafts
_LOOK_S = 0.2  # between two looks at a job that is waited for
_MAX_STARTS = 5  # so many workers in a row that ended before they served: the next one will, too


def find_job(ws: Workspace, job_id: str) -> Job:
    """Give a job as it stands; wakes the worker when the job is not over and no worker runs."""
    job = jobs.get(ws.db, job_id)
    if not job.state.is_over:
        wake(ws)
    return job


def active_jobs(ws: Workspace) -> list[Job]:
    """Give all queued and running jobs; wakes the worker when there are some and none runs."""
    waiting = jobs.active(ws.db)
    if waiting:
        wake(ws)
    return waiting


def wake(ws: Workspace) -> None:
    """Start a worker where none runs; where it cannot be, the queue keeps its jobs for the next look at it."""
    with contextlib.suppress(UnwritableError, DiskFullError):
        engine.ensure_worker(ws.folder)


def stand_by(ws: Workspace) -> None:
    """Have a worker ready that has done its slow imports, so that the next click on Retrain need not wait for them.

    Where nothing can be written there is none, and the click says why.
    """
    with contextlib.suppress(UnwritableError, DiskFullError):
        engine.stand_by(ws.folder)


def recent_jobs(ws: Workspace, *, kind: JobKind | None = None, limit: int = 20) -> list[Job]:
    """Give the latest jobs, newest first."""
    return jobs.recent(ws.db, kind=kind, limit=limit)


def cancel_job(ws: Workspace, job_id: str) -> Job:
    """Ask a job to stop; a running one ends within seconds and keeps what it had finished."""
    require(ws, Role.annotator, "cancel a job")
    asked = jobs.request_cancel(ws.db, job_id)
    if not asked.state.is_over:
        wake(ws)  # where its worker died, another one ends it
    return asked


def job_log(ws: Workspace, job_id: str) -> str:
    """Give the end of a job's log, at most 64 KiB."""
    path = ws.log_file(jobs.get(ws.db, job_id).id)
    return path.read_bytes()[-65536:].decode("utf-8", "replace") if path.exists() else ""


def wait_for(ws: Workspace, job: Job, *, on_progress: Callable[[Job], None] | None = None) -> Job:
    """Wait until a job is over; wakes a worker as often as one is missing.

    Raises:
        JobFailedError: The job failed or was cancelled; the message carries the recorded reason. Or no worker comes to
            serve: the job stays in the queue.
        UnwritableError: No worker can be started, the job stays in the queue.
        DiskFullError: The disk is full.
    """
    starts, last = 0, job
    while True:
        job = jobs.get(ws.db, job.id)
        if on_progress:
            on_progress(job)
        if job.state.is_over:
            break
        if job != last or engine.worker_runs(ws.folder):
            starts, last = 0, job
        starts += engine.ensure_worker(ws.folder)
        if starts > _MAX_STARTS:
            log = engine.worker_log(ws.folder)
            reason = f"the worker ended as soon as it was started, {_MAX_STARTS} times. Its log is {log}."
            raise JobFailedError(job.kind, job.id, reason)
        time.sleep(_LOOK_S)
    if job.state is not JobState.done:
        raise JobFailedError(job.kind, job.id, job.error or f"it was {job.state}.")
    return job


def submit(ws: Workspace, job: Job, *, alone: bool = False) -> Job:
    """Queue a job and wake the worker.

    Args:
        ws: Where.
        job: What.
        alone: No other job of its kind may be queued or running.

    Raises:
        NotFoundError: Its scene was removed; nothing was queued.
        DiskFullError: It would run into a full disk; nothing was queued.
        QueueFullError: Too many jobs wait already; nothing was queued.
        BusyError: It is not alone; nothing was queued.
        UnwritableError: No worker could be started; nothing was queued.
    """
    require_room(ws, job)
    queued = jobs.add_unless_busy(ws.db, job) if alone else jobs.add(ws.db, job)
    wake(ws)
    return queued


def require_room(ws: Workspace, job: Job, *, facts: RasterFacts | None = None) -> None:
    """Make sure, before a job is queued or anything is changed for it, that it will be taken.

    Its scene must be in the project, what it will write must have room, so must the queue, and a worker a place.

    Args:
        ws: Where.
        job: What.
        facts: Of its scene, where that is not in the catalogue yet.

    Raises:
        NotFoundError: The scene was removed; the message says how to restore it.
        DiskFullError: There is no room; the message says how much is needed.
        QueueFullError: Too many jobs wait already.
        UnwritableError: No worker could be started here.
    """
    needed_mb = _ROOM_MB[job.kind]
    if "scene_id" in job.params:
        size = facts or scenes.in_project(ws.db, str(job.params["scene_id"])).facts
        needed_mb += _BYTES_PER_PIXEL * size.width * size.height / 1e6
    if shutil.disk_usage(ws.folder).free / 1e6 < needed_mb:
        raise DiskFullError(str(ws.folder), needed_mb=needed_mb)
    waiting = sum(known.state is JobState.queued for known in jobs.active(ws.db))
    if waiting >= jobs.MAX_WAITING:
        raise QueueFullError(waiting)
    engine.require_place(ws.folder)
