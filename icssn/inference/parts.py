"""A scene in parts: each is read, predicted window by window, and kept in a file until the whole scene stands.

A part that is already there is not predicted again, so that one that was stopped goes on where it was.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from icssn.ahead import ahead
from icssn.durable import whole_file
from icssn.geo.shapes import pixel_transform, rasterise
from icssn.geo.windows import HaloWindow, even_windows
from icssn.imagery.sight import OpenSight
from icssn.imagery.write import PROBABILITY_NODATA
from icssn.inference.backend import Backend
from icssn.records import RasterFacts

_LARGEST_PX = (4096, 2048)  # columns and rows of a part; two of them are in memory, 100 MB with 3 bands
_READ_ROWS = 256  # converted to uint8 at once; a row of blocks, in most files
_STRIP_PX = 1 << 21  # of the strips that objects are found in: 30 MB for each thread
_CHECKSUM_BYTES = 4  # at the end of a part's file: its CRC-32, little-endian


class Part(NamedTuple):
    """A rectangle of a scene that is predicted on its own: what it answers for, what it reads, its windows."""

    number: int
    area: Window
    reads: Window
    windows: tuple[HaloWindow, ...]


class Predicted(NamedTuple):
    """What was predicted for one part.

    Attributes:
        probability: × 254, uint8 (H, W) of the part's area; 255 where no pixel is wanted.
        cells: The classifier's logit of each cell of the area, float16 (⌈H/cell⌉, ⌈W/cell⌉); 0 where not predicted.
        spread: Of the probability over several views, stored likewise; None where there was one view.
    """

    probability: NDArray[np.uint8]
    cells: NDArray[np.float16]
    spread: NDArray[np.uint8] | None = None


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
    sights: Sequence[OpenSight],
    backend: Backend,
    *,
    parts: Sequence[Part],
    folder: Path,
    region: BaseGeometry | None = None,
    tell: Callable[[float], None],
) -> Generator[tuple[Part, Predicted], None, None]:
    """Give the probability of landslide part by part, predicting those that are not in the folder yet.

    While one part is predicted the next one is read. Memory holds two parts and one window's features.

    Args:
        sights: What the network sees of the scene; opened more than once, as many threads read.
        backend: Computes the windows.
        parts: From `plan`.
        folder: Keeps the files of parts; use one folder for one scene, checkpoint and config.
        region: In the scene's CRS; what lies outside is not predicted.
        tell: Called before every window with the share of the scene that is done; what it raises ends the work.

    Yields:
        Every part, and what was predicted for it.
    """
    missing = [part for part in parts if load(folder, part, cell_px=backend.cell_px) is None]
    todo = {part.number for part in missing}
    total, done = sum(part.area.width * part.area.height for part in parts), 0
    read = partial(read_part, sights, region=region)
    with closing(ahead(read, missing, threads=1)) as readings:
        for part in parts:
            area_px = part.area.width * part.area.height
            values = None if part.number in todo else load(folder, part, cell_px=backend.cell_px)
            if values is None:
                values = predict_part(next(readings), backend, tell=_scaled(tell, done / total, area_px / total))
                save(folder, part, values)
            done += area_px
            tell(done / total)
            yield part, values


def read_part(sights: Sequence[OpenSight], part: Part, *, region: BaseGeometry | None) -> Reading:
    """Read the pixels of a part once, and find which of them are known and inside the region.

    As many threads as there are `sights` read rows of blocks of their own.
    """
    reads = part.reads
    image = np.empty((sights[0].channels, reads.height, reads.width), np.uint8)
    wanted = np.empty((reads.height, reads.width), np.bool_)
    above = reads.row_off % _READ_ROWS
    share = math.ceil((above + reads.height) / (_READ_ROWS * len(sights))) * _READ_ROWS

    def read(given: tuple[OpenSight, int]) -> None:
        sight, begin = given
        for row in range(begin, min(begin + share, reads.height), _READ_ROWS):
            rows = slice(max(row, 0), min(row + _READ_ROWS, reads.height))
            window = Window(reads.col_off, reads.row_off + rows.start, reads.width, rows.stop - rows.start)
            image[:, rows], wanted[rows] = sight.read(window)

    for _ in ahead(read, zip(sights, range(-above, reads.height, share), strict=False), threads=len(sights)):
        pass
    if region is not None:
        grid = pixel_transform(Affine(*tuple(sights[0].image.transform)[:6]), reads)
        wanted &= rasterise([region], transform=grid, width=reads.width, height=reads.height) == 1
    return Reading(part, image, wanted)


def predict_part(reading: Reading, backend: Backend, *, tell: Callable[[float], None]) -> Predicted:
    """Predict the windows of a part; a window without a wanted pixel in its core costs nothing."""
    part, cell_px = reading.part, backend.cell_px
    area = part.area
    probability = np.full((area.height, area.width), PROBABILITY_NODATA, np.uint8)
    cells = np.zeros(in_cells(area, cell_px), np.float16)
    spread: NDArray[np.uint8] | None = None
    for number, item in enumerate(part.windows):
        tell(number / len(part.windows))
        wanted = reading.of(item.core)[1]
        if not wanted.any():
            continue
        maps = backend.map(reading.of(item.window)[0][None])
        place, inside = within(item.core, area), within(item.core, item.window)
        probability[place] = np.where(wanted, maps.probability[0][inside], PROBABILITY_NODATA)
        cells[within(item.core, area, cell_px)] = maps.cells[0][within(item.core, item.window, cell_px)]
        if maps.spread is not None:
            spread = np.full_like(probability, PROBABILITY_NODATA) if spread is None else spread
            spread[place] = np.where(wanted, maps.spread[0][inside], PROBABILITY_NODATA)
    return Predicted(probability, cells, spread)


def save(folder: Path, part: Part, values: Predicted) -> None:
    """Keep what was predicted for a part; the file stands whole or not at all.

    Raises:
        DiskFullError: The disk is full.
    """
    with whole_file(part_file(folder, part)) as draft:
        checksum = 0
        with draft.open("wb") as file:
            for layer in values:
                if layer is not None:
                    file.write(layer.data)
                    checksum = zlib.crc32(layer.data, checksum)
            file.write(checksum.to_bytes(_CHECKSUM_BYTES, "little"))


def load(folder: Path, part: Part, *, cell_px: int) -> Predicted | None:
    """Give what is kept of a part, or None when nothing is, or nothing whole."""
    try:
        whole = memoryview(part_file(folder, part).read_bytes())
    except FileNotFoundError:
        return None
    stored, checksum = whole[:-_CHECKSUM_BYTES], whole[-_CHECKSUM_BYTES:]
    if zlib.crc32(stored) != int.from_bytes(checksum, "little"):
        return None
    area, (rows, columns) = part.area, in_cells(part.area, cell_px)
    pixels, cells_end = area.height * area.width, area.height * area.width + 2 * rows * columns
    if len(stored) not in (cells_end, cells_end + pixels):
        return None
    probability, spread = (
        np.frombuffer(stored[begin : begin + pixels], np.uint8).reshape(-1, area.height, area.width)
        for begin in (0, cells_end)
    )
    cells = np.frombuffer(stored[pixels:cells_end], np.float16).reshape(rows, columns)
    return Predicted(probability[0], cells, spread[0] if len(spread) else None)


def strips(
    folder: Path, parts: Sequence[Part], *, tell: Callable[[float], None] = lambda _: None
) -> Iterator[NDArray[np.uint8]]:
    """Give the probability of a scene whose parts are all in the folder, in strips (H, W) from top to bottom.

    Args:
        folder: With the files of parts.
        parts: All of the scene.
        tell: Called before every strip with the share that was given; what it raises ends the work.
    """
    scene = _around([part.area for part in parts])
    height = max(1, min(_READ_ROWS, _STRIP_PX // scene.width))
    for top in range(0, scene.height, height):
        tell(top / scene.height)
        strip = np.empty((min(height, scene.height - top), scene.width), np.uint8)
        for part in parts:
            left, begin = part.area.col_off, max(part.area.row_off, top)
            rows = min(part.area.row_off + part.area.height, top + len(strip)) - begin
            if rows > 0:
                place = {"count": rows * part.area.width, "offset": (begin - part.area.row_off) * part.area.width}
                kept = np.fromfile(part_file(folder, part), np.uint8, **place).reshape(rows, -1)
                strip[begin - top : begin - top + rows, left : left + part.area.width] = kept
        yield strip


def within(window: Window, outer: Window, cell_px: int = 1) -> tuple[slice, slice]:
    """Give the rows and columns that `window` takes in an array with one value for each cell of `outer`.

    Offsets are whole cells; the last cell of a window may be a part of one.
    """
    row, col = (window.row_off - outer.row_off) // cell_px, (window.col_off - outer.col_off) // cell_px
    rows, columns = in_cells(window, cell_px)
    return slice(row, row + rows), slice(col, col + columns)


def in_cells(area: Window | RasterFacts, cell_px: int) -> tuple[int, int]:
    """Give rows and columns of the cells of a window, or of a whole scene; the last of each may be a part of one."""
    return math.ceil(area.height / cell_px), math.ceil(area.width / cell_px)


def part_file(folder: Path, part: Part) -> Path:
    """Give where a part is kept."""
    return folder / f"{part.number:06d}.part"


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
