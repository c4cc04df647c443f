"""HR-GLDD: PlanetScope samples of ten events, red, green, blue and near infrared (Meena et al., ESSD 2023)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from icssn.datasets.files import load_array, missing
from icssn.datasets.sample import Pixels, Sample, binary, paired
from icssn.errors import DatasetRefusedError

PIXEL_M = 3.0
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_NEEDED = "trainX.npy (samples × height × width × bands) with trainY.npy (samples × height × width × 1), or val or test"


def samples(folder: Path) -> list[Sample]:
    """List the samples of the splits that are there.

    Args:
        folder: Holds ``trainX.npy`` and ``trainY.npy``, and the same of ``val`` and ``test``.

    Raises:
        DatasetRefusedError: It holds none of these pairs, or the arrays of a pair do not belong together.
    """
    found = []
    for short, split in _SPLITS.items():
        images, masks = folder / f"{short}X.npy", folder / f"{short}Y.npy"
        if images.exists() and masks.exists():
            pictures, drawn = load_array(images), load_array(masks)
            _check(pictures, drawn, name=images.name)
            size_px = pictures.shape[1], pictures.shape[2]
            found += [
                Sample(f"{short}{number:05d}", split, size_px, PIXEL_M, partial(_read, pictures, drawn, number))
                for number in range(len(pictures))
            ]
    if not found:
        raise missing(folder, needed=_NEEDED)
    return found


def _check(pictures: npt.NDArray[Any], drawn: npt.NDArray[Any], *, name: str) -> None:
    numbers = all(array.dtype.kind in "uif" for array in (pictures, drawn))
    if not (numbers and pictures.ndim == 4 and drawn.shape[:3] == pictures.shape[:3] and drawn[..., :1].ndim == 4):
        shapes = " and ".join("×".join(map(str, array.shape)) for array in (pictures, drawn))
        raise DatasetRefusedError(
            name,
            found=f"images and masks are arrays of {shapes} ({pictures.dtype}, {drawn.dtype})",
            needed=_NEEDED,
            remedy="Fetch both files again from their source.",
        )


def _read(pictures: npt.NDArray[Any], drawn: npt.NDArray[Any], number: int) -> Pixels:
    image = np.array(pictures[number].transpose(2, 0, 1))
    small = image.astype(np.float32) if image.dtype == np.float64 else image
    return paired(small, binary(np.asarray(drawn[number][..., 0])), name=f"sample {number}")
