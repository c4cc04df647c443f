"""A learning curve says what it can, and nothing where it cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from icssn.review.curve import gain


def test_of_too_few_runs_nothing_is_said() -> None:
    assert gain([(10, 0.5), (20, 0.6), (40, 0.7)], more=20) is None
    assert gain([(10, 0.5), (10, 0.6), (20, 0.7), (20, 0.6)], more=20) is None
    assert gain([], more=20) is None


def test_a_clean_curve_is_followed() -> None:
    found = gain([(n, 0.2 + 0.1 * math.log(n)) for n in (5, 10, 20, 40)], more=20)
    assert found is not None
    assert found.expected == pytest.approx(0.1 * math.log(60 / 40))
    assert found.high - found.low == pytest.approx(0, abs=1e-9)


def test_the_interval_holds_the_truth_nine_times_of_ten() -> None:
    rng = np.random.default_rng(0)
    sizes, truth = (5, 8, 12, 20, 30), 0.08 * math.log(50 / 30)
    held = 0
    for _ in range(400):
        found = gain([(n, 0.2 + 0.08 * math.log(n) + rng.normal(0, 0.03)) for n in sizes], more=20)
        assert found is not None
        held += found.low <= truth <= found.high
    assert 0.86 <= held / 400 <= 0.94
