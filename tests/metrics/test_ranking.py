import itertools

import numpy as np
import pytest

from icssn.metrics.ranking import area_under_roc, covered, judged


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    scores, right = rng.integers(0, 6, 40).tolist(), (rng.random(40) < 0.4).tolist()
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for (a, x), (b, y) in itertools.product(zip(scores, right, strict=True), repeat=2)
        if x and not y
    ]
    assert area_under_roc(scores, right) == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize(("scores", "area"), [([0.9, 0.8, 0.1], 1.0), ([0.1, 0.2, 0.9], 0.0), ([0.5, 0.5, 0.5], 0.5)])
def test_closed_forms(scores: list[float], area: float) -> None:
    assert area_under_roc(scores, [True, True, False]) == area


@pytest.mark.parametrize("right", [[], [True, True], [False]])
def test_without_both_kinds_there_is_no_area(right: list[bool]) -> None:
    assert area_under_roc([0.5] * len(right), right) is None


def test_an_object_is_right_when_thirty_percent_of_what_is_known_of_it_is_landslide() -> None:
    numbers = np.repeat(np.arange(5, dtype=np.int32)[:, None], 10, axis=1)
    truth = np.zeros((5, 10), np.uint8)
    truth[1, :3] = 1
    truth[2, :2] = 1
    truth[3, :2], truth[3, 5:] = 1, 255
    truth[4] = 255
    assert covered(truth, numbers, 4).tolist() == [True, False, True, False]
    assert judged(truth, numbers, 5).tolist() == [True, True, True, False, False]  # the last has no pixel
