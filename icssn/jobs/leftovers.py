"""What jobs leave in the workspace that nobody goes on with."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from icssn.errors import NotFoundError
from icssn.records import JobState
from icssn.store import jobs, registry
from icssn.store.workspace import Workspace

_HALF_WRITTEN = (".draft-*", ".*.part.tif", ".parts-*")  # rasters, in the folder of a scene or of a prediction


def tidy(ws: Workspace) -> None:
    """Remove the scratch of jobs that are over, and the rasters and models that were left half written.

    What is half written stays while any machine is at work, and what belongs to a prediction while any job waits, too:
    it may be the one that goes on with it. Models are imported outside of jobs: what is half copied of one stays for a
    day.
    """
    registry.tidy(ws.models)
    for folder in ws.scratch_folder("").glob("*"):
        with contextlib.suppress(NotFoundError):
            if jobs.get(ws.db, folder.name).state.is_over:
                shutil.rmtree(folder, ignore_errors=True)
    of_scenes, of_predictions = _half_written(ws.scene_folder("")), _half_written(ws.prediction_folder(""))
    alive = jobs.active(ws.db)  # after the look: what a job begins from now on was not seen
    if not any(job.state is JobState.running for job in alive):
        _remove(of_scenes)
    if not alive:
        _remove(of_predictions)


def _half_written(folder: Path) -> list[Path]:
    return [path for pattern in _HALF_WRITTEN for path in folder.glob(f"*/{pattern}")]


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
