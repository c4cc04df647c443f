"""Open the workspace's database: one writer at a time, any number of readers, each seeing a whole state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from icssn.errors import ConfigError
from icssn.store import geopackage
from icssn.store.tables import metadata


class Database:
    """A database and its pool of connections; safe to share between threads, not between processes.

    Attributes:
        url: Where it is, e.g. ``sqlite:////data/workspace/icssn.gpkg``.
        engine: For transactions that write.
        readonly_engine: The same pool, for transactions that only read.
    """

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self.readonly_engine = engine.execution_options(readonly=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a transaction that is kept whole when the block ends well, else undone whole.

        From its first line to its last it is the only writer among all processes, so what it reads stays true
        until it writes.
        """
        with self._translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database throughout and never waits for a writer."""
        with self._translated(), self.readonly_engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as err:
            trouble = err.orig if isinstance(err, DBAPIError) else err
            translated = geopackage.translate(trouble, _file(self.url)) if isinstance(trouble, sqlite3.Error) else None
            if translated is None:
                raise
            raise translated from err


def open_database(url: str) -> Database:
    """Open a database and create whatever is missing in it; safe when several processes do so at once.

    Args:
        url: SQLAlchemy's form, ``sqlite:///`` and a path on a local disk (never a network drive).

    Raises:
        ConfigError: The URL is none, or names another kind of database.
        DatabaseUnusableError: The file is no database, damaged, locked or read-only.
    """
    file = _file(url)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": geopackage.BUSY_TIMEOUT_S})
    event.listen(engine, "connect", geopackage.prepare_connection)
    event.listen(engine, "begin", geopackage.begin)
    database = Database(url, engine)
    try:
        with database._translated():
            geopackage.prepare_file(file)
        with database.write() as connection:
            metadata.create_all(connection)
            geopackage.create_geopackage(connection)
    except BaseException:
        database.close()
        raise
    return database


def _file(url: str) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError as err:
        raise ConfigError("ICSSN_DATABASE_URL", url, "sqlite:/// and the path of a file") from err
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigError("ICSSN_DATABASE_URL", url, "sqlite:/// and the path of a file")
    return parsed.database
