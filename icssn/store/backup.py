"""Copy a database out while others go on writing to it: one state, whole, in one file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from icssn.durable import whole_file
from icssn.errors import DatabaseUnusableError, MissingPartError
from icssn.store.database import Database


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


def _copy(file: str, draft: Path) -> None:
    """Copy by SQLite's online backup, in one step, so that no writer makes it begin again."""
    with (
        contextlib.closing(sqlite3.connect(file)) as source,
        contextlib.closing(sqlite3.connect(draft)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise DatabaseUnusableError(
            file, found=f"its copy is damaged ({verdict})", remedy="Check the disk; keep the earlier backups."
        )


def _dump(db: Database, draft: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise MissingPartError("pg_dump", remedy="Install PostgreSQL's client (Debian: postgresql-client).")
    url = db.engine.url
    environment = {**os.environ, "PGPASSWORD": url.password or ""}  # not on the command line, which others can read
    address = url.set(drivername="postgresql", password=None, query={}).render_as_string()
    command = [program, "--format=custom", "--no-password", f"--file={draft}", address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise DatabaseUnusableError(db.place, found=f"pg_dump failed: {said[-1]}", remedy="Ask its administrator.")
