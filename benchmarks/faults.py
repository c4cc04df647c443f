"""What the workspace survives: killed workers, children and writers, cancels, many starts, a full disk, a dead machine.

Each fault is a function of a fresh workspace and a count; `tests/jobs/test_faults.py` runs the same functions with
small counts. Training is real, with a network so small that a step takes a few hundredths of a second.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # servers and browsers are started as the tests start them

from benchmarks.crime_scene import (
    INTERVAL,
    SMALL,
    Figures,
    add_scene,
    children,
    family,
    fresh_workspace,
    leave,
    looked,
    steps_told,
    until,
    words,
    workers,
)
from benchmarks.fault_places import lose_machine, reload_page
from benchmarks.fault_writers import kill_publishers, kill_savers
from benchmarks.report import parser_of, tell
from icssn import actions
from icssn.errors import BusyError
from icssn.jobs import engine
from icssn.records import Job, JobKind, JobState, Scene
from icssn.store import jobs
from icssn.store.workspace import Workspace


def main() -> None:
    """Cause every fault and print or write what was found."""
    parser = parser_of(__doc__, quick="few of each fault")
    parser.add_argument("--only", help="one fault, by the name of its function")
    options = parser.parse_args()
    few, many = (3, 20) if options.quick else (20, 100)
    faults: list[tuple[Callable[..., Figures], int]] = [
        (kill_workers, few),
        (kill_children, few),
        (cancel_runs, few),
        (start_together, 5),
        (restart_apps, min(few, 10)),
        (click_retrain, 50),
        (reload_page, few),
        (kill_publishers, many),
        (kill_savers, 2 * many),
        (fill_disk, 1),
        (lose_machine, 1 if options.quick else 3),
    ]
    figures: Figures = {}
    rows = []
    for fault, count in faults:
        if options.only in (None, fault.__name__):
            begun = time.monotonic()
            with fresh_workspace() as ws:
                found = fault(ws, count)
                found["orphans"] = figures.get("orphans", 0) + leave(ws)
            figures |= found
            rows.append({"fault": fault.__name__, "count": count, "seconds": time.monotonic() - begun, **found})
            print(f"{fault.__name__:16} {rows[-1]['seconds']:6.1f} s", found, flush=True)
    tell("faults", options, figures, rows)


# ---- the faults ---------------------------------------------------------------------------------------------


def kill_workers(ws: Workspace, count: int) -> Figures:
    """Kill the worker again and again inside one run; whoever looks at the job wakes another."""
    return _killed_run(ws, count, victim=lambda process: "--child" not in words(process), what="training")


def kill_children(ws: Workspace, count: int) -> Figures:
    """Kill the child that trains again and again inside one run."""
    return _killed_run(ws, count, victim=lambda process: "--child" in words(process), what="child")


def cancel_runs(ws: Workspace, count: int) -> Figures:
    """Cancel runs of the network that is really used, each after its first state; default settings but for that."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif", every_px=320)
    good, kept, slowest = 0, 0, 0.0
    for _ in range(count):
        run, job = actions.start_run(ws, [scene.id], overrides={"checkpoint_every_steps": 3, "classify.steps": 400})
        state = ws.run_folder(run.id) / "state.pt"
        until(lambda job=job, state=state: looked(ws, job) and state.exists(), 300)
        time.sleep(random.uniform(0, 1))
        at_work = children(ws)
        begun = time.monotonic()
        actions.cancel_job(ws, job.id)
        until(lambda job=job: jobs.get(ws.db, job.id).state.is_over, 400)
        until(lambda at_work=at_work: not set(at_work) & set(children(ws)), 400)
        took = time.monotonic() - begun
        slowest = max(slowest, took)
        kept += state.exists() and jobs.get(ws.db, job.id).state is JobState.cancelled
        good += took <= 2
    return {f"cancel_ok_of_{count}": min(good, kept), f"cancelled_with_state_of_{count}": kept, "cancel_s": slowest}


def start_together(ws: Workspace, count: int) -> Figures:
    """Start the app's first look at the workspace in several processes at once."""
    jobs.add(ws.db, _idle_job(ws))
    started = [_app(ws) for _ in range(count)]
    until(lambda: engine.worker_runs(ws.folder), 400)
    for process in started:
        process.wait()
    time.sleep(3)  # as long as a further worker would need to come up
    return {f"workers_after_{count}_starts": len(workers(ws))}


def restart_apps(ws: Workspace, count: int) -> Figures:
    """Start and kill the app's processes while a run goes on; the run must not notice."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    _, job = actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 60 * count})
    for _ in range(count):
        until(lambda: jobs.get(ws.db, job.id).state is JobState.running, 400)
        process = _app(ws)
        time.sleep(1)
        process.kill()
        process.wait()
    until(lambda: looked(ws, job).state.is_over, 300)
    ended = jobs.get(ws.db, job.id)
    return {f"noticed_of_{count}_restarts": float(ended.attempts - 1 if ended.state is JobState.done else count)}


def click_retrain(ws: Workspace, count: int) -> Figures:
    """Press Retrain many times."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    refused = 0
    for _ in range(count):
        try:
            actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 500})
        except BusyError:
            refused += 1
    runs = len(actions.list_runs(ws))
    actions.cancel_job(ws, actions.active_jobs(ws)[0].id)
    return {f"runs_after_{count}_clicks": runs, "clicks_refused": refused}


def fill_disk(ws: Workspace, count: int) -> Figures:
    """Train on a disk that is nearly full, then on the same disk with room; needs the right to mount a small disk."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    disk = ws.folder / "runs"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    if subprocess.run([*mount, "size=3m", "tmpfs", disk], check=False, stderr=subprocess.DEVNULL).returncode:
        return {}
    try:
        run, job = actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 100})
        until(lambda: looked(ws, job).state.is_over, 400)
        full = jobs.get(ws.db, job.id)
        subprocess.run([*mount, "remount,size=500m", "tmpfs", disk], check=True)
        told = full.state is JobState.failed and "No space is left" in full.error
        again = _again(ws, run.id, scene)
        until(lambda: looked(ws, again).state.is_over, 400)
        return {"full_disk_told": told, "works_after_room": jobs.get(ws.db, again.id).state is JobState.done}
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def _killed_run(ws: Workspace, count: int, *, victim: Callable[[psutil.Process], bool], what: str) -> Figures:
    """Kill some process of the family so many times inside one run, each time after a further state was written."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    _, job = actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 50 * (count + 1)})
    repeated, slowest, killed = 0, 0.0, 0
    while killed < count and not looked(ws, job).state.is_over:
        begun = steps_told(ws, job)[-1][:1]
        if begun and steps_told(ws, job)[-1][-1] - begun[0] >= INTERVAL + 5:
            for process in filter(victim, family(ws)):
                process.kill()
            killed += 1
            at, lives = time.monotonic(), len(steps_told(ws, job))
            last = steps_told(ws, job)[-1][-1]
            until(lambda: looked(ws, job).state.is_over or _resumed(ws, job, lives=lives), 400)  # noqa: B023
            slowest = max(slowest, time.monotonic() - at)
            repeated = max(repeated, last - (steps_told(ws, job)[-1] or [last])[0])
        time.sleep(0.05)
    until(lambda: looked(ws, job).state.is_over, 600)
    survived = killed if jobs.get(ws.db, job.id).state is JobState.done else 0
    return {f"{what}_kills_survived_of_{count}": survived, f"{what}_steps_repeated": repeated,
            f"{what}_resumed_s": slowest}  # fmt: skip


def _resumed(ws: Workspace, job: Job, *, lives: int) -> bool:
    told = steps_told(ws, job)
    return len(told) > lives and bool(told[-1])


def _again(ws: Workspace, run_id: str, scene: Scene) -> Job:
    return actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 100})[1]


def _idle_job(ws: Workspace) -> Job:
    """Give a job that takes a moment: the demo project."""
    return Job(kind=JobKind.demo)


def _app(ws: Workspace) -> subprocess.Popen[bytes]:
    code = "import sys, time; from pathlib import Path; from icssn import actions\n"
    code += "actions.active_jobs(actions.open_workspace(Path(sys.argv[1]))); time.sleep(float(sys.argv[2]))"
    return subprocess.Popen([sys.executable, "-c", code, str(ws.folder), "2"])


if __name__ == "__main__":
    main()
