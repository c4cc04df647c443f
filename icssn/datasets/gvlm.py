"""GVLM: seventeen places over which a landslide came, before and after (Zhang et al., ISPRS J. 2023).

The image after the landslide is taken; what changed is outlined on it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from icssn.datasets.files import missing, picture_size, read_picture
from icssn.datasets.sample import Pixels, Sample, binary, paired

PIXEL_M = 0.59


def samples(folder: Path) -> list[Sample]:
    """List the places, each one large sample and a split of its own.

    Args:
        folder: Holds ``PLACE/im2.png`` (after) and ``PLACE/ref.png``; ``im1.png`` (before) is not read.

    Raises:
        DatasetRefusedError: It holds no such place.
    """
    found = [
        Sample(image.parent.name, image.parent.name, picture_size(image), PIXEL_M, partial(_read, image))
        for image in sorted(folder.glob("*/im2.png"))
        if (image.parent / "ref.png").exists()
    ]
    if not found:
        raise missing(folder, needed="folders of places with im2.png and ref.png")
    return found


def _read(image: Path) -> Pixels:
    mask = binary(read_picture(image.with_name("ref.png"), mode="L"))
    return paired(read_picture(image, mode="RGB"), mask, name=f"{image.parent.name}/im2.png")
