"""From the columns of a foreign file to the landslide record: which is which, and what its values mean."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from icssn import landslide_record
from icssn.errors import AttributeRefusedError, LabelsRefusedError
from icssn.landslide_record import Field
from icssn.records import LabelClass
from icssn.vectors.numbers import Marks, marks_of, number_of

OURS = ("class", "source", "status", "version", "updated_at")  # columns of our exports beside the record
_OF_KML = (  # columns that GDAL gives a copy of a KML file, beside its fields
    *("id", "Name", "description", "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude"),
    *("visibility", "drawOrder", "icon", "snippet"),
)
_NUMBERED = ("fid", "ogc_fid")  # columns that GIS programs give a copy of a file for its own numbers of features
_DATE = re.compile(
    r"(\d{4})(?:\s*[-/.年 ]\s*(\d{1,2})(?:\s*[-/.月 ]\s*(\d{1,2})\s*日?(?:[T ]\s*\d{1,2}:\d\d.*)?)?)?\s*[年月]?"
)
_COMPACT_DATE = re.compile(r"((?:1[5-9]|20)\d\d)(\d{2})(\d{2})?")  # not 43831, a spreadsheet's count of days
_CUT_NAME = 10  # bytes that programs leave of a column's name in a Shapefile
_PARTS = re.compile(r"[;|；、,，]")
_AS_GIVEN = "_as_given"  # ending of a column's name where its own is taken by a field that its value does not fit


def suggest(columns: Iterable[str]) -> dict[str, str]:
    """Say which columns are fields of the landslide record; every field is found once at most.

    Columns are known by the field's key, its name in a Shapefile, its other names, its names in other inventories and
    what other programs leave of its key in a Shapefile, in that order, whatever their case. What we measure ourselves
    and the number that we give a label are left alone: a foreign area or number is kept as it is.
    """
    fields = landslide_record.fields()
    cut = _cut_names(fields)
    known: dict[str, str] = {}
    for names in (
        lambda field: (field.key, field.short),
        lambda field: field.also,
        lambda field: field.crosswalk.values(),
        lambda field: cut.get(field.key, ()),
    ):
        for field in fields.values():
            for name in () if field.origin == "measured" or field.key == "uid" else names(field):
                known.setdefault(_folded(name), field.key)
    known.pop("", None)  # most fields have no short name, and some columns have none
    found: dict[str, str] = {}
    for column in sorted(columns, key=lambda column: column not in fields):  # exact names first
        key = known.get(_folded(column))
        if key and key not in found.values():
            found[column] = key
    return found


def left_out(columns: Iterable[str]) -> dict[str, str]:
    """Give the columns of an export of ours that do not become attributes.

    They are what we measure, the label's own, and what other programs add to every feature of a copy.
    """
    fields = landslide_record.fields()
    cut = _cut_names(fields)
    measured = {
        name for field in fields.values() if field.origin == "measured"
        for name in (field.key, field.short, *cut.get(field.key, ()))
    }  # fmt: skip
    there = set(columns)
    added = {*_NUMBERED, *(_OF_KML if {"altitudeMode", "tessellate"} <= there else ())}
    return {column: "" for column in there if column in {"uid", *OURS, *added, *measured}}


def understood(columns: Iterable[str], wish: Mapping[str, str | None]) -> dict[str, str]:
    """Give what columns become: as suggested, changed by what a user wishes.

    Args:
        columns: Of the file.
        wish: Column → field of the record, "" to leave it out, None to keep it under its own name.

    Raises:
        LabelsRefusedError: The file has no such column, the record no such field, or two columns become one field.
    """
    there = list(columns)
    fields = [key for key in landslide_record.fields() if key != "uid"]  # a number is given, not read
    for column, key in wish.items():
        if column not in there:
            raise LabelsRefusedError(
                column, found="no such column", needed="one of " + ", ".join(there), remedy="Check the mapping."
            )
        if key and key not in fields:
            known = ", ".join(fields)
            raise LabelsRefusedError(
                column, found=f"no field '{key}' in the landslide record", needed=f"one of {known}", remedy="Map again."
            )
    wanted = set(wish.values())
    suggested = {column: key for column, key in suggest(there).items() if key not in wanted}
    found = {column: key for column, key in (suggested | dict(wish)).items() if key is not None}
    for key, count in Counter(filter(None, found.values())).items():
        if count > 1:
            both = ", ".join(column for column in found if found[column] == key)
            raise LabelsRefusedError(
                both, found=f"all of them are to become '{key}'", needed="one column", remedy="Leave the others out."
            )
    return found


def converted(
    row: Mapping[str, Any], columns: Mapping[str, str], marks: Mapping[str, Marks] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Give a feature's attributes for the store, and the columns whose value its field does not know.

    Such a value is kept under the name of its column. Columns that are mapped to nothing are left out, those that are
    not mapped are kept; measured fields are left out, for they are measured anew.

    Args:
        row: Values by column.
        columns: Column → field of the record, or "" to leave it out.
        marks: Column → what its commas and points mean; see `column_marks`.
    """
    fields = landslide_record.fields()
    attributes: dict[str, Any] = {}
    strange: list[str] = []
    for column, value in row.items():
        key = columns.get(column)
        if value in (None, "", []) or key == "" or (key and fields[key].origin == "measured"):
            continue
        if key:
            try:
                attributes[key] = recognised(fields[key], value, (marks or {}).get(column))
            except AttributeRefusedError:
                strange.append(column)
            else:
                continue
        free = column if column not in fields and column not in attributes else column + _AS_GIVEN
        attributes[free] = value
    usgs = attributes.get("confidence_usgs")
    if usgs and "confidence" not in attributes:
        attributes["confidence"] = recognised(fields["confidence"], usgs)
    return attributes, strange


def column_marks(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> dict[str, Marks]:
    """Say of each column that becomes a number what its commas and points mean, as its values tell.

    Args:
        rows: Of the whole file.
        columns: Column → field of the record, or "" where it is left out.
    """
    fields = landslide_record.fields()
    there = list(rows)
    return {
        column: marks_of((row.get(column) for row in there), unit=fields[key].unit)
        for column, key in columns.items()
        if key and fields[key].kind == "number"
    }


def recognised(field: Field, value: Any, marks: Marks | None = None) -> Any:
    """Give a foreign value as the field wants it: by its code, other spellings, text for numbers, many forms of dates.

    Args:
        field: Of the record.
        value: As it stands in the file.
        marks: What commas and points mean in the value's column; without, 1,234 is not known and 1.234 has decimals.

    Raises:
        AttributeRefusedError: The field does not know the value.
    """
    match field.kind:
        case "choice":
            value = _code(field, value)
        case "multi":
            value = [_code(field, item) for item in _listed(value)]
        case "number":
            value = number_of(value, marks or Marks(), unit=field.unit)
        case "date":
            value = _date(value)
        case "text":
            value = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return landslide_record.checked({field.key: value})[field.key]


def is_ours(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether a file is an export of ours, whose classes and states can be believed.

    Features that were added to it elsewhere may have no class.
    """
    classes = [cls.value for cls in LabelClass]  # a list: what a file holds may be one, too
    said = [row.get("class") for row in rows]
    filled = [cls for cls in said if cls not in (None, "")]
    return {"uid", "class"} <= set(columns) and bool(filled) and all(cls in classes for cls in filled)


def class_of(row: Mapping[str, Any]) -> LabelClass | None:
    """Give the class that a row of an export of ours names, None where it names none."""
    return LabelClass(row["class"]) if row.get("class") not in (None, "") else None


def _code(field: Field, value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    wanted = _folded(str(value))
    for item in field.codes:
        if wanted in map(_folded, (item.code, *item.also, *item.crosswalk.values())):
            return item.code
    return value


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, list):
        return value
    return [part.strip() for part in _PARTS.split(str(value)) if part.strip()]


def _date(value: Any) -> Any:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    found = _COMPACT_DATE.fullmatch(text) or _DATE.fullmatch(text)
    if not found:
        return value
    year, month, day = found.groups()
    return "-".join([year, *(part.zfill(2) for part in (month, day) if part)])


def _folded(name: str) -> str:
    return re.sub(r"[\s_\-]+", "_", name.strip().casefold())


def _cut_names(fields: Mapping[str, Field]) -> dict[str, tuple[str, ...]]:
    """Give what a Shapefile of other programs leaves of the keys of fields, where it leaves that of one key only."""
    cut = {key: key.encode()[:_CUT_NAME].decode("utf-8", "ignore") for key in fields}
    count = Counter(cut.values())
    return {key: (name,) for key, name in cut.items() if count[name] == 1 and name != key}
