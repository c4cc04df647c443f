"""What the workspace survives: killed workers, children and writers, cancels, many starts, a full disk.

Each fault is a function of a fresh workspace and a count; `tests/jobs/test_faults.py` runs the same functions with
small counts. Training is real, with a network so small that a step takes a few hundredths of a second.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import rasterio
from shapely.geometry import box

from icssn import actions
from icssn.errors import BusyError, CheckpointRefusedError
from icssn.jobs import engine
from icssn.records import Actor, Edits, Job, JobState, LabelClass, NewLabel, Scene
from icssn.store import jobs
from icssn.store.workspace import Workspace

INTERVAL = 20  # steps between two states of the small runs
UNTOLD = 10  # a run is told of every half second, so it may have come this much further than was told
SMALL = {
    "encoder.name": "tu-test_efficientnet",
    "encoder.weights": "none",
    "chips.size_px": 64,
    "chips.margin_px": 8,
    "chips.buffer_px": 32,
    "contrast.dimensions": 8,
    "decoder_channels": 16,
    "rounds": 1,
    "classify.steps": 0,
    "classify.batch_size": 2,
    "segment.batch_size": 2,
    "checkpoint_every_steps": INTERVAL,
}
"""Settings of a network that takes its steps in no time."""

Figures = dict[str, float]


def main() -> None:
    """Cause every fault and print or write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of each fault")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
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
        (kill_publishers, many),
        (kill_savers, 2 * many),
        (fill_disk, 1),
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
    for name, value in figures.items():
        print(f"{name:36} {value:.4g}")
    if options.json:
        machine = {"processor": platform.processor() or platform.machine(), "cores": psutil.cpu_count(logical=False)}
        report = {"benchmark": "faults", "machine": machine, "quick": options.quick, "figures": figures, "rows": rows}
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


# ---- the faults ---------------------------------------------------------------------------------------------


def kill_workers(ws: Workspace, count: int) -> Figures:
    """Kill the worker again and again inside one run; whoever looks at the job wakes another."""
    return _killed_run(ws, count, victim=lambda process: "--child" not in _words(process), what="training")


def kill_children(ws: Workspace, count: int) -> Figures:
    """Kill the child that trains again and again inside one run."""
    return _killed_run(ws, count, victim=lambda process: "--child" in _words(process), what="child")


def cancel_runs(ws: Workspace, count: int) -> Figures:
    """Cancel runs of the network that is really used, each after its first state; default settings but for that."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif", every_px=320)
    good, kept, slowest = 0, 0, 0.0
    for _ in range(count):
        run, job = actions.start_run(ws, [scene.id], overrides={"checkpoint_every_steps": 3, "classify.steps": 400})
        state = ws.run_folder(run.id) / "state.pt"
        until(lambda job=job, state=state: _looked(ws, job) and state.exists(), 300)
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
    until(lambda: _looked(ws, job).state.is_over, 300)
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


def kill_publishers(ws: Workspace, count: int) -> Figures:
    """Kill a process that does nothing but publish checkpoints, at random moments; read all that stands there."""
    from icssn.nets.checkpoint import CARD_NAME, load_checkpoint

    unreadable = 0
    for number in range(count):
        process = subprocess.Popen([sys.executable, "-c", _PUBLISHER, str(ws.models), str(number)], stdout=-1)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.communicate()
    whole = [folder for folder in ws.models.iterdir() if (folder / CARD_NAME).exists()]
    for folder in whole:
        try:
            load_checkpoint(folder)
        except CheckpointRefusedError:
            unreadable += 1
    return {f"unreadable_{count}_kills": unreadable, "published": len(whole)}


def kill_savers(ws: Workspace, count: int) -> Figures:
    """Kill a process that saves labels and says so, at random moments; count what it said against what stands."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    acknowledged: list[str] = []
    for _ in range(count):
        process = subprocess.Popen([sys.executable, "-c", _SAVER, str(ws.folder), scene.id], stdout=-1, text=True)
        assert process.stdout is not None
        acknowledged.append(process.stdout.readline().strip())
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        told = process.communicate()[0].split("\n")
        acknowledged += told[:-1]  # what follows the last line end was not said to the end
    there = {label.uid for label in actions.list_labels(ws, scene.id)}
    return {f"edits_lost_{count}_kills": len(set(acknowledged) - there), "edits_acknowledged": len(acknowledged)}


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
        until(lambda: _looked(ws, job).state.is_over, 400)
        full = jobs.get(ws.db, job.id)
        subprocess.run([*mount, "remount,size=500m", "tmpfs", disk], check=True)
        told = full.state is JobState.failed and "No space is left" in full.error
        again = _again(ws, run.id, scene)
        until(lambda: _looked(ws, again).state.is_over, 400)
        return {"full_disk_told": told, "works_after_room": jobs.get(ws.db, again.id).state is JobState.done}
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


# ---- the scene of the crime ---------------------------------------------------------------------------------


@contextmanager
def fresh_workspace() -> Iterator[Workspace]:
    """Give an empty workspace in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        ws = actions.open_workspace(Path(folder) / "workspace", actor=Actor(name="Li"))
        try:
            yield ws
        finally:
            leave(ws)
            ws.close()


def add_scene(ws: Workspace, path: Path, *, side: int = 4, every_px: int = 192) -> Scene:
    """Register a noisy image with side × side dark landslides, evenly spaced, in a label area."""
    rng = np.random.default_rng(0)
    size_px = every_px * side
    image = rng.normal(140, 20, (3, size_px, size_px))
    rows, cols = np.indices(image.shape[1:])
    half = every_px / 2
    dark = ((rows % every_px - half) ** 2 + (cols % every_px - half) ** 2) < 22**2
    image[:, dark] -= 70
    profile = {"driver": "GTiff", "width": size_px, "height": size_px, "count": 3, "dtype": "uint8"}
    transform = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
    with rasterio.open(path, "w", crs="EPSG:32648", transform=transform, **profile) as out:
        out.write(image.clip(0, 255).astype(np.uint8))
    scene = actions.register_scene(ws, path, name="hill")
    west, south, east, north = scene.facts.bounds_lonlat
    across, up = (east - west) / size_px, (north - south) / size_px

    def square(col: float, row: float, radius: float) -> NewLabel:
        x, y, dx, dy = west + col * across, north - row * up, radius * across, radius * up
        return NewLabel(geometry_lonlat=box(x - dx, y - dy, x + dx, y + dy))

    slides = [square(half + every_px * i, half + every_px * j, 20) for i in range(side) for j in range(side)]
    area = square(size_px / 2, size_px / 2, size_px / 2 - 4).model_copy(update={"cls": LabelClass.label_area})
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    return scene


def family(ws: Workspace) -> list[psutil.Process]:
    """Give the worker of the workspace and its children, as far as they run."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if "icssn.worker" in words and str(ws.folder) in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def workers(ws: Workspace) -> list[psutil.Process]:
    """Give the processes that serve the queue of the workspace; one, if all is well."""
    return [process for process in family(ws) if "--child" not in _words(process)]


def children(ws: Workspace) -> list[psutil.Process]:
    """Give the processes that do the work, or wait for some."""
    return [process for process in family(ws) if "--child" in _words(process)]


def leave(ws: Workspace) -> int:
    """End the workers of the workspace; gives how many of their children outlive them."""
    for process in workers(ws):
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 15
    while workers(ws) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    left = family(ws)
    for process in left:
        process.kill()
    return len(left)


def until(condition: Callable[[], object], seconds: float) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It did not become so in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting after {seconds:.0f} s")
        time.sleep(0.1)


def _killed_run(ws: Workspace, count: int, *, victim: Callable[[psutil.Process], bool], what: str) -> Figures:
    """Kill some process of the family so many times inside one run, each time after a further state was written."""
    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    _, job = actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 80 * (count + 1)})
    repeated, slowest, killed = 0, 0.0, 0
    while killed < count and not _looked(ws, job).state.is_over:
        begun = steps_told(ws, job)[-1][:1]
        if begun and steps_told(ws, job)[-1][-1] - begun[0] >= INTERVAL + 5:
            for process in filter(victim, family(ws)):
                process.kill()
            killed += 1
            at, lives = time.monotonic(), len(steps_told(ws, job))
            last = steps_told(ws, job)[-1][-1]
            until(lambda: _looked(ws, job).state.is_over or _resumed(ws, job, lives=lives), 400)  # noqa: B023
            slowest = max(slowest, time.monotonic() - at)
            repeated = max(repeated, last - (steps_told(ws, job)[-1] or [last])[0])
        time.sleep(0.05)
    until(lambda: _looked(ws, job).state.is_over, 600)
    survived = killed if jobs.get(ws.db, job.id).state is JobState.done else 0
    return {f"{what}_kills_survived_of_{count}": survived, f"{what}_steps_repeated": repeated,
            f"{what}_resumed_s": slowest}  # fmt: skip


def steps_told(ws: Workspace, job: Job) -> list[list[int]]:
    """Give the segmentation steps that a job's log tells of, one list for each life of the job; at least one."""
    path = ws.log_file(job.id)
    log = path.read_text(encoding="utf-8") if path.exists() else ""
    lives = log.split("cutting chips\n")[1:] or [""]
    return [[int(step) for step in re.findall(r"segment · step (\d+) of", life)] for life in lives]


def _resumed(ws: Workspace, job: Job, *, lives: int) -> bool:
    told = steps_told(ws, job)
    return len(told) > lives and bool(told[-1])


def _looked(ws: Workspace, job: Job) -> Job:
    """Look at a job as a page does, which wakes a worker where none runs."""
    return actions.find_job(ws, job.id)


def _again(ws: Workspace, run_id: str, scene: Scene) -> Job:
    return actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 100})[1]


def _idle_job(ws: Workspace) -> Job:
    """Give a job that takes a moment: the demo project."""
    from icssn.records import JobKind

    return Job(kind=JobKind.demo)


def _app(ws: Workspace) -> subprocess.Popen[bytes]:
    code = "import sys, time; from pathlib import Path; from icssn import actions\n"
    code += "actions.active_jobs(actions.open_workspace(Path(sys.argv[1]))); time.sleep(float(sys.argv[2]))"
    return subprocess.Popen([sys.executable, "-c", code, str(ws.folder), "2"])


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


_PUBLISHER = """
import sys
from pathlib import Path
from icssn.config import EncoderConfig, TrainConfig
from icssn.nets.checkpoint import save_checkpoint
from icssn.nets.icssn import build
config = TrainConfig(encoder=EncoderConfig(name="tu-test_efficientnet", weights="none"), decoder_channels=16)
model = build(config)
print("ready", flush=True)
for number in range(100_000):
    save_checkpoint(Path(sys.argv[1]) / f"{sys.argv[2]}-{number}", model, {"config": config.model_dump(mode="json")})
"""

_SAVER = """
import sys
from pathlib import Path
from icssn import actions
from icssn.records import Actor, Edits, NewLabel
from shapely.geometry import box
ws = actions.open_workspace(Path(sys.argv[1]), actor=Actor(name="Li"))
scene = next(scene for scene in actions.list_scenes(ws) if scene.id == sys.argv[2])
west, south, east, north = scene.facts.bounds_lonlat
across, up = east - west, north - south
square = box(west + 0.1 * across, south + 0.1 * up, west + 0.2 * across, south + 0.2 * up)
while True:
    new = NewLabel(geometry_lonlat=square)
    actions.save_edits(ws, scene.id, Edits(created=(new,)))
    print(new.uid, flush=True)
"""

if __name__ == "__main__":
    main()
