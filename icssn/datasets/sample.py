"""A labelled sample of a public set: the one form in which all sets come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from icssn.errors import DatasetRefusedError

Image = npt.NDArray[Any]  # (C, H, W), in the set's own type
Mask = npt.NDArray[np.uint8]  # (H, W): 0 background, 1 landslide
Pixels = tuple[Image, Mask]


@dataclass(frozen=True)
class Sample:
    """A picture and its truth, read when they are asked for.

    Attributes:
        name: Of the sample in its set.
        split: What the set keeps apart: ``train``, ``validation``, ``test``, or the place it comes from.
        size_px: Height and width; no sample that is read may exceed them.
        pixel_m: Side of a pixel on the ground, None where the set does not say.
        read: Gives image and mask, or raises an `IcssnError` that names the file.
    """

    name: str
    split: str
    size_px: tuple[int, int]
    pixel_m: float | None
    read: Callable[[], Pixels]


def binary(drawn: npt.NDArray[Any]) -> Mask:
    """Give a mask of 0 and 1 from one of 0 and any other number, such as 255; blurred edges are cut halfway."""
    return np.asarray(drawn > drawn.max(initial=0) / 2, np.uint8)


def paired(image: Image, mask: Mask, *, name: str) -> Pixels:
    """Give both, or refuse them where they do not lie on each other.

    Raises:
        DatasetRefusedError: Their sizes differ.
    """
    if image.ndim == 3 and image.shape[1:] == mask.shape:
        return image, mask
    shapes = " and ".join("×".join(map(str, array.shape)) for array in (image, mask))
    raise DatasetRefusedError(
        name,
        found=f"image and mask are arrays of {shapes}",
        needed="an image (bands × height × width) and a mask of the same height and width",
        remedy="Fetch the set anew; docs/datasets.md says how it should look.",
    )


def in_order(names: list[str]) -> list[str]:
    """Sort names as people count: image_9 before image_10."""
    return sorted(names, key=lambda name: (len(name), name))
