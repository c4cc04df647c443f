"""Object scores add evidence, and large objects are looked at in several places."""

import pytest
from rasterio.windows import Window
from shapely.geometry import Polygon, box

from icssn.inference.scores import chips_on, fused_score


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.83])
def test_an_undecided_judge_changes_nothing(probability: float) -> None:
    assert fused_score(probability, 0.5) == pytest.approx(probability)
    assert fused_score(0.5, probability) == pytest.approx(probability)


def test_two_judges_who_agree_are_surer_than_one() -> None:
    assert fused_score(0.8, 0.8) == pytest.approx(16 / 17)  # odds 4 x 4
    assert fused_score(0.8, 0.2) == pytest.approx(0.5)


@pytest.mark.parametrize("pair", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
def test_certainty_stays_finite(pair: tuple[float, float]) -> None:
    assert 0 < fused_score(*pair) < 1


def test_a_small_object_gets_one_chip_around_its_middle() -> None:
    assert chips_on(box(100, 200, 140, 220), chip_px=64, width=1000, height=1000) == [Window(88, 178, 64, 64)]


def test_chips_are_moved_into_the_scene() -> None:
    assert chips_on(box(0, 990, 10, 1000), chip_px=64, width=1000, height=1000) == [Window(0, 936, 64, 64)]


def test_a_scene_smaller_than_a_chip_is_centred_in_it() -> None:
    assert chips_on(box(0, 0, 10, 10), chip_px=64, width=40, height=50) == [Window(-12, -7, 64, 64)]


def test_a_long_object_gets_chips_along_it() -> None:
    diagonal = Polygon([(0, 0), (20, 0), (320, 300), (320, 320), (300, 320), (0, 20)])
    chips = chips_on(diagonal, chip_px=64, width=1000, height=1000)
    assert len(chips) == 4
    assert len({(chip.col_off, chip.row_off) for chip in chips}) == 4
    assert all(diagonal.intersects(box(c.col_off, c.row_off, c.col_off + 64, c.row_off + 64)) for c in chips)
