"""The worker process: serves the queue of one workspace, or does one job of it as a child.

The only broad exception handler of ICSSN stands here, at the boundary of a job. What only a child needs is imported
within its functions: a worker that takes over from a killed one must not wait for it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from icssn.environment import person, workspace_folder
from icssn.errors import CancelledError, DatabaseUnusableError, IcssnError, LostJobError
from icssn.jobs import engine, platform
from icssn.jobs.patience import LONGEST_PAUSE_S, patiently
from icssn.records import Actor, Job, JobState, Progress
from icssn.store import jobs
from icssn.store.workspace import Workspace

REPORT_EVERY_S = 0.25  # progress rows are written at most this often


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m icssn.worker``; gives the exit status."""
    parser = argparse.ArgumentParser(prog="icssn.worker", description="Serve the job queue of a workspace.")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--idle-exit", type=float, default=engine.IDLE_EXIT_S, help="seconds without work")
    parser.add_argument("--node", default="", help="name of this machine among those that serve the workspace")
    parser.add_argument("--child", type=int, metavar="PID", help="do one job, as a child of the worker with this id")
    parser.add_argument("--warm", action="store_true", help="as a child: import what learning needs before the job")
    options = parser.parse_args(arguments)
    if options.child:
        serve_one(options.workspace, parent_pid=options.child, warm=options.warm)
    stop = _told_to_stop()
    folder = workspace_folder(options.workspace)
    try:
        with contextlib.closing(Workspace(folder, actor=Actor(name=person()))) as ws:
            served = engine.serve(ws, idle_exit_s=options.idle_exit, stopping=stop.is_set, node=options.node)
    except IcssnError as err:
        print(err, file=sys.stderr)
        return 1
    if not served:
        print("Another worker already serves this workspace.", file=sys.stderr)
    return 0


def serve_one(folder: Path, *, parent_pid: int, warm: bool) -> NoReturn:
    """Wait for the id of a job on the standard input, do the job, and end at once."""
    platform.die_with_parent(parent_pid)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads sleep: others use the machine as well
    from icssn import actions, handlers

    ws = actions.open_workspace(folder)
    if warm:
        handlers.warm_up()
    job_id = sys.stdin.readline().strip()  # a signal while it waits ends the process: there is nothing to keep
    status = 0
    if job_id:
        stop = _told_to_stop()
        platform.write_output_to(ws.log_file(job_id))
        status = run_job(ws, jobs.get(ws.db, job_id), stop=stop.is_set)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # its row is at rest; taking torch apart would take another half second


def _told_to_stop() -> threading.Event:
    """Give an event that the system's signals to leave set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGTERM)):
        signal.signal(number, lambda *_: stop.set())
    return stop


def run_job(ws: Workspace, job: Job, *, stop: Callable[[], bool]) -> int:
    """Do the work of one job and write its end into its row; gives the exit status.

    Where the database fails it no end is written: the worker that watches gives the job back, and it is tried again.
    """
    from icssn import handlers
    from icssn.imagery.open import NO_MEMORY

    def end(state: JobState, *, result: dict[str, object] | None = None, error: str = "") -> None:
        patiently(lambda: jobs.finish(ws.db, job, state, result=result, error=error))

    try:
        result = handlers.perform(ws, job, report=_Reporter(ws, job), stop=stop)
    except LostJobError:
        traceback.print_exc()  # somebody else has it now: nothing to write
    except CancelledError as err:
        # A worker that is itself told to leave gives the job back; only the user's wish ends it.
        if jobs.cancel_requested(ws.db, job.id):
            end(JobState.cancelled, error=str(err))
        else:
            jobs.requeue(ws.db, job, died=False)
    except DatabaseUnusableError as err:
        print(err, file=sys.stderr)
    except IcssnError as err:
        traceback.print_exc()
        end(JobState.failed, error=str(err))
    except Exception as err:
        traceback.print_exc()
        log, kind = ws.log_file(job.id).relative_to(ws.folder), type(err).__name__
        reason = f"Something unexpected went wrong ({kind}). The details are in {log} in the workspace."
        if any(words in f"{kind}: {err}" for words in NO_MEMORY):  # torch's are RuntimeErrors
            reason = (
                "This machine has too little memory for it. Close other programs, or use smaller windows or batches."
            )
        end(JobState.failed, error=reason)
    else:
        end(JobState.done, result=result)
        return 0
    return 1


class _Reporter:
    """Writes progress rows and log lines, at most four times a second; the last one always.

    The work goes on while the database cannot be used: for how long, the worker that watches decides.
    """

    def __init__(self, ws: Workspace, job: Job) -> None:
        self._ws, self._job = ws, job
        self._next = 0.0
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        if progress.message != self._stage:
            self._stage = progress.message
            figures = ", ".join(f"{name} {value:.4g}" for name, value in progress.figures.items())
            print(f"{progress.fraction:6.1%}  {progress.message}  {figures}".rstrip(), flush=True)
        if time.monotonic() >= self._next or progress.fraction >= 1:
            try:
                held = jobs.report(self._ws.db, self._job, progress)
            except DatabaseUnusableError as err:
                print(err, file=sys.stderr, flush=True)
                self._next = time.monotonic() + LONGEST_PAUSE_S
                return
            if not held:
                raise LostJobError(self._job.id)
            self._next = time.monotonic() + REPORT_EVERY_S


if __name__ == "__main__":
    sys.exit(main())
