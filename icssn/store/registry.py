"""The folder of models: whole checkpoints enter, leave and are read, without torch and never as a pickle.

``<id>/{model.safetensors, card.json, item.json}``: the weights, what training wrote about them, and the same told as
a STAC Item for other programs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from icssn.config import TrainConfig
from icssn.durable import make_folder, whole_file, written_to
from icssn.errors import CheckpointRefusedError, DiskFullError, UnwritableError
from icssn.store.stac import CARD, ITEM, WEIGHTS

MAX_MEMBER_BYTES = 4 << 30  # of an imported file; the largest encoders have weights of about 1 GB
_COMPILED = "openvino-"  # folders with what one kind of processor runs, which are made anew where they are missing
_ANOTHER = "Choose another checkpoint, or train a new one."


def enter(models: Path, name: str, source: Path, *, item: dict[str, Any]) -> None:
    """Copy a whole checkpoint into the folder of models, all of it or nothing.

    Args:
        models: The folder of models.
        name: Its id.
        source: A folder with weights and card.
        item: The checkpoint as a STAC Item.
    """
    if (models / name).exists():
        return
    draft = models / f".{name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for part in (WEIGHTS, CARD):
        with whole_file(draft / part) as copy:
            shutil.copyfile(source / part, copy)
    with whole_file(draft / ITEM) as copy:
        copy.write_text(json.dumps(item, indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(models / name)


def card(folder: Path) -> dict[str, Any]:
    """Give the card of the checkpoint in `folder`.

    Raises:
        CheckpointRefusedError: There is no card, or it is no JSON object.
    """
    try:
        found = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise CheckpointRefusedError(
            folder.name, found="its card cannot be read", remedy="Restore the models folder, or train again."
        ) from err
    if not isinstance(found, dict):
        raise CheckpointRefusedError(folder.name, found="its card is no JSON object", remedy="Train again.")
    return found


def settings(folder: Path) -> TrainConfig:
    """Give the settings that the checkpoint in `folder` was trained with.

    Raises:
        CheckpointRefusedError: There is no card, its settings are missing or unknown to this version, or there are no
            weights; whether they are those the card names, `verify` says.
    """
    if not (folder / WEIGHTS).is_file():
        raise _without_weights(folder)
    try:
        return TrainConfig.model_validate(card(folder).get("config"))
    except ValidationError as err:
        raise CheckpointRefusedError(
            folder.name, found="the settings on its card are missing or unknown to this version", remedy=_ANOTHER
        ) from err


def _without_weights(folder: Path) -> CheckpointRefusedError:
    return CheckpointRefusedError(folder.name, found=f"{WEIGHTS} is missing", remedy=_ANOTHER)


def verify(folder: Path) -> dict[str, Any]:
    """Make sure that a checkpoint is whole and is what its card says; gives the card.

    Raises:
        CheckpointRefusedError: A file is missing, the weights are no safetensors file or not those the card names, or
            the card's settings are unknown.
    """
    found = card(folder)
    weights = folder / WEIGHTS
    try:
        with weights.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        with safe_open(weights, framework="np") as tensors:
            if not list(tensors.keys()):
                raise CheckpointRefusedError(folder.name, found="its weights are empty", remedy=_ANOTHER)
    except OSError as err:
        raise _without_weights(folder) from err
    except SafetensorError as err:
        raise CheckpointRefusedError(folder.name, found=f"{WEIGHTS} is no safetensors file", remedy=_ANOTHER) from err
    if digest != found.get("sha256"):
        raise CheckpointRefusedError(
            folder.name,
            found=f"the SHA-256 of its weights is {digest[:12]}…, but its card says {str(found.get('sha256'))[:12]}…",
            remedy="The file was changed or damaged: " + _ANOTHER,
        )
    settings(folder)
    return found


def is_export(file: Path) -> bool:
    """Say whether a file is a zip as `export` writes it, with nothing else in it."""
    try:
        with zipfile.ZipFile(file) as packed:
            names = set(packed.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    others = {name for name in names if not name.startswith(_COMPILED)}
    return {WEIGHTS, CARD} <= others <= {WEIGHTS, CARD, ITEM}


def export(folder: Path, target: Path) -> Path:
    """Pack a checkpoint into one zip file, whole or not at all; gives its path.

    Raises:
        CheckpointRefusedError: It is not what its card says.
    """
    verify(folder)
    with whole_file(target) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as packed:
        for part in sorted(folder.iterdir()):
            packed.write(part, part.name)
    return target


@contextmanager
def unpacked(source: Path, *, into: Path) -> Iterator[Path]:
    """Give a folder with the weights and the card of an exported checkpoint, checked; nothing else is read from it.

    Args:
        source: A zip file as `export` writes it, or a folder.
        into: Where the folder is made, under a name of its own; it is gone again when the block ends.

    Raises:
        CheckpointRefusedError: It is neither, or not a whole checkpoint.
        UnwritableError: No folder can be made there.
        DiskFullError: The disk is full.
    """
    make_folder(into)
    with ExitStack() as made:
        with written_to(into):
            draft = Path(made.enter_context(TemporaryDirectory(prefix=".import-", dir=into)))
        if source.is_dir():
            for part in (WEIGHTS, CARD):
                if (source / part).is_file():
                    with written_to(into):
                        shutil.copyfile(source / part, draft / part)
        else:
            _unzip(source, draft)
        try:
            verify(draft)
        except CheckpointRefusedError as err:
            raise CheckpointRefusedError(source.name, found=err.found, remedy=err.remedy) from err
        yield draft


def _unzip(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as packed:
            for part in (WEIGHTS, CARD):  # by their exact names: no path of the archive's own is ever followed
                if packed.getinfo(part).file_size > MAX_MEMBER_BYTES:
                    raise CheckpointRefusedError(source.name, found=f"{part} is larger than 4 GB", remedy=_ANOTHER)
                with packed.open(part) as content, written_to(folder.parent), (folder / part).open("wb") as out:
                    shutil.copyfileobj(content, out)
    except (DiskFullError, UnwritableError):
        raise
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as err:
        raise CheckpointRefusedError(
            source.name,
            found="it is no checkpoint that ICSSN exported",
            remedy="Give a zip file with model.safetensors and card.json, as the Models page downloads it.",
        ) from err
