"""A database of either kind: several processes may open it, a block is whole or nothing, readers see one state."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext

import pytest
from sqlalchemy import text

from icssn.errors import ConfigError
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


@pytest.mark.parametrize("wrong", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/x"])
def test_other_databases_are_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="ICSSN_DATABASE_URL"):
        open_database(wrong)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        open_database("mysql://ann:secret@host/x")
    assert "secret" not in str(caught.value)
