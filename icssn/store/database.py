"""Open the workspace's database: one writer at a time, any number of readers, each seeing a whole state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from icssn.durable import make_folder
from icssn.errors import ConfigError, DatabaseUnusableError, IcssnError
from icssn.store import geopackage, postgis, schema


class Database:
    """A database and its pool of connections; safe to share between threads, not between processes.

    Attributes:
        place: Where it is, fit to be shown: a file, or a URL without its password.
        is_file: It is a GeoPackage file, no PostgreSQL database.
        engine: For transactions that write.
        readonly_engine: The same pool, for transactions that only read.
    """

    def __init__(self, place: str, engine: Engine) -> None:
        self.place = place
        self.is_file = engine.dialect.name == "sqlite"
        self.engine = engine
        self.readonly_engine = engine.execution_options(readonly=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a transaction that is kept whole when the block ends well, else undone whole.

        From its first line to its last it is the only writer among all processes, so what it reads stays true
        until it writes.
        """
        with self.translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database throughout and never waits for a writer."""
        with self.translated(), self.readonly_engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in our words what the database complains about in the block."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as err:
            trouble = err.orig if isinstance(err, DBAPIError) else err
            translated = _translate(trouble, self.place)
            if translated is None:
                raise
            raise translated from err


def open_database(url: str, *, scripts: Path = schema.SCRIPTS) -> Database:
    """Open a database and bring its tables to today's form; safe when several processes do so at once.

    Args:
        url: ``sqlite:///`` and a path on a local disk (never a network drive), or
            ``postgresql://USER:PASSWORD@HOST/DATABASE`` of a database with PostGIS.
        scripts: The migrations that lead to today's form.

    Raises:
        ConfigError: The URL is none, or names another kind of database.
        UnwritableError: Its folder cannot be made.
        DatabaseUnusableError: It is no database, damaged, locked, read-only, out of reach, or made by a newer ICSSN.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        file = str(parsed.database)
        make_folder(Path(file).parent)
        database = Database(file, geopackage.make_engine(file))
    else:
        database = Database(parsed.render_as_string(hide_password=True), postgis.make_engine(parsed))
    try:
        with database.translated():
            _bring_up(database, scripts)
    except BaseException:
        database.close()
        raise
    return database


def _bring_up(database: Database, scripts: Path) -> None:
    known = schema.versions(scripts)
    if database.is_file:
        geopackage.prepare_file(database.place)
    with database.readonly_engine.begin() as connection:
        found = schema.version(connection)
    if found == known[-1]:
        return
    if found and found not in known:
        raise DatabaseUnusableError(
            database.place,
            found=f"a newer ICSSN made it (its tables have revision {found}, this ICSSN knows {known[-1]})",
            remedy="Update ICSSN.",
        )
    if database.is_file:
        engine = geopackage.migration_engine(database.place)
        schema.upgrade(engine, prepare=geopackage.prepare, complete=geopackage.complete, scripts=scripts)
    else:
        schema.upgrade(database.engine, prepare=postgis.prepare, complete=postgis.complete, scripts=scripts)


def _translate(trouble: BaseException | None, place: str) -> IcssnError | None:
    if isinstance(trouble, sqlite3.Error):
        return geopackage.translate(trouble, place)
    return postgis.translate(trouble, place) if isinstance(trouble, psycopg.Error) else None


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as err:
        raise ConfigError("ICSSN_DATABASE_URL", url, _NEEDED) from err
    kind, name = parsed.get_backend_name(), parsed.database
    if not name or name == ":memory:" or kind not in ("sqlite", "postgresql"):
        raise ConfigError("ICSSN_DATABASE_URL", parsed.render_as_string(hide_password=True), _NEEDED)
    return parsed


_NEEDED = "sqlite:/// and the path of a file, or postgresql://USER:PASSWORD@HOST/DATABASE"
