"""The file: a GeoPackage that others can read, and whose troubles are told plainly."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from shapely.geometry import box
from sqlalchemy import event, text

from icssn.errors import DatabaseUnusableError, DiskFullError
from icssn.records import Edits, LabelChange, Scene
from icssn.store import labels, scenes
from icssn.store.database import Database, open_database
from tests.store.samples import a_scene, drawn, square

pytestmark = [pytest.mark.usefixtures("url"), pytest.mark.parametrize("url", ["sqlite"], indirect=True)]


def test_gdal_reads_the_live_file(db: Database, scene: Scene, tmp_path: Path) -> None:
    saved = drawn(db, scene.id, 3, attributes={"age": "Holocene"})
    with db.write() as connection:  # the app may be writing at this very moment
        connection.execute(text("UPDATE scene SET created_by = 'ann'"))
        frame = pyogrio.read_dataframe(tmp_path / "icssn.gpkg", layer="label")
    assert frame.crs.to_epsg() == 4326
    assert set(frame.columns) == {
        *("uid", "scene_id", "cls", "source", "status", "attributes", "version", "updated_by", "updated_at"),
        "geometry",
    }
    assert frame.uid.tolist() == [label.uid for label in saved]
    assert all(frame.geometry.iloc[index].equals(label.geometry_lonlat) for index, label in enumerate(saved))
    assert frame.attributes[0] == '{"age":"Holocene"}'
    assert frame.updated_at.dt.tz_convert("UTC")[0] == saved[0].updated_at


def test_gdal_finds_moved_labels_by_the_spatial_index(db: Database, scene: Scene, tmp_path: Path) -> None:
    first, second, third = drawn(db, scene.id, 3)
    moved = LabelChange(uid=second.uid, expected_version=1, geometry_lonlat=box(106, 36, 106.1, 36.1))
    labels.save(db, scene.id, Edits(changed=(moved,)), actor="ann")
    file = tmp_path / "icssn.gpkg"
    near = pyogrio.read_dataframe(file, layer="label", bbox=(104.9, 34.9, 105.1, 35.1))
    assert set(near.uid) == {first.uid, third.uid}
    assert set(pyogrio.read_dataframe(file, layer="label", bbox=(105.9, 35.9, 107, 37)).uid) == {second.uid}


def test_labels_in_a_window_are_looked_up_in_the_spatial_index_and_not_one_by_one(db: Database, scene: Scene) -> None:
    drawn(db, scene.id, 5)
    asked: list[tuple[str, Any]] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _cursor, sql, values, *_: asked.append((sql, values)))
    assert len(labels.current(db, scene.id, bounds_lonlat=square(1).bounds)) == 1
    [(sql, values)] = [(sql, values) for sql, values in asked if "rtree" in sql]
    with db.read() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert "rowid=?" in plan[0], plan


def test_the_index_agrees_with_the_labels_and_the_file_is_sound(db: Database, scene: Scene) -> None:
    saved = drawn(db, scene.id, 5)
    labels.restore(db, saved[0].uid, version=1, actor="ann")
    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rtree_label_geometry_lonlat").scalar() == 5
        assert connection.exec_driver_sql("SELECT rtreecheck('rtree_label_geometry_lonlat')").scalar() == "ok"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA application_id").scalar() == 0x47504B47  # "GPKG"


def test_no_column_has_a_type_that_gdal_ignores(db: Database) -> None:
    with db.read() as connection:
        query = "SELECT DISTINCT p.type FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'"
        types = set(connection.execute(text(query + " AND m.name NOT LIKE 'rtree%'")).scalars())
    assert types <= {"INTEGER", "TEXT", "FLOAT", "DOUBLE", "BOOLEAN", "DATETIME", "TINYINT", "GEOMETRY"}


def test_a_full_disk_is_told_plainly_and_saving_works_again_afterwards(db: Database, scene: Scene) -> None:
    many = {"note": "x" * 20_000}
    with db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # as if the disk ended here
    with pytest.raises(DiskFullError, match="No space is left"):
        drawn(db, scene.id, 1, attributes=many)
    with db.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert labels.revision(db, scene.id) == 0
    assert drawn(db, scene.id, 1, attributes=many)[0].attributes == many


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.gpkg"
    file.write_text("no database " * 100)
    with pytest.raises(DatabaseUnusableError, match=r"notes\.gpkg' cannot be used: it is not a database"):
        open_database(f"sqlite:///{file}")
    assert file.read_text().startswith("no database")


def test_a_file_that_another_program_keeps_locked_is_told_plainly(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(tmp_path / "icssn.gpkg", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with db.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # the pool hands the same connection out again
    with pytest.raises(DatabaseUnusableError, match="another program kept it locked"):
        scenes.add(db, a_scene())
    other.close()
    scenes.add(db, a_scene())
