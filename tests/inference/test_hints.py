"""Weak hints lie below the threshold, away from the mask's objects, and are few."""

import numpy as np
from numpy.typing import NDArray

from icssn.config import InferenceConfig
from icssn.inference.hints import weak_outlines
from icssn.inference.objects import Outline, survey
from icssn.metrics.pixels import level_of

CONFIG = InferenceConfig(min_object_px=20, hint_share=0.4)


def square(values: NDArray[np.uint8], row: int, col: int, *, side: int, probability: float) -> None:
    values[row : row + side, col : col + side] = round(probability * 254)


def hints(values: NDArray[np.uint8], config: InferenceConfig = CONFIG) -> list[Outline]:
    strips = [values[:33], values[33:]]
    objects = survey(strips, level=level_of(0.5))
    return weak_outlines(lambda: iter(strips), objects, threshold=0.5, config=config)


def test_only_weak_ground_apart_from_objects_is_a_hint() -> None:
    values = np.zeros((100, 100), np.uint8)
    square(values, 5, 5, side=20, probability=0.3)
    square(values, 10, 10, side=8, probability=0.8)  # an object within its own weak surroundings
    square(values, 28, 60, side=12, probability=0.3)  # over the seam of both strips
    square(values, 70, 10, side=10, probability=0.1)  # too weak
    square(values, 70, 70, side=3, probability=0.3)  # too small
    [hint] = hints(values)
    assert hint.polygon_px.bounds == (60, 28, 72, 40)
    assert hint.area_px == 144
    assert abs(hint.mask_score - 0.3) < 0.01


def test_the_weightiest_hints_come_first_and_no_more_than_wanted() -> None:
    values = np.zeros((100, 100), np.uint8)
    for number, side in enumerate((6, 12, 9, 15)):
        square(values, 5, 5 + 22 * number, side=side, probability=0.3)
    found = hints(values, CONFIG.model_copy(update={"most_hints": 3}))
    assert [hint.area_px for hint in found] == [225, 144, 81]
