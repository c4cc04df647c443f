"""The job engine: one worker per machine takes queued jobs in order and has each done by a child process.

Rows in the database are all that callers see, so that another engine can take this one's place. Several machines may
serve one workspace: each takes what it gets, tells every few seconds that it is alive, and gives the jobs of a machine
that has fallen silent back to the queue.
"""

from __future__ import annotations

import contextlib
import os
import platform as machine
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from icssn.durable import make_folder, written_to
from icssn.jobs import child as children
from icssn.jobs import platform
from icssn.jobs.leftovers import tidy
from icssn.jobs.patience import patiently
from icssn.records import Job, JobKind, JobState
from icssn.store import jobs
from icssn.store.workspace import Workspace

POLL_S = 0.1  # how often a queue or a child is looked at
BEAT_S = 5.0  # how often a worker says that its job is alive
SILENT_S = 60.0  # a job whose worker said nothing for so long is given to another
GRACE_S = 1.0  # a cancelled child may take this long to keep its state; what it kept before stands in any case
LIMIT_S = 24 * 3600.0  # a job that takes longer hangs
START_S = 60.0  # a started worker that does not hold its lock after this time has failed
MAX_FRUITLESS = 3  # a job that dies so often without getting further than before is not started again
IDLE_EXIT_S = 900.0  # a worker without work leaves after this time; the next job, or page, starts another
# Need the slow imports that a warm child has done.
HEAVY = (JobKind.train, JobKind.predict, JobKind.evaluate, JobKind.crossval)


def lock_path(folder: Path, *, node: str = "") -> Path:
    """Give the file whose lock says that a worker of this machine serves the workspace."""
    return folder / f"worker-{node or machine.node()}.lock"


def worker_runs(folder: Path) -> bool:
    """Say whether a worker of this machine serves the workspace now."""
    return platform.is_locked(lock_path(folder))


def ensure_worker(folder: Path) -> bool:
    """Start a detached worker for the workspace unless one runs or is just being started; says whether it did.

    Raises:
        UnwritableError: The workspace cannot be written to.
    """
    mark = folder / "worker.starting"
    if worker_runs(folder) or _is_being_started(mark):
        return False
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(folder)]
    started = platform.start_detached(command, log=worker_log(folder))
    with written_to(mark):
        mark.write_text(str(started))
    return True


def worker_log(folder: Path) -> Path:
    """Give the log of the workers of a workspace."""
    return folder / "logs" / "worker.log"


def require_place(folder: Path) -> None:
    """Make sure that a worker could be started.

    Raises:
        UnwritableError: Its log cannot be written.
    """
    log = worker_log(folder)
    make_folder(log.parent)
    with written_to(log):
        log.open("ab").close()


def stand_by(folder: Path) -> None:
    """Have a worker that keeps a child ready for heavy work during the next minutes.

    Raises:
        UnwritableError: The workspace cannot be written to.
        DiskFullError: The disk is full.
    """
    with written_to(_wanted(folder)):
        _wanted(folder).touch()
    ensure_worker(folder)


def _wanted(folder: Path) -> Path:
    return folder / "worker.wanted"


def _is_wanted(folder: Path) -> bool:
    try:
        return time.time() - _wanted(folder).stat().st_mtime < IDLE_EXIT_S
    except OSError:
        return False


def _is_being_started(mark: Path) -> bool:
    try:
        return time.time() - mark.stat().st_mtime < START_S and platform.runs(int(mark.read_text()))
    except (OSError, ValueError):
        return False


def serve(
    ws: Workspace,
    *,
    idle_exit_s: float = IDLE_EXIT_S,
    stopping: Callable[[], bool] = lambda: False,
    node: str = "",
) -> bool:
    """Take and run jobs until idle for `idle_exit_s` or told to stop.

    Args:
        ws: The workspace.
        idle_exit_s: Seconds without work after which it leaves.
        stopping: Asked often; when true, the running job goes back to the queue.
        node: Name of this machine among those that serve the workspace; its host name where empty.

    Returns:
        False when another worker of this machine already serves the workspace, True after serving.

    Raises:
        UnwritableError: The workspace cannot be written to.
        DatabaseUnusableError: The database could not be used for some minutes, see `patience`. The job goes on once
            a worker serves again.
    """
    name = f"{node or machine.node()}:{os.getpid()}"
    while True:
        lock = _lock(lock_path(ws.folder, node=node))
        if lock is None:
            return False
        with lock, contextlib.closing(_Crew(ws)) as crew:
            patiently(lambda: _take_over(ws, name), unless=stopping)
            patiently(lambda: tidy(ws), unless=stopping)
            _serve_until_idle(ws, crew, name=name, idle_exit_s=idle_exit_s, stopping=stopping)
        # A job may have been queued between the last look and the release of the lock.
        if stopping() or not patiently(lambda: _is_work_queued(ws), unless=stopping):
            return True


def _is_work_queued(ws: Workspace) -> bool:
    return any(job.state is JobState.queued for job in jobs.active(ws.db))


class _Crew:
    """The children of one worker: at most one of them works, at most one waits with its imports done."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._waiting: children.Child | None = None

    def get_ready(self) -> None:
        """Have a warm child waiting; one that died while it waited is not replaced before a job needs it."""
        if self._waiting is None:
            self._waiting = children.start(self._ws, warm=True)

    def take(self, job: Job) -> children.Child:
        """Give a child that has just been handed its job."""
        heavy = job.kind in HEAVY
        if heavy:
            with contextlib.suppress(OSError):
                _wanted(self._ws.folder).touch()  # more of it will follow
        if heavy and self._waiting is not None and self._waiting.poll() is None:
            child, self._waiting = self._waiting, None
        else:
            child = children.start(self._ws, warm=heavy)
        children.hand_over(child, job)
        return child

    def close(self) -> None:
        """Send a waiting child away."""
        children.dismiss(self._waiting)


def _lock(path: Path) -> IO[str] | None:
    """Take the worker's lock; a few tries, because whoever asks `worker_runs` holds it for a moment."""
    for _ in range(20):
        lock = platform.try_lock(path)
        if lock is not None:
            return lock
        time.sleep(0.05)
    return None


def _take_over(ws: Workspace, name: str) -> None:
    """Give back to the queue what a worker that died on this machine had begun; holding the lock proves its death."""
    node = name.rpartition(":")[0]
    for job in jobs.active(ws.db):
        if job.state is JobState.running and job.worker.rpartition(":")[0] == node:
            _requeue_or_fail(ws, job, "the worker process ended")


def _reap(ws: Workspace) -> None:
    """Give back to the queue what a machine had begun that says nothing any more."""
    for job in jobs.stale(ws.db, older_than_s=SILENT_S):
        _requeue_or_fail(ws, job, f"the worker {job.worker} gave no sign of life")


def _serve_until_idle(
    ws: Workspace, crew: _Crew, *, name: str, idle_exit_s: float, stopping: Callable[[], bool]
) -> None:
    idle_since = time.monotonic()
    beat = _every(BEAT_S)
    while not stopping() and time.monotonic() - idle_since < idle_exit_s:
        job = patiently(lambda: _next_job(ws, name, reaps=next(beat)), unless=stopping)
        if job is None:
            if _is_wanted(ws.folder):  # else it would cost much for nothing: half a gigabyte, seconds of computing
                crew.get_ready()
            time.sleep(POLL_S)
        else:
            watch(ws, job, crew.take(job), stopping=stopping)
            patiently(lambda: tidy(ws), unless=stopping)
            idle_since = time.monotonic()


def _next_job(ws: Workspace, name: str, *, reaps: bool) -> Job | None:
    """Claim the job whose turn it is; one that is claimed while the database fails is given back once it was silent."""
    if reaps:
        _reap(ws)
    waiting = jobs.active(ws.db)  # a look costs no writer's turn; only a claim does
    return jobs.claim(ws.db, worker=name) if waiting else None


def watch(ws: Workspace, job: Job, child: children.Child, *, stopping: Callable[[], bool]) -> None:
    """Watch over a child and its job until both are over: say that it is alive, pass on a cancel, keep the limits.

    While the database cannot be used the child goes on with its work.

    Raises:
        DatabaseUnusableError: The database could not be used for some minutes; the child was ended.
    """
    asked_at: float | None = None
    begun, beat = time.monotonic(), _every(BEAT_S)

    def must_stop() -> bool:
        return _must_stop(ws, job, beat=next(beat), seconds=time.monotonic() - begun)

    try:
        while child.poll() is None:
            time.sleep(POLL_S)
            if asked_at is not None:
                if time.monotonic() - asked_at > GRACE_S:
                    platform.kill_group(child)
            elif stopping() or patiently(must_stop, unless=stopping):
                platform.ask_to_stop(child)
                asked_at = time.monotonic()
    finally:
        platform.kill_group(child)  # and whatever it has started itself
    patiently(lambda: _settle(ws, job, child.returncode), unless=stopping)


def _must_stop(ws: Workspace, job: Job, *, beat: bool, seconds: float) -> bool:
    held = jobs.beat(ws.db, job) if beat else True
    if seconds > LIMIT_S:
        reason = f"It was stopped after {LIMIT_S / 3600:.0f} hours. Use smaller scenes, or fewer steps, and try again."
        jobs.finish(ws.db, job, JobState.failed, error=reason)
    current = jobs.get(ws.db, job.id)
    return not held or seconds > LIMIT_S or current.cancel_requested


def _settle(ws: Workspace, job: Job, status: int) -> None:
    """Bring the row of a job whose child has ended to rest, if it is still ours to say."""
    current = jobs.get(ws.db, job.id)
    if current.state is not JobState.running or current.attempts != job.attempts:
        return
    if current.cancel_requested:
        jobs.finish(ws.db, job, JobState.cancelled, error="It was cancelled.")
    else:
        _requeue_or_fail(ws, current, f"its process ended unexpectedly (exit status {status})")


def _requeue_or_fail(ws: Workspace, job: Job, what: str) -> None:
    deaths = (*job.deaths, job.progress.fraction)
    if not _is_fruitless(deaths) or job.cancel_requested:
        jobs.requeue(ws.db, job)
        return
    log = ws.log_file(job.id)
    if not log.exists():  # its process ended before it came so far
        log = worker_log(ws.folder)
    reason = (
        f"{what[0].upper()}{what[1:]}, {MAX_FRUITLESS} times without getting any further. "
        f"Its log is {log.relative_to(ws.folder)} in the workspace."
    )
    jobs.finish(ws.db, job, JobState.failed, error=reason)


def _is_fruitless(deaths: tuple[float, ...]) -> bool:
    """Say whether the last `MAX_FRUITLESS` lives of a job brought it no further than those before."""
    earlier, last = deaths[:-MAX_FRUITLESS], deaths[-MAX_FRUITLESS:]
    return len(last) == MAX_FRUITLESS and max(last) <= max(earlier, default=last[0])


def _every(seconds: float) -> Iterator[bool]:
    """Give an endless answer to "is it time again?"."""
    due = 0.0
    while True:
        now = time.monotonic()
        yield now >= due
        if now >= due:
            due = now + seconds
