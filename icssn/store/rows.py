"""Records to rows and back, in the tables whose records have an `id`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from icssn.errors import DuplicateError, NotFoundError
from icssn.records import Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


def add(connection: Connection, table: Table, record: Record, *, name: str) -> None:
    """Insert a record.

    Args:
        connection: A writing transaction.
        table: Where to.
        record: What.
        name: What the record is called in the error.

    Raises:
        DuplicateError: A value that must be unique is taken.
    """
    try:
        connection.execute(insert(table), row_of(record))
    except IntegrityError as err:
        raise DuplicateError(table.name, name) from err


def get(connection: Connection, table: Table, kind: type[AnyRecord], record_id: str) -> AnyRecord:
    """Give the record with an id.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(select(table).where(table.c.id == record_id)).one_or_none()
    if row is None:
        raise NotFoundError(table.name, record_id)
    return record_of(kind, row)


def every(
    connection: Connection,
    table: Table,
    kind: type[AnyRecord],
    *conditions: ColumnElement[bool],
    newest_first: bool = False,
    limit: int | None = None,
) -> list[AnyRecord]:
    """Give the records that meet all conditions, in order of insertion or the other way round."""
    order = table.c.seq.desc() if newest_first else table.c.seq
    rows = connection.execute(select(table).where(*conditions).order_by(order).limit(limit))
    return [record_of(kind, row) for row in rows]


def change(
    connection: Connection, table: Table, kind: type[AnyRecord], record_id: str, changes: dict[str, Any]
) -> AnyRecord:
    """Set fields of the record with an id and give it as it now stands.

    Raises:
        NotFoundError: There is none.
    """
    changed = kind.model_validate(dict(get(connection, table, kind, record_id)) | changes)
    values = {name: value for name, value in row_of(changed).items() if name in changes}
    connection.execute(update(table).where(table.c.id == record_id).values(values))
    return changed


def row_of(record: Record) -> dict[str, Any]:
    """Give a record as column values."""
    values = ((name, getattr(record, name)) for name in type(record).model_fields)
    return {name: value.value if isinstance(value, Enum) else value for name, value in values}


def record_of(kind: type[AnyRecord], row: Row[Any]) -> AnyRecord:
    """Give a row as a record; columns that the record does not know (keys, counters) are left out."""
    values = row._mapping
    return kind.model_validate({name: values[name] for name in kind.model_fields})


def batches(values: Iterable[str]) -> Iterator[list[str]]:
    """Split values for `IN (…)` lists; SQLite takes 32,766 parameters a statement at most."""
    listed = list(values)
    for start in range(0, len(listed), 5_000):
        yield listed[start : start + 5_000]
