"""A PostgreSQL of our own for the tests: made from the machine's binaries, on a free port, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from icssn.records import new_id
from icssn.store.database import open_database
from icssn.store.tables import metadata

ASKED = "asked"
"""A role of this name is asked for its password; all others are trusted."""


class NoPostgisError(RuntimeError):
    """This machine cannot start a PostgreSQL with PostGIS; the text says why."""


@dataclass(frozen=True)
class Cluster:
    """A running server."""

    port: int

    def url(self, name: str) -> str:
        """Give the URL of a database."""
        return f"postgresql://icssn@127.0.0.1:{self.port}/{name}"

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement of the administrator."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def emptied(self) -> str:
        """Give the URL of the one database with our tables and nothing in them; whoever had it before loses it."""
        name = "common"
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        tables = ", ".join(metadata.tables)
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # else the history refuses to be emptied
            connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        return self.url(name)

    @contextmanager
    def database(self, *, owner: str = "icssn") -> Iterator[str]:
        """Give the administrator's URL of a database without any tables, dropped afterwards."""
        name = f"db_{new_id()}"
        self.run(f"CREATE DATABASE {name} OWNER {owner}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def throwaway(*, durable: bool = False) -> Iterator[Cluster]:
    """Start a server that only this machine can reach, and end it with all its files.

    Args:
        durable: Wait for the disk at each commit, as a real server does; tests of logic need not.

    Raises:
        NoPostgisError: There are no binaries, no user to run them, or no PostGIS.
    """
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="icssn-pg-"))
    who: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL}
    if (
        hasattr(os, "geteuid") and os.geteuid() == 0
    ):  # PostgreSQL refuses to run as root; its package made a user for it
        who["user"], who["group"] = "postgres", "postgres"
        try:
            shutil.chown(folder, "postgres", "postgres")
        except LookupError as err:
            raise NoPostgisError("there is no user 'postgres' to run PostgreSQL as") from err
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server: subprocess.Popen[bytes] | None = None
    try:
        # Names are sorted by the rules of a language, as on most servers, not by bytes as SQLite does.
        sorting = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C", "-E", "UTF8"]
        init = [binaries / "initdb", "-D", folder / "data", "-U", "icssn", "-A", "trust", "--no-sync", *sorting]
        made = subprocess.run(init, capture_output=True, text=True, check=False, **who)
        if made.returncode:
            raise NoPostgisError(f"initdb failed: {made.stderr.strip()}")
        doors = folder / "data" / "pg_hba.conf"
        doors.write_text(f"host all {ASKED} 127.0.0.1/32 scram-sha-256\n{doors.read_text()}")
        command = [binaries / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        command += ["-c", f"fsync={'on' if durable else 'off'}", "-c", "max_connections=60"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, **who)
        cluster = Cluster(port)
        _wait_for(cluster, server, folder / "log")
        if not cluster.run("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"):
            raise NoPostgisError("PostgreSQL has no PostGIS (Debian: postgresql-postgis)")
        cluster.run("CREATE DATABASE common")
        open_database(cluster.url("common")).close()
        yield cluster
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgisError("PostgreSQL is not installed (Debian: postgresql-postgis)")


def _wait_for(cluster: Cluster, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            cluster.run("SELECT 1")
        except psycopg.OperationalError as err:
            if server.poll() is not None or time.monotonic() > deadline:
                raise NoPostgisError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}") from err
            time.sleep(0.05)
        else:
            return
