"""What computes a prediction: torch on any device, or OpenVINO on a processor, which needs less than half the time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from icssn.config import InferenceConfig
from icssn.errors import MissingPartError
from icssn.imagery.write import PROBABILITY_STEPS
from icssn.nets.device import autocast, describe, pick_device, tune_allocator
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
        # On an H100 channels last is a third slower: 256 Mpx/s instead of 392.
        self._layout = torch.contiguous_format if device.type == "cuda" else torch.channels_last
        model.to(device, memory_format=self._layout)  # type: ignore[call-overload]  # torch's stubs lack it
        self._answers = Answers(model)
        self._device = device
        self.description = f"torch, {describe(device)}{remark}"
        self.window_px = window_that_fits(torch.cuda.mem_get_info()[0]) if device.type == "cuda" else _WINDOW_PX
        self.cell_px: int = model.stride

    def map(self, images: NDArray[np.uint8]) -> Maps:
        """See `Backend`."""
        with torch.inference_mode(), autocast(self._device):
            batch = torch.from_numpy(images).to(self._device, memory_format=self._layout)
            probability, cells = self._answers(batch)
        return Maps(probability.cpu().numpy(), cells.cpu().numpy())


def window_that_fits(free_bytes: int) -> int:
    """Give the side of the largest window, in px, that the free memory of a graphics card can hold."""
    side = math.isqrt(int(free_bytes * _SHARE_OF_CARD) // _BYTES_PER_PX) // 32 * 32
    return min(max(side, _WINDOW_PX // 2), _LARGEST_WINDOW_PX)


def choose_backend(model: Icssn, checkpoint: Path, *, sha256: str, config: InferenceConfig) -> Backend:
    """Give the fastest backend that this machine has and the config allows.

    ``auto`` takes a graphics card where there is one, then OpenVINO, then torch on the processor. OpenVINO's answers
    are compared with torch's whenever it is loaded; where they differ, torch predicts, and the description says so.

    Args:
        model: In evaluation mode.
        checkpoint: Its folder; OpenVINO's form of the network is kept there for the next time.
        sha256: Of its weights.
        config: Its `backend` and `device` count.

    Raises:
        ConfigError: The device is not there.
        MissingPartError: OpenVINO is demanded and not installed, or does not fit the demanded device or the network.
    """
    device = pick_device(config.device)
    if config.backend == "torch" or (config.backend == "auto" and device.type != "cpu"):
        return TorchBackend(model, device)
    try:
        if device.type != "cpu":
            raise MissingPartError(
                f"OpenVINO for the device '{device}'", remedy="Set the device to 'cpu', or the backend to 'torch'."
            )
        from icssn.inference.openvino import OpenvinoBackend

        return OpenvinoBackend(model, checkpoint / f"openvino-{sha256[:12]}")
    except MissingPartError as err:
        if config.backend == "openvino":
            raise
        return TorchBackend(model, device, remark=f" ({err})")
