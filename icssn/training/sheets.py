"""Held-out ground as whole sheets: the validation chips of each scene put together, so that no landslide is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from icssn.metrics.objects import match_objects, sieve
from icssn.metrics.pixels import IGNORE, exceeds
from icssn.records import Chip

_MOST_PX = 1 << 26  # of the held-out ground of one scene


class Sheet(NamedTuple):
    """Truth (0 / 1 / 255) and probability in stored levels of one scene, (H, W) each; `IGNORE` where no chip is."""

    truth: NDArray[np.uint8]
    scores: NDArray[np.uint8]


class Found(NamedTuple):
    """Objects of all sheets, by coverage of 30 %: the true ones, those of them found, the predicted ones, the right."""

    true: int
    found: int
    predicted: int
    right: int

    @property
    def false(self) -> int:
        """Give how many predicted objects are none."""
        return self.predicted - self.right

    @property
    def f1(self) -> float:
        """Give the harmonic mean of recall and precision of objects; 0 where there are none."""
        recall, precision = self.found / max(self.true, 1), self.right / max(self.predicted, 1)
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def put_together(truth: NDArray[np.uint8], scores: NDArray[np.uint8], chips: Sequence[Chip]) -> list[Sheet]:
    """Put the chips of each scene together, with one pixel of `IGNORE` around.

    Args:
        truth: 0 / 1 / 255 of the validation chips, (N, S, S); each pixel of the ground is known in one chip at most.
        scores: Probability in stored levels, likewise.
        chips: What they are, in the same order.

    Returns:
        One sheet for each scene; none for a scene whose held-out ground is too large to be held at once.
    """
    sheets = []
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
        sheet = Sheet(np.full(shape, IGNORE, np.uint8), np.full(shape, IGNORE, np.uint8))
        for chip, known, score in of_scene:
            row, col = chip.row - top, chip.col - left
            place = np.s_[row : row + known.shape[0], col : col + known.shape[1]]
            told = known != IGNORE
            sheet.truth[place][told], sheet.scores[place][told] = known[told], score[told]
        sheets.append(sheet)
    return sheets


def count_objects(sheets: Sequence[Sheet], *, threshold: float, least_px: int) -> Found:
    """Count objects of all sheets at a threshold, without predicted ones of fewer than `least_px` pixels."""
    true = found = predicted = right = 0
    for truth, scores in sheets:
        mask = sieve(exceeds(scores, threshold) & (truth != IGNORE), least_px)
        figures = match_objects(truth, mask, pixel_area_m2=1.0)
        of_sheet, marked = int(figures["true_objects"]), int(figures["predicted_objects"])
        true, predicted = true + of_sheet, predicted + marked
        found += round(figures.get("object_recall_cov30", 0.0) * of_sheet)
        right += round(figures.get("object_precision_cov30", 0.0) * marked)
    return Found(true, found, predicted, right)
