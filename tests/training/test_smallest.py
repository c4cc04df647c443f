"""The smallest object: half the smallest whole landslide on held-out ground, where that finds objects better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from icssn.config import MIN_OBJECT_PX
from icssn.metrics.pixels import IGNORE
from icssn.records import Chip
from icssn.training.sheets import put_together
from icssn.training.smallest import FLOOR_PX, smallest_object_px

SIDE, MARGIN = 96, 16  # of a tile, and of ground around it that its chip stores but does not judge
Sheet = NDArray[np.uint8]


def squares(*places: tuple[int, int, int], value: int = 1) -> Sheet:
    """Held-out ground of 2 × 3 tiles with squares at (row, column) of some side."""
    sheet = np.zeros((2 * SIDE, 3 * SIDE), np.uint8)
    for row, col, side in places:
        sheet[row : row + side, col : col + side] = value
    return sheet


def chosen(truth: Sheet, scores: Sheet, *, scenes: tuple[str, ...] = ("a",)) -> int:
    """Cut the ground into chips, as `chips.cut` does, and choose."""
    stored = SIDE + 2 * MARGIN
    chips, known, levels = [], [], []
    for scene_id in scenes:
        for row in range(0, truth.shape[0], SIDE):
            for col in range(0, truth.shape[1], SIDE):
                middle = np.s_[MARGIN : MARGIN + SIDE, MARGIN : MARGIN + SIDE]
                mask, score = np.full((stored, stored), IGNORE, np.uint8), np.full((stored, stored), 200, np.uint8)
                mask[middle], score[middle] = truth[row:, col:][:SIDE, :SIDE], scores[row:, col:][:SIDE, :SIDE]
                place = {"col": 500 + col - MARGIN, "row": 300 + row - MARGIN, "size_px": stored}
                facts = {"kind": "unknown", "landslide_fraction": 0.0, "known_fraction": 1.0}
                chips.append(Chip(index=len(chips), scene_id=scene_id, split="validation", **place, **facts))
                known.append(mask)
                levels.append(score)
    return smallest_object_px(put_together(np.stack(known), np.stack(levels), chips), threshold=0.5)


SLIDES = [(10, 10, 30), (10, 60, 40), (60, 85, 32), (120, 10, 36), (120, 80, 50)]  # the third lies on two tiles
SPECKS = [(10, 200, 12), (60, 200, 15), (120, 200, 18)]  # 144, 225 and 324 px


def test_specks_smaller_than_half_the_smallest_landslide_raise_the_size() -> None:
    assert chosen(squares(*SLIDES), squares(*SLIDES, *SPECKS, value=250)) == 30 * 30 // 2


def test_without_a_gain_the_usual_size_stays() -> None:
    assert chosen(squares(*SLIDES), squares(*SLIDES, value=250)) == MIN_OBJECT_PX


def test_few_landslides_say_too_little() -> None:
    assert chosen(squares(*SLIDES[:4]), squares(*SLIDES[:4], *SPECKS, value=250)) == MIN_OBJECT_PX
    assert chosen(squares(*SLIDES[:3]), squares(*SLIDES[:3], *SPECKS, value=250), scenes=("a", "b")) == 30 * 30 // 2


def test_a_landslide_at_the_edge_of_the_ground_has_no_known_size() -> None:
    cut_off = [*SLIDES, (0, 150, 6)]
    assert chosen(squares(*cut_off), squares(*cut_off, *SPECKS, value=250)) == 30 * 30 // 2


def test_small_landslides_lower_the_size_but_not_below_the_floor() -> None:
    for side, wanted in ((9, 81 // 2), (6, FLOOR_PX)):  # the usual size would drop them all
        slides = [(60, 10 + 40 * number, side) for number in range(6)]
        assert chosen(squares(*slides), squares(*slides, value=250)) == wanted


def test_no_validation_chip_at_all_leaves_the_usual_size() -> None:
    nothing = np.zeros((0, 8, 8), np.uint8)
    assert smallest_object_px(put_together(nothing, nothing, []), threshold=0.5) == MIN_OBJECT_PX
