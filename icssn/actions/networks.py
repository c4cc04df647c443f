"""Whether the network that a run asks for can be built, found out before anything is queued."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from icssn.config import EncoderConfig, TrainConfig
from icssn.errors import CheckpointRefusedError, ConfigError

_USUAL = EncoderConfig()  # comes with the installation, with and without weights
_TRIAL_S = 120  # that building an encoder may take; it takes 3 to 10, nearly all of it to load torch


def require_network(config: TrainConfig) -> TrainConfig:
    """Refuse a run whose encoder does not exist, or whose starting weights cannot be read or do not fit it.

    An encoder other than the usual one is built in a process of its own, once in the life of this one.

    Returns:
        The settings, with the whole path of a file of weights: a worker may stand in another folder.

    Raises:
        ConfigError: There is no such encoder, or it has no such output stride or embedded weights.
        CheckpointRefusedError: The weights cannot be read or do not fit.
    """
    encoder = config.encoder
    if encoder.weights not in ("embedded", "none"):
        encoder = encoder.model_copy(update={"weights": str(Path(encoder.weights).absolute())})
        config = config.model_copy(update={"encoder": encoder})
    elif encoder.name == _USUAL.name:
        return config
    answer = _tried(encoder.model_dump_json(), _state(Path(encoder.weights)))
    if "setting" in answer:
        raise ConfigError(**answer["setting"])
    if "checkpoint" in answer:
        raise CheckpointRefusedError(**answer["checkpoint"])
    return config


def require_same_network(config: TrainConfig, parent: TrainConfig, *, name: str) -> None:
    """Refuse a run that goes on from a checkpoint whose weights do not fit the network of its settings.

    Args:
        config: Of the run.
        parent: On the checkpoint's card.
        name: The checkpoint.

    Raises:
        CheckpointRefusedError: They do not fit.
    """
    if _shape(config) != _shape(parent):
        raise CheckpointRefusedError(
            name,
            found="its network has another encoder, number of bands, terrain or decoder than the settings ask for",
            remedy="Train with the settings on its card, or start without a parent.",
        )


def _shape(config: TrainConfig) -> tuple[object, ...]:
    """Give what decides which weights a network has, and their shapes."""
    encoder, contrast = config.encoder, config.contrast
    taps_the_encoder = contrast.tap_stride >= min(encoder.output_stride, 16)
    network = (encoder.name, encoder.channels, encoder.output_stride, config.decoder_channels)
    return *network, contrast.dimensions, contrast.ocl == "simsiam", taps_the_encoder


def _state(file: Path) -> tuple[int, int] | None:
    """Give when a file was written and its size, None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=16)
def _tried(encoder: str, weights: tuple[int, int] | None) -> dict[str, Any]:
    """Build an encoder (its settings as JSON) in a process of its own; gives the parts of a refusal, or nothing.

    Where that process ends without an answer it is the run that will tell.

    Args:
        encoder: An `EncoderConfig`.
        weights: State of its file, since what is found once is remembered.
    """
    command = [sys.executable, "-m", "icssn.nets.encoder_child", encoder]
    here = Path(__file__).resolve().parents[2]  # where the package stands, installed or not
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TRIAL_S, check=False, cwd=here
        )
        return dict(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, ValueError):
        return {}
