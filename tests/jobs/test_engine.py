"""Queued work survives its worker: one worker, children that go on, cancel, plain reasons."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import rasterio

from icssn import actions
from icssn.jobs import engine
from icssn.records import Actor, Job, JobKind, JobState
from icssn.store import jobs
from icssn.store.workspace import Workspace


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace", actor=Actor(name="Li"))
    yield workspace
    workspace.close()
    for process in processes(workspace):
        process.kill()


@pytest.fixture
def scene_id(ws: Workspace, tmp_path: Path) -> str:
    """A scene of 9 MP, whose import takes a few seconds."""
    path = tmp_path / "wide.tif"
    profile = {"driver": "GTiff", "width": 3000, "height": 3000, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 3000, 3000), dtype=np.uint8))
    return actions.register_scene(ws, path, name="wide").id


def processes(ws: Workspace) -> list[psutil.Process]:
    """The worker of the workspace and its children."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if "icssn.worker" in words and str(ws.folder) in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def queue_import(ws: Workspace, scene_id: str) -> Job:
    return jobs.add(ws.db, Job(kind=JobKind.import_scene, params={"scene_id": scene_id}))


def state(ws: Workspace, job: Job) -> JobState:
    return jobs.get(ws.db, job.id).state


def test_five_starts_make_one_worker(ws: Workspace) -> None:
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(ws.folder)]
    started = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(5)]
    until(lambda: sum(process.poll() is not None for process in started) == 4)
    assert engine.worker_runs(ws.folder)
    engine.ensure_worker(ws.folder)
    assert len(processes(ws)) == 1
    (last,) = (process for process in started if process.poll() is None)
    last.terminate()
    assert last.wait(10) == 0


def test_a_killed_worker_takes_its_child_along_and_the_next_one_finishes(ws: Workspace, scene_id: str) -> None:
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    until(lambda: 0 < jobs.get(ws.db, job.id).progress.fraction < 0.9)
    for process in processes(ws):
        if "--job" not in process.cmdline():
            process.send_signal(signal.SIGKILL)
    until(lambda: not processes(ws), 5)
    assert state(ws, job) is JobState.running  # nobody is left to say otherwise
    (ws.folder / "worker.starting").unlink()
    until(lambda: actions.find_job(ws, job.id).state is JobState.done)  # whoever waits for a job wakes a worker
    assert jobs.get(ws.db, job.id).attempts == 2
    assert actions.list_scenes(ws)[0].tiles


def test_a_killed_child_is_started_again_and_after_three_deaths_the_reason_is_told(
    ws: Workspace, scene_id: str
) -> None:
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    killed: set[int] = set()

    def kill_children() -> bool:
        for process in processes(ws):
            if "--job" in process.cmdline() and process.pid not in killed:
                killed.add(process.pid)
                process.send_signal(signal.SIGKILL)
        return state(ws, job).is_over

    until(kill_children)
    assert len(killed) == engine.MAX_ATTEMPTS
    ended = jobs.get(ws.db, job.id)
    assert ended.state is JobState.failed
    assert "3 times in a row" in ended.error
    assert "Traceback" not in ended.error
    assert actions.list_scenes(ws)[0].tiles is None


def test_a_running_job_is_cancelled_within_seconds_and_leaves_no_process_and_no_half_file(
    ws: Workspace, scene_id: str
) -> None:
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    until(lambda: 0 < jobs.get(ws.db, job.id).progress.fraction < 0.9)
    begun = time.monotonic()
    actions.cancel_job(ws, job.id)
    until(lambda: state(ws, job).is_over, 10)
    assert time.monotonic() - begun < 8
    assert state(ws, job) is JobState.cancelled
    until(lambda: not any("--job" in process.cmdline() for process in processes(ws)), 5)
    assert not list(ws.folder.glob("scenes/**/*.tif"))


def test_work_that_cannot_be_done_ends_with_its_sentence(ws: Workspace, scene_id: str) -> None:
    Path(actions.list_scenes(ws)[0].original).unlink()
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    until(lambda: state(ws, job).is_over)
    assert state(ws, job) is JobState.failed
    assert "wide.tif" in jobs.get(ws.db, job.id).error
    assert "Traceback" in actions.job_log(ws, job.id)  # for us, in the log
