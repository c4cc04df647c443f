"""What only PostgreSQL needs: its connections, one writer at a time, PostGIS, the append-only trigger."""

from __future__ import annotations

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect

from icssn.errors import DatabaseUnusableError, DiskFullError, IcssnError
from icssn.store.tables import APPEND_ONLY, candidate, label

_WAIT_S = 30  # how long a writer waits for its turn, as on SQLite
_FROZEN_S = 60  # a program that holds the writer's turn and does nothing (a sleeping laptop) loses it after this time
_WRITER = 0x1C55  # the advisory lock that only the writer holds; each database has its own
_SESSION = (
    f"-c timezone=UTC -c lock_timeout={_WAIT_S}s -c idle_in_transaction_session_timeout={_FROZEN_S}s"
    " -c client_min_messages=warning"
)


def make_engine(url: URL) -> Engine:
    """Give the pool of connections to a PostgreSQL database; nothing is asked of the server yet."""
    wished = url.query.get("options", "")  # the URL has the last word
    options = f"{_SESSION} {wished if isinstance(wished, str) else ' '.join(wished)}"
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,  # a server that was restarted is noticed before a save, not in it
        connect_args={"options": options, "connect_timeout": 10, "application_name": "icssn"},
    )
    event.listen(engine, "begin", begin)
    return engine


def begin(connection: Connection) -> None:
    """Begin a transaction: a reader sees one state throughout, a writer first waits for its turn."""
    if connection.get_execution_options().get("readonly", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")


def prepare(connection: Connection) -> None:
    """Switch PostGIS on in this database."""
    if connection.exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").first() is None:
        connection.exec_driver_sql("CREATE EXTENSION postgis")


def complete(connection: Connection) -> None:
    """Add the spatial indexes and make the history append-only, where that is missing."""
    for table in (label, candidate):
        column = table.c.geometry_lonlat.name
        index = f"{table.name}_{column}"
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {index} ON {table.name} USING gist ({column})")
    for past in (table.name for table in APPEND_ONLY if inspect(connection).has_table(table.name)):
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {past}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{past} is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE OR REPLACE TRIGGER {past}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {past} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {past}_refuse()"
        )


def translate(err: psycopg.Error, place: str) -> IcssnError | None:
    """Say in our words what PostgreSQL complains about, or give None for what is our own mistake.

    Source: PostgreSQL's error codes (its manual, appendix A), whole or by class.
    """
    code = err.sqlstate or ""
    if code == "53100":
        return DiskFullError(place)
    for start, (found, remedy) in _TROUBLES.items():
        if code.startswith(start):
            return DatabaseUnusableError(place, found=found, remedy=remedy)
    # No connection came about, so there is no code either; libpq knows all options of a URL, psycopg asks it before.
    if isinstance(err, psycopg.OperationalError) or str(err).startswith("invalid connection option"):
        return DatabaseUnusableError(place, found=_reason(err), remedy=_UNREACHABLE)
    return None


_UNREACHABLE = "Check that the server runs and that ICSSN_DATABASE_URL names it, then try again."
_NO_POSTGIS = ("the server has no PostGIS", "Install it there (Debian: postgresql-postgis).")
_TROUBLES = {
    "55P03": (
        f"another program kept it locked for {_WAIT_S} s",
        "Wait until its import or migration has ended, then try again; nothing was saved.",
    ),
    "25006": ("it is read-only", "Connect to the primary server, or ask its administrator."),
    "42501": (
        "this user may not do that there",
        "Ask its administrator to make this user its owner and to run CREATE EXTENSION postgis in it.",
    ),
    "0A000": _NO_POSTGIS,
    "58P01": _NO_POSTGIS,
    "08": ("the connection broke", _UNREACHABLE),
    "57P": ("the server ended the connection", _UNREACHABLE),
    "53": ("the server has no room for this", "Close other programs that use it, or ask its administrator."),
}


def _reason(err: psycopg.Error) -> str:
    """Give the server's own words out of the driver's, e.g. ``database "x" does not exist``."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()] or ["it does not answer"]
    telling = next((line for line in lines if " failed: " in line), lines[0])
    return telling.rpartition(" failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")
