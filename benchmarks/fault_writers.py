"""Writers that are killed while they write: checkpoints, and saves of labels.

The writers are forked from a process that has done the slow imports, so that a hundred of them take minutes.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from shapely.geometry import box

from benchmarks.crime_scene import Figures, add_scene
from icssn import actions
from icssn.errors import CheckpointRefusedError
from icssn.records import Actor, Edits, NewLabel
from icssn.store.workspace import Workspace

LONGEST_S = 0.3  # a writer lives at most this long after its first word


def kill_publishers(ws: Workspace, count: int) -> Figures:
    """Kill a process that does nothing but publish checkpoints, at random moments; read all that stands there."""
    from icssn.nets.checkpoint import CARD_NAME, load_checkpoint

    for number in range(count):
        _killed(_publish, ws.models, number)
    whole = [folder for folder in ws.models.iterdir() if (folder / CARD_NAME).exists()]
    unreadable = 0
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
        acknowledged += _killed(_save, ws.folder, scene.id)
    there = {label.uid for label in actions.list_labels(ws, scene.id)}
    return {f"edits_lost_{count}_kills": len(set(acknowledged) - there), "edits_acknowledged": len(acknowledged)}


def _killed(writer: Callable[..., None], *arguments: object) -> list[str]:
    """Start a writer, kill it some time after its first word, and give all that it said to the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "icssn.actions", "icssn.nets.checkpoint"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=writer, args=(*arguments, theirs))
    process.start()
    theirs.close()
    told = [ours.recv()]
    time.sleep(random.uniform(0, LONGEST_S))
    process.kill()
    process.join()
    try:
        while True:
            told.append(ours.recv())
    except EOFError:
        return told


def _publish(models: Path, number: int, told: Connection) -> None:
    """Publish small checkpoints for ever."""
    import torch

    from icssn.config import EncoderConfig, TrainConfig
    from icssn.nets.checkpoint import save_checkpoint
    from icssn.nets.icssn import build

    torch.set_num_threads(1)
    config = TrainConfig(encoder=EncoderConfig(name="tu-test_efficientnet", weights="none"), decoder_channels=16)
    model = build(config)
    told.send("ready")
    for version in range(100_000):
        save_checkpoint(models / f"{number}-{version}", model, {"config": config.model_dump(mode="json")})


def _save(folder: Path, scene_id: str, told: Connection) -> None:
    """Save new labels for ever; say the id of each once it is saved."""
    ws = actions.open_workspace(folder, actor=Actor(name="Li"))
    scene = next(scene for scene in actions.list_scenes(ws) if scene.id == scene_id)
    west, south, east, north = scene.facts.bounds_lonlat
    across, up = east - west, north - south
    square = box(west + 0.1 * across, south + 0.1 * up, west + 0.2 * across, south + 0.2 * up)
    while True:
        new = NewLabel(geometry_lonlat=square)
        actions.save_edits(ws, scene.id, Edits(created=(new,)))
        told.send(new.uid)
