"""Checkpoints: weights as safetensors beside a card that says how to rebuild the net; never a pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError

from icssn.config import MIN_OBJECT_PX, TrainConfig
from icssn.durable import whole_file, write_text
from icssn.errors import CheckpointRefusedError, ConfigError
from icssn.nets.icssn import Icssn, build

WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "card.json"
ARCHITECTURE = "icssn-1"  # changes whenever older weights no longer fit

_RETRAIN = "Choose another checkpoint, or train a new one."


def save_checkpoint(folder: Path, model: Icssn, card: dict[str, Any]) -> str:
    """Write `model` and its card into `folder`, each file whole or not at all, the card last.

    A folder holds one checkpoint and is written once: a card beside the weights of another is refused on loading.

    Args:
        folder: Created when missing.
        card: JSON-ready facts. ``config`` (a `TrainConfig` as a dict) is needed to load the checkpoint again;
            ``threshold`` (chosen on validation) is used in prediction. ``architecture`` and ``sha256`` are added.

    Returns:
        SHA-256 of the weights file, 64 hexadecimal digits.

    Raises:
        CheckpointRefusedError: The card's config is missing or wrong; nothing was written.
        DiskFullError: The disk is full.
    """
    config_of(card, name=folder.name)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    weights = safetensors.torch.save(tensors)
    digest = hashlib.sha256(weights).hexdigest()
    with whole_file(folder / WEIGHTS_NAME) as draft:
        draft.write_bytes(weights)
    complete = {**card, "architecture": ARCHITECTURE, "sha256": digest}
    write_text(folder / CARD_NAME, json.dumps(complete, indent=2, ensure_ascii=False) + "\n")
    return digest


def load_checkpoint(folder: Path) -> tuple[Icssn, dict[str, Any]]:
    """Rebuild the net that `save_checkpoint` wrote.

    Returns:
        The net on the CPU in evaluation mode, and its card.

    Raises:
        CheckpointRefusedError: A file is missing or unreadable, the weights are not those the card names, or they
            do not fit the architecture.
    """
    card = read_card(folder)
    if card.get("architecture") != ARCHITECTURE:
        raise CheckpointRefusedError(
            folder.name,
            found=f"its architecture is {card.get('architecture')!r}, not {ARCHITECTURE!r}",
            remedy=_RETRAIN,
        )
    config = config_of(card, name=folder.name)
    weights = _read(folder, WEIGHTS_NAME)
    digest = hashlib.sha256(weights).hexdigest()
    if digest != card.get("sha256"):
        raise CheckpointRefusedError(
            folder.name,
            found=f"the SHA-256 of {WEIGHTS_NAME} is {digest[:12]}…, but its card says {str(card.get('sha256'))[:12]}…",
            remedy="The file was changed or damaged: restore it from a backup, or choose another checkpoint.",
        )
    blank = config.model_copy(update={"encoder": config.encoder.model_copy(update={"weights": "none"})})
    model = build(blank)
    try:
        model.load_state_dict(safetensors.torch.load(weights), strict=True)
    except (SafetensorError, RuntimeError) as err:
        raise CheckpointRefusedError(
            folder.name, found="its weights do not fit the net that its card describes", remedy=_RETRAIN
        ) from err
    return model.eval(), card


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of the checkpoint in `folder`.

    Raises:
        CheckpointRefusedError: It is missing, or no JSON object.
    """
    text = _read(folder, CARD_NAME)
    try:
        card = json.loads(text)
    except ValueError as err:  # JSONDecodeError or UnicodeDecodeError
        raise CheckpointRefusedError(folder.name, found=f"{CARD_NAME} is no readable JSON", remedy=_RETRAIN) from err
    if not isinstance(card, dict):
        raise CheckpointRefusedError(folder.name, found=f"{CARD_NAME} is no JSON object", remedy=_RETRAIN)
    return card


def config_of(card: dict[str, Any], *, name: str) -> TrainConfig:
    """Give the training config that a card holds.

    Raises:
        CheckpointRefusedError: The card of checkpoint `name` has none, or one that this version does not know.
    """
    try:
        return TrainConfig.model_validate(card.get("config"))
    except ValidationError as err:
        where = ".".join(str(part) for part in err.errors()[0]["loc"]) or "config"
        raise CheckpointRefusedError(
            name, found=f"the config on its card is missing or unknown to this version (at '{where}')", remedy=_RETRAIN
        ) from err


def least_object_px(card: dict[str, Any]) -> int:
    """Give the size, in pixels, below which objects are dropped: the card's, else the usual one."""
    return int(card.get("min_object_px", MIN_OBJECT_PX))


def threshold_for(aim: Literal["map", "search"], card: dict[str, Any]) -> float:
    """Give the probability, in [0, 1], from which on a pixel is landslide.

    Args:
        aim: ``map``: the threshold of the card, .5 where it names none. ``search``: the lower one that misses few.
        card: Of the checkpoint.

    Raises:
        ConfigError: The card names no search threshold.
    """
    if aim == "map":
        return float(card.get("threshold", 0.5))
    searched = card.get("metrics", {}).get("val_search_threshold")
    if searched is None:
        needed = (
            "map: too few landslides were held out, or too many objects that are none were found there, to say from "
            "which probability on to search; train with more"
        )
        raise ConfigError("aim", aim, needed)
    return float(searched)


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as err:
        raise CheckpointRefusedError(
            folder.name,
            found=f"{name} cannot be read ({err.strerror})",
            remedy="Restore the file from a backup, or choose another checkpoint.",
        ) from err
