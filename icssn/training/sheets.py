"""Held-out ground as whole sheets: the validation chips of each scene put together, so that no landslide is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from icssn.metrics.objects import COVERAGE, components
from icssn.metrics.pixels import IGNORE, exceeds
from icssn.records import Chip

_MOST_PX = 1 << 26  # of the held-out ground of one scene


@dataclass(frozen=True)
class Sheet:
    """The held-out ground of one scene.

    Attributes:
        truth: 0 / 1 / 255, (H, W); `IGNORE` where no chip is.
        scores: Probability in stored levels, likewise.
        stands_for: How much held-out ground each pixel stands for, (H, W), where not all stand for themselves alone.
    """

    truth: NDArray[np.uint8]
    scores: NDArray[np.uint8]
    stands_for: NDArray[np.float32] | None = None

    @cached_property
    def landslides(self) -> NDArray[np.int32]:
        """Number of the true object, from 0, that each pixel belongs to which is one, in their order."""
        shown = self.truth == 1
        numbers: NDArray[np.int32] = components(shown)[0][shown] - 1
        return numbers


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
    for shape, places in _frames(chips, side_px=truth.shape[1]):
        sheet = Sheet(np.full(shape, IGNORE, np.uint8), np.full(shape, IGNORE, np.uint8))
        if any(chips[i].stands_for != 1 for i in places):
            sheet = replace(sheet, stands_for=np.ones(shape, np.float32))
        for i, place in places.items():
            told = truth[i] != IGNORE
            sheet.truth[place][told], sheet.scores[place][told] = truth[i][told], scores[i][told]
            if sheet.stands_for is not None:
                sheet.stands_for[place][told] = chips[i].stands_for
        sheets.append(sheet)
    return sheets


def landslides_shown(truth: NDArray[np.uint8], chips: Sequence[Chip]) -> NDArray[np.int64]:
    """Say which landslide each of their pixels belongs to; one that lies in several chips is one.

    Args:
        truth, chips: As for `put_together`.

    Returns:
        A number for each pixel of `truth` that is 1, in its order: those of two pixels are equal where their landslide
        is the same. In a scene that is too large for a sheet, each chip's landslides are one.
    """
    numbers = [np.full(int((chip == 1).sum()), -1 - i, np.int64) for i, chip in enumerate(truth)]
    first = 0
    for shape, places in _frames(chips, side_px=truth.shape[1]):
        shown = np.zeros(shape, np.bool_)
        for i, place in places.items():
            shown[place] |= truth[i] == 1
        numbered, count = components(shown)
        for i, place in places.items():
            numbers[i] = numbered[place][truth[i] == 1] + np.int64(first)
        first += count
    return np.unique(np.concatenate([np.zeros(0, np.int64), *numbers]), return_inverse=True)[1]


def count_objects(sheets: Sequence[Sheet], *, threshold: float, least_px: int) -> Found:
    """Count objects of all sheets at a threshold, without predicted ones of fewer than `least_px` pixels."""
    true = found = predicted = right = 0
    for sheet in sheets:
        numbered, count = components(exceeds(sheet.scores, threshold) & (sheet.truth != IGNORE))
        px = np.bincount(numbered[numbered > 0], minlength=count + 1)[1:]
        kept = px >= least_px
        on_landslides = numbered[sheet.truth == 1]
        covered = np.bincount(on_landslides, minlength=count + 1)[1:] >= COVERAGE * px
        true_px = np.bincount(sheet.landslides)
        marked = np.append(False, kept)[on_landslides]
        is_found = np.bincount(sheet.landslides[marked], minlength=len(true_px)) >= COVERAGE * true_px
        true, found = true + len(is_found), found + int(is_found.sum())
        counts_for = np.ones(count)
        if sheet.stands_for is not None:
            inside = numbered > 0
            counts_for = np.bincount(numbered[inside], sheet.stands_for[inside], minlength=count + 1)[1:] / px
        is_right = kept & covered
        right += int(is_right.sum())
        predicted += int(is_right.sum()) + round(float(counts_for[kept & ~covered].sum()))
    return Found(true, found, predicted, right)


def _frames(chips: Sequence[Chip], *, side_px: int) -> Iterator[tuple[tuple[int, int], dict[int, tuple[slice, slice]]]]:
    """Give, scene by scene, the shape of its sheet and where on it each chip lies, by number; no sheet too large."""
    for scene_id in dict.fromkeys(chip.scene_id for chip in chips):
        of_scene = {i: (chip.row, chip.col) for i, chip in enumerate(chips) if chip.scene_id == scene_id}
        (top, left), (low, right) = np.min([*of_scene.values()], 0) - 1, np.max([*of_scene.values()], 0) + side_px + 1
        if (low - top) * (right - left) > _MOST_PX:
            continue
        yield (
            (int(low - top), int(right - left)),
            {
                i: (slice(row - top, row - top + side_px), slice(col - left, col - left + side_px))
                for i, (row, col) in of_scene.items()
            },
        )
