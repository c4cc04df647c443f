"""The folder of models: whole checkpoints enter, leave and are read, without torch and never as a pickle.

``<id>/{model.safetensors, card.json, item.json}``: the weights, what training wrote about them, and the same told as
a STAC Item for other programs.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from icssn.config import TrainConfig
from icssn.durable import make_folder, whole_file, written_to
from icssn.errors import CheckpointRefusedError, DiskFullError, UnwritableError
from icssn.store.stac import CARD, ITEM, WEIGHTS

MAX_MEMBER_BYTES = 4 << 30  # of an imported file; the largest encoders have weights of about 1 GB
_COMPILED = "openvino-"  # folders with what one kind of processor runs, which are made anew where they are missing
_DRAFT = ".import-"  # begins the names of folders in which a checkpoint is put together
_ABANDONED_S = 24 * 3600.0
_BLOCK_BYTES = 1 << 20
_UNREADABLE = (  # what reading a damaged archive raises
    OSError,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
    struct.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
_ANOTHER = "Choose another checkpoint, or train a new one."


def enter(models: Path, name: str, source: Path, *, item: dict[str, Any]) -> None:
    """Copy a whole checkpoint into the folder of models, all of it or nothing.

    Args:
        models: The folder of models.
        name: Its id.
        source: A folder with weights and card.
        item: The checkpoint as a STAC Item.

    Raises:
        UnwritableError: It cannot be written there.
        DiskFullError: The disk is full.
    """
    if (models / name).exists():
        return
    draft = models / f"{_DRAFT}{uuid.uuid4().hex}"
    try:
        make_folder(draft)
        for part in (WEIGHTS, CARD):
            with whole_file(draft / part) as copy:
                shutil.copyfile(source / part, copy)
        with whole_file(draft / ITEM) as copy:
            copy.write_text(json.dumps(item, indent=1, ensure_ascii=False), encoding="utf-8")
        draft.replace(models / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def tidy(models: Path) -> None:
    """Remove the folders in which killed processes were putting a checkpoint together.

    Other workspaces and machines may use the folder of models as well: what was written to within a day stays.
    """
    with suppress(OSError):  # it may be out of reach
        for draft in models.glob(f"{_DRAFT}*"):
            if _is_abandoned(draft):
                shutil.rmtree(draft, ignore_errors=True)


def _is_abandoned(draft: Path) -> bool:
    try:
        return time.time() - max(path.stat().st_mtime for path in (draft, *draft.iterdir())) > _ABANDONED_S
    except OSError:  # it goes or changes just now
        return False


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
    except _UNREADABLE:
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
        CheckpointRefusedError: It is neither, cannot be read, or is not a whole checkpoint.
        UnwritableError: No folder can be made there.
        DiskFullError: The disk is full.
    """
    make_folder(into)
    with ExitStack() as made:
        with written_to(into):
            draft = Path(made.enter_context(TemporaryDirectory(prefix=_DRAFT, dir=into)))
        if source.is_dir():
            for part in (WEIGHTS, CARD):
                if os.path.isfile(source / part):  # no pipe; False in a folder closed to us
                    _copy(part, draft, opened=lambda part: (source / part).open("rb"), name=source.name)
        else:
            _unzip(source, draft)
        try:
            verify(draft)
        except CheckpointRefusedError as err:
            raise CheckpointRefusedError(source.name, found=err.found, remedy=err.remedy) from err
        yield draft


def _copy(part: str, folder: Path, *, opened: Callable[[str], IO[bytes]], name: str) -> None:
    """Write a part of the source called `name` into a draft; the folder of models is blamed for writing alone."""
    with written_to(folder.parent), (folder / part).open("wb") as out:
        for block in _blocks(part, opened, name=name):
            out.write(block)


def _blocks(part: str, opened: Callable[[str], IO[bytes]], *, name: str) -> Iterator[bytes]:
    try:
        with opened(part) as content:
            while block := content.read(_BLOCK_BYTES):
                yield block
    except _UNREADABLE as err:
        said = getattr(err, "strerror", None) or str(err) or "it ends too early"
        raise CheckpointRefusedError(
            name,
            found=f"{part} cannot be read ({said})",
            remedy="Restore the file from a backup, or choose another checkpoint.",
        ) from err


def _unzip(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as packed:
            for part in (WEIGHTS, CARD):  # by their exact names: no path of the archive's own is ever followed
                if packed.getinfo(part).file_size > MAX_MEMBER_BYTES:
                    raise CheckpointRefusedError(source.name, found=f"{part} is larger than 4 GB", remedy=_ANOTHER)
                _copy(part, folder, opened=packed.open, name=source.name)
    except (CheckpointRefusedError, DiskFullError, UnwritableError):
        raise
    except _UNREADABLE as err:
        raise CheckpointRefusedError(
            source.name,
            found="it is no checkpoint that ICSSN exported",
            remedy="Give a zip file with model.safetensors and card.json, as the Models page downloads it.",
        ) from err
