"""How far a run is: what its stages, its looks and the ends of its rounds cost."""

from __future__ import annotations

import pytest

from icssn.config import TrainConfig
from icssn.training.progress import Pace, looks_in
from icssn.training.state import Position


def test_a_stage_is_judged_where_the_settings_say_but_not_at_the_end_of_a_round() -> None:
    often = TrainConfig(looks=(0.001, 0.5, 1.0))  # the first is before any step
    assert looks_in(often, "classify") == {40, 80}
    assert looks_in(often, "segment") == {110}
    assert looks_in(TrainConfig(), "classify") == {80}
    assert looks_in(TrainConfig(), "segment") == looks_in(TrainConfig(looks=()), "classify") == set()


@pytest.mark.parametrize(("looks", "count"), [((), 0), ((1.0,), 1), ((0.5, 1.0), 2)])
def test_a_look_at_what_the_classifier_learned_costs_the_middles_of_the_chips_alone(
    looks: tuple[float, ...], count: int
) -> None:
    config = TrainConfig(looks=looks)
    pace = Pace(config, held_out=24, stored_px=288, begin=Position(), report=lambda _: None)
    middles, whole, refit = 24 * 0.3, 24 * 2.25 * 0.3, 160 * 0.3
    classify = 80 * 8 * 2.0 + count * middles
    segment = 220 * 8 * 1.4 + max(1, count) * (middles + whole) + refit
    assert pace.done(Position(1, "classify", 0)) == 0
    assert pace.done(Position(1, "segment", 0)) == pytest.approx(classify / (classify + segment) / 2)
    assert pace.done(Position(2, "classify", 0)) == pytest.approx(0.5)
