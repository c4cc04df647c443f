"""The landslide record: which fields a label's attributes may hold, read from one domain file, and their check."""

from __future__ import annotations

import functools
import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from icssn.errors import AttributeRefusedError

FILE = Path(__file__).with_suffix(".toml")
MAX_BYTES = 64 << 10  # of one label's attributes as JSON: forty fields of the record with long notes take a tenth
_TEXT_LENGTH = 1000  # of a text field that sets no other
_DATE = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # what XML cannot hold


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(_Frozen):
    """One value of a domain; its wording is the phrase ``record_code.<field>.<code>``."""

    code: str
    also: tuple[str, ...] = ()  # other spellings that an import understands
    crosswalk: dict[str, str] = {}  # inventory → its name for this value


class Field(_Frozen):
    """One field of the record; its wording is the phrase ``record.<key>``."""

    key: str
    group: str
    kind: Literal["choice", "multi", "number", "text", "date"]
    origin: Literal["entered", "measured", "recorded"] = "entered"  # only what is entered can be changed by hand
    mandatory: bool = False
    default: str = ""
    applies_to: tuple[str, ...] = ("landslide", "landslide_point")  # classes of labels
    codes: tuple[Code, ...] = ()
    unit: str = ""
    whole: bool = False  # a number without fraction
    minimum: float = -math.inf
    maximum: float = math.inf
    max_length: int = _TEXT_LENGTH
    lines: int = 1  # of a text field in the form
    short: str = ""  # its name in a Shapefile, where the key is longer than 10 characters
    also: tuple[str, ...] = ()  # other names that an import understands
    crosswalk: dict[str, str] = {}  # inventory → its name for this field


@functools.cache
def fields() -> dict[str, Field]:
    """Give all fields by key, in the order of the form."""
    return {key: Field(key=key, **table) for key, table in _file()["field"].items()}


def groups() -> tuple[str, ...]:
    """Give the sections of the form, in order."""
    return tuple(_file()["groups"])


def form(cls: str) -> list[dict[str, Any]]:
    """Describe the form of a class of labels for the browser: its fields in order, codes only.

    Returns:
        ``[{key, group, kind, origin, mandatory, default, codes, unit, whole, minimum | None, maximum | None,
        max_length, lines}]``; wording is looked up under ``record``, ``record_group`` and ``record_code``.
    """
    return [
        {
            **field.model_dump(include={"key", "group", "kind", "origin", "mandatory", "default", "unit", "whole"}),
            "codes": [item.code for item in field.codes],
            "minimum": field.minimum if math.isfinite(field.minimum) else None,
            "maximum": field.maximum if math.isfinite(field.maximum) else None,
            "max_length": field.max_length,
            "lines": field.lines,
        }
        for field in fields().values()
        if cls in field.applies_to
    ]


def checked(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Give attributes fit to be stored: fields of the record in their domains, unknown keys as they came.

    Empty values are left out, and so are measured fields, which are computed whenever they are shown.

    Raises:
        AttributeRefusedError: A value lies outside its domain, or all of it is too much.
    """
    kept = {}
    for key, value in attributes.items():
        field = fields().get(key)
        if value in (None, "", []) or (field and field.origin == "measured"):
            continue
        if field:
            kept[key] = _value(field, value)
        else:
            kept[_free(key, {*fields(), *attributes, *kept})] = _plain(key, value)
    size = len(json.dumps(kept, ensure_ascii=False).encode())
    if size > MAX_BYTES:
        raise AttributeRefusedError("all fields together", f"{size:,} bytes", f"at most {MAX_BYTES:,} bytes")
    return kept


def missing(attributes: Mapping[str, Any], *, cls: str = "landslide") -> tuple[str, ...]:
    """Give the mandatory fields that a label of a class lacks; the uid is the label's own and never lacks."""
    return tuple(
        field.key
        for field in fields().values()
        if field.mandatory and field.origin == "entered" and cls in field.applies_to and not attributes.get(field.key)
    )


def _value(field: Field, value: Any) -> Any:
    match field.kind:
        case "choice":
            return _code(field, value)
        case "multi":
            if not isinstance(value, list | tuple):
                raise _refused(field, value, "a list of codes")
            chosen = {_code(field, item) for item in value}
            return [item.code for item in field.codes if item.code in chosen]
        case "number":
            return _number(field, value)
        case "date":
            if not isinstance(value, str) or not _DATE.fullmatch(value):
                raise _refused(field, value, "a date as YYYY, YYYY-MM or YYYY-MM-DD")
            return value
        case "text":
            if not isinstance(value, str) or len(value) > field.max_length:
                raise _refused(field, value, f"text of at most {field.max_length} characters")
            return _printable(value)


def _code(field: Field, value: Any) -> str:
    allowed = [item.code for item in field.codes]
    if value not in allowed:
        raise _refused(field, value, "one of " + ", ".join(allowed))
    return str(value)


def _number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refused(field, value, "a number")
    if not field.minimum <= value <= field.maximum or (field.whole and value != int(value)):
        kind = "a whole number" if field.whole else "a number"
        raise _refused(field, value, f"{kind} from {field.minimum:,.0f} to {field.maximum:,.0f} {field.unit}".rstrip())
    return int(value) if field.whole else value


def _plain(key: str, value: Any) -> Any:
    """Give a value of an unknown key as JSON can hold it."""
    try:
        json.dumps(value, allow_nan=False)
        return _cleaned(value)
    except (TypeError, ValueError, RecursionError) as err:
        raise AttributeRefusedError(
            _printable(key), _printable(str(value)[:40]), "text, a finite number, true or false"
        ) from err


def _cleaned(value: Any) -> Any:
    """Give a value with all its texts printable."""
    match value:
        case str():
            return _printable(value)
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case dict():
            return {_printable(str(key)): _cleaned(item) for key, item in value.items()}
    return value


def _free(key: str, taken: set[str]) -> str:
    """Give an unknown key as it can be printed, with a line at its end where what is left of it is taken."""
    name = _printable(key)
    while name != key and (not name or name in taken):
        name += "_"
    return name


def _printable(text: str) -> str:
    """Give text as every file format can hold it: lines end in one way, and nothing is in it that cannot be seen."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _refused(field: Field, value: Any, needed: str) -> AttributeRefusedError:
    return AttributeRefusedError(field.key, _printable(str(value)[:60]), needed)


@functools.cache
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
