"""Colours of results, safe for colour-blind readers, the same in tiles, files and legends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int, int]  # red, green, blue, alpha; 0–255

MASK_COLOUR: Colour = (86, 180, 233, 190)
"""Sky blue: Okabe & Ito 2008, Color Universal Design; stands out on soil and on vegetation."""

MASK_PALETTE: dict[int, Colour] = {0: (0, 0, 0, 0), 1: (*MASK_COLOUR[:3], 255), 255: (0, 0, 0, 0)}
"""Of mask files: 0 background, 1 landslide, 255 nodata."""

_PLASMA = ("0d0887", "4c02a1", "7e03a8", "a82296", "cb4679", "e56b5d", "f89441", "fdc328", "f0f921")
# Nine steps of "plasma": Smith & van der Walt 2015, matplotlib (CC0); even in lightness, dark blue to yellow.
_STRONGEST_ALPHA = 225  # the image below stays visible


def probability_colours() -> npt.NDArray[np.uint8]:
    """Give the colour of each of 256 even steps of probability, uint8 (256, 4): the likelier, the more opaque."""
    steps = np.linspace(0, 1, 256)
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _PLASMA], float)
    places = np.linspace(0, 1, len(anchors))
    bands = [np.interp(steps, places, anchors[:, band]) for band in range(3)]
    return np.asarray(np.rint(np.stack([*bands, steps * _STRONGEST_ALPHA], axis=1)), np.uint8)


def mask_colours(threshold: int) -> npt.NDArray[np.uint8]:
    """Give the colour of each stored value, uint8 (256, 4): `MASK_COLOUR` from the threshold up, else nothing."""
    return np.where(np.arange(256)[:, None] >= threshold, np.array(MASK_COLOUR), 0).astype(np.uint8)
