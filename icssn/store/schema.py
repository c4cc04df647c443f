"""Bring a database's tables to today's form, step by step and all or nothing.

The steps are Alembic's, in `icssn.store.migrations`. Each new one adds to `icssn.store.tables` in the same commit;
a test compares the two. Prefer `op.add_column` with a server default: where a table must be rebuilt
(`op.batch_alter_table`), SQLite forgets its triggers, which the database's own module puts back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import Engine

SCRIPTS = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str:
    """Give the revision of the tables, "" for an empty database and for one made before there were revisions."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


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
