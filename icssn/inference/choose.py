"""Which backend predicts: the fastest one that this machine has and the settings allow."""

from __future__ import annotations

from pathlib import Path

from icssn.config import InferenceConfig
from icssn.errors import MissingPartError
from icssn.inference.backend import Backend, TorchBackend
from icssn.inference.turned import TurnedBackend
from icssn.nets.checkpoint import load_checkpoint
from icssn.nets.device import pick_device
from icssn.nets.icssn import Icssn


def prepared(checkpoint: Path, config: InferenceConfig) -> Backend:
    """Give the backend that the settings ask for, ready to predict.

    Raises:
        CheckpointRefusedError: The checkpoint cannot be loaded.
        ConfigError: The device is not there.
        MissingPartError: The backend is not there.
    """
    model, card = load_checkpoint(checkpoint)
    backend = choose_backend(model, checkpoint, sha256=str(card["sha256"]), config=config)
    return TurnedBackend(backend) if config.quality == "high" else backend


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
