"""Agreement of two readers: textbook figures, intervals that cover, and what chance alone cannot tell."""

from __future__ import annotations

import math

import numpy as np
import pytest

from icssn.metrics.agreement import agreement, kappa, wilson


def pairs(table: list[list[int]]) -> list[tuple[int, int]]:
    return [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[20, 5], [10, 15]], 0.4),  # p_o = .7, p_e = .5
        ([[45, 15], [25, 15]], 0.130),  # p_o = .6, p_e = .54
        ([[25, 35], [5, 35]], 0.259),  # p_o = .6, p_e = .46
        ([[10, 0, 0], [0, 10, 0], [0, 0, 10]], 1.0),
        ([[5, 5], [5, 5]], 0.0),
        ([[0, 10], [10, 0]], -1.0),
    ],
)
def test_kappa_is_that_of_the_definition(table: list[list[int]], expected: float) -> None:
    found = agreement(pairs(table))
    assert found.kappa == pytest.approx(expected, abs=5e-4)
    assert found.count == sum(map(sum, table))
    assert found.share == pytest.approx(sum(table[i][i] for i in range(len(table))) / found.count)


def test_the_interval_is_about_that_of_the_large_sample_formula() -> None:
    table = [[200, 50], [100, 150]]
    found = agreement(pairs(table))
    p_o, p_e = 0.7, 0.5
    error = math.sqrt(p_o * (1 - p_o) / (500 * (1 - p_e) ** 2))  # Cohen 1960, eq. 9
    assert found.kappa_low == pytest.approx(0.4 - 1.96 * error, abs=0.02)
    assert found.kappa_high == pytest.approx(0.4 + 1.96 * error, abs=0.02)


def test_where_both_always_say_the_same_thing_kappa_is_not_known_but_agreement_is() -> None:
    found = agreement([("accepted", "accepted")] * 8)
    assert (found.kappa, found.kappa_low, found.kappa_high) == (None, None, None)
    assert (found.agreed, found.share, found.share_high) == (8, 1.0, 1.0)
    assert found.share_low == pytest.approx(0.676, abs=1e-3)  # eight of eight do not prove agreement


def test_one_object_is_enough_for_a_figure() -> None:
    found = agreement([("accepted", "rejected")])
    assert (found.count, found.agreed, found.kappa) == (1, 0, 0.0)


def test_the_order_of_objects_and_the_names_of_the_words_do_not_matter() -> None:
    words = pairs([[6, 2, 1], [1, 5, 0], [2, 0, 3]])
    renamed = [("xyz"[a], "xyz"[b]) for a, b in reversed(words)]
    one, other = agreement(words), agreement(renamed)
    assert one.kappa == pytest.approx(other.kappa)
    assert one.kappa_low == pytest.approx(other.kappa_low, abs=0.03)


def test_many_tables_are_judged_at_once() -> None:
    tables = np.array([[[20, 5], [10, 15]], [[3, 0], [0, 0]]])
    first, second = kappa(tables)
    assert first == pytest.approx(0.4)
    assert math.isnan(second)


def test_wilsons_interval_is_the_published_one() -> None:
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)  # Newcombe 1998, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["aa", "bb"], 1.0),
        (["ab"], 0.0),
        (["aa", "bb", "ab", "aa"], 0.5),  # its resamples differ, but four objects are too few
        (["aa"] * 20 + ["bb"] * 10, 1.0),  # however many: that all agree says nothing of how far they might not
        (["aa"] * 7 + ["ab"], 0.0),  # the first reader says one thing only
    ],
)
def test_where_resamples_say_nothing_kappa_has_no_interval(words: list[str], expected: float) -> None:
    found = agreement([(one, other) for one, other in words])
    assert found.kappa == pytest.approx(expected)
    assert (found.kappa_low, found.kappa_high) == (None, None)
    assert found.share_low < found.share_high  # that of the raw agreement stays


def test_five_objects_that_differ_bring_an_interval_of_kappa() -> None:
    found = agreement([("a", "a"), ("b", "b"), ("a", "b"), ("a", "a"), ("b", "b")])
    assert found.kappa_low is not None
    assert found.kappa_high is not None
    assert found.kappa_low < found.kappa < found.kappa_high
