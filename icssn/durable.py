"""Write files whole or not at all: temporary name, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from icssn.errors import DiskFullError, UnwritableError

_REFUSALS = {
    errno.EACCES: "writing there is not permitted",
    errno.EPERM: "writing there is not permitted",
    errno.EROFS: "it is read-only",
    errno.ENOENT: "nothing can be made there",
    errno.ENOTDIR: "a file stands in the place of a folder",
    errno.EEXIST: "a file stands in the place of a folder",
    errno.EISDIR: "a folder stands in the place of the file",
    errno.ELOOP: "a link there leads nowhere",
    errno.ENAMETOOLONG: "its name is too long",
}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; publish it under `path` when the block ends well.

    Nothing ever stands under `path` but a whole file: a process killed at any line leaves the earlier file, or
    none. The block checks its own work (re-read, validate) before it ends.

    Raises:
        DiskFullError: The disk is full; an earlier file at `path` is untouched.
        UnwritableError: The folder cannot be made, or no file be written there.
    """
    require_folder(path.parent)
    draft = path.with_name(f".{uuid.uuid4().hex}.part{path.suffix}")
    try:
        yield draft
        with draft.open("rb+") as handle:
            os.fsync(handle.fileno())
        with written_to(path):
            draft.replace(path)
        _fsync_folder(path.parent)
    except OSError as err:
        if _is_full(err):
            raise DiskFullError(str(path.parent)) from err
        raise
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        UnwritableError: It cannot be made.
        DiskFullError: The disk is full.
    """
    with written_to(folder):
        folder.mkdir(parents=True, exist_ok=True)


def require_folder(folder: Path) -> None:
    """Make a folder unless it is there, and write to it: before long work begins whose results it is to hold.

    Raises:
        UnwritableError: It cannot be made, or no file be written there.
        DiskFullError: The disk is full.
    """
    make_folder(folder)
    with written_to(folder), tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def written_to(place: Path) -> Iterator[None]:
    """Say in a sentence why a place could not be written to in the block.

    Raises:
        UnwritableError: The system refused.
        DiskFullError: The disk is full.
    """
    try:
        yield
    except OSError as err:
        if _is_full(err):
            raise DiskFullError(str(place)) from err
        raise UnwritableError(str(place), found=_REFUSALS.get(err.errno or 0, str(err))) from err


def _is_full(err: BaseException | None) -> bool:
    while err is not None:
        if isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in str(err):
            return True
        err = err.__cause__ or err.__context__
    return False


def _fsync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is already journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
