"""Bands of pixels along the outlines of landslides."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt


def boundary_band(mask: npt.NDArray[np.uint8], radius_px: float) -> npt.NDArray[np.bool_]:
    """Mark the pixels whose centre is within a radius of a pixel of the other class.

    Args:
        mask: uint8 (H, W): 0 background, 1 landslide, 255 ignore. Ignored pixels are never marked and make no
            boundary: only 0 against 1 does.
        radius_px: Euclidean, between pixel centres; 1 marks the one row of pixels on either side.

    Returns:
        bool (H, W).
    """
    landslide, background = mask == 1, mask == 0
    if not (landslide.any() and background.any()):
        return np.zeros(mask.shape, np.bool_)
    near_background = distance_transform_edt(~background) <= radius_px
    near_landslide = distance_transform_edt(~landslide) <= radius_px
    return np.asarray((landslide & near_background) | (background & near_landslide), np.bool_)
