"""The pictures that sets consist of, each read by the one format it should have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from icssn.errors import DatasetRefusedError

_FORMATS = ("PNG", "JPEG")  # Pillow's many others are kept shut


def read_picture(path: Path, *, mode: str) -> npt.NDArray[np.uint8]:
    """Read a PNG or JPEG picture.

    Args:
        path: Of the file.
        mode: ``RGB`` gives (3, H, W), ``L`` (grey) gives (H, W).

    Raises:
        DatasetRefusedError: It cannot be read.
    """
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            values: npt.NDArray[np.uint8] = np.asarray(picture.convert(mode))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as err:
        raise _unreadable(path, str(err)) from err
    return values.transpose(2, 0, 1) if mode == "RGB" else values


def picture_size(path: Path) -> tuple[int, int]:
    """Give height and width of a picture without unpacking it.

    Raises:
        DatasetRefusedError: It cannot be read.
    """
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            return picture.height, picture.width
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as err:
        raise _unreadable(path, str(err)) from err


def load_array(path: Path) -> npt.NDArray[Any]:
    """Open a ``.npy`` array of numbers; its values stay on the disk until they are asked for.

    Raises:
        DatasetRefusedError: It is none, or holds Python objects, which are never unpacked.
    """
    try:
        values: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as err:
        raise _unreadable(path, str(err)) from err
    return values


def _unreadable(path: Path, reason: str) -> DatasetRefusedError:
    return DatasetRefusedError(
        path.name,
        found=f"it cannot be read ({reason.splitlines()[0][:120] if reason else 'no reason given'})",
        needed="a whole file as its set gives it out",
        remedy="Fetch it again from its source.",
    )


def missing(folder: Path, *, needed: str) -> DatasetRefusedError:
    """Build the refusal of a folder that is laid out otherwise."""
    return DatasetRefusedError(
        folder.name or str(folder),
        found="no samples were found in it" if folder.is_dir() else "there is no such folder",
        needed=needed,
        remedy="Give the folder into which the set was unpacked; docs/datasets.md shows its layout.",
    )
