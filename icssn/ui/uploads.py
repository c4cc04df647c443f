"""Files that come from the reader's machine: alone in a folder named by chance, display names never in a path."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from icssn.durable import written_to
from icssn.errors import NotFoundError
from icssn.imagery.open import raster_at
from icssn.records import Raster
from icssn.store.workspace import Workspace
from icssn.stores import is_address


class Upload(Protocol):
    """What Streamlit gives for an uploaded file."""

    name: str

    def getbuffer(self) -> memoryview: ...


@contextmanager
def kept(ws: Workspace, upload: Upload | None, name: str = "scene.tif") -> Iterator[Path]:
    """Write an upload to ``uploads/<chance>/<name>`` in the workspace; it goes again if the block fails.

    Without an upload nothing is written, and the path does not exist. That a page is drawn anew or stopped inside the
    block is no failure: a scene may have the file by then.

    Raises:
        UnwritableError: It cannot be written into the workspace.
        DiskFullError: The disk is full.
    """
    folder = ws.folder / "uploads" / uuid.uuid4().hex
    try:
        if upload is not None:
            with written_to(folder.parent):
                folder.mkdir(parents=True)
                (folder / name).write_bytes(upload.getbuffer())
        yield folder / name
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def server_path(text: str) -> Path:
    """Give the path that a reader typed.

    Raises:
        NotFoundError: There is no such file on the machine that runs ICSSN.
    """
    path = Path(text.strip().strip("\"'")).expanduser()
    if not text.strip() or not path.is_file():
        remedy = "Give the whole path of a GeoTIFF on the machine that runs ICSSN, or upload the file."
        if text.strip() and path.is_dir():
            remedy = "That is a folder: give the whole path of a GeoTIFF in it, or upload the file."
        raise NotFoundError("file", text.strip(), remedy=remedy)
    return path


def named(text: str) -> Raster:
    """Give the raster that a reader typed: a path of this machine, or an address in a store.

    Raises:
        NotFoundError: There is no such file on the machine that runs ICSSN.
    """
    unquoted = text.strip().strip("\"'")
    return raster_at(unquoted) if is_address(unquoted) else server_path(unquoted)


def optional(text: str) -> Path | None:
    """Give the path that a reader typed, or None for an empty field."""
    return server_path(text) if text.strip() else None


def stem(upload: Upload) -> str:
    """Give the display name of an upload: its file name without folder and ending."""
    return Path(upload.name.replace("\\", "/")).stem
