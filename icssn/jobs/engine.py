"""The job engine: one worker per workspace takes queued jobs in order and runs each in a child process.

Rows in the database are all that callers see, so that another engine can take this one's place.
"""

from __future__ import annotations

import os
import platform as machine
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from icssn.jobs import platform
from icssn.records import Job, JobState
from icssn.store import jobs
from icssn.store.workspace import Workspace

POLL_S = 0.2  # how often a queue or a child is looked at
GRACE_S = 10.0  # a cancelled child may take this long to finish its step and keep its state
MAX_ATTEMPTS = 3  # a child that dies this often is not started again
START_S = 10.0  # a worker that was started has this long to take the lock before another is started
IDLE_EXIT_S = 900.0  # a worker without work leaves after this time; the next job starts another


def lock_path(folder: Path) -> Path:
    """Give the file whose lock says that a worker serves the workspace."""
    return folder / "worker.lock"


def worker_runs(folder: Path) -> bool:
    """Say whether a worker serves this workspace now."""
    return platform.is_locked(lock_path(folder))


def ensure_worker(folder: Path) -> None:
    """Start a detached worker for the workspace unless one runs or is just being started."""
    if worker_runs(folder):
        return
    mark = folder / "worker.starting"
    if not mark.exists() or time.time() - mark.stat().st_mtime > START_S:
        mark.touch()
        command = [sys.executable, "-m", "icssn.worker", "--workspace", str(folder)]
        platform.start_detached(command, log=folder / "logs" / "worker.log")


def serve(ws: Workspace, *, idle_exit_s: float = IDLE_EXIT_S, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Take and run jobs until idle for `idle_exit_s` or told to stop.

    Returns:
        False when another worker already serves the workspace, True after serving.
    """
    while True:
        lock = _lock(ws.folder)
        if lock is None:
            return False
        with lock:
            _take_over(ws)
            _serve_until_idle(ws, idle_exit_s=idle_exit_s, stopping=stopping)
        # A job may have been queued between the last look and the release of the lock.
        if stopping() or not jobs.active(ws.db):
            return True


def _lock(folder: Path) -> IO[str] | None:
    """Take the worker's lock; a few tries, because whoever asks `worker_runs` holds it for a moment."""
    for _ in range(20):
        lock = platform.try_lock(lock_path(folder))
        if lock is not None:
            return lock
        time.sleep(0.05)
    return None


def _take_over(ws: Workspace) -> None:
    """Give back to the queue what a worker that died on this machine had begun; holding the lock proves its death."""
    for job in jobs.active(ws.db):
        if job.state is JobState.running and job.worker.startswith(f"{machine.node()}:"):
            _requeue_or_fail(ws, job, "the worker process ended")


def _serve_until_idle(ws: Workspace, *, idle_exit_s: float, stopping: Callable[[], bool]) -> None:
    idle_since = time.monotonic()
    while not stopping() and time.monotonic() - idle_since < idle_exit_s:
        waiting = jobs.active(ws.db)  # a look costs no writer's turn; only a claim does
        job = jobs.claim(ws.db, worker=f"{machine.node()}:{os.getpid()}") if waiting else None
        if job is None:
            time.sleep(POLL_S)
        else:
            run_in_child(ws, job, stopping=stopping)
            idle_since = time.monotonic()


def run_in_child(ws: Workspace, job: Job, *, stopping: Callable[[], bool]) -> None:
    """Run one claimed job in a child process; watch over it until its row says that it is over."""
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(ws.folder), "--job", job.id]
    command += ["--parent", str(os.getpid())]
    child = platform.start_child(command, log=ws.log_file(job.id))
    asked_at: float | None = None
    while child.poll() is None:
        time.sleep(POLL_S)
        if asked_at is None and (stopping() or jobs.cancel_requested(ws.db, job.id)):
            platform.ask_to_stop(child)
            asked_at = time.monotonic()
        elif asked_at is not None and time.monotonic() - asked_at > GRACE_S:
            platform.kill_group(child)
    _settle(ws, job, child)


def _settle(ws: Workspace, job: Job, child: subprocess.Popen[bytes]) -> None:
    """Bring the row of a job whose child has ended to rest."""
    current = jobs.get(ws.db, job.id)
    if current.state.is_over:
        return
    if current.cancel_requested:
        jobs.finish(ws.db, job.id, JobState.cancelled, error="It was cancelled.")
    else:
        _requeue_or_fail(ws, current, f"its process ended unexpectedly (exit status {child.returncode})")


def _requeue_or_fail(ws: Workspace, job: Job, what: str) -> None:
    if job.attempts < MAX_ATTEMPTS:
        jobs.requeue(ws.db, job.id)
        return
    log = ws.log_file(job.id).relative_to(ws.folder)
    reason = f"{what[0].upper()}{what[1:]}, {job.attempts} times in a row. Its log is {log} in the workspace."
    jobs.finish(ws.db, job.id, JobState.failed, error=reason)
