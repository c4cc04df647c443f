"""Object scores weigh both judges alike, and stay finite."""

import pytest

from icssn.inference.scores import classifier_score, fused_score


def test_two_judges_who_agree_are_as_sure_as_one_and_one_who_is_undecided_halves_the_other() -> None:
    assert fused_score(0.8, 0.8) == pytest.approx(0.8)
    assert fused_score(0.8, 0.2) == pytest.approx(0.5)
    assert fused_score(0.8, 0.5) == fused_score(0.5, 0.8) == pytest.approx(2 / 3)  # odds of 4 become 2


@pytest.mark.parametrize("pair", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
def test_certainty_stays_finite(pair: tuple[float, float]) -> None:
    assert 0 < fused_score(*pair) < 1


def test_the_classifiers_score_is_the_probability_of_its_logit() -> None:
    assert classifier_score(0.0) == 0.5
    assert classifier_score(2.0) + classifier_score(-2.0) == pytest.approx(1)
    assert 0 <= classifier_score(-1e6) < classifier_score(1e6) <= 1
