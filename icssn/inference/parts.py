"""A scene in parts: each is read, predicted window by window, and kept in a file until the whole scene stands.

A part that is already there is not predicted again, so that a prediction that was killed goes on where it was.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from icssn.durable import whole_file
from icssn.geo.shapes import pixel_transform, rasterise
from icssn.geo.windows import HaloWindow, even_windows
from icssn.imagery.read import read_window
from icssn.imagery.write import PROBABILITY_NODATA
from icssn.inference.backend import Backend
from icssn.records import Stretch

_LARGEST_PX = (4096, 2048)  # columns and rows of a part; two of them are in memory, 100 MB with 3 bands
_READ_ROWS = 256  # converted to uint8 at once
_LEVEL = 1  # of zlib: the fastest; its checksum tells a damaged file


class Part(NamedTuple):
    """A rectangle of a scene that is predicted on its own: what it answers for, what it reads, its windows."""

    number: int
    area: Window
    reads: Window
    windows: tuple[HaloWindow, ...]


class Reading(NamedTuple):
    """What was read for one part: image (C, H, W) of `part.reads`, and the pixels of it that are wanted (H, W)."""

    part: Part
    image: NDArray[np.uint8]
    wanted: NDArray[np.bool_]

    def of(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Give image and wanted pixels of a window of the part."""
        place = within(window, self.part.reads)
        return self.image[:, *place], self.wanted[place]


def plan(width: int, height: int, *, core_px: int, halo_px: int) -> list[Part]:
    """Cut a scene into parts, from top to bottom and left to right, each of whole windows."""
    grid = even_windows(width, height, core_px=core_px, halo_px=halo_px)
    rows = _groups([row[0].core.height for row in grid], _LARGEST_PX[1])
    columns = _groups([item.core.width for item in grid[0]], _LARGEST_PX[0])
    parts: list[Part] = []
    for (top, bottom), (left, right) in itertools.product(rows, columns):
        windows = tuple(item for row in grid[top:bottom] for item in row[left:right])
        area = _around([item.core for item in windows])
        parts.append(Part(len(parts), area, _around([item.window for item in windows]), windows))
    return parts


def predicted_parts(
    dataset: DatasetReader,
    backend: Backend,
    *,
    stretch: Stretch,
    parts: Sequence[Part],
    folder: Path,
    region: BaseGeometry | None = None,
    tell: Callable[[float], None],
) -> Generator[tuple[Window, NDArray[np.uint8]], None, None]:
    """Give the probability of landslide part by part, predicting those that are not in the folder yet.

    While one part is predicted the next one is read. Memory holds two parts and one window's features.

    Args:
        dataset: The open scene.
        backend: Computes the windows.
        stretch: How the scene's values become 0-255.
        parts: From `plan`.
        folder: Keeps the files of parts; use one folder for one scene, checkpoint and config.
        region: In the scene's CRS; what lies outside is not predicted.
        tell: Called before every window with the share of the scene that is done; what it raises ends the work.

    Yields:
        Area of the part and its probability, uint8 (H, W): value / 254; 255 where the scene has no data.
    """
    missing = [part for part in parts if load(folder, part) is None]
    todo = {part.number for part in missing}
    total, done = sum(part.area.width * part.area.height for part in parts), 0
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        readings = _ahead(reader, lambda part: read_part(dataset, part, stretch=stretch, region=region), missing)
        for part in parts:
            area_px = part.area.width * part.area.height
            values = None if part.number in todo else load(folder, part)
            if values is None:
                values = predict_part(next(readings), backend, tell=_scaled(tell, done / total, area_px / total))
                save(folder, part, values)
            done += area_px
            tell(done / total)
            yield part.area, values


def read_part(dataset: DatasetReader, part: Part, *, stretch: Stretch, region: BaseGeometry | None) -> Reading:
    """Read the pixels of a part once, and find which of them are known and inside the region."""
    reads = part.reads
    image = np.zeros((len(stretch.bands), reads.height, reads.width), np.uint8)
    wanted = np.zeros((reads.height, reads.width), np.bool_)
    for row in range(0, reads.height, _READ_ROWS):
        rows = slice(row, min(row + _READ_ROWS, reads.height))
        window = Window(reads.col_off, reads.row_off + row, reads.width, rows.stop - row)
        image[:, rows], wanted[rows] = read_window(dataset, window, stretch)
    if region is not None:
        grid = pixel_transform(Affine(*tuple(dataset.transform)[:6]), reads)
        wanted &= rasterise([region], transform=grid, width=reads.width, height=reads.height) == 1
    return Reading(part, image, wanted)


def predict_part(reading: Reading, backend: Backend, *, tell: Callable[[float], None]) -> NDArray[np.uint8]:
    """Predict the windows of a part; a window without a wanted pixel in its core costs nothing.

    Returns:
        Probability × 254 of the part's area, 255 where no pixel is wanted, uint8 (H, W).
    """
    part = reading.part
    values = np.full((part.area.height, part.area.width), PROBABILITY_NODATA, np.uint8)
    for batch in _alike(_worthy(reading, tell), size=backend.windows_per_forward):
        images = np.stack([reading.of(item.window)[0] for item in batch])
        for item, predicted in zip(batch, backend.segment(images), strict=True):
            core = predicted[within(item.core, item.window)]
            values[within(item.core, part.area)] = np.where(reading.of(item.core)[1], core, PROBABILITY_NODATA)
    return values


def save(folder: Path, part: Part, values: NDArray[np.uint8]) -> None:
    """Keep what was predicted for a part; the file stands whole or not at all.

    Raises:
        DiskFullError: The disk is full.
    """
    with whole_file(_file(folder, part)) as draft:
        draft.write_bytes(zlib.compress(values.tobytes(), _LEVEL))


def load(folder: Path, part: Part) -> NDArray[np.uint8] | None:
    """Give what is kept of a part, or None when nothing is, or nothing whole."""
    try:
        stored = zlib.decompress(_file(folder, part).read_bytes())
    except (FileNotFoundError, zlib.error):
        return None
    shape = part.area.height, part.area.width
    return np.frombuffer(stored, np.uint8).reshape(shape) if len(stored) == shape[0] * shape[1] else None


def within(window: Window, outer: Window) -> tuple[slice, slice]:
    """Give the rows and columns of an array of `outer` that `window` takes."""
    row, col = window.row_off - outer.row_off, window.col_off - outer.col_off
    return slice(row, row + window.height), slice(col, col + window.width)


def _file(folder: Path, part: Part) -> Path:
    return folder / f"{part.number:06d}.z"


def _scaled(tell: Callable[[float], None], begin: float, share: float) -> Callable[[float], None]:
    return lambda inside: tell(begin + share * inside)


def _groups(lengths: Sequence[int], largest: int) -> list[tuple[int, int]]:
    """Group neighbours to at most `largest` px, at least one in each: begin and end of every group."""
    groups, begin = [], 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or sum(lengths[begin : end + 1]) > largest:
            groups.append((begin, end))
            begin = end
    return groups


def _around(windows: Sequence[Window]) -> Window:
    left, top = min(window.col_off for window in windows), min(window.row_off for window in windows)
    right = max(window.col_off + window.width for window in windows)
    bottom = max(window.row_off + window.height for window in windows)
    return Window(left, top, right - left, bottom - top)


def _worthy(reading: Reading, tell: Callable[[float], None]) -> Iterator[HaloWindow]:
    for number, item in enumerate(reading.part.windows):
        tell(number / len(reading.part.windows))
        if reading.of(item.core)[1].any():
            yield item


def _alike(windows: Iterator[HaloWindow], *, size: int) -> Iterator[list[HaloWindow]]:
    """Group neighbours whose windows have one size, at most `size` of them."""
    for _, group in itertools.groupby(windows, key=lambda item: (item.window.width, item.window.height)):
        while batch := list(itertools.islice(group, size)):
            yield batch


def _ahead(reader: ThreadPoolExecutor, read: Callable[[Part], Reading], parts: Sequence[Part]) -> Iterator[Reading]:
    """Read in the reader's thread, one part before it is asked for."""
    pending: Future[Reading] | None = None
    for part in parts:
        following = reader.submit(read, part)
        if pending is not None:
            yield pending.result()
        pending = following
    if pending is not None:
        yield pending.result()
