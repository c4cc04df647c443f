"""The smallest object worth keeping, from the landslides of the validation chips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from icssn.config import MIN_OBJECT_PX
from icssn.metrics.objects import components, match_objects, sieve
from icssn.metrics.pixels import IGNORE, exceeds
from icssn.records import Chip

FEWEST = 5  # whole landslides on held-out ground, below which their sizes say too little
FLOOR_PX = 25  # five by five pixels; smaller outlines are warned of when they are drawn
_SHARE = 0.5  # of the smallest known landslide; what is smaller is hardly one
_MOST_PX = 1 << 26  # of held-out ground of one scene that is put together


def smallest_object_px(
    truth: NDArray[np.uint8], scores: NDArray[np.uint8], chips: Sequence[Chip], *, threshold: float
) -> int:
    """Give half the size of the smallest held-out landslide, where dropping what is smaller finds objects better.

    Validation chips are tiles of one rectangle of each scene. They are put together first, so that no object is cut
    where two tiles meet; a landslide at the rectangle's edge, whose size nobody knows, does not count.

    Args:
        truth: 0 / 1 / 255 of the validation chips, (N, S, S).
        scores: Probability in stored levels, likewise.
        chips: What they are, in the same order.
        threshold: Smallest probability that counts as landslide.

    Returns:
        Pixels, >= `FLOOR_PX`; `icssn.config.MIN_OBJECT_PX` where there are fewer than `FEWEST` whole landslides, or
        where object F1 (30 % covered) is no better than with that.
    """
    sheets = list(_sheets(truth, scores, chips).values())
    sizes = [size for known, _ in sheets for size in _whole_sizes(known)]
    if len(sizes) < FEWEST:
        return MIN_OBJECT_PX
    wanted = max(FLOOR_PX, int(_SHARE * min(sizes)))
    return (
        wanted
        if _object_f1(sheets, threshold, wanted) > _object_f1(sheets, threshold, MIN_OBJECT_PX)
        else MIN_OBJECT_PX
    )


def _sheets(
    truth: NDArray[np.uint8], scores: NDArray[np.uint8], chips: Sequence[Chip]
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Put the chips of each scene together: truth and scores, `IGNORE` where no tile is, with one pixel around."""
    sheets = {}
    for scene_id in dict.fromkeys(chip.scene_id for chip in chips):
        of_scene = [
            (chip, *pair) for chip, *pair in zip(chips, truth, scores, strict=True) if chip.scene_id == scene_id
        ]
        left, top = (min(getattr(chip, side) for chip, *_ in of_scene) - 1 for side in ("col", "row"))
        wide, high = (max(getattr(chip, side) for chip, *_ in of_scene) for side in ("col", "row"))
        side = truth.shape[1] + 1
        shape = high - top + side, wide - left + side
        if shape[0] * shape[1] > _MOST_PX:
            continue
        sheet = np.full(shape, IGNORE, np.uint8), np.full(shape, IGNORE, np.uint8)
        for chip, known, score in of_scene:
            row, col = chip.row - top, chip.col - left
            place = np.s_[row : row + known.shape[0], col : col + known.shape[1]]
            told = known != IGNORE
            sheet[0][place][told], sheet[1][place][told] = known[told], score[told]
        sheets[scene_id] = sheet
    return sheets


def _whole_sizes(truth: NDArray[np.uint8]) -> list[int]:
    numbered, count = components(truth == 1)
    edge = ndimage.binary_dilation(truth == IGNORE)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    cut = np.isin(np.arange(1, count + 1), numbered[edge])
    return [int(size) for size in sizes[~cut]]


def _object_f1(sheets: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]], threshold: float, least_px: int) -> float:
    right = found = predicted = true = 0.0
    for truth, scores in sheets:
        mask = sieve(exceeds(scores, threshold) & (truth != IGNORE), least_px)
        figures = match_objects(truth, mask, pixel_area_m2=1.0)
        true += figures["true_objects"]
        predicted += figures["predicted_objects"]
        found += figures.get("object_recall_cov30", 0.0) * figures["true_objects"]
        right += figures.get("object_precision_cov30", 0.0) * figures["predicted_objects"]
    recall, precision = found / max(true, 1), right / max(predicted, 1)
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0
