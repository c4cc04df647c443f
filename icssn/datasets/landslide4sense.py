"""Landslide4Sense: Sentinel-2 with slope and elevation, fourteen bands (Ghorbanzadeh et al., IEEE TGRS 2022).

HDF5 files can name others: links, virtual arrays, values kept elsewhere. Only an array that stands in the file itself
is read, so that a sample cannot make us open anything else.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from icssn.datasets.files import missing
from icssn.datasets.sample import Pixels, Sample, binary, in_order, paired
from icssn.errors import DatasetRefusedError, MissingPartError

PIXEL_M = 10.0
_MOST_VALUES = 1 << 26  # of one sample; the set's own have 229,376
_PLACES = (  # split, folder of images, folder of masks
    ("train", "TrainData/img", "TrainData/mask"),
    ("validation", "ValidData/img", "ValidData/mask"),
    ("test", "TestData/img", "TestData/mask"),
    ("train", "images/train", "annotations/train"),
    ("validation", "images/validation", "annotations/validation"),
    ("test", "images/test", "annotations/test"),
    ("", "img", "mask"),
)


def samples(folder: Path) -> list[Sample]:
    """List the samples that have a mask; in the first release these are those for training alone.

    Args:
        folder: Holds ``TrainData/{img,mask}`` and, with masks or without, ``ValidData`` and ``TestData``; or
            ``images/train`` and ``annotations/train`` and so on; or is one of these splits with ``img`` and ``mask``.
            Files are ``image_N.h5`` with an array ``img`` (height × width × bands), ``mask_N.h5`` with ``mask``.

    Raises:
        DatasetRefusedError: It holds no such pair.
        MissingPartError: h5py is not installed.
    """
    _h5py()
    found = []
    for split, images, masks in _PLACES:
        for name in in_order([file.name for file in (folder / images).glob("image_*.h5")]):
            image, mask = folder / images / name, folder / masks / name.replace("image", "mask")
            if mask.exists():
                found.append((split, image, mask))
    if not found:
        raise missing(folder, needed="TrainData/img/image_N.h5 with TrainData/mask/mask_N.h5")
    height, width = _array(found[0][2], "mask").shape[:2]
    return [
        Sample(image.stem, split, (height, width), PIXEL_M, partial(_read, image, mask)) for split, image, mask in found
    ]


def _read(image: Path, mask: Path) -> Pixels:
    pictured = np.moveaxis(_array(image, "img"), -1, 0).astype(np.float32)
    return paired(pictured, binary(_array(mask, "mask")), name=image.name)


def _array(path: Path, name: str) -> npt.NDArray[Any]:
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            link = file.get(name, getlink=True)
            array = file[name] if isinstance(link, h5py.HardLink) else None
            if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
                raise _refused(path, f"it holds no array '{name}' of its own")
            if array.dtype.kind not in "uif" or array.ndim not in (2, 3) or array.size > _MOST_VALUES:
                raise _refused(path, f"its array '{name}' is {array.dtype} of {array.shape}")
            values: npt.NDArray[Any] = array[()]
    except OSError as err:
        raise _refused(path, f"it cannot be read ({str(err)[:120]})") from err
    return values


def _refused(path: Path, found: str) -> DatasetRefusedError:
    return DatasetRefusedError(
        path.name,
        found=found,
        needed="an HDF5 file as Landslide4Sense gives it out, with an array of numbers",
        remedy="Fetch it again from its source.",
    )


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as err:
        raise MissingPartError("h5py, which reads HDF5 files", remedy="Run pip install h5py and try again.") from err
    return h5py  # type: ignore[no-any-return]
