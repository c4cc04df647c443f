"""Parts of a scene predicted by other processes: of this machine, or of a Dask cluster.

A worker leaves each part in the very file in which a prediction alone keeps it; whoever asked reads it from there, as
after a kill. The machines of a cluster see scene, checkpoint and the folder of parts under the same paths, or find and
leave them in stores.
"""

from __future__ import annotations

import functools
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rasterio
import torch
from shapely.geometry.base import BaseGeometry

from icssn.config import InferenceConfig
from icssn.errors import IcssnError, MissingPartError, WorkersError
from icssn.imagery.sight import Sight, open_sight
from icssn.inference.choose import prepared
from icssn.inference.handover import Handover
from icssn.inference.parts import Part, load, predict_part, read_part, save

_ASK_EVERY_S = 0.2  # whether to stop
_TRIES = 3  # of a part whose worker died
_CACHE_BYTES = 32 << 20  # of GDAL's blocks, in each worker


@dataclass(frozen=True)
class Order:
    """What a worker must know beside the part.

    Attributes:
        sight: What the network sees of the scene.
        checkpoint: Folder of weights and card.
        config: Windows and backend.
        computed_by: Description of the backend that must compute: parts of different ones would not fit together.
        region: In the scene's CRS, or None.
        folder: For the files of parts.
        handover: Through which checkpoint and parts go to and fro; None where workers see those two themselves.
        threads: Of torch in the process that asks: with another number its values would differ in the last bit.
    """

    sight: Sight
    checkpoint: Path
    config: InferenceConfig
    computed_by: str
    region: BaseGeometry | None
    folder: Path
    handover: Handover | None = None
    threads: int = field(default_factory=torch.get_num_threads)


def predict_elsewhere(order: Order, parts: Sequence[Part], *, cell_px: int, tell: Callable[[float], None]) -> None:
    """Let the workers that the settings name predict all parts that are not in the folder yet.

    A worker that dies costs the part it was at, which another one predicts. A part that was left in a store before who
    asked was killed is taken from there.

    Args:
        order: What to predict, and with what.
        parts: Of the scene.
        cell_px: Side of the classifier's cells.
        tell: Called with the share that is done, several times a second; what it raises ends the work.

    Raises:
        WorkersError: They compute otherwise, cannot read the scene, died again and again, or cannot be reached.
        MissingPartError: Dask, or what reaches stores, is asked for and not installed.
        StoreError: The store for the handover cannot be used.
    """
    order.folder.mkdir(parents=True, exist_ok=True)

    def missing() -> list[Part]:
        return [part for part in parts if load(order.folder, part, cell_px=cell_px) is None]

    left = missing()
    if order.handover is not None and left:
        for part in left:
            order.handover.collect(part, order.folder)
        left = missing()
        order.handover.give_checkpoint(order.checkpoint)
    for _ in range(_TRIES):
        if not left:
            return
        try:
            with _executor(order.config) as executor:
                _let_work(executor, order, left, total=len(parts), tell=tell)
        except BrokenProcessPool:
            pass  # every process of the pool ends when one of them is killed; a new pool takes the rest
        left = missing()
    if left:
        raise WorkersError(f"{len(left)} of {len(parts)} parts were not there after {_TRIES} tries")


def predict_alone(order: Order, part: Part) -> str | None:
    """Predict one part in this process and leave it in the folder; give the reason if that cannot be done."""
    torch.set_num_threads(order.threads)
    try:
        checkpoint = order.checkpoint if order.handover is None else order.handover.checkpoint()
        backend = _kept_ready(checkpoint, order.config)
        if backend.description != order.computed_by:
            return f"a worker computes with {backend.description}, where {order.computed_by} is needed"
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES), open_sight(order.sight) as sight:
            reading = read_part([sight], part, region=order.region)
        predicted = predict_part(reading, backend, tell=lambda _: None)
        if order.handover is None:
            save(order.folder, part, predicted)
        else:
            with tempfile.TemporaryDirectory(prefix="icssn-") as scratch:
                save(Path(scratch), part, predicted)
                order.handover.leave(part, Path(scratch))
    except (IcssnError, OSError) as err:
        return str(err)
    return None


_kept_ready = functools.lru_cache(maxsize=1)(prepared)


def _let_work(
    executor: Executor, order: Order, parts: Sequence[Part], *, total: int, tell: Callable[[float], None]
) -> None:
    asked = {executor.submit(predict_alone, order, part): part for part in parts}
    waiting = set(asked)
    try:
        while waiting:
            tell(1 - len(waiting) / total)
            done, waiting = wait(waiting, timeout=_ASK_EVERY_S, return_when=FIRST_COMPLETED)
            for future in done:
                if reason := future.result():
                    raise WorkersError(reason)
                if order.handover is not None:
                    order.handover.collect(asked[future], order.folder)
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def _executor(config: InferenceConfig) -> Iterator[Executor]:
    if config.scheduler is None:
        pool = ProcessPoolExecutor(config.workers, mp_context=multiprocessing.get_context("spawn"))
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
        return
    try:
        from distributed import Client
    except ImportError as err:
        raise MissingPartError("Dask", remedy="Install it on every machine: pip install distributed") from err
    try:
        client: Any = Client(config.scheduler, timeout="10s")  # type: ignore[no-untyped-call]  # has no types
    except (OSError, ValueError) as err:
        raise WorkersError(f"no Dask scheduler answers at {config.scheduler}") from err
    with client:
        yield client.get_executor(retries=_TRIES, pure=False)
