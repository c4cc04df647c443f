"""Measures are written as geologists read them."""

from __future__ import annotations

import datetime as dt

import pytest

from icssn.ui import measures


@pytest.mark.parametrize(
    ("m2", "text"),
    [
        (0, "0 m²"),
        (532.4, "532 m²"),
        (9_999, "9,999 m²"),
        (9_999.7, "1.00 ha"),
        (24_900, "2.49 ha"),
        (123_456, "12.3 ha"),
        (999_900, "100 ha"),
        (1_000_000, "1.00 km²"),
        (45_600_000, "45.6 km²"),
        (1_234_000_000, "1,234 km²"),
    ],
)
def test_areas_change_unit_at_one_and_at_a_hundred_hectares(m2: float, text: str) -> None:
    assert measures.area(m2) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (0.4, "0 s"), (89, "89 s"), (100, "2 min"), (5000, "83 min"), (7200, "2.0 h")]
)
def test_durations_are_told_in_one_unit(seconds: float, text: str) -> None:
    assert measures.duration(seconds, language="en") == text


def test_moments_are_told_to_the_minute() -> None:
    assert measures.moment(dt.datetime(2026, 5, 4, 3, 2, 1).astimezone()) == "2026-05-04 03:02"


@pytest.mark.parametrize(("count", "text"), [(7_700_000, "7.7 MB"), (2_500_000_000, "2.5 GB")])
def test_sizes_are_told_in_megabytes_or_gigabytes(count: int, text: str) -> None:
    assert measures.size(count) == text
