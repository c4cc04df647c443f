"""A backup takes the place of the database, whatever lies there, and nothing that lay there is lost."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from icssn.errors import DatabaseUnusableError, NotFoundError
from icssn.records import Scene
from icssn.store import backup, labels
from icssn.store.database import Database, open_database
from tests.store import children
from tests.store.samples import drawn

pytestmark = [pytest.mark.usefixtures("url"), pytest.mark.parametrize("url", ["sqlite"], indirect=True)]


def _bytes(folder: Path) -> dict[str, str]:
    """Give what lies in a folder; an index of a log is no data."""
    files = (path for path in folder.iterdir() if not path.name.endswith("-shm"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A backup."""
    return tmp_path / "saved.gpkg"


@pytest.fixture
def crashed(db: Database, scene: Scene, url: str, saved: Path, processes: ForkServerContext) -> int:
    """The database after 50 labels, a backup, many more labels, and a crash; gives the last acknowledged revision."""
    drawn(db, scene.id, 50)
    backup.write(db, saved)
    for _ in range(12):
        drawn(db, scene.id, 100)
    db.close()
    here, there = processes.Pipe(duplex=False)
    writer = processes.Process(target=children.edits_for_ever, args=(url, scene.id, there))
    writer.start()
    for _ in range(5):
        revision, _ = here.recv()
    writer.kill()
    writer.join()
    return int(revision)


def test_a_log_that_a_crash_left_does_not_come_over_the_backup(
    crashed: int, scene: Scene, saved: Path, tmp_path: Path
) -> None:
    file = tmp_path / "icssn.gpkg"
    before = _bytes(tmp_path)
    assert (tmp_path / "icssn.gpkg-wal").stat().st_size
    former = backup.restore(saved, file)
    assert former
    aside = {name.replace("icssn.gpkg", former.name): digest for name, digest in before.items()}
    assert {name: digest for name, digest in _bytes(tmp_path).items() if name != "icssn.gpkg"} == aside
    with contextlib.closing(open_database(file)) as db:
        db.check()
        assert len(labels.current(db, scene.id)) == 50
    back = backup.restore(former, file)  # with its log
    assert back not in (None, former)
    with contextlib.closing(open_database(file)) as db:
        db.check()
        assert labels.revision(db, scene.id) >= crashed


def test_a_backup_is_not_restored_while_somebody_has_the_database_open(
    db: Database, scene: Scene, saved: Path, tmp_path: Path
) -> None:
    backup.write(db, saved)
    drawn(db, scene.id, 3)
    before = _bytes(tmp_path)
    with pytest.raises(DatabaseUnusableError, match="another program has it open"):
        backup.restore(saved, tmp_path / "icssn.gpkg")
    assert _bytes(tmp_path) == before
    assert len(drawn(db, scene.id, 2)) == 2
    db.close()
    assert backup.restore(saved, tmp_path / "icssn.gpkg")


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("cut", "no sound backup"),
        ("dump", "no sound backup"),
        ("foreign", "belongs to another program"),
        ("nothing", "it is gone"),
        ("newer", "a newer ICSSN made it"),
        ("itself", "it is the workspace's own"),
        ("missing", "no file"),
    ],
)
def test_what_is_no_sound_backup_changes_nothing(
    db: Database, scene: Scene, tmp_path: Path, case: str, found: str
) -> None:
    saved = tmp_path / "saved.gpkg"
    drawn(db, scene.id, 100)
    backup.write(db, saved)
    db.close()
    match case:
        case "cut":
            with saved.open("rb+") as handle:
                handle.seek(8192)
                handle.write(b"\xff" * (saved.stat().st_size - 8192))
        case "dump":
            saved.write_bytes(b"PGDMP" + bytes(5000))
        case "nothing":
            saved.write_bytes(b"")
        case "itself":
            saved = tmp_path / "icssn.gpkg"
        case "missing":
            saved.unlink()
        case _:
            with contextlib.closing(sqlite3.connect(saved, isolation_level=None)) as other:
                other.execute("UPDATE alembic_version SET version_num = '9876'")
                if case == "foreign":
                    other.execute("DROP TABLE saves")
    before = _bytes(tmp_path)
    with pytest.raises((DatabaseUnusableError, NotFoundError), match=found):
        backup.restore(saved, tmp_path / "icssn.gpkg")
    assert _bytes(tmp_path) == before


@pytest.mark.parametrize("left", [None, b"", b"no database " * 1000])
def test_a_database_that_is_gone_or_in_ruins_is_restored(
    db: Database, scene: Scene, saved: Path, tmp_path: Path, left: bytes | None
) -> None:
    file = tmp_path / "icssn.gpkg"
    drawn(db, scene.id, 3)
    backup.write(db, saved)
    db.close()
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    former = backup.restore(saved, file)
    assert (former.read_bytes() if former else None) == left
    with contextlib.closing(open_database(file)) as again:
        assert len(labels.current(again, scene.id)) == 3


def test_a_restore_that_was_stopped_halfway_is_no_new_project(crashed: int, saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "icssn.gpkg"
    file.rename(tmp_path / "aside.gpkg")
    before = _bytes(tmp_path)
    with pytest.raises(DatabaseUnusableError, match=r"it is gone.*icssn restore"):
        open_database(file)
    assert _bytes(tmp_path) == before  # SQLite itself would have deleted the log
    assert backup.restore(saved, file)


def test_a_damaged_file_does_not_pass_the_check(db: Database, scene: Scene, tmp_path: Path) -> None:
    drawn(db, scene.id, 100)
    db.check()
    db.close()
    file = tmp_path / "icssn.gpkg"
    with file.open("rb+") as handle:
        handle.seek(-(file.stat().st_size // 3) // 4096 * 4096, 2)
        handle.write(b"\xff" * 8192)
    again = open_database(file)
    with pytest.raises(DatabaseUnusableError, match="its contents are damaged"):
        again.check()
    again.close()


def test_a_server_is_restored_by_a_command_that_is_told(saved: Path) -> None:
    with pytest.raises(DatabaseUnusableError) as caught:
        backup.restore(saved, "postgresql://ann:secret@host/icssn?sslmode=require&password=other")
    assert re.search(
        r"pg_restore --no-owner --dbname='postgresql://ann@host/icssn\?sslmode=require'", str(caught.value)
    )
    assert not re.search("secret|other", str(caught.value))
