"""Bring a database's tables to today's form, step by step and all or nothing.

The steps are Alembic's, in `icssn.store.migrations`. Each new one adds to `icssn.store.tables` in the same commit;
a test compares the two. Prefer `op.add_column` with a server default: where a table must be rebuilt
(`op.batch_alter_table`), SQLite forgets its triggers, which the database's own module puts back afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import Engine

from icssn.errors import DatabaseUnusableError
from icssn.store.tables import metadata

SCRIPTS = Path(__file__).parent / "migrations"
_REVISIONS = "alembic_version"
_FIRST = {"scene", "label", "label_history", "saves", "job", "run", "round", "checkpoint", "prediction", "candidate"}


def version(connection: Connection) -> str:
    """Give the revision of the tables, "" for an empty database and for one made before there were revisions."""
    if not inspect(connection).has_table(_REVISIONS):
        return ""
    return connection.scalar(text(f"SELECT version_num FROM {_REVISIONS}")) or ""


def require_ours(connection: Connection, place: str, *, known: Sequence[str], alone: bool) -> str:
    """Look whether a database is ours, or has room for us, and change nothing; gives the revision of its tables.

    Args:
        connection: For reading.
        place: Where it is, fit to be shown.
        known: The revisions that this program knows, in order.
        alone: Tables of others make it theirs, whatever they are called; else only tables that are called like ours.

    Returns:
        The revision, "" where there are no tables yet or where they were made before there were revisions.

    Raises:
        DatabaseUnusableError: It belongs to another program, lacks tables, or was made by a newer ICSSN.
    """
    look = inspect(connection)
    tables = {*look.get_table_names(), *look.get_view_names()}
    found = _said(connection, tables)
    lost = sorted(_FIRST - tables)
    theirs = tables if alone else tables & {*metadata.tables, _REVISIONS}
    if lost and found in known:
        raise DatabaseUnusableError(
            place,
            found=f"it has lost its table {lost[0]}, though its tables have revision {found}",
            remedy="Put back a backup (icssn restore FILE).",
        )
    if found and not lost and re.fullmatch(r"\d{4}", found) and found > known[-1]:
        raise DatabaseUnusableError(
            place,
            found=f"a newer ICSSN made it (its tables have revision {found}, this ICSSN knows {known[-1]})",
            remedy="Update ICSSN.",
        )
    if (lost and theirs) or (found and found not in known):
        raise foreign(place)
    return found


def _said(connection: Connection, tables: Set[str]) -> str:
    """Give the revision as it stands in a table that may be another program's; "" without one."""
    if _REVISIONS not in tables:
        return ""
    row = connection.execute(text(f"SELECT * FROM {_REVISIONS}")).mappings().first()
    return "" if row is None else str(row.get("version_num", "?"))


def foreign(place: str) -> DatabaseUnusableError:
    """Give the refusal of a database that is not ours."""
    remedy = "Nothing in it was changed: name another one in ICSSN_DATABASE_URL, or choose another workspace."
    return DatabaseUnusableError(place, found="it belongs to another program", remedy=remedy)


def versions(scripts: Path = SCRIPTS) -> list[str]:
    """Give the revisions that this program knows, in order; the last one is today's."""
    return sorted(path.stem[1:5] for path in (scripts / "versions").glob("v[0-9]*.py"))


def upgrade(
    engine: Engine,
    *,
    prepare: Callable[[Connection], None],
    complete: Callable[[Connection], None],
    scripts: Path = SCRIPTS,
) -> None:
    """Bring the tables to today's form in one transaction; when several processes try at once, one does it.

    Args:
        engine: Gives a connection whose transactions exclude every other writer.
        prepare: What the database needs before it has tables.
        complete: What it needs beside them: indexes, triggers. Called again after each upgrade, so it must bear that.
        scripts: Alembic's script folder.
    """
    with engine.begin() as connection:
        if version(connection) == versions(scripts)[-1]:
            return
        prepare(connection)
        _migrate(connection, scripts)
        complete(connection)


def _migrate(connection: Connection, scripts: Path) -> None:
    from alembic import command  # here, because it is slow to load and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
