"""Backups made while others write hold one whole state."""

from __future__ import annotations

import sqlite3
import subprocess
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from icssn.errors import DatabaseUnusableError, MissingPartError
from icssn.store import backup, labels, postgis, scenes
from icssn.store.database import Database, open_database
from tests.store import children
from tests.store.cluster import ASKED, Cluster
from tests.store.samples import a_scene, drawn


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_backups_under_load_are_each_one_whole_state(
    db: Database, url: str, tmp_path: Path, processes: ForkServerContext
) -> None:
    scene_id = scenes.add(db, a_scene()).id
    here, there = processes.Pipe(duplex=False)
    writer = processes.Process(target=children.edits_for_ever, args=(url, scene_id, there))
    writer.start()
    revisions = []
    for number in range(4):
        least, _ = here.recv()
        file = tmp_path / f"backup{number}.gpkg"
        backup.write(db, file)
        copy = open_database(f"sqlite:///{file}")
        revisions.append(labels.revision(copy, scene_id))
        assert revisions[-1] >= least  # what was acknowledged before is in it
        assert labels.current(copy, scene_id) == labels.at_revision(copy, scene_id, revisions[-1])
        with copy.read() as connection:
            assert connection.exec_driver_sql("SELECT rtreecheck('rtree_label_geometry_lonlat')").scalar() == "ok"
        copy.close()
    writer.kill()
    writer.join()
    assert revisions == sorted(revisions)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_backup_is_one_file_and_leaves_nothing_else(db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    backup.write(db, folder / "a.gpkg")
    assert [path.name for path in folder.iterdir()] == ["a.gpkg"]
    with sqlite3.connect(folder / "a.gpkg") as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("url", ["postgis"], indirect=True)
def test_a_dump_of_postgres_can_be_restored(db: Database, cluster: Cluster, tmp_path: Path) -> None:
    scene_id = scenes.add(db, a_scene()).id
    drawn(db, scene_id, 3)
    backup.write(db, tmp_path / "a.dump")
    with cluster.database() as url:
        restore = ["pg_restore", "--no-owner", f"--dbname={url}", str(tmp_path / "a.dump")]
        subprocess.run(restore, check=True, capture_output=True)
        copy = open_database(url)
        assert labels.current(copy, scene_id) == labels.current(db, scene_id)
        copy.close()


@pytest.mark.parametrize(
    "address", ["{who}:s%40crt@{host}:{port}/common", "{who}:s%40crt@/common?host={host}&port={port}"]
)
@pytest.mark.parametrize("url", ["postgis"], indirect=True)
def test_a_dump_is_made_where_a_password_is_asked_for(
    db: Database, cluster: Cluster, tmp_path: Path, address: str
) -> None:
    scenes.add(db, a_scene())
    cluster.run(f"CREATE ROLE {ASKED} LOGIN SUPERUSER PASSWORD 's@crt'")
    try:
        url = f"postgresql://{address.format(who=ASKED, host='127.0.0.1', port=cluster.port)}"
        with pytest.raises(DatabaseUnusableError, match="password authentication failed"):
            open_database(url.replace("crt", "cret"))
        asked = open_database(url)
        backup.write(asked, tmp_path / "a.dump")
        asked.close()
        assert (tmp_path / "a.dump").read_bytes()[:5] == b"PGDMP"
        demanding = Database("x", postgis.make_engine(asked.engine.url.update_query_dict({"sslmode": "require"})))
        with pytest.raises(DatabaseUnusableError, match="does not support SSL"):
            backup.write(demanding, tmp_path / "b.dump")
    finally:
        cluster.run(f"DROP ROLE {ASKED}")


@pytest.mark.parametrize("url", ["postgis"], indirect=True)
def test_a_dump_that_cannot_be_made_is_told_and_leaves_no_file(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Database("atlantis", postgis.make_engine(db.engine.url.set(database="atlantis")))
    with pytest.raises(DatabaseUnusableError, match="pg_dump failed"):
        backup.write(elsewhere, tmp_path / "a.dump")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingPartError, match="pg_dump"):
        backup.write(db, tmp_path / "a.dump")
    assert list(tmp_path.glob("*.dump")) == []
