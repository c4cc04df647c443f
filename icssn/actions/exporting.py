"""The inventory of a scene handed out: a job packs it into the workspace, from there it is downloaded or unpacked."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from icssn.actions.inventory import packed_at
from icssn.actions.permission import require
from icssn.actions.work import submit
from icssn.durable import whole_file
from icssn.errors import NotFoundError
from icssn.records import Job, JobKind, JobState, Role
from icssn.store import jobs, scenes
from icssn.store.workspace import Workspace


def export_inventory(ws: Workspace, scene_id: str, *, language: str = "en") -> Job:
    """Queue the writing of everything that belongs to the inventory of a scene.

    Args:
        ws: Where.
        scene_id: The scene.
        language: Of the sheets, ``en`` or ``zh``.

    Raises:
        NotFoundError: There is no such scene.
        DiskFullError: There is no room for it; nothing was queued.
    """
    require(ws, Role.viewer, "export an inventory")
    params = {"scene_id": scenes.get(ws.db, scene_id).id, "language": language}
    return submit(ws, Job(kind=JobKind.export, params=params, created_by=ws.actor.name))


def latest_inventory(ws: Workspace, scene_id: str) -> Job | None:
    """Give the job that wrote the newest inventory of a scene, or None; its result has the labels' ``revision``."""
    for job in jobs.recent(ws.db, kind=JobKind.export):
        if job.state is JobState.done and job.params["scene_id"] == scene_id and packed_at(ws, job).is_file():
            return job
    return None


def inventory_file(ws: Workspace, job_id: str) -> Path:
    """Give the ZIP file that an export wrote.

    Raises:
        NotFoundError: There is no such export, it is not done, or a newer one has taken its place.
    """
    job = jobs.get(ws.db, job_id)
    if job.kind is not JobKind.export or not packed_at(ws, job).is_file():
        raise NotFoundError("inventory of job", job_id, remedy="Export the inventory again.")
    return packed_at(ws, job)


def unpack_inventory(ws: Workspace, job_id: str, folder: Path) -> list[Path]:
    """Write the files of an export into a folder, ``manifest.json`` last: where it stands, the rest is whole.

    Raises:
        NotFoundError: As `inventory_file`.
        DiskFullError: The disk is full.
    """
    (folder / "manifest.json").unlink(missing_ok=True)
    written = []
    with zipfile.ZipFile(inventory_file(ws, job_id)) as packed:
        for name in packed.namelist():  # as `make_inventory` packed them
            with whole_file(folder / name) as draft, packed.open(name) as source, draft.open("wb") as target:
                shutil.copyfileobj(source, target)
            written.append(folder / name)
    return written
