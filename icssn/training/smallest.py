"""The smallest object worth keeping, from the landslides of the held-out ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from icssn.config import MIN_OBJECT_PX
from icssn.metrics.objects import components
from icssn.metrics.pixels import IGNORE
from icssn.training.sheets import Sheet, count_objects

FEWEST = 5  # whole landslides on held-out ground, below which their sizes say too little
FLOOR_PX = 25  # five by five pixels; smaller outlines are warned of when they are drawn
_SHARE = 0.5  # of the smallest known landslide; what is smaller is hardly one


def smallest_object_px(sheets: Sequence[Sheet], *, threshold: float) -> int:
    """Give half the size of the smallest held-out landslide, where dropping what is smaller finds objects better.

    A landslide at the edge of the ground, whose size nobody knows, does not count.

    Args:
        sheets: The held-out ground.
        threshold: Smallest probability that counts as landslide.

    Returns:
        Pixels, >= `FLOOR_PX`; `icssn.config.MIN_OBJECT_PX` where there are fewer than `FEWEST` whole landslides, or
        where object F1 (30 % covered) is no better than with that.
    """
    sizes = [size for sheet in sheets for size in _whole_sizes(sheet.truth)]
    if len(sizes) < FEWEST:
        return MIN_OBJECT_PX
    wanted = max(FLOOR_PX, int(_SHARE * min(sizes)))
    found, usual = (count_objects(sheets, threshold=threshold, least_px=least) for least in (wanted, MIN_OBJECT_PX))
    return wanted if found.f1 > usual.f1 else MIN_OBJECT_PX


def _whole_sizes(truth: NDArray[np.uint8]) -> list[int]:
    numbered, count = components(truth == 1)
    edge = ndimage.binary_dilation(truth == IGNORE)
    sizes = np.bincount(numbered[numbered > 0], minlength=count + 1)[1:]
    cut = np.isin(np.arange(1, count + 1), numbered[edge])
    return [int(size) for size in sizes[~cut]]
