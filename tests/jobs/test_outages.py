"""Work goes on after the database failed for a while; what cannot go on is told."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio

from benchmarks import crime_scene
from icssn import actions
from icssn.errors import DatabaseUnusableError, JobFailedError, LostJobError, UnwritableError
from icssn.jobs import engine
from icssn.records import Job, JobKind, JobState, Progress
from icssn.store import geopackage, jobs
from icssn.store.workspace import Workspace
from icssn.worker import _Reporter, run_job
from tests.store.cluster import Cluster


@pytest.fixture
def ws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace in which this process, unlike others, waits for its turn to write for a moment only."""
    monkeypatch.setattr(geopackage, "BUSY_TIMEOUT_S", 0.2)
    with crime_scene.fresh_workspace() as workspace:
        yield workspace


@contextmanager
def locked(ws: Workspace, *, seconds: float = 0.0) -> Iterator[None]:
    """Hold the writer's turn, as another program may: until the block ends, or for some seconds."""
    other = sqlite3.connect(ws.db.place, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    freed = threading.Timer(seconds, other.close)
    if seconds:
        freed.start()
    try:
        yield
    finally:
        freed.join() if seconds else other.close()


def queue_import(ws: Workspace, tmp_path: Path, *, side_px: int) -> Job:
    path = tmp_path / "hill.tif"
    profile = {"driver": "GTiff", "width": side_px, "height": side_px, "count": 3, "dtype": "uint8"}
    placed = {"crs": "EPSG:32648", "transform": rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)}
    with rasterio.open(path, "w", **profile, **placed) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, side_px, side_px), dtype=np.uint8))
    scene = actions.register_scene(ws, path, name="hill")
    return jobs.add(ws.db, Job(kind=JobKind.import_scene, params={"scene_id": scene.id}))


def test_a_worker_outlives_another_program_that_keeps_the_database_locked(ws: Workspace, tmp_path: Path) -> None:
    job = queue_import(ws, tmp_path, side_px=256)
    with locked(ws, seconds=2.5):
        engine.serve(ws, idle_exit_s=1)
    ended = jobs.get(ws.db, job.id)
    assert (ended.state, ended.attempts, ended.deaths) == (JobState.done, 1, ())


def test_a_worker_and_its_job_outlive_a_server_that_is_started_anew(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster.database() as url:
        monkeypatch.setenv("ICSSN_DATABASE_URL", url)
        name = url.rpartition("/")[2]
        with crime_scene.fresh_workspace() as ws:
            job = queue_import(ws, tmp_path, side_px=2500)
            engine.ensure_worker(ws.folder)
            crime_scene.until(lambda: 0 < jobs.get(ws.db, job.id).progress.fraction < 0.9, 120)
            serving = crime_scene.workers(ws)
            cluster.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            cluster.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            time.sleep(3)
            cluster.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            crime_scene.until(lambda: jobs.get(ws.db, job.id).state.is_over, 120)  # nobody else wakes a worker
            assert jobs.get(ws.db, job.id).state is JobState.done
            assert crime_scene.workers(ws) == serving
            assert "Traceback" not in engine.worker_log(ws.folder).read_text()


def test_a_report_that_cannot_be_written_does_not_end_the_work(
    ws: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.add(ws.db, Job(kind=JobKind.export))
    job = jobs.claim(ws.db, worker="w:1")
    assert job
    report = _Reporter(ws, job)
    with locked(ws):
        report(Progress(fraction=0.5))
    assert "kept it locked" in capsys.readouterr().err
    report(Progress(fraction=1.0))
    assert jobs.get(ws.db, job.id).progress.fraction == 1
    jobs.requeue(ws.db, job)
    with pytest.raises(LostJobError):
        report(Progress(fraction=1.0))


def test_an_attempt_that_the_database_ended_is_given_back_and_not_failed(ws: Workspace, tmp_path: Path) -> None:
    queue_import(ws, tmp_path, side_px=256)
    job = jobs.claim(ws.db, worker="w:1")
    assert job
    with locked(ws):
        assert run_job(ws, job, stop=lambda: False) == 1
    assert jobs.get(ws.db, job.id).state is JobState.running
    engine._settle(ws, job, 1)
    assert jobs.get(ws.db, job.id).state is JobState.queued


def test_the_child_of_a_worker_that_gives_up_ends_with_it(ws: Workspace, tmp_path: Path) -> None:
    queue_import(ws, tmp_path, side_px=2000)
    stop = threading.Event()
    job = jobs.claim(ws.db, worker="w:1")
    assert job
    with closing(engine._Crew(ws)) as crew, locked(ws):
        child = crew.take(job)
        threading.Timer(1, stop.set).start()
        with pytest.raises(DatabaseUnusableError):
            engine.watch(ws, job, child, stopping=stop.is_set)
    assert child.poll() is not None


def test_nobody_waits_for_a_worker_that_cannot_start(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.add(ws.db, Job(kind=JobKind.export))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # so that its Python ends at once
    with pytest.raises(JobFailedError, match=r"as soon as it was started, 5 times\. Its log is .*worker\.log"):
        actions.wait_for(ws, job)
    assert "Fatal Python error" in engine.worker_log(ws.folder).read_text()
    assert jobs.get(ws.db, job.id).state is JobState.queued


def test_where_no_worker_can_be_started_that_is_said(ws: Workspace) -> None:
    job = jobs.add(ws.db, Job(kind=JobKind.export))
    engine.worker_log(ws.folder).mkdir(parents=True)
    assert actions.active_jobs(ws) == [job]
    with pytest.raises(UnwritableError, match=r"worker\.log"):
        actions.wait_for(ws, job)
    assert jobs.get(ws.db, job.id).state is JobState.queued


def test_a_cancelled_job_whose_worker_died_comes_to_an_end(ws: Workspace) -> None:
    jobs.add(ws.db, Job(kind=JobKind.export))
    job = jobs.claim(ws.db, worker=f"{engine.machine.node()}:1")
    assert job
    actions.cancel_job(ws, job.id)
    crime_scene.until(lambda: jobs.get(ws.db, job.id).state is JobState.cancelled, 60)


def test_a_workspace_that_can_only_be_looked_at_still_shows_its_jobs(ws: Workspace) -> None:
    job = jobs.add(ws.db, Job(kind=JobKind.export))
    engine.lock_path(ws.folder).mkdir()
    assert actions.find_job(ws, job.id) == job
    assert actions.active_jobs(ws) == [job]
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(ws.folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "cannot be written to: a folder stands in the place of the file. Choose another place." in said.stderr
    assert "Traceback" not in said.stderr


def test_a_worker_runs_under_a_number_that_no_login_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ICSSN_PERSON", "Li")
    code = (
        "import pwd, sys\n"
        "pwd.getpwuid = {}.__getitem__\n"
        "from icssn.worker import main; sys.exit(main(['--workspace', sys.argv[1], '--idle-exit', '0']))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "ws")], check=False).returncode == 0
