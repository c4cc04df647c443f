"""Copy a database out while others go on writing to it, one state, whole, in one file; and put such a file back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from icssn.durable import whole_file
from icssn.errors import DatabaseUnusableError, DiskFullError, MissingPartError, NotFoundError
from icssn.records import now
from icssn.store import geopackage, schema
from icssn.store.database import Database, file_of, require_our_file, tell


def write(db: Database, path: Path) -> None:
    """Write a backup to `path`, whole or not at all.

    Of a GeoPackage it is a GeoPackage, which may stand in the place of the original; of a PostgreSQL database it is
    an archive for ``pg_restore``.

    Raises:
        DatabaseUnusableError: The copy is not sound, or the server refuses to give it.
        MissingPartError: There is no ``pg_dump`` on this machine.
        DiskFullError: There is no room for it.
    """
    with whole_file(path) as draft:
        if db.is_file:
            with db.translated():
                _copy(db.place, draft)
        else:
            _dump(db, draft)


def restore(path: Path, place: str | Path) -> Path | None:
    """Put a backup in the place of a workspace's database, whole or not at all.

    What was there is moved aside with its log, under a name with the time, and never deleted.

    Args:
        path: The backup, which is only read; a database that was moved aside is one, too.
        place: The database, as `open_database` takes it.

    Returns:
        Where the former database lies now, None where there was none.

    Raises:
        NotFoundError: There is no such backup.
        DatabaseUnusableError: It is no sound backup of ours, or made by a newer ICSSN; another program has the
            database open; or the database is no file.
        DiskFullError: There is no room for it.
    """
    if (file := file_of(place)) is None:
        url = make_url(str(place)).difference_update_query(["password"])._replace(password=None)
        address = url.render_as_string(hide_password=False)
        raise DatabaseUnusableError(
            address,
            found="only PostgreSQL's own program restores it",
            remedy=f"Run, with the name of an empty database: pg_restore --no-owner --dbname='{address}' '{path}'",
        )
    if not path.is_file():
        raise NotFoundError("file", str(path), remedy="Check the path.")
    file = file.resolve()  # a link stays one
    if file.exists() and path.samefile(file):
        raise DatabaseUnusableError(str(path), found="it is the workspace's own", remedy="Give the path of a backup.")
    with contextlib.ExitStack() as until_in_place, whole_file(file) as draft:
        try:
            require_our_file(str(path), schema.versions(), empty=False)
            _copy_of(path, draft)
        except (DBAPIError, sqlite3.Error) as err:
            told = tell(err, str(file))
            raise told if isinstance(told, DiskFullError) else _unsound(path) from err
        until_in_place.enter_context(geopackage.held(str(file)))
        return _set_aside(file)


def _copy_of(path: Path, draft: Path) -> None:
    """Copy a backup, with its log if it has one, and see that the copy is sound."""
    with geopackage.reading(str(path)) as source, contextlib.closing(sqlite3.connect(draft)) as copy:
        driver = source.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise _unsound(path)


def _unsound(path: Path) -> DatabaseUnusableError:
    return DatabaseUnusableError(str(path), found="it is no sound backup of ICSSN", remedy="Give another backup.")


def _set_aside(file: Path) -> Path | None:
    """Move a database and what lies beside it; the database first, for without its log it would have lost something."""
    there = [path for path in (file, *geopackage.logs(str(file))) if path.exists()]
    time = f"{now():%Y%m%dT%H%M%S.%fZ}"
    aside = file.with_name(f"{file.stem}-{time}{file.suffix}")
    for path in there:
        path.rename(aside.with_name(aside.name + path.name.removeprefix(file.name)))
    return aside if there else None


def _copy(file: str, draft: Path) -> None:
    """Copy by SQLite's online backup, in one step, so that no writer makes it begin again."""
    with (
        contextlib.closing(sqlite3.connect(file)) as source,
        contextlib.closing(sqlite3.connect(draft)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DatabaseUnusableError(
            file, found=f"its copy is damaged ({verdict})", remedy="Check the disk; keep the earlier backups."
        )


def _dump(db: Database, draft: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise MissingPartError("pg_dump", remedy="Install PostgreSQL's client (Debian: postgresql-client).")
    _, wanted = db.engine.dialect.create_connect_args(db.engine.url)  # as our own connections, with all of its query
    password = wanted.pop("password", None)
    wanted.pop("context", None)  # psycopg's own
    address = make_conninfo("", **{name: v if isinstance(v, (str, int)) else " ".join(v) for name, v in wanted.items()})
    secret = {"PGPASSWORD": str(password)} if password else {}  # not on the command line, which others can read
    environment = {**os.environ, **secret}
    command = [program, "--format=custom", "--no-password", f"--file={draft}", f"--dbname={address}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise DatabaseUnusableError(db.place, found=f"pg_dump failed: {said[-1]}", remedy="Ask its administrator.")
