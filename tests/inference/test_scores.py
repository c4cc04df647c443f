"""Object scores weigh both judges alike, and none of them decides alone."""

import pytest

from icssn.inference.scores import classifier_score, fused_score


def test_two_judges_who_agree_are_as_sure_as_one_and_one_who_is_undecided_halves_the_other() -> None:
    assert fused_score(0.8, 0.8) == pytest.approx(0.8)
    assert fused_score(0.8, 0.2) == pytest.approx(0.5)
    assert fused_score(0.8, 0.5) == fused_score(0.5, 0.8) == pytest.approx(2 / 3)  # odds of 4 become 2


@pytest.mark.parametrize(("pair", "score"), [((0.0, 0.0), 0.05), ((1.0, 1.0), 0.95), ((0.0, 1.0), 0.5)])
def test_both_together_are_never_surer_than_19_in_20(pair: tuple[float, float], score: float) -> None:
    assert fused_score(*pair) == pytest.approx(score)


def test_a_judge_who_is_always_certain_leaves_the_order_to_the_other() -> None:
    certain = (0.9999, 0.999, 0.99, 0.96)
    assert sorted(certain, key=lambda classifier: fused_score(1 - classifier / 2, classifier)) == list(certain)


def test_the_classifiers_score_is_the_probability_of_its_logit() -> None:
    assert classifier_score(0.0) == 0.5
    assert classifier_score(2.0) + classifier_score(-2.0) == pytest.approx(1)
    assert 0 <= classifier_score(-1e6) < classifier_score(1e6) <= 1
