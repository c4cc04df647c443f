"""PostgreSQL: its troubles are told plainly, its history cannot be emptied, a frozen writer does not stop the rest."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from icssn.errors import DatabaseUnusableError
from icssn.records import Scene
from icssn.store import labels, rows, scenes
from icssn.store.database import Database, open_database
from icssn.store.tables import scene as table
from tests.store.cluster import Cluster
from tests.store.samples import a_scene, drawn, square

pytestmark = [pytest.mark.usefixtures("url"), pytest.mark.parametrize("url", ["postgis"], indirect=True)]


def test_history_cannot_be_truncated(db: Database, scene: Scene) -> None:
    drawn(db, scene.id)
    with pytest.raises(IntegrityError, match="append-only"), db.write() as connection:
        connection.execute(text("TRUNCATE label_history"))


def test_a_spatial_index_stands_ready(db: Database, scene: Scene) -> None:
    drawn(db, scene.id, 3)
    query = "EXPLAIN SELECT * FROM label WHERE geometry_lonlat && ST_MakeEnvelope(105, 35, 105.01, 35.01, 4326)"
    with db.read() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.execute(text(query)).scalars())
    assert "label_geometry_lonlat" in plan
    assert len(labels.current(db, scene.id, bounds_lonlat=square(1).bounds)) == 1


def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseUnusableError, match="read-only"), db.read() as connection:
        connection.execute(text("DELETE FROM scene"))


def test_a_server_that_was_restarted_is_noticed_before_the_next_save(db: Database, cluster: Cluster) -> None:
    scenes.add(db, a_scene(name="before"))
    cluster.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'common'")
    scenes.add(db, a_scene(name="after"))
    assert [scene.name for scene in scenes.every(db)] == ["before", "after"]


def test_a_connection_that_breaks_in_a_save_is_told_plainly_and_nothing_is_saved(
    db: Database, cluster: Cluster
) -> None:
    def interrupted() -> None:
        with db.write() as connection:
            rows.add(connection, table, a_scene(), name="x")
            cluster.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'common'")
            connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnusableError, match="try again"):
        interrupted()
    assert scenes.every(db) == []


@pytest.mark.parametrize(
    ("who", "where", "name", "found"),
    [
        ("ann", "127.0.0.1:1", "icssn", r"cannot be used: Connection refused\. Check that the server runs"),
        ("ann", "", "postgres", 'cannot be used: role "ann" does not exist'),
        ("icssn", "", "atlantis", 'cannot be used: database "atlantis" does not exist'),
        ("guest", "", "bare", "this user may not do that there"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line_without_the_password(
    cluster: Cluster, who: str, where: str, name: str, found: str
) -> None:
    cluster.run("CREATE ROLE guest LOGIN")
    cluster.run("CREATE DATABASE bare")
    try:
        with pytest.raises(DatabaseUnusableError, match=found) as caught:
            open_database(f"postgresql://{who}:secret@{where or f'127.0.0.1:{cluster.port}'}/{name}")
    finally:
        cluster.run("DROP DATABASE bare")
        cluster.run("DROP ROLE guest")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_ordinary_user_may_own_the_database_if_an_administrator_switched_postgis_on(cluster: Cluster) -> None:
    cluster.run("CREATE ROLE guest LOGIN")
    with cluster.database(owner="guest") as url:
        with psycopg.connect(url, autocommit=True) as administrator:
            administrator.execute("CREATE EXTENSION postgis")
        db = open_database(url.replace("icssn@", "guest@"))
        assert len(drawn(db, scenes.add(db, a_scene()).id, 2)) == 2
        db.close()
    cluster.run("DROP ROLE guest")


def test_a_writer_that_waits_too_long_is_told_so(db: Database, url: str) -> None:
    hasty = open_database(f"{url}?options=-c%20lock_timeout=50ms")
    with db.write(), pytest.raises(DatabaseUnusableError, match="kept it locked"):
        scenes.add(hasty, a_scene())
    scenes.add(hasty, a_scene())
    hasty.close()
