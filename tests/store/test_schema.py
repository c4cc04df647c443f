"""Tables change without losing anything: old workspaces are adopted, newer ones refused, halves taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from shapely.geometry import box
from sqlalchemy import insert, inspect, text
from sqlalchemy.exc import IntegrityError

from icssn.errors import DatabaseUnusableError
from icssn.records import Edits, LabelChange, LabelDeletion
from icssn.store import labels, rows, scenes, schema, seats
from icssn.store.database import Database, open_database
from icssn.store.tables import metadata
from tests.store.samples import a_scene, drawn, square

pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type 'geometry'")
HEAD = schema.versions()[-1]
_REBUILD = """
import sqlalchemy as sa
from alembic import op
revision = "9999"
down_revision = "%s"

def upgrade():
    how = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    for table in ("scene", "label", "label_history"):  # parents of foreign keys, geometries and triggers among them
        with op.batch_alter_table(table, recreate=how) as batch:
            batch.add_column(sa.Column("note", sa.Text, nullable=False, server_default="none"))
    with op.batch_alter_table("label") as batch:
        batch.alter_column("note", nullable=True)
"""


def _scripts(folder: Path, *, until: str = HEAD, then: str = "") -> Path:
    """Copy the migrations up to a revision, perhaps with another one behind it."""
    scripts = Path(shutil.copytree(schema.SCRIPTS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__")))
    for path in (scripts / "versions").glob("v[0-9]*.py"):
        if path.stem[1:5] > until:
            path.unlink()
    if then:
        (scripts / "versions" / "v9999_next.py").write_text(then)
    return scripts


def _shape(db: Database) -> dict[str, Any]:
    """Give all that tables are made of, as the database itself tells it."""
    with db.read() as connection:
        look = inspect(connection)
        return {
            name: {
                "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(name)],
                "unique": sorted(tuple(c["column_names"]) for c in look.get_unique_constraints(name)),
                "indexes": sorted((i["name"] or "", tuple(i["column_names"])) for i in look.get_indexes(name)),
                "foreign": sorted(
                    (tuple(k["constrained_columns"]), k["referred_table"]) for k in look.get_foreign_keys(name)
                ),
            }
            for name in metadata.tables
        }


def test_the_migrations_make_the_tables_that_the_program_knows(empty_urls: Iterator[str]) -> None:
    migrated = open_database(next(empty_urls))
    direct = open_database(next(empty_urls))
    with direct.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.exec_driver_sql(f"DROP TABLE {table.name}")
        metadata.create_all(connection)
    wanted, found = _shape(direct), _shape(migrated)
    for table in ("label", "candidate"):  # these the database's own module adds
        found[table]["indexes"] = [index for index in found[table]["indexes"] if "geometry" not in index[0]]
    assert found == wanted
    for db in (migrated, direct):
        db.close()


def test_a_workspace_made_before_there_were_revisions_is_adopted(empty_urls: Iterator[str], tmp_path: Path) -> None:
    url = next(empty_urls)
    old = open_database(url, scripts=_scripts(tmp_path, until="0001"))
    scene = a_scene()
    with old.write() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("scene")}
        then = {name: value for name, value in rows.row_of(scene).items() if name in columns}
        connection.execute(insert(metadata.tables["scene"]).values(then))
    first, second = drawn(old, scene.id, 2)
    labels.save(old, scene.id, Edits(deleted=(LabelDeletion(uid=second.uid, expected_version=1),)), actor="bob")
    with old.write() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    old.close()

    db = open_database(url)
    with db.read() as connection:
        assert schema.version(connection) == HEAD
    assert scenes.every(db) == [scene]
    assert labels.current(db, scene.id) == [first]
    assert [v.operation for v in labels.history(db, second.uid)] == ["create", "delete"]
    seats.keep(db, scene.id, person="ann", session_id="tab", draft="x")
    db.close()


def test_a_rebuilt_table_keeps_its_rows_its_triggers_and_its_spatial_index(
    empty_urls: Iterator[str], tmp_path: Path
) -> None:
    url = next(empty_urls)
    before = open_database(url)
    scene = scenes.add(before, a_scene())
    saved = drawn(before, scene.id, 3)
    before.close()

    db = open_database(url, scripts=_scripts(tmp_path, then=_REBUILD % HEAD))
    with db.read() as connection:
        assert connection.execute(text("SELECT DISTINCT note FROM label_history")).scalars().all() == ["none"]
    assert labels.current(db, scene.id) == sorted(saved, key=lambda label: label.uid)
    moved = LabelChange(uid=saved[0].uid, expected_version=1, geometry_lonlat=box(106, 36, 106.1, 36.1))
    gone = LabelDeletion(uid=saved[1].uid, expected_version=1)
    labels.save(db, scene.id, Edits(changed=(moved,), deleted=(gone,)), actor="bob")
    assert [label.uid for label in labels.current(db, scene.id, bounds_lonlat=(105.9, 35.9, 107, 37))] == [moved.uid]
    assert labels.current(db, scene.id, bounds_lonlat=square(1).bounds) == []
    with pytest.raises(IntegrityError, match="append-only"), db.write() as connection:
        connection.execute(text("DELETE FROM label_history"))
    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(text("DELETE FROM scene"))  # the labels still refer to it
    if db.is_file:
        file = Path(db.place)
        assert set(pyogrio.read_dataframe(file, layer="label", bbox=(105.9, 35.9, 107, 37)).uid) == {moved.uid}
        with db.read() as connection:
            assert connection.exec_driver_sql("SELECT rtreecheck('rtree_label_geometry_lonlat')").scalar() == "ok"
            types = connection.exec_driver_sql("SELECT type FROM pragma_table_info('label')").scalars().all()
            assert set(types) == {"INTEGER", "TEXT", "GEOMETRY", "DATETIME"}
    db.close()


def test_an_upgrade_that_fails_halfway_is_taken_back(empty_urls: Iterator[str], tmp_path: Path) -> None:
    url = next(empty_urls)
    before = open_database(url)
    scene = scenes.add(before, a_scene())
    drawn(before, scene.id, 3)
    shape, there = _shape(before), labels.current(before, scene.id)
    with pytest.raises(RuntimeError, match="halfway"):
        open_database(url, scripts=_scripts(tmp_path, then=_REBUILD % HEAD + "    raise RuntimeError('halfway')\n"))
    assert _shape(before) == shape
    assert labels.current(before, scene.id) == there
    assert len(labels.current(before, scene.id, bounds_lonlat=square(1).bounds)) == 1
    drawn(before, scene.id)
    before.close()


def test_a_database_made_by_a_newer_program_is_refused_in_one_sentence(empty_urls: Iterator[str]) -> None:
    url = next(empty_urls)
    db = open_database(url)
    with db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9876'"))
    with pytest.raises(DatabaseUnusableError) as caught:
        open_database(url)
    assert str(caught.value).endswith(
        f"a newer ICSSN made it (its tables have revision 9876, this ICSSN knows {HEAD}). Update ICSSN."
    )
    db.close()
