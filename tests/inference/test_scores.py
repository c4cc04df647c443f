"""Object scores add evidence, and stay finite."""

import pytest

from icssn.inference.scores import classifier_score, fused_score


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


def test_the_classifiers_score_is_the_probability_of_its_logit() -> None:
    assert classifier_score(0.0) == 0.5
    assert classifier_score(2.0) + classifier_score(-2.0) == pytest.approx(1)
    assert 0 <= classifier_score(-1e6) < classifier_score(1e6) <= 1
