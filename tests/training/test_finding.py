"""Held-out landslides that are found, and the threshold for searching."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from icssn.metrics.pixels import LEVELS
from icssn.training.finding import judge_objects
from icssn.training.sheets import Sheet

SIDE, ROOM = 20, 40


def sheet(slides: list[float], others: list[float]) -> Sheet:
    """Give ground with squares of some probability: landslides in the upper row, other ground in the lower one."""
    across = max(len(slides), len(others)) * ROOM
    truth, scores = np.zeros((2 * ROOM, across), np.uint8), np.zeros((2 * ROOM, across))
    for row, squares in enumerate((slides, others)):
        for number, probability in enumerate(squares):
            place: tuple[slice, slice] = np.s_[row * ROOM :, number * ROOM :]
            scores[place][:SIDE, :SIDE] = probability
            truth[place][:SIDE, :SIDE] = 1 - row
    levels: NDArray[np.uint8] = np.round(scores * LEVELS).astype(np.uint8)
    return Sheet(truth, levels)


def test_landslides_found_and_objects_that_are_none_are_counted_over_all_sheets() -> None:
    ground = [sheet([0.9, 0.9, 0.3], [0.8]), sheet([0.9, 0.1], [0.7, 0.2])]
    figures = judge_objects(ground, threshold=0.5, least_px=100)
    assert (figures["val_landslides"], figures["val_found"], figures["val_false"]) == (5, 3, 2)


def test_a_search_goes_down_as_long_as_there_are_no_more_false_objects_than_landslides() -> None:
    few = [sheet([0.9, 0.9, 0.3, 0.17, 0.02], [0.8, 0.6, 0.22, 0.22, 0.12, 0.12])]
    figures = judge_objects(few, threshold=0.5, least_px=100)
    assert figures["val_search_threshold"] == pytest.approx(0.15)  # at .1 there would be six of them
    assert (figures["val_search_found"], figures["val_search_false"]) == (4, 4)


def test_where_false_objects_are_many_already_there_is_no_search() -> None:
    assert judge_objects([sheet([0.9] * 5, [0.8] * 6)], threshold=0.5, least_px=100) == {
        "val_landslides": 5,
        "val_found": 5,
        "val_false": 6,
    }


def test_where_the_next_step_would_bring_too_many_the_search_is_the_map() -> None:
    figures = judge_objects([sheet([0.9] * 5, [0.8] * 5 + [0.47])], threshold=0.5, least_px=100)
    assert figures["val_search_threshold"] == 0.5
    assert (figures["val_search_found"], figures["val_search_false"]) == (5, 5)


def test_of_few_landslides_no_search_threshold_is_chosen_and_of_none_nothing_is_said() -> None:
    assert set(judge_objects([sheet([0.9] * 4, [])], threshold=0.5, least_px=100)) == {
        "val_landslides",
        "val_found",
        "val_false",
    }
    assert judge_objects([sheet([], [0.9])], threshold=0.5, least_px=100) == {}
    assert judge_objects([], threshold=0.5, least_px=100) == {}


def test_small_objects_are_left_out() -> None:
    figures = judge_objects([sheet([0.9] * 5, [0.8])], threshold=0.5, least_px=SIDE * SIDE + 1)
    assert (figures["val_found"], figures["val_false"]) == (0, 0)
