"""Zip files of one vector data set: members are checked before any is unpacked."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from icssn.vectors.features import refused, unreadable

MAX_MEMBERS = 200  # a shapefile has four to eight
MAX_UNPACKED = 500 << 20  # bytes of all members
MAX_RATIO = 200  # unpacked / packed; shapefiles reach 20
_SMALL = 1 << 20  # members below this may be packed as well as they like
_WITH_SHAPES = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@contextmanager
def unpacked(path: Path, *, endings: tuple[str, ...], stem: str = "") -> Iterator[Path]:
    """Give the one vector file that an archive holds, unpacked into a folder of its own until the block ends.

    Args:
        path: Of the archive.
        endings: Of vector files.
        stem: Which one, by its name without folder and ending, where there are several.

    Raises:
        LabelsRefusedError: A member reaches outside, is a link or encrypted, there are too many or too large ones, or
            not exactly one vector file.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError) as err:
        raise unreadable(path, "zip") from err
    with archive, tempfile.TemporaryDirectory(prefix="icssn-zip-") as folder:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check(path, members)
        members = [member for member in members if not member.filename.startswith("__MACOSX/")]
        found = [member for member in members if PurePosixPath(member.filename).suffix.lower() in endings]
        chosen = [member for member in found if not stem or PurePosixPath(member.filename).stem == stem]
        if len(chosen) != 1:
            names = ", ".join(sorted(PurePosixPath(member.filename).name for member in found)) or "no vector file"
            raise refused(path, names, "one vector file", "Say which one to read (--layer), or pack it alone.")
        main = PurePosixPath(chosen[0].filename)
        for member in members:
            name = PurePosixPath(member.filename)
            suffix = name.suffix.lower()
            if member is chosen[0] or (suffix in _WITH_SHAPES and name.with_suffix("") == main.with_suffix("")):
                with archive.open(member) as packed, (Path(folder) / f"{path.stem}{suffix}").open("wb") as out:
                    shutil.copyfileobj(_Limited(packed, path), out)
        yield Path(folder) / f"{path.stem}{main.suffix.lower()}"


def members(path: Path, ending: str) -> list[str]:
    """Give the names, without folder and ending, of the members with an ending."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist() if not name.startswith("__MACOSX/")]
    except (zipfile.BadZipFile, ValueError) as err:
        raise unreadable(path, "zip") from err
    return [name.stem for name in names if name.suffix.lower() == ending]


class _Limited:
    """A member that is cut off where it unpacks to more than it may, whatever its header says."""

    def __init__(self, packed: IO[bytes], path: Path) -> None:
        self._packed, self._path, self._left = packed, path, MAX_UNPACKED

    def read(self, size: int = -1) -> bytes:
        try:
            block: bytes = self._packed.read(size)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as err:
            raise unreadable(self._path, "zip") from err
        self._left -= len(block)
        if self._left < 0:
            raise refused(self._path, "a member larger than it says", "an honest archive", "Pack it again.")
        return block


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise refused(path, f"{len(members):,} members", f"at most {MAX_MEMBERS}", "Pack one data set alone.")
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise refused(path, "more than 500 MB unpacked", "at most 500 MB", "Cut the data to your area.")
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        kind = stat.S_IFMT(member.external_attr >> 16)
        if name.is_absolute() or ".." in name.parts or ":" in member.filename:
            raise refused(path, "a member that points outside the archive", "plain names", "Pack it again.")
        if kind not in (0, stat.S_IFREG):
            raise refused(path, "a member that is a link", "plain files", "Pack the files themselves.")
        if member.flag_bits & 1:
            raise refused(path, "an encrypted member", "an archive without password", "Pack it without one.")
        if member.file_size > _SMALL and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise refused(path, "a member packed beyond belief", "an honest archive", "Pack it again.")
