"""What jobs leave behind stays only as long as somebody may go on with it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import crime_scene
from icssn.jobs import leftovers
from icssn.records import Job, JobKind, JobState
from icssn.store import jobs
from icssn.store.workspace import Workspace

DRAFTS = {"scenes/s/.draft-1/draft.tif", "scenes/s/.0a1b.part.tif"}
PARTS = {"predictions/p/.draft-2/draft.tif", "predictions/p/.parts-3/000001.part", "predictions/p/.2c3d.part.tif"}
WHOLE = {"scenes/s/tiles.tif", "predictions/p/probability.tif", "predictions/p/.4e5f.part.json"}


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with crime_scene.fresh_workspace() as workspace:
        yield workspace


def test_only_a_job_that_may_go_on_keeps_what_it_needs_for_that(ws: Workspace) -> None:
    for state in JobState:
        job = jobs.add(ws.db, Job(id=state.value, kind=JobKind.crossval, state=state))
        (ws.scratch_folder(job.id) / "fold-1").mkdir(parents=True)
    leftovers.tidy(ws)
    assert {folder.name for folder in ws.scratch_folder("").iterdir()} == {"queued", "running"}


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (JobState.running, DRAFTS | PARTS | WHOLE),
        (JobState.queued, PARTS | WHOLE),
        (JobState.cancelled, WHOLE),
        (JobState.failed, WHOLE),
    ],
)
def test_rasters_left_half_written_are_gone_once_nobody_goes_on_with_them(
    ws: Workspace, state: JobState, kept: set[str]
) -> None:
    for name in DRAFTS | PARTS | WHOLE:
        place = ws.path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x")
    jobs.add(ws.db, Job(kind=JobKind.import_scene, state=state))
    leftovers.tidy(ws)
    assert _files(ws.folder, "scenes", "predictions") == kept


def test_half_copied_models_are_gone_after_a_day_without_writing(ws: Workspace, tmp_path: Path) -> None:
    ws.models = tmp_path / "shared"
    leftovers.tidy(ws)
    written = {  # hours ago: the folder, the file in it
        ".import-killed": (25, 25),
        ".import-going-on": (25, 0.01),
        ".import-begun": (0.01, 25),
        ".imported": (25, 25),
        "a" * 32: (25, 25),
    }
    for name, hours in written.items():
        folder = ws.models / name
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"x")
        for path, ago in zip((folder, folder / "model.safetensors"), hours, strict=True):
            os.utime(path, (time.time() - 3600 * ago,) * 2)
    leftovers.tidy(ws)
    assert {folder.name for folder in ws.models.iterdir()} == set(written) - {".import-killed"}


def _files(folder: Path, *names: str) -> set[str]:
    return {
        path.relative_to(folder).as_posix() for name in names for path in (folder / name).rglob("*") if path.is_file()
    }
