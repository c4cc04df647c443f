"""Queued work survives its worker: one worker, children that go on, cancel, plain reasons."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from benchmarks import crime_scene
from icssn import actions
from icssn.errors import UnwritableError
from icssn.jobs import engine
from icssn.records import Job, JobKind, JobState, Progress
from icssn.store import jobs
from icssn.store.workspace import Workspace


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with crime_scene.fresh_workspace() as workspace:
        yield workspace


@pytest.fixture
def scene_id(ws: Workspace, tmp_path: Path) -> str:
    """A scene of 9 MP, whose import takes a few seconds."""
    path = tmp_path / "wide.tif"
    profile = {"driver": "GTiff", "width": 3000, "height": 3000, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 3000, 3000), dtype=np.uint8))
    return actions.register_scene(ws, path, name="wide").id


def until(condition: Callable[[], object]) -> None:
    crime_scene.until(condition, 240)


def queue_import(ws: Workspace, scene_id: str) -> Job:
    return jobs.add(ws.db, Job(kind=JobKind.import_scene, params={"scene_id": scene_id}))


def state(ws: Workspace, job: Job) -> JobState:
    return jobs.get(ws.db, job.id).state


def test_a_second_worker_of_a_machine_leaves_and_the_first_ends_well_when_told(ws: Workspace) -> None:
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(ws.folder)]
    started = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    until(lambda: sum(process.poll() is not None for process in started) == 1)
    assert engine.worker_runs(ws.folder)
    engine.stand_by(ws.folder)
    assert len(crime_scene.workers(ws)) == 1
    (last,) = (process for process in started if process.poll() is None)
    until(lambda: crime_scene.children(ws))  # one that waits, because somebody stands by
    last.terminate()
    assert last.wait(20) == 0
    until(lambda: not crime_scene.family(ws))


def test_a_killed_worker_takes_its_child_along_and_the_next_one_finishes(ws: Workspace, scene_id: str) -> None:
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    until(lambda: 0 < jobs.get(ws.db, job.id).progress.fraction < 0.9)
    for process in crime_scene.workers(ws):
        process.kill()
    until(lambda: not crime_scene.family(ws))
    assert state(ws, job) is JobState.running  # nobody is left to say otherwise
    until(lambda: actions.find_job(ws, job.id).state is JobState.done)  # whoever waits for a job wakes a worker
    assert jobs.get(ws.db, job.id).attempts == 2
    assert actions.list_scenes(ws)[0].tiles


def test_a_job_whose_child_dies_again_and_again_without_getting_further_ends_with_the_reason(
    ws: Workspace, scene_id: str
) -> None:
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)

    def kill_children() -> bool:
        for process in crime_scene.children(ws):
            process.kill()
        return state(ws, job).is_over

    until(kill_children)
    ended = jobs.get(ws.db, job.id)
    assert ended.state is JobState.failed
    assert len(ended.deaths) + 1 >= engine.MAX_FRUITLESS
    assert "3 times without getting any further" in ended.error
    assert "Traceback" not in ended.error
    assert actions.list_scenes(ws)[0].tiles is None


def test_a_running_job_is_cancelled_within_seconds_and_leaves_no_process_and_no_half_file(
    ws: Workspace, scene_id: str
) -> None:
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    until(lambda: 0 < jobs.get(ws.db, job.id).progress.fraction < 0.9)
    at_work = crime_scene.children(ws)
    begun = time.monotonic()
    actions.cancel_job(ws, job.id)
    until(lambda: state(ws, job).is_over)
    assert time.monotonic() - begun < 8
    assert state(ws, job) is JobState.cancelled
    until(lambda: not set(at_work) & set(crime_scene.children(ws)))
    assert not list(ws.folder.glob("scenes/**/*.tif"))


def test_the_job_of_a_machine_that_fell_silent_goes_to_another_and_the_first_one_stops_when_it_returns(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENT_S", 1.0)
    monkeypatch.setattr(engine, "BEAT_S", 0.2)
    job = jobs.add(ws.db, Job(kind=JobKind.import_scene, params={"scene_id": "none"}))
    asleep = jobs.claim(ws.db, worker="far-away:7")
    assert asleep is not None
    assert asleep.id == job.id
    assert engine.serve(ws, idle_exit_s=4, node="here")
    ended = jobs.get(ws.db, job.id)
    assert (ended.state, ended.attempts) == (JobState.failed, 2)  # done by "here": there is no such scene
    assert "no scene 'none'" in ended.error
    assert not jobs.report(ws.db, asleep, Progress(fraction=0.9))


def test_a_job_that_hangs_is_ended_with_a_reason(ws: Workspace, scene_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LIMIT_S", 0.0)
    job = queue_import(ws, scene_id)
    engine.serve(ws, idle_exit_s=0.5)
    ended = jobs.get(ws.db, job.id)
    assert ended.state is JobState.failed
    assert "It was stopped after" in ended.error


def test_work_that_cannot_be_done_ends_with_its_sentence(ws: Workspace, scene_id: str) -> None:
    Path(actions.list_scenes(ws)[0].original).unlink()
    job = queue_import(ws, scene_id)
    engine.ensure_worker(ws.folder)
    until(lambda: state(ws, job).is_over)
    assert state(ws, job) is JobState.failed
    assert "wide.tif" in jobs.get(ws.db, job.id).error
    assert "Traceback" in actions.job_log(ws, job.id)  # for us, in the log


def test_standing_by_where_nothing_can_be_written_is_a_sentence_and_no_need(ws: Workspace) -> None:
    (ws.folder / "worker.wanted").symlink_to("worker.wanted")
    with pytest.raises(UnwritableError, match="a link there leads nowhere"):
        engine.stand_by(ws.folder)
    actions.stand_by(ws)
    assert not engine.worker_runs(ws.folder)


def test_the_log_that_is_named_is_there(ws: Workspace) -> None:
    for begun in (False, True):
        job = jobs.add(ws.db, Job(kind=JobKind.export))
        for _ in range(engine.MAX_FRUITLESS):
            claimed = jobs.claim(ws.db, worker="w")
            assert claimed
            if begun:
                ws.log_file(job.id).parent.mkdir(exist_ok=True)
                ws.log_file(job.id).write_text("it began")
            engine._settle(ws, claimed, -9)
        log = f"logs/{job.id}.log" if begun else "logs/worker.log"
        assert f"Its log is {log} in the workspace." in jobs.get(ws.db, job.id).error
