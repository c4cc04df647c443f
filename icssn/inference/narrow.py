"""A network that needs less memory for a window and answers the same: its widest block works by groups of channels.

The largest map of EfficientNet and its kin is what the first inverted residual block (Sandler et al. 2018,
arXiv:1801.04381) widens its input to, at half the image's resolution, only to halve it at once. No channel of that map
knows of another one, so they can come and go in groups.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from timm.models._efficientnet_blocks import InvertedResidual
from torch import Tensor, nn

_GROUPS = 2  # more do not help: then other maps are the largest


def narrowed(network: nn.Module) -> nn.Module:
    """Give a copy whose first inverted residual block works by groups; one without such a block stays as it is.

    Args:
        network: In evaluation mode.
    """
    copied = copy.deepcopy(network)
    for name, module in copied.named_modules():
        if type(module) is InvertedResidual and module.conv_dw.groups == module.conv_dw.out_channels:
            copied.set_submodule(name, _ByGroups(module).eval())
            break
    return copied


class _ByGroups(nn.Module):
    def __init__(self, block: Any) -> None:
        super().__init__()
        self.block = block
        width: int = block.conv_pw.out_channels
        step = -(-width // _GROUPS)
        self.groups = nn.ModuleList(
            nn.Sequential(*(_some(layer, slice(begin, begin + step)) for layer in _filtering(block)))
            for begin in range(0, width, step)
        )

    def forward(self, x: Tensor) -> Tensor:
        filtered = torch.cat([group(x) for group in self.groups], dim=1)
        narrow: Tensor = self.block.bn3(self.block.conv_pwl(self.block.se(self.block.aa(filtered))))
        return narrow + x if self.block.has_skip else narrow


def _filtering(block: Any) -> tuple[nn.Module, ...]:
    """Give the layers of which every output channel depends on one channel of the widened map."""
    return block.conv_pw, block.bn1, block.conv_dw, block.bn2


def _some(layer: nn.Module, channels: slice) -> nn.Module:
    """Give a convolution or normalisation of some of the output channels of another one."""
    part = copy.deepcopy(layer)
    for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
        if tensor.dim():
            some = tensor[channels].detach().clone()
            setattr(part, name, nn.Parameter(some) if isinstance(tensor, nn.Parameter) else some)
    if isinstance(part, nn.Conv2d) and part.groups > 1:  # one filter for each channel
        part.groups = part.in_channels = len(part.weight)
    return part
