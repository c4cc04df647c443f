"""Where the faults happen: a workspace with a scene, its worker and children, and how to wait and clear up."""

from __future__ import annotations

import re
import signal
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
from icssn.records import Actor, Edits, Job, LabelClass, NewLabel, Scene
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
    return [process for process in family(ws) if "--child" not in words(process)]


def children(ws: Workspace) -> list[psutil.Process]:
    """Give the processes that do the work, or wait for some."""
    return [process for process in family(ws) if "--child" in words(process)]


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


def looked(ws: Workspace, job: Job) -> Job:
    """Look at a job as a page does, which wakes a worker where none runs."""
    return actions.find_job(ws, job.id)


def words(process: psutil.Process) -> list[str]:
    """Give the command line of a process, nothing if it has gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def steps_told(ws: Workspace, job: Job) -> list[list[int]]:
    """Give the segmentation steps that a job's log tells of, one list for each life of the job; at least one."""
    path = ws.log_file(job.id)
    log = path.read_text(encoding="utf-8") if path.exists() else ""
    lives = log.split("cutting chips\n")[1:] or [""]
    return [[int(step) for step in re.findall(r"segment · step (\d+) of", life)] for life in lives]
