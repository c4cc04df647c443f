"""Numbers as texts: what a comma and a point in them mean is told by the other texts of their column."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

_NUMBER = re.compile(  # sign, digits in groups of three or in one, what parts the groups, decimal sign, decimals, power
    r"(?P<sign>[-+]?)(?P<whole>\d+|\d{1,3}(?P<parted>[,. \u00a0\u2009\u202f])\d{3}(?:(?P=parted)\d{3})*)"
    r"(?:(?P<point>[.,])(?P<rest>\d+))?(?P<power>[eE][-+]?\d+)?"
)
_UNSURE = re.compile(r"[-+]?[1-9]\d{,2}(?P<mark>[.,])\d{3}([eE][-+]?\d+)?")  # 1,234: thousands or decimals


@dataclasses.dataclass(frozen=True)
class Marks:
    """What a comma and a point part in a column of numbers: "decimals", "thousands", both, or nothing that is told."""

    comma: frozenset[str] = frozenset()
    point: frozenset[str] = frozenset()

    def role(self, mark: str) -> str:
        """Give the one role that a mark can have in a number like 1,234 or 1.234, "" where that is not settled.

        A point of which nothing is told parts decimals, unless a comma does.
        """
        told = self.comma if mark == "," else self.point
        if mark == "." and not told and "decimals" not in self.comma:
            return "decimals"
        return next(iter(told)) if len(told) == 1 else ""


def marks_of(values: Iterable[Any], *, unit: str = "") -> Marks:
    """Say what the texts of a column tell of its commas and points.

    12,5 and 0,125 tell that a comma parts decimals, 1,234,567 and 1,234.5 that it parts thousands; likewise a point.
    1,234 tells nothing.

    Args:
        values: Of the whole column; what is no text is passed over.
        unit: That may stand behind the numbers.
    """
    roles: set[tuple[str, str]] = set()
    for value in values:
        found = _written(value, unit)
        if found and not _UNSURE.fullmatch(found[0]) and found["parted"] != found["point"]:
            roles |= {(found["parted"], "thousands"), (found["point"], "decimals")}
    comma, point = (frozenset(role for sign, role in roles if sign == mark) for mark in ",.")
    return Marks(comma, point)


def number_of(value: Any, marks: Marks, *, unit: str = "") -> Any:
    """Give the number that a text can only mean, else what was given.

    Args:
        value: A text, with the unit or without.
        marks: What commas and points mean in its column.
        unit: That may stand behind it.
    """
    found = _written(value, unit)
    if not found or (found["parted"] and found["parted"] == found["point"]):
        return value
    whole, rest, power = found["sign"] + re.sub(r"\D", "", found["whole"]), found["rest"] or "", found["power"] or ""
    if unsure := _UNSURE.fullmatch(found[0]):
        role = marks.role(unsure["mark"])
        if not role or (role == "thousands" and power):
            return value
        if role == "thousands":
            whole, rest = whole + rest, ""
    if not (rest or power):
        return int(whole)
    number = float(f"{whole}.{rest or 0}{power}")
    return int(number) if number.is_integer() else number


def _written(value: Any, unit: str) -> re.Match[str] | None:
    """Give the parts of a number that is written as text."""
    if not isinstance(value, str):
        return None
    units = "|".join(map(re.escape, (unit, unit.replace("²", "2").replace("³", "3"))))
    return _NUMBER.fullmatch(re.sub(rf"\s*(?:{units})$", "", value.strip()))
