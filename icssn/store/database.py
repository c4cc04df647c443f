"""Open the workspace's database: one writer at a time, any number of readers, each seeing a whole state."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
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
        home: The folder of the workspace, all links followed; None where a database is opened on its own.
    """

    home: Path | None = None

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

    def check(self) -> None:
        """Read a file whole and see that it is sound; a server looks after its own.

        Raises:
            DatabaseUnusableError: It is damaged.
        """
        if self.is_file:
            with self.read() as connection:
                geopackage.require_sound(connection, self.place)

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in our words what the database complains about in the block."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as err:
            told = tell(err, self.place)
            if told is None:
                raise
            raise told from err


def open_database(place: str | Path, *, scripts: Path = schema.SCRIPTS) -> Database:
    """Open a database and bring its tables to today's form; safe when several processes do so at once.

    Args:
        place: A path on a local disk (never a network drive), the same as a URL that begins with ``sqlite:///``, or
            ``postgresql://USER:PASSWORD@HOST/DATABASE`` of a database with PostGIS.
        scripts: The migrations that lead to today's form.

    Raises:
        ConfigError: The URL is none, or names another kind of database.
        UnwritableError: Its folder cannot be made.
        DatabaseUnusableError: It is no database, not ours, damaged, locked, read-only, out of reach, made by a newer
            ICSSN, or gone while its log is still there.
    """
    url = _parsed(place)
    if (path := file_of(place)) is not None:
        file = str(path)
        make_folder(path.parent)
        database = Database(file, geopackage.make_engine(file))
    else:
        shown = url.difference_update_query(["password"]).render_as_string(hide_password=True)
        database = Database(shown, postgis.make_engine(url))
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
        require_our_file(database.place, known)
        if not geopackage.is_frozen(database.place):
            geopackage.prepare_file(database.place)
        with database.readonly_engine.begin() as connection:
            found = schema.version(connection)
    else:
        with database.readonly_engine.begin() as connection:
            found = schema.require_ours(connection, database.place, known=known, alone=False)
    if found == known[-1]:
        return
    if database.is_file:
        engine = geopackage.migration_engine(database.place)
        schema.upgrade(engine, prepare=geopackage.prepare, complete=geopackage.complete, scripts=scripts)
    else:
        schema.upgrade(database.engine, prepare=postgis.prepare, complete=postgis.complete, scripts=scripts)


def require_our_file(file: str, known: Sequence[str], *, empty: bool = True) -> None:
    """Look whether a file is a database of ours, or (`empty`) may become one; not a byte of it is changed.

    Raises:
        DatabaseUnusableError: It belongs to another program, lacks tables, was made by a newer ICSSN, or is gone.
    """
    if geopackage.is_empty(file):
        if not empty or any(log.exists() and log.stat().st_size for log in geopackage.logs(file)[:1]):
            raise gone(file)
        return
    had_log = geopackage.has_log(file)
    try:
        found = _look_at(file, known)
    except (DatabaseUnusableError, DBAPIError):
        if had_log or not geopackage.has_log(file):
            raise
        found = _look_at(file, known)  # somebody wrote to it meanwhile
    if not empty and not found:
        raise schema.foreign(file)


def _look_at(file: str, known: Sequence[str]) -> str:
    with geopackage.reading(file) as connection:
        if geopackage.is_marked_by_another(connection):
            raise schema.foreign(file)
        return schema.require_ours(connection, file, known=known, alone=True)


def gone(file: str) -> DatabaseUnusableError:
    """Give the refusal of a database of which only what belongs to it is left."""
    return DatabaseUnusableError(
        file,
        found="it is gone, but what belongs to it is there",
        remedy="Put back a backup (icssn restore FILE), or set ICSSN_DATABASE_URL if the project has another database.",
    )


def file_of(place: str | Path) -> Path | None:
    """Give the file of a database, None for a PostgreSQL database.

    Raises:
        ConfigError: The URL is none, or names another kind of database.
    """
    if isinstance(place, Path):
        return place
    url = _parsed(place)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def tell(err: DBAPIError | sqlite3.Error, place: str) -> IcssnError | None:
    """Say in our words what a database complains about, or give None for what is our own mistake."""
    trouble = err.orig if isinstance(err, DBAPIError) else err
    if isinstance(trouble, sqlite3.Error):
        return geopackage.translate(trouble, place)
    return postgis.translate(trouble, place) if isinstance(trouble, psycopg.Error) else None


def _parsed(place: str | Path) -> URL:
    if isinstance(place, Path):
        return URL.create("sqlite", database=str(place))
    shown = re.sub(r"://([^:/@]*):[^@]*@", r"://\1:***@", place)
    try:
        url = make_url(place)
    except (ArgumentError, ValueError) as err:  # ValueError: its port is no number
        raise ConfigError("ICSSN_DATABASE_URL", shown, _NEEDED) from err
    kind, name = url.get_backend_name(), url.database
    wrong_file = kind == "sqlite" and (name == ":memory:" or "?" in place)
    if not name or wrong_file or kind not in ("sqlite", "postgresql"):
        raise ConfigError("ICSSN_DATABASE_URL", shown, _NEEDED)
    return url


_NEEDED = (
    "sqlite:/// and the path of a file (%3F for a question mark, %25 for a percent sign), "
    "or postgresql://USER:PASSWORD@HOST/DATABASE"
)
