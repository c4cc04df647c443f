"""What a vector file holds, as it stands in the file: geometries, rows of fields, and their CRS."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError

LONLAT = CRS.from_epsg(4326)


@dataclass(frozen=True)
class Features:
    """The features of a file, in order.

    Attributes:
        geometries: In `crs`, x before y; None where a feature has none.
        rows: The fields of each feature by column; None where a field is empty.
        crs: As the file declares it, or as its format prescribes.
    """

    geometries: Sequence[BaseGeometry | None]
    rows: Sequence[dict[str, Any]]
    crs: CRS

    @property
    def columns(self) -> list[str]:
        """All columns, in order of appearance."""
        return list(dict.fromkeys(column for row in self.rows for column in row))


def typed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give rows of text with numbers and truth values where a whole column is written as `as_text` writes such.

    So nothing is lost that looks like a number: "007", "1.50" and "1e5" stay text.
    """
    kinds: dict[str, Callable[[str], Any]] = {}
    for column in {column for row in rows for column in row}:
        texts = [row[column] for row in rows if row.get(column) not in (None, "")]
        for kind in (_truth, int, float):
            if texts and all(_written_as(kind, text) for text in texts):
                kinds[column] = kind
                break
    return [
        {column: None if text in (None, "") else kinds.get(column, str)(text) for column, text in row.items()}
        for row in rows
    ]


def plain(value: Any) -> Any:
    """Give a JSON value of a field: text, number, boolean, list, mapping or None."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else json.loads(json.dumps(value, default=str))


def as_text(value: Any) -> str:
    """Give a field as text: what `typed` and the landslide record's readers understand."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def refused(path: Path, found: str, needed: str, remedy: str) -> LabelsRefusedError:
    """Build the refusal of a file."""
    return LabelsRefusedError(path.name, found=found, needed=needed, remedy=remedy)


def unreadable(path: Path, kind: str) -> LabelsRefusedError:
    """Build the refusal of a file whose content is not of its kind."""
    return refused(path, "its content cannot be read", f"a sound {kind} file", "Export it again from your GIS.")


def _written_as(kind: Callable[[str], Any], text: str) -> bool:
    try:
        value = kind(text)
    except ValueError:
        return False
    return as_text(value) == text and (isinstance(value, int) or math.isfinite(value))


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"
