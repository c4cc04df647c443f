"""Columns of a table of records as files can hold them: values of one type each, and names that formats tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from icssn import landslide_record
from icssn.vectors.features import as_text
from icssn.vectors.mapping import OURS

DBF_NAME = 10  # bytes of a column's name in a Shapefile
_DBF_NUMBER = 1e22  # from here on a number no longer fits a field of 24 digits, and would be cut to another
_DBF_WHOLE = 18  # characters of a whole number; others read longer ones as floats


def typed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Give columns of one type each: whole numbers, numbers, truth values or text; missing values stay missing.

    Numbers that the type of their column would change are text, with all their digits.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in dict.fromkeys(column for row in rows for column in row):
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values if value is not None}
        if kinds == {bool}:
            columns[name] = pd.array(values, "boolean")
        elif kinds == {int} and all(-(1 << 63) <= (value or 0) < 1 << 63 for value in values):
            columns[name] = pd.array(values, "Int64")
        elif kinds and kinds <= {int, float} and all(map(_is_float, values)):
            columns[name] = pd.array([None if value is None else float(value) for value in values], "Float64")
        else:
            columns[name] = [None if value is None else as_text(value) for value in values]
    return columns


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    """Give all columns, first those that every file has or that are fields of the record: they keep their names."""
    columns = dict.fromkeys(column for row in rows for column in row)
    return sorted(columns, key=lambda column: column not in landslide_record.fields() and column not in OURS)


def once(columns: Iterable[str], *, longest: int | None = None) -> dict[str, str]:
    """Give each column a name of its own, whatever the case: a number stands at the end of a second one.

    Args:
        columns: As they are called.
        longest: Bytes that a name may have.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        name = column.encode()[:longest].decode("utf-8", "ignore")
        number = 1
        while name.casefold() in taken:
            tail = f"_{number}"
            name = column.encode()[: longest and longest - len(tail)].decode("utf-8", "ignore") + tail
            number += 1
        names[column] = name
        taken.add(name.casefold())
    return names


def dbf_names(columns: Iterable[str]) -> dict[str, str]:
    """Give the name of each column in a Shapefile: at most ten bytes, each once whatever its case."""
    fields = landslide_record.fields()
    wanted = {column: fields[column].short or column if column in fields else column for column in columns}
    names = once(wanted.values(), longest=DBF_NAME)
    return {column: names[name] for column, name in wanted.items()}


def for_dbf(value: Any) -> Any:
    """Give a value as a Shapefile can hold it: numbers that it, or a program that reads it, would cut as text."""
    if isinstance(value, int) and len(str(value)) > _DBF_WHOLE:
        return as_text(value)
    return as_text(value) if isinstance(value, float) and abs(value) >= _DBF_NUMBER else value


def _is_float(value: float | None) -> bool:
    """Say whether a number, whole or not, is the same as a float."""
    try:
        return value is None or float(value) == value
    except OverflowError:
        return False
