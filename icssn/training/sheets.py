"""Held-out ground as whole sheets: the validation chips of each scene put together, so that no landslide is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from icssn.metrics.objects import COVERAGE, components, sieve
from icssn.metrics.pixels import IGNORE, exceeds
from icssn.records import Chip

_MOST_PX = 1 << 26  # of the held-out ground of one scene


class Sheet(NamedTuple):
    """Truth (0 / 1 / 255) and probability in stored levels of one scene, (H, W) each; `IGNORE` where no chip is.

    And how much held-out ground each pixel stands for, (H, W), where not all stand for themselves alone.
    """

    truth: NDArray[np.uint8]
    scores: NDArray[np.uint8]
    stands_for: NDArray[np.float32] | None = None


class Found(NamedTuple):
    """Objects of all sheets, by coverage of 30 %: the true ones, those of them found, the predicted ones, the right.

    A false one counts for as many as its ground stands for.
    """

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
        if any(chip.stands_for != 1 for chip, *_ in of_scene):
            sheet = sheet._replace(stands_for=np.ones(shape, np.float32))
        for chip, known, score in of_scene:
            row, col = chip.row - top, chip.col - left
            place = np.s_[row : row + known.shape[0], col : col + known.shape[1]]
            told = known != IGNORE
            sheet.truth[place][told], sheet.scores[place][told] = known[told], score[told]
            if sheet.stands_for is not None:
                sheet.stands_for[place][told] = chip.stands_for
        sheets.append(sheet)
    return sheets


def count_landslides(truth: NDArray[np.uint8], chips: Sequence[Chip]) -> int:
    """Count the landslides that chips show together; those in several chips once, as far as sheets can tell.

    Args:
        truth, chips: As for `put_together`.
    """
    sheets = put_together(truth, truth, chips)
    if len(sheets) < len({chip.scene_id for chip in chips}):
        return sum(bool((chip == 1).any()) for chip in truth)
    return sum(components(sheet.truth == 1)[1] for sheet in sheets)


def count_objects(sheets: Sequence[Sheet], *, threshold: float, least_px: int) -> Found:
    """Count objects of all sheets at a threshold, without predicted ones of fewer than `least_px` pixels."""
    true = found = predicted = right = 0
    for truth, scores, stands_for in sheets:
        mask = sieve(exceeds(scores, threshold) & (truth != IGNORE), least_px)
        is_found, _ = _covered(truth == 1, mask)
        is_right, counts_for = _covered(mask, truth == 1, stands_for)
        true, found = true + len(is_found), found + int(is_found.sum())
        right += int(is_right.sum())
        predicted += int(is_right.sum()) + round(float(counts_for[~is_right].sum()))
    return Found(true, found, predicted, right)


def _covered(
    objects: NDArray[np.bool_], by: NDArray[np.bool_], stands_for: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Say which objects of a mask are covered to 30 % by another mask, and for how many each of them counts."""
    numbered, count = components(objects)
    px = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    common = np.bincount(numbered[by], minlength=count + 1)[1:]
    if stands_for is None:
        return common >= COVERAGE * px, np.ones(count)
    return common >= COVERAGE * px, np.bincount(numbered.ravel(), stands_for.ravel(), minlength=count + 1)[1:] / px
