"""A scene's landslide probability, strip by strip: windows with a halo are predicted, their cores kept."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.windows import Window

from icssn.config import InferenceConfig
from icssn.geo.windows import even_cores, with_halo
from icssn.imagery.read import read_window
from icssn.imagery.write import PROBABILITY_NODATA, PROBABILITY_STEPS
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.records import Stretch

_GRID_PX = 32  # cores and halos are multiples of it, so that every window meets the encoder's cells alike
_AHEAD = 2  # windows read before they are needed
_BATCH = {"cuda": 8}  # windows per forward; on the CPU one large window is faster than several at once


class Reading(NamedTuple):
    """What was read for one core: image (C, H, W) and known pixels (H, W) of `window`, which holds `core`."""

    core: Window
    window: Window
    image: NDArray[np.uint8]
    valid: NDArray[np.bool_]

    def kept(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Cut the core out of an array (H, W) that covers the window."""
        row = self.core.row_off - self.window.row_off
        col = self.core.col_off - self.window.col_off
        return values[row : row + self.core.height, col : col + self.core.width]


def probability_strips(
    dataset: DatasetReader,
    model: Icssn,
    *,
    stretch: Stretch,
    config: InferenceConfig,
    device: torch.device,
    tell: Callable[[float], None],
) -> Generator[tuple[Window, NDArray[np.uint8]], None, None]:
    """Give the probability of landslide in full-width strips from top to bottom.

    Windows are clipped to the scene, so that its border is treated as in a forward of the whole scene. A core without
    any known pixel is not predicted. Memory holds one strip and a few windows.

    Args:
        dataset: The open scene; read in another thread until the generator ends or is closed.
        model: In evaluation mode, on `device`.
        stretch: How the scene's values become 0-255.
        config: Sizes of core and halo; the halo is rounded up to a multiple of 32 px.
        device: Where to compute.
        tell: Called before every window with the share of the scene that is done; what it raises ends the work.

    Yields:
        Window of the strip and its probability, uint8 (H, W): value / 254; 255 where the scene has no data.
    """
    width, height = dataset.width, dataset.height
    halo_px = -(-config.halo_px // _GRID_PX) * _GRID_PX
    cores = even_cores(width, height, config.core_px)

    def read(core: Window) -> Reading:
        window = with_halo(core, halo_px).intersection(Window(0, 0, width, height))
        return Reading(core, window, *read_window(dataset, window, stretch))

    def known(readings: Iterable[Reading]) -> Iterator[Reading]:
        for reading in readings:
            core = reading.core
            tell((core.row_off * width + core.col_off * core.height) / (width * height))
            if reading.kept(reading.valid).any():
                yield reading

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        readings = _ahead(reader, read, cores)
        for row, group in itertools.groupby(cores, key=lambda core: core.row_off):
            in_row = list(group)
            strip = np.full((in_row[0].height, width), PROBABILITY_NODATA, dtype=np.uint8)
            for batch in _alike(known(itertools.islice(readings, len(in_row))), size=_BATCH.get(device.type, 1)):
                predicted = probability_of(np.stack([reading.image for reading in batch]), model, device=device)
                for reading, values in zip(batch, predicted, strict=True):
                    values[~reading.valid] = PROBABILITY_NODATA
                    strip[:, reading.core.col_off : reading.core.col_off + reading.core.width] = reading.kept(values)
            yield Window(0, row, width, strip.shape[0]), strip


def probability_of(images: NDArray[np.uint8], model: Icssn, *, device: torch.device) -> NDArray[np.uint8]:
    """Predict images of one size in one forward.

    Args:
        images: 0-255, shape (N, C, H, W).
        model: In evaluation mode, on `device`.
        device: Where to compute.

    Returns:
        Probability of landslide × 254, rounded, shape (N, H, W).
    """
    with torch.inference_mode(), autocast(device):
        batch = torch.from_numpy(images).to(device, memory_format=torch.channels_last)
        logits, _ = model.segment(batch)
        scaled = (torch.sigmoid(logits.float()) * PROBABILITY_STEPS).round_().to(torch.uint8)
    values: NDArray[np.uint8] = scaled.cpu().numpy()
    return values


def _ahead(reader: ThreadPoolExecutor, read: Callable[[Window], Reading], cores: Iterable[Window]) -> Iterator[Reading]:
    """Read in the reader's thread, `_AHEAD` windows before they are asked for."""
    pending: deque[Future[Reading]] = deque()
    for core in cores:
        pending.append(reader.submit(read, core))
        if len(pending) > _AHEAD:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _alike(readings: Iterable[Reading], *, size: int) -> Iterator[list[Reading]]:
    """Group neighbours of equal shape, at most `size` of them."""
    batch: list[Reading] = []
    for reading in readings:
        if batch and reading.image.shape != batch[0].image.shape:
            yield batch
            batch = []
        batch.append(reading)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
