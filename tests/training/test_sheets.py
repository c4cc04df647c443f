"""Held-out ground put together: what lies on several chips is one, and what stands for more counts for more."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from icssn.metrics.objects import match_objects, sieve
from icssn.records import Chip
from icssn.training.sheets import count_objects, landslides_shown, put_together

SIDE = 64


def tiles(ground: NDArray[np.uint8], *, stands_for: dict[int, float] | None = None) -> list[Chip]:
    """Give the chips of ground that is cut into squares, row by row."""
    places = [(row, col) for row in range(0, ground.shape[0], SIDE) for col in range(0, ground.shape[1], SIDE)]
    return [
        Chip(
            index=number,
            scene_id="a",
            col=col,
            row=row,
            size_px=SIDE,
            split="validation",
            kind="background",
            landslide_fraction=0,
            known_fraction=1,
            stands_for=(stands_for or {}).get(number, 1.0),
        )
        for number, (row, col) in enumerate(places)
    ]


def cut(ground: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([ground[chip.row :, chip.col :][:SIDE, :SIDE] for chip in tiles(ground)])


def ground(*places: tuple[int, int, int], value: int = 1) -> NDArray[np.uint8]:
    """Give two by three tiles with squares at (row, column) of some side."""
    known = np.zeros((2 * SIDE, 3 * SIDE), np.uint8)
    for row, col, side in places:
        known[row : row + side, col : col + side] = value
    return known


def test_a_landslide_on_four_chips_is_one() -> None:
    truth = ground((50, 50, 30), (10, 140, 20))
    on_chips = cut(truth)
    numbers = landslides_shown(on_chips, tiles(truth))
    assert len(numbers) == (on_chips == 1).sum() == 30 * 30 + 20 * 20
    assert np.bincount(numbers).tolist() in ([900, 400], [400, 900])
    alone = numbers[np.repeat(np.arange(6), (on_chips == 1).sum((1, 2))) == 2]  # the third chip shows the small one
    assert len(alone) == 400
    assert len(set(alone.tolist())) == 1
    assert not len(landslides_shown(cut(ground()), tiles(ground())))
    assert not len(landslides_shown(np.zeros((0, SIDE, SIDE), np.uint8), []))


@pytest.mark.parametrize("least_px", [1, 6])
def test_objects_are_counted_as_they_are_matched_by_coverage(least_px: int) -> None:
    chance = np.random.default_rng(3)
    truth, scores = ((chance.random((2 * SIDE, 3 * SIDE)) < share).astype(np.uint8) for share in (0.4, 0.5))
    found = count_objects(put_together(cut(truth), cut(scores * 254), tiles(truth)), threshold=0.5, least_px=least_px)
    matched = match_objects(truth, sieve(scores == 1, least_px), pixel_area_m2=1)
    assert (found.true, found.predicted) == (matched["true_objects"], matched["predicted_objects"])
    assert found.found / found.true == pytest.approx(matched["object_recall_cov30"])
    assert found.right / found.predicted == pytest.approx(matched["object_precision_cov30"])


def test_a_false_object_counts_for_all_the_ground_that_its_chip_stands_for() -> None:
    truth = ground((10, 10, 20))
    scores = ground((10, 10, 20), (20, 140, 20), (80, 20, 20), value=250)  # right; on the third tile; on the fourth
    sheets = put_together(cut(truth), cut(scores), tiles(truth, stands_for={2: 3.0, 4: 3.0}))
    found = count_objects(sheets, threshold=0.5, least_px=100)
    assert (found.true, found.found, found.right, found.false) == (1, 1, 1, 4)
