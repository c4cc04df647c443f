"""Bijie (Guizhou, China): RGB pictures of single landslides, and of ground without any (Ji et al., Landslides 2020)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from icssn.datasets.files import missing, picture_size, read_picture
from icssn.datasets.sample import Pixels, Sample, binary, in_order, paired

PIXEL_M = 0.8  # TripleSat; of samples that somebody scaled to one size it is only a name
_PLACES = (  # folder of images, folder of masks
    ("images", "masks"),
    ("landslide/image", "landslide/mask"),
    ("non-landslide/image", "non-landslide/mask"),  # there is no such folder of masks: nothing slid there
)
_ENDINGS = (".png", ".jpg")


def samples(folder: Path, *, pixel_m: float = PIXEL_M) -> list[Sample]:
    """List the samples of the set as it is given out, or of flat folders ``images`` and ``masks``.

    Args:
        folder: Holds ``landslide/{image,mask}`` and ``non-landslide/image``, or ``images`` and ``masks``. A picture
            without a mask of the same name shows no landslide.
        pixel_m: Side of a pixel.

    Raises:
        DatasetRefusedError: It holds neither.
    """
    found = []
    for images, masks in _PLACES:
        names = [file.name for file in (folder / images).glob("*") if file.suffix.lower() in _ENDINGS]
        for name in in_order(names):
            image, mask = folder / images / name, (folder / masks / name).with_suffix(".png")
            found.append(Sample(image.stem, "", picture_size(image), pixel_m, partial(_read, image, mask)))
    if not found:
        raise missing(folder, needed="landslide/image with landslide/mask, or images with masks, of PNG files")
    return found


def _read(image: Path, mask: Path) -> Pixels:
    picture = read_picture(image, mode="RGB")
    drawn = read_picture(mask, mode="L") if mask.exists() else np.zeros(picture.shape[1:], np.uint8)
    return paired(picture, binary(drawn), name=image.name)
