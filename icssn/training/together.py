"""Processes that learn one run together under torchrun: the first leads, judges and writes; the rest compute with it.

Outside torchrun there is one process, which leads, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

_T = TypeVar("_T")


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Meet the other processes that torchrun started, by gloo on a processor and by NCCL on graphics cards."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, count = next(rendezvous("env://"))
    life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # the store still has the addresses of an earlier life
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=PrefixStore(f"life {life}", store),
        rank=rank,
        world_size=count,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()


def leads() -> bool:
    """Say whether this process is the first: only that one judges and writes."""
    return not dist.is_initialized() or dist.get_rank() == 0


def agreed(value: _T) -> _T:
    """Give what the first process says; everybody waits for it."""
    if not dist.is_initialized():
        return value
    said = [value]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def by_leader(work: Callable[[], _T]) -> _T:
    """Have the first process do something, and give its result to all."""
    if not dist.is_initialized():
        return work()
    return agreed(work() if leads() else None)  # type: ignore[return-value]
