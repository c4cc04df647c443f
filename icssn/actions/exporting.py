"""The inventory of a scene handed out: a job packs it into the workspace, from there it is downloaded or unpacked."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from icssn import __version__
from icssn.actions.inventory import inventories_folder, packed_at
from icssn.actions.permission import require
from icssn.actions.targets import require_apart, require_replaceable
from icssn.actions.work import submit
from icssn.durable import whole_file, write_text
from icssn.errors import NotFoundError
from icssn.records import Job, JobKind, JobState, Role
from icssn.store import jobs, scenes
from icssn.store.workspace import Workspace

FILES = (
    *("inventory.gpkg", "inventory.qml", "inventory.coco.json", "probability.tif", "mask.tif", "uncertainty.tif"),
    *("candidates.gpkg", "summary.csv", "item.json", "sheets/index.html", "sheets/0001.html", "manifest.json"),
)
"""What the inventory of a scene with one landslide may hold; see `icssn.actions.inventory`."""

_SHEET = re.compile(r"sheets/\d+\.html")
_UNFINISHED = ".manifest.part.json"  # names what is being unpacked, in a folder whose manifest is not yet written


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
    packed = [path.stem for path in inventories_folder(ws, scene_id).glob("*.zip")]  # seldom more than one
    return next((job for job in jobs.among(ws.db, packed) if job.state is JobState.done), None)


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
        UnwritableError: As `require_inventory_place`; or the folder cannot be made, or no file be written there.
        DiskFullError: The disk is full.
    """
    written = []
    with zipfile.ZipFile(inventory_file(ws, job_id)) as packed:
        names = packed.namelist()
        require_inventory_place(ws, folder, names=names)
        listed = _listed(folder)
        known = {"icssn": __version__, "files": [{"path": name} for name in sorted({*names, *listed})]}
        write_text(folder / _UNFINISHED, json.dumps(known))
        for name in ("manifest.json", *filter(_SHEET.fullmatch, listed.difference(names))):
            (folder / name).unlink(missing_ok=True)  # of an earlier inventory
        for name in names:  # as `make_inventory` packed them
            with whole_file(folder / name) as draft, packed.open(name) as source, draft.open("wb") as target:
                shutil.copyfileobj(source, target)
            written.append(folder / name)
    (folder / _UNFINISHED).unlink()
    return written


def require_inventory_place(ws: Workspace, folder: Path, *, names: Iterable[str] = FILES) -> None:
    """Refuse a folder in which the files of an inventory would take the place of others.

    Args:
        ws: Where.
        folder: It need not be there.
        names: Of the files.

    Raises:
        UnwritableError: The folder lies in the project, or one of the files is there and is a raster of a scene or
            was not written by ICSSN.
    """
    targets = [folder / name for name in names]
    require_apart(ws, targets)
    require_replaceable(targets, listed={folder / name for name in _listed(folder)})


def _listed(folder: Path) -> set[str]:
    """Give the files that a manifest of ours in a folder names, and the manifest; none where there is none."""
    found: set[str] = set()
    for name in ("manifest.json", _UNFINISHED):
        try:
            known = json.loads((folder / name).read_text("utf-8"))
            if "icssn" in known:
                found |= {name, *(str(entry["path"]) for entry in known["files"])}
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return found
