"""A computation recorded as CUDA graphs: hundreds of small kernels are started at once, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from icssn.nets.device import autocast_dtype


def recorded(
    model: nn.Module, compute: Callable[..., tuple[Tensor, ...]], batch: tuple[Tensor, ...]
) -> Callable[..., tuple[Tensor, ...]]:
    """Record ``compute(model, *batch)`` and its backward, to be replayed with other batches of the same shapes.

    A replay reads the weights, and the state of chance, as they are then. Which weights learn and which layers train
    stays as it was. Recording leaves BatchNorm's statistics and the state of chance untouched.

    Args:
        model: On a graphics card.
        compute: Starts the same kernels whatever the values: it may not ask for any of them.
        batch: On the same card, without gradients.
    """
    device = batch[0].device
    computation = _Computation(model, compute)
    before = [buffer.clone() for buffer in model.buffers()]
    samples = tuple(part.clone() for part in batch)
    arithmetic = torch.autocast(device.type, dtype=autocast_dtype(device), cache_enabled=False)
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)  # recording has a stream of its own
    with torch.random.fork_rng([device]), arithmetic:
        torch.cuda.make_graphed_callables(computation, samples, allow_unused_input=True)
    for buffer, value in zip(model.buffers(), before, strict=True):
        buffer.copy_(value)
    return computation


class _Computation(nn.Module):
    def __init__(self, model: nn.Module, compute: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.model, self.compute = model, compute

    def forward(self, *batch: Tensor) -> Any:
        return self.compute(self.model, *batch)
