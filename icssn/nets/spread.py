"""One batch over several processes: each computes its own rows, and all get what one process would have got.

Statistics of BatchNorm are those of all rows, dropout draws for all rows, and results are gathered with gradients, so
that a loss over the whole batch, contrastive ones included, is computed as ever. In one process nothing is different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional as F


class Rows(NamedTuple):
    """The rows of a batch of `total` that this process computes."""

    start: int
    end: int
    total: int


_rows: ContextVar[Rows] = ContextVar("rows")


def processes() -> int:
    """Give how many processes learn together; 1 outside torchrun."""
    return dist.get_world_size() if dist.is_initialized() else 1


def over_all(compute: Callable[..., tuple[Tensor, ...]], *batch: Tensor) -> tuple[Tensor, ...]:
    """Compute something of every row of a batch, each process its share, and give all of it to all of them.

    Whatever is computed from the results afterwards must be the same in every process; then the sum of the processes'
    gradients (`add_gradients`) is the gradient of one process, but for rounding.

    Args:
        compute: Gives tensors with one row for each row of its arguments; it may use the networks of `spread`.
        batch: Its arguments, (N, …) each, the same in every process.
    """
    if processes() == 1:
        return compute(*batch)
    total, count, number = len(batch[0]), processes(), dist.get_rank()
    rows = Rows(total * number // count, total * (number + 1) // count, total)
    with _share(rows):
        own = compute(*(part[rows.start : rows.end] for part in batch))
    return tuple(_gathered(part, rows) for part in own)


def add_gradients(weights: list[nn.Parameter]) -> None:
    """Add up the gradients of all processes, in place."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    if processes() == 1 or not gradients:
        return
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    parts = torch.split(together, [gradient.numel() for gradient in gradients])
    for gradient, added in zip(gradients, parts, strict=True):
        gradient.copy_(added.view_as(gradient))


def spread(module: nn.Module) -> None:
    """Let BatchNorm and dropout in `module` look at the whole batch within `over_all`; weights and names stay."""
    for part in module.modules():
        if type(part) in _SPREAD:
            part.__class__ = _SPREAD[type(part)]


@contextmanager
def _share(rows: Rows) -> Iterator[None]:
    token = _rows.set(rows)
    try:
        yield
    finally:
        _rows.reset(token)


def _gathered(part: Tensor, rows: Rows) -> Tensor:
    whole: Tensor = _Gather.apply(part, rows)  # type: ignore[no-untyped-call]
    return whole


def _added(values: Tensor) -> Tensor:
    total: Tensor = _Add.apply(values)  # type: ignore[no-untyped-call]
    return total


class _Gather(torch.autograd.Function):
    """All rows from each process's own; what follows is the same everywhere, so each keeps the gradient of its own."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        whole = part.new_zeros(rows.total, *part.shape[1:])
        whole[rows.start : rows.end] = part
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0][ctx.rows.start : ctx.rows.end], None


class _Add(torch.autograd.Function):
    """The sum over all processes; what any of them makes of it comes back to all."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class _Norm(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return _normalised(self, x) if self.training and processes() > 1 else super().forward(x)


class _NormAct(BatchNormAct2d):
    def forward(self, x: Tensor) -> Tensor:
        if self.training and processes() > 1:
            active: Tensor = self.act(self.drop(_normalised(self, x)))
            return active
        plain: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return plain


class _Dropout(nn.Dropout):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training or processes() == 1:
            return super().forward(x)
        rows = _rows.get()
        ones = x.new_ones(rows.total, *x.shape[1:])
        if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
            ones = ones.contiguous(memory_format=torch.channels_last)  # chance is drawn in the order of the memory
        return x * F.dropout(ones, self.p)[rows.start : rows.end]


def _normalised(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Normalise by mean and variance of all rows, and move the running ones.

    Source:
        Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """
    with torch.autocast(x.device.type, enabled=False):
        values = x.float()
        sums = torch.cat([values.sum(dim=(0, 2, 3)), values.new_full((1,), values.numel() / values.shape[1])])
        added = _added(sums)
        count = added[-1].detach()
        mean = added[:-1] / count
        centred = values - mean[:, None, None]
        variance = _added(centred.square().sum(dim=(0, 2, 3))) / count
        if norm.track_running_stats:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            assert norm.momentum is not None
            norm.running_mean.lerp_(mean.detach(), norm.momentum)
            norm.running_var.lerp_(variance.detach() * count / (count - 1), norm.momentum)
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.add_(1)
        scale = norm.weight * (variance + norm.eps).rsqrt()
        return (centred * scale[:, None, None] + norm.bias[:, None, None]).to(x.dtype)


_SPREAD: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: _Norm,
    BatchNormAct2d: _NormAct,
    nn.Dropout: _Dropout,
}
