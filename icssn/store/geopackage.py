"""What only SQLite needs: its connections, the GeoPackage tables, the R*Tree, the append-only triggers.

The file is a GeoPackage 1.3 (OGC 12-128r17): GDAL and QGIS read the table `label` while the app runs.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect
from sqlalchemy.dialects.sqlite.base import ischema_names

from icssn.errors import DatabaseUnusableError, DiskFullError, IcssnError
from icssn.store.geometry import SRID, LonLatGeometry
from icssn.store.tables import APPEND_ONLY, label

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for its turn; a save takes milliseconds, an import of 10,000 labels about 2 s."""

_APPLICATION_ID = 0x47504B47  # "GPKG"
_VERSION = 10300
_TABLE, _COLUMN = label.name, label.c.geometry_lonlat.name
_RTREE = f"rtree_{_TABLE}_{_COLUMN}"
_ENTRY = ", ".join(["NEW.fid", *(f"ST_{name}(NEW.{_COLUMN})" for name in ("MinX", "MaxX", "MinY", "MaxY"))])
_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)

_STATEMENTS = (
    """CREATE TABLE IF NOT EXISTS gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
        organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
        description TEXT)""",
    """CREATE TABLE IF NOT EXISTS gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
        identifier TEXT UNIQUE, description TEXT DEFAULT '',
        last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
        min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER)""",
    """CREATE TABLE IF NOT EXISTS gpkg_geometry_columns (table_name TEXT NOT NULL PRIMARY KEY,
        column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL,
        m TINYINT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,
        definition TEXT NOT NULL, scope TEXT NOT NULL, UNIQUE (table_name, column_name, extension_name))""",
    f"""INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES
        ('Undefined cartesian', -1, 'NONE', -1, 'undefined', ''),
        ('Undefined geographic', 0, 'NONE', 0, 'undefined', ''),
        ('WGS 84', {SRID}, 'EPSG', {SRID}, '{_WGS84}', '')""",
    f"""INSERT OR IGNORE INTO gpkg_contents (table_name, data_type, identifier, srs_id)
        VALUES ('{_TABLE}', 'features', '{_TABLE}', {SRID})""",
    f"INSERT OR IGNORE INTO gpkg_geometry_columns VALUES ('{_TABLE}', '{_COLUMN}', 'GEOMETRY', {SRID}, 0, 0)",
    f"""INSERT OR IGNORE INTO gpkg_extensions VALUES ('{_TABLE}', '{_COLUMN}', 'gpkg_rtree_index',
        'http://www.geopackage.org/spec120/#extension_rtree', 'write-only')""",
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {_RTREE} USING rtree(id, minx, maxx, miny, maxy)",
    f"""CREATE TRIGGER IF NOT EXISTS {_RTREE}_insert AFTER INSERT ON {_TABLE}
        BEGIN INSERT OR REPLACE INTO {_RTREE} VALUES ({_ENTRY}); END""",
    f"""CREATE TRIGGER IF NOT EXISTS {_RTREE}_update6 AFTER UPDATE OF {_COLUMN} ON {_TABLE}
        BEGIN INSERT OR REPLACE INTO {_RTREE} VALUES ({_ENTRY}); END""",
    f"""CREATE TRIGGER IF NOT EXISTS {_RTREE}_delete AFTER DELETE ON {_TABLE}
        BEGIN DELETE FROM {_RTREE} WHERE id = OLD.fid; END""",
)


def make_engine(file: str) -> Engine:
    """Give the pool of connections to a file; to one on a medium that is mounted read-only, for reading."""
    if is_frozen(file):
        return _listening(create_engine(_url(file), creator=lambda: _connect(file, "mode=ro&immutable=1")))
    return _listening(create_engine(_url(file), connect_args={"timeout": BUSY_TIMEOUT_S}))


def migration_engine(file: str) -> Engine:
    """Give connections on which tables may be rebuilt: foreign keys are looked at by `complete`, not meanwhile."""
    engine = _listening(create_engine(_url(file), connect_args={"timeout": BUSY_TIMEOUT_S}, poolclass=NullPool))
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF"))
    return engine


@contextmanager
def reading(file: str) -> Iterator[Connection]:
    """Give a connection that changes nothing: not the file, and beside it nothing but a ``-shm`` where a log lies.

    Without a log nobody has the file open for writing, and SQLite is told that it stays as it is: else it would leave
    a log beside it. Should one appear meanwhile, whoever reads has to look again.
    """
    how = "mode=ro" if has_log(file) else "mode=ro&immutable=1"
    engine = create_engine(_url(file), creator=lambda: _connect(file, how), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def is_frozen(file: str) -> bool:
    """Say whether a file lies, closed, on a medium that is mounted read-only, where SQLite could keep no log of it."""
    folder = Path(file).resolve().parent
    fixed = hasattr(os, "statvfs") and folder.exists() and os.statvfs(folder).f_flag & os.ST_RDONLY
    return bool(fixed) and not has_log(file)


def has_log(file: str) -> bool:
    """Say whether a log of SQLite lies beside a file: somebody has it open, or was stopped while it did."""
    return any(beside.exists() for beside in logs(file)[:2])


def logs(file: str) -> list[Path]:
    """Give what SQLite may keep beside a file: both kinds of its log, and an index of the one."""
    return [Path(f"{Path(file).resolve()}{ending}") for ending in ("-wal", "-journal", "-shm")]


def is_empty(file: str) -> bool:
    """Say whether SQLite sees nothing in a file: there is none, or it has no byte, or one (which SQLite itself leaves).

    Raises:
        DatabaseUnusableError: It is a folder.
    """
    path = Path(file)
    if path.is_dir():
        raise DatabaseUnusableError(file, found="it is a folder", remedy="Give the path of a file.")
    return not path.exists() or path.stat().st_size <= 1


def is_marked_by_another(connection: Connection) -> bool:
    """Say whether the file bears the mark of another program; ours is that of any GeoPackage."""
    return connection.exec_driver_sql("PRAGMA application_id").scalar() not in (0, _APPLICATION_ID)


def require_sound(connection: Connection, file: str) -> None:
    """Read the whole file and refuse it where it is damaged; about 2.5 s for each GB that is in memory.

    Raises:
        DatabaseUnusableError: It is damaged.
    """
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
        found, remedy = _TROUBLES["SQLITE_CORRUPT"]
        raise DatabaseUnusableError(file, found=found, remedy=remedy)


@contextmanager
def held(file: str) -> Iterator[None]:
    """Keep every other program out of a file during the block, in which it may be moved; its log is left as it is.

    Whether others have a damaged file open cannot be known.

    Raises:
        DatabaseUnusableError: Another program has it open.
    """
    if is_empty(file):
        yield
        return
    connection = _connect(file, "mode=rw", timeout_s=0)
    connection.isolation_level = None
    try:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as err:
            if err.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise DatabaseUnusableError(
                    file,
                    found="another program has it open",
                    remedy="Close the app, QGIS and whatever else uses it, wait until its worker has left (15 minutes "
                    "without work) or end it, then try again; nothing was changed.",
                ) from err
        if os.name == "nt":  # there an open file cannot be moved
            connection.close()
        yield
    finally:
        connection.close()


def _connect(file: str, how: str, *, timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    return sqlite3.connect(f"{Path(file).absolute().as_uri()}?{how}", uri=True, timeout=timeout_s)


def _url(file: str) -> URL:
    return URL.create("sqlite", database=file)


def _listening(engine: Engine) -> Engine:
    event.listen(engine, "connect", prepare_connection)
    event.listen(engine, "begin", begin)
    return engine


def prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    """Set what SQLite keeps per connection; called by the pool for each new one."""
    connection.isolation_level = None  # transactions are begun by `begin`, not by the driver
    connection.execute("PRAGMA synchronous = FULL")  # an acknowledged save survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = ON")  # lets the R*Tree triggers call the functions below
    for place, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
        connection.create_function(name, 1, _envelope_reader(place), deterministic=True)


def begin(connection: Connection) -> None:
    """Begin a transaction: a writer takes its turn at once, so that it can never lose it halfway."""
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def prepare_file(file: str) -> None:
    """Mark a file as a GeoPackage and switch it to WAL, in which readers never wait; once for its lifetime.

    The mark comes first, because GDAL looks for it in the file itself and not in the log beside it. When two
    processes switch a fresh file at once, SQLite refuses one of them without waiting (SQLITE_BUSY, no busy
    handler): that one waits here.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as err:
                if err.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
    finally:
        connection.close()


def prepare(connection: Connection) -> None:
    """Teach what reads tables back the type of the geometry column, and keep the revision as TEXT for GDAL."""
    ischema_names.setdefault("GEOMETRY", LonLatGeometry)
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT NOT NULL PRIMARY KEY)")


def complete(connection: Connection) -> None:
    """Add the GeoPackage tables, the spatial index and the triggers, where they are missing.

    Rebuilding a table drops its triggers: they come back here, and the index is filled anew if it missed changes.

    Raises:
        DatabaseUnusableError: Rows refer to others that are gone; the whole upgrade is taken back.
    """
    for statement in _STATEMENTS:
        connection.exec_driver_sql(statement)
    for past in (table.name for table in APPEND_ONLY if inspect(connection).has_table(table.name)):
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {past}_no_{verb.lower()} BEFORE {verb} ON {past}"
                f" BEGIN SELECT RAISE(ABORT, '{past} is append-only'); END"
            )
    counts = f"SELECT (SELECT count(*) FROM {_TABLE}), (SELECT count(*) FROM {_RTREE})"
    labels, entries = connection.exec_driver_sql(counts).one()
    if labels != entries:
        connection.exec_driver_sql(f"DELETE FROM {_RTREE}")
        connection.exec_driver_sql(f"INSERT INTO {_RTREE} SELECT {_ENTRY.replace('NEW.', '')} FROM {_TABLE}")
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DatabaseUnusableError(
            str(connection.engine.url.database),
            found=f"rows of its table {broken[0]} refer to rows that are gone",
            remedy="Put back a backup (icssn restore FILE).",
        )


def translate(err: sqlite3.Error, file: str) -> IcssnError | None:
    """Say in our words what SQLite complains about, or give None for what is our own mistake."""
    code = getattr(err, "sqlite_errorname", "")
    if code in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
        return DiskFullError(file)
    for start, (found, remedy) in _TROUBLES.items():
        if code.startswith(start):
            return DatabaseUnusableError(file, found=found, remedy=remedy)
    return None


_TROUBLES = {
    "SQLITE_BUSY": (
        f"another program kept it locked for {BUSY_TIMEOUT_S:.0f} s",
        "Close programs that edit this file (for example QGIS) and try again; nothing was saved.",
    ),
    "SQLITE_NOTADB": ("it is not a database", "Choose another workspace, or move this file away."),
    "SQLITE_CORRUPT": (
        "its contents are damaged",
        "Put back a backup (icssn restore FILE), or choose another workspace.",
    ),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Check that its folder exists and may be written to."),
    "SQLITE_READONLY": ("it is read-only", "Give yourself the right to write to the file and its folder."),
    "SQLITE_IOERR": ("the disk reports an error", "Check the disk and its cable or network, then try again."),
}


def _envelope_reader(place: int) -> Callable[[bytes | None], float | None]:
    offset = 8 + 8 * place  # behind the 8 header bytes stand min x, max x, min y, max y; see `geometry.to_blob`

    def read(blob: bytes | None) -> float | None:
        if blob is None:
            return None
        number: float = struct.unpack_from("<d", blob, offset)[0]
        return number

    return read
