"""The one door through which raster files come in: opened hardened, inspected, refused with a reason.

A plain ``rasterio.open`` follows what a file says: other files, other hosts. Here the magic bytes are read first and
GDAL may use its GeoTIFF driver only. (`icssn.gdal_environment` closes sidecar files and further drivers. Its list of
skipped drivers alone would not do: the first warp in a process registers the VRT driver again.) A raster in a store
comes through the same door, as a file of ours that GDAL asks for bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from icssn import stores
from icssn.errors import RasterRefusedError
from icssn.geo import crs
from icssn.imagery.likeness import sample_sha256
from icssn.imagery.limits import check_declared, check_ground, check_pixels, check_size, damaged, georeference
from icssn.imagery.remote import RemoteBytes, RemoteFile
from icssn.imagery.stretch import estimate
from icssn.records import Raster, RasterFacts, RemoteRaster

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, both byte orders
NO_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "an't allocate memory",
    "annot allocate memory",
    "failed to map segment",
    "ut of memory",
)
"""What libraries and the system say where memory ran out."""

_SUFFIXES = (".tif", ".tiff")
_CONVERT = "Open it in QGIS, choose Export › Save As › GeoTIFF, and add the result."


def raster_at(text: str) -> Raster:
    """Give the raster that a person names, by a path or by an address in a store; whether it is there is not asked."""
    return RemoteRaster(address=text.strip()) if stores.is_address(text) else Path(text)


def state(raster: Raster) -> str:
    """Give what tells a raster from any other one, and from itself after a change.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if isinstance(raster, RemoteRaster):
        return f"{raster.address} {raster.version}"
    found = raster.stat()
    return f"{raster} {found.st_size} {found.st_mtime_ns}"


def is_gone(raster: Raster) -> bool:
    """Say whether there is no file where a raster should be; of one in a store that is not asked."""
    if isinstance(raster, RemoteRaster):
        return False
    try:
        raster.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # it may be there, and cannot be reached
        return False
    return False


@contextmanager
def open_raster(raster: Raster) -> Iterator[DatasetReader]:
    """Open a GeoTIFF that cannot lead GDAL to any other file or host.

    Links are followed to a regular file. Sidecar files (.aux.xml, .tfw, .ovr, .msk) are never read.

    Raises:
        RasterRefusedError: No such file, not a regular file, not a GeoTIFF, it names another file, or its store does
            not give it, now or while it is read.
    """
    if isinstance(raster, RemoteRaster):
        with _open_remote(raster) as (dataset, _):
            yield dataset
        return
    path = Path(raster)
    _check_is_tiff(path)
    _require_readable(path.resolve())  # where a link leads
    with _opened(partial(rasterio.open, path.resolve()), path.name) as dataset:
        yield dataset


@contextmanager
def _open_remote(raster: RemoteRaster) -> Iterator[tuple[DatasetReader, RemoteBytes]]:
    remote = RemoteBytes(raster)
    try:
        if not raster.name.lower().endswith(_SUFFIXES) or remote.between(0, 4) not in _MAGIC:
            remote.raise_trouble()
            found = "its content or its name's ending is something else"
            raise RasterRefusedError(raster.name, found=found, needed="a GeoTIFF (.tif or .tiff)", remedy=_CONVERT)
        opening = partial(rasterio.open, "raster.tif", opener=lambda *_, **__: RemoteFile(remote))
        with _opened(opening, raster.name) as dataset:
            yield dataset, remote
    finally:
        remote.raise_trouble()  # the cause of what GDAL says of it, and of what it does not say


@contextmanager
def _opened(opening: Callable[..., DatasetReader], name: str) -> Iterator[DatasetReader]:
    try:
        dataset = opening(driver="GTiff", sharing=False)
    except RasterioError as err:
        raise RasterRefusedError(
            name,
            found=f"it could not be read ({_short(err)})",
            needed="an undamaged GeoTIFF",
            remedy="Copy it again from its source, or export it again.",
        ) from err
    with dataset:
        if "OVERVIEW_FILE" in dataset.tags(ns="OVERVIEWS"):
            raise RasterRefusedError(
                name,
                found="it names another file to read its overviews from",
                needed="a GeoTIFF that stands for itself",
                remedy=_CONVERT,
            )
        yield dataset


def inspect(raster: Raster) -> RasterFacts:
    """Check every limit and give what the raster is; reads a sample of pixels, and a local file once as a whole.

    Raises:
        RasterRefusedError: A limit is exceeded or the georeference is missing; the message says what to do.
    """
    if isinstance(raster, RemoteRaster):
        with _open_remote(raster) as (dataset, remote):
            return _facts(dataset, raster.name, size_bytes=remote.size_bytes, sha256=None, version=remote.version)
    path = Path(raster)
    with open_raster(path) as dataset, path.open("rb") as handle:
        found = path.stat()
        facts = _facts(dataset, path.name, size_bytes=found.st_size, sha256="", version=None)
        told_by = {
            "modified_ns": found.st_mtime_ns,
            "sample_sha256": sample_sha256(dataset),
            "sha256": hashlib.file_digest(handle, "sha256").hexdigest(),
        }
        return facts.model_copy(update=told_by)


def _facts(
    dataset: DatasetReader, name: str, *, size_bytes: int, sha256: str | None, version: str | None
) -> RasterFacts:
    check_size(dataset, name)
    check_pixels(dataset, name, size_bytes=size_bytes)
    wkt, bounds = georeference(dataset, name)
    try:
        check_ground(dataset, name)
        stretch = estimate(dataset)
        check_declared(dataset, name, bands=stretch.bands)
    except RasterioError as err:
        raise damaged(name, _short(err)) from err
    transform = dataset.transform
    nodata = dataset.nodata
    affine = (transform.a, transform.b, transform.c, transform.d, transform.e, transform.f)
    return RasterFacts(
        width=dataset.width,
        height=dataset.height,
        band_count=dataset.count,
        dtype=dataset.dtypes[0],
        crs_wkt=wkt,
        crs_name=crs.crs_name(wkt),
        transform=affine,
        nodata=nodata if nodata is not None and math.isfinite(nodata) else None,  # NaN never is a value
        bounds_lonlat=bounds,
        pixel_size_m=crs.pixel_size_m(wkt, affine, dataset.width, dataset.height),
        sha256=sha256,
        version=version,
        size_bytes=size_bytes,
        stretch=stretch,
    )


def inspect_in_child(raster: Raster, timeout_s: float = 120) -> RasterFacts:
    """Inspect in a process of its own, bounded in memory and time, so that a hostile file can only harm that.

    Of a remote raster it is what stands in the store now that is inspected, whatever version is asked for.

    Raises:
        RasterRefusedError: As `inspect`, or the inspection had to be stopped.
        MissingPartError: It is a remote raster, and what reaches stores is not installed.
    """
    if isinstance(raster, RemoteRaster):
        stores.require_installed()
        place = raster.address
    else:
        place = str(Path(raster).absolute())
        _check_is_tiff(Path(raster))
    command = [sys.executable, "-m", "icssn.imagery.inspect_child", place, str(math.ceil(timeout_s))]
    late = f"inspecting it took over {timeout_s:.0f} s"
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            cwd=Path(__file__).resolve().parents[2],  # where the package stands, installed or not
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as err:
        raise _unsafe(raster, late) from err
    except ValueError as err:
        if -done.returncode == getattr(signal, "SIGXCPU", None):
            raise _unsafe(raster, late) from err
        raise _unsafe(raster, _why_ended(done.returncode, done.stderr.decode(errors="replace"))) from err
    if "refused" in answer:
        raise RasterRefusedError(**answer["refused"])
    return RasterFacts.model_validate(answer["facts"])


def _why_ended(code: int, said: str) -> str:
    """Say why an inspection ended without an answer.

    Args:
        code: With which it ended; negative: minus the signal.
        said: What stands in its log.
    """
    if -code == getattr(signal, "SIGKILL", None) or any(sign in said for sign in NO_MEMORY):
        return "inspecting it needed too much memory"
    last = said.strip().splitlines()[-1][:200] if said.strip() else f"code {code}"
    return f"inspecting it ended with an error ({last})"


def _unsafe(raster: Raster, found: str) -> RasterRefusedError:
    return RasterRefusedError(raster.name, found=found, needed="a file that can be inspected safely", remedy=_CONVERT)


def _require_readable(path: Path) -> None:
    """Refuse a path that GDAL, which takes UTF-8 only, cannot be told."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError as err:
        readable = os.fsencode(path).decode(errors="replace")
        raise RasterRefusedError(
            Path(readable).name,
            found=f"its path holds signs that are not written in UTF-8 ({readable})",
            needed="a file whose name and folders can be read",
            remedy="Rename it, or the folder.",
        ) from err


def _check_is_tiff(path: Path) -> None:
    _require_readable(path)
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
        regular = stat.S_ISREG(mode)
        if regular and path.suffix.lower() in _SUFFIXES and target.suffix.lower() in _SUFFIXES:
            with target.open("rb") as handle:
                magic = handle.read(4)
            if magic in _MAGIC:
                return
            found = "it is named like a GeoTIFF but its content is something else"
        elif stat.S_ISDIR(mode):
            found = "it is a folder"
        elif not regular:
            found = "it is not a regular file"
        else:
            found = f"its name ends in '{target.suffix}'"
    except FileNotFoundError as err:
        raise RasterRefusedError(
            path.name,
            found=f"there is no file {path}",
            needed="an existing GeoTIFF",
            remedy="Check the path; it is seen from the machine on which ICSSN runs.",
        ) from err
    except (OSError, RuntimeError, ValueError) as err:  # no permission, a loop of links, a zero byte in the name
        raise RasterRefusedError(
            path.name,
            found=f"it could not be read ({err})",
            needed="a readable GeoTIFF",
            remedy="Check the file's permissions.",
        ) from err
    raise RasterRefusedError(path.name, found=found, needed="a GeoTIFF (.tif or .tiff)", remedy=_CONVERT)


def _short(err: Exception) -> str:
    return str(err).splitlines()[0][:200]
