"""What computes a prediction: torch on any device, or OpenVINO on a processor, which needs less than half the time."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from icssn.imagery.write import PROBABILITY_STEPS
from icssn.nets.device import autocast, describe, tune_allocator
from icssn.nets.icssn import Icssn

_WINDOW_PX = 1600  # takes 1 GB in float32
_LARGEST_WINDOW_PX = 3200  # on a graphics card: fewer pixels are spent on halos
_BYTES_PER_PX = 400  # of a window in float32, measured on a processor; half precision needs less
_SHARE_OF_CARD = 0.6  # of its free memory, for one window


class Maps(NamedTuple):
    """What a network says about images (N, C, H, W).

    Attributes:
        probability: Of landslide × 254, rounded, uint8 (N, H, W).
        cells: The classifier's logit of each cell, float32 (N, ⌈H/cell⌉, ⌈W/cell⌉).
        spread: Standard deviation of the probability over several views × 254, uint8 (N, H, W); None for one view.
    """

    probability: NDArray[np.uint8]
    cells: NDArray[np.float32]
    spread: NDArray[np.uint8] | None = None


class Backend(Protocol):
    """A trained network, ready to predict images of any size."""

    description: str
    """For the user: library, processor, arithmetic, and why it is not the fastest one, if so."""
    window_px: int
    """Largest side of a window that keeps memory within bounds."""

    cell_px: int
    """Side of a cell, for which the classifier has a logit."""

    def map(self, images: NDArray[np.uint8]) -> Maps:
        """Map landslides in images 0-255, shape (N, C, H, W)."""
        ...


class Answers(nn.Module):
    """A network that takes uint8 images and gives what predictions are made of.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: Icssn) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give what `Maps` holds."""
        logits, cells = self.model.map(images)
        return (torch.sigmoid(logits.float()) * PROBABILITY_STEPS).round().to(torch.uint8), cells.float()


class TorchBackend:
    """The network in torch, in the arithmetic that is fast on its device.

    Args:
        model: In evaluation mode; it is moved to the device.
        device: Where to compute.
        remark: Added to the description.
    """

    def __init__(self, model: Icssn, device: torch.device, *, remark: str = "") -> None:
        if device.type == "cpu":
            tune_allocator()
        model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        self._answers = Answers(model)
        self._device = device
        self.description = f"torch, {describe(device)}{remark}"
        self.window_px = window_that_fits(torch.cuda.mem_get_info()[0]) if device.type == "cuda" else _WINDOW_PX
        self.cell_px: int = model.stride

    def map(self, images: NDArray[np.uint8]) -> Maps:
        """See `Backend`."""
        with torch.inference_mode(), autocast(self._device):
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            probability, cells = self._answers(batch)
        return Maps(probability.cpu().numpy(), cells.cpu().numpy())


def window_that_fits(free_bytes: int) -> int:
    """Give the side of the largest window, in px, that the free memory of a graphics card can hold."""
    side = math.isqrt(int(free_bytes * _SHARE_OF_CARD) // _BYTES_PER_PX) // 32 * 32
    return min(max(side, _WINDOW_PX // 2), _LARGEST_WINDOW_PX)
