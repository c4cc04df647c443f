"""A database of either kind: several processes may open it, a block is whole or nothing, readers see one state."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from icssn.errors import ConfigError, DatabaseUnusableError
from icssn.store import rows, scenes, schema
from icssn.store.database import Database, open_database
from icssn.store.tables import scene as table
from tests.store import children
from tests.store.samples import a_scene


def test_opening_again_keeps_everything(db: Database, url: str) -> None:
    added = scenes.add(db, a_scene(name="lushan"))
    again = open_database(url)
    assert scenes.named(again, "lushan") == added
    again.close()


def test_six_processes_may_open_the_same_fresh_database_at_once(
    empty_urls: Iterator[str], processes: ForkServerContext
) -> None:
    for url in itertools.islice(empty_urls, 3):
        start = time.monotonic() + 0.25
        pipes, children_ = [], []
        for _ in range(6):
            here, there = processes.Pipe()
            children_.append(processes.Process(target=children.opens, args=(url, start, there)))
            children_[-1].start()
            pipes.append(here)
        assert [pipe.recv() if pipe.poll(60) else None for pipe in pipes] == [schema.versions()[-1]] * 6
        for child in children_:
            child.join()


def test_opening_a_database_of_today_waits_for_no_writer(db: Database, url: str) -> None:
    with db.write():
        begun = time.monotonic()
        open_database(url).close()
        assert time.monotonic() - begun < 10  # a writer's turn would be waited for three times as long


def test_a_reader_sees_one_state_and_does_not_wait_for_a_writer(db: Database) -> None:
    count = text("SELECT count(*) FROM scene")
    with db.read() as reader:
        assert reader.execute(count).scalar() == 0
        scenes.add(db, a_scene())
        assert reader.execute(count).scalar() == 0
    with db.read() as reader:
        assert reader.execute(count).scalar() == 1


def test_a_failing_block_leaves_nothing_behind(db: Database) -> None:
    def half_done() -> None:
        with db.write() as connection:
            rows.add(connection, table, a_scene(), name="x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    assert scenes.every(db) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "nonsense",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a?b",
        "mysql://host/x",
        "postgresql://h:p/x",
    ],
)
def test_other_databases_are_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="ICSSN_DATABASE_URL"):
        open_database(wrong)


@pytest.mark.parametrize("address", ["mysql://ann:secret@host/x", "postgresql://ann:secret@host:port/x"])
def test_a_password_is_never_shown(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_database(address)
    assert "secret" not in str(caught.value)


def test_what_is_wrong_with_a_servers_address_is_told_without_its_password() -> None:
    with pytest.raises(DatabaseUnusableError, match='invalid connection option "odd"') as caught:
        open_database("postgresql://ann@127.0.0.1:1/x?odd=1&password=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a?b.gpkg", "a#b.gpkg", "a%20b.gpkg", "a b.gpkg", "滑坡.gpkg"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        db = open_database(tmp_path / "any" / name)
        assert scenes.every(db) == []
        db.close()
    assert [path.name for path in (tmp_path / "any").iterdir()] == [name]


THEIRS = {
    "a table of the same name": ["CREATE TABLE label (name TEXT)"],
    "revisions of another kind": [
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
    ],
    "later revisions": [
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('9999')",
    ],
    "another table of revisions": ["CREATE TABLE alembic_version (name TEXT)"],
}


@pytest.mark.parametrize("statements", THEIRS.values(), ids=THEIRS)
def test_a_database_of_another_program_is_refused_and_stays_as_it_is(
    empty_urls: Iterator[str], statements: list[str]
) -> None:
    url = next(empty_urls)
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg") if "postgresql" in url else url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    before = inspect(engine).get_table_names()
    with pytest.raises(DatabaseUnusableError, match="it belongs to another program"):
        open_database(url)
    assert inspect(engine).get_table_names() == before
    engine.dispose()


def test_a_database_that_lost_its_tables_is_refused_when_it_is_opened(empty_urls: Iterator[str]) -> None:
    url = next(empty_urls)
    db = open_database(url)
    with db.write() as connection:
        connection.execute(text("DROP TABLE round"))
    with pytest.raises(DatabaseUnusableError, match=r"it has lost its table round.*icssn restore"):
        open_database(url)
    db.close()


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("statement", ["CREATE TABLE hut (name TEXT)", "PRAGMA application_id = 7"])
def test_not_a_byte_of_another_programs_file_is_changed(tmp_path: Path, mode: str, statement: str) -> None:
    file = tmp_path / "huts.gpkg"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as theirs:
        theirs.execute(f"PRAGMA journal_mode = {mode}")
        theirs.execute(statement)
        theirs.execute("PRAGMA user_version = 5")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(DatabaseUnusableError, match="it belongs to another program"):
        open_database(f"sqlite:///{file}")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert [path.name for path in tmp_path.iterdir()] == ["huts.gpkg"]
