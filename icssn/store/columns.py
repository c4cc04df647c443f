"""Column types beside the geometry: nested values as JSON text, moments in UTC.

TEXT rather than VARCHAR or JSON, because GDAL ignores those in a GeoPackage.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TIMESTAMP, TypeDecorator, TypeEngine, UserDefinedType

from icssn.records import Record


class Nested(TypeDecorator[Any]):
    """A nested value (a record, a dict, a tuple) as JSON text; `kind` is its type on our side."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        is_record = isinstance(kind, type) and issubclass(kind, Record)  # a record brings its own configuration
        self._adapter: TypeAdapter[Any] = TypeAdapter(
            kind, config=None if is_record else ConfigDict(ser_json_inf_nan="strings")
        )

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write JSON; NaN and infinities as strings, which the typed reader turns back."""
        return None if value is None else self._adapter.dump_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read JSON."""
        return None if value is None else self._adapter.validate_json(value)


class Moment(TypeDecorator[dt.datetime]):
    """A moment in UTC; on SQLite as a GeoPackage DATETIME: ISO 8601 with milliseconds and Z."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the storage by database."""
        return _IsoText() if dialect.name == "sqlite" else TIMESTAMP(timezone=True)


class _IsoText(UserDefinedType[dt.datetime]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "DATETIME"

    def bind_processor(self, dialect: Dialect) -> Any:
        def write(moment: dt.datetime | None) -> str | None:
            if moment is None:
                return None
            return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

        return write

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda text: None if text is None else dt.datetime.fromisoformat(text)
