"""The catalogue of scenes."""

from __future__ import annotations

import datetime as dt

import pytest

from icssn.errors import DuplicateError, NotFoundError, QueueFullError
from icssn.records import Job, JobKind, Removal
from icssn.store import jobs, scenes
from icssn.store.database import Database
from tests.store.samples import a_scene, drawn


def test_a_scene_survives_the_table_with_all_its_facts(db: Database) -> None:
    scene = a_scene(name="芦山", tiles="scenes/x/tiles.tif", validation_bounds_px=(0, 1, 2, 3), created_by="ann")
    assert scenes.add(db, scene) == scene
    assert scenes.get(db, scene.id) == scenes.named(db, "芦山") == scene


def test_a_name_is_taken_once(db: Database) -> None:
    scenes.add(db, a_scene(name="lushan"))
    other = scenes.add(db, a_scene(name="bijie"))
    with pytest.raises(DuplicateError, match="already a scene 'lushan'"):
        scenes.add(db, a_scene(name="lushan"))
    with pytest.raises(DuplicateError, match="already a scene 'lushan'"):
        scenes.update(db, other.id, name="lushan")
    assert [scene.name for scene in scenes.every(db)] == ["lushan", "bijie"]


def test_an_unknown_name_tells_the_known_ones(db: Database) -> None:
    scenes.add(db, a_scene(name="lushan"))
    with pytest.raises(NotFoundError, match=r"no scene 'lushna' in this workspace\. Known: lushan"):
        scenes.named(db, "lushna")
    with pytest.raises(NotFoundError):
        scenes.get(db, "x")
    with pytest.raises(NotFoundError):
        scenes.update(db, "x", tiles="t.tif")


def test_an_update_sets_the_named_fields_only(db: Database) -> None:
    scene = scenes.add(db, a_scene())
    drawn(db, scene.id)
    updated = scenes.update(db, scene.id, dem="/data/dem.tif", validation_bounds_px=(1, 2, 3, 4))
    assert updated == scene.model_copy(update={"dem": "/data/dem.tif", "validation_bounds_px": (1, 2, 3, 4)})
    assert scenes.get(db, scene.id) == updated


def test_a_removed_scene_is_out_of_the_list_and_still_known(db: Database) -> None:
    stays, goes = scenes.add(db, a_scene(name="lushan")), scenes.add(db, a_scene(name="bijie"))
    gone = scenes.update(db, goes.id, removed=Removal(by="Li", at=dt.datetime(2026, 11, 28, tzinfo=dt.UTC)))
    assert scenes.every(db) == [stays]
    assert scenes.removed(db) == [gone]
    assert scenes.known(db) == [stays, gone]
    assert scenes.get(db, goes.id) == scenes.named(db, "bijie", removed=True) == gone
    for look in (lambda: scenes.named(db, "bijie"), lambda: scenes.in_project(db, goes.id)):
        with pytest.raises(NotFoundError, match=r"'bijie'.* removed by Li on 2026-11-28, and nothing.* Restore it on"):
            look()
    with pytest.raises(NotFoundError, match=r"Known: lushan\."):
        scenes.named(db, "dale")
    with pytest.raises(NotFoundError, match=r"Known: bijie, lushan\."):
        scenes.named(db, "dale", removed=True)
    with pytest.raises(DuplicateError, match="already a scene 'bijie'"):
        scenes.add(db, a_scene(name="bijie"))
    assert scenes.update(db, goes.id, removed=None) == goes == scenes.in_project(db, goes.id)
    assert scenes.every(db) == [stays, goes]


def test_a_scene_changes_with_its_job_or_not_at_all(db: Database) -> None:
    job = Job(kind=JobKind.import_scene)
    scene = scenes.add(db, a_scene(name="lushan"), job=job)
    assert jobs.active(db) == [job]
    with pytest.raises(DuplicateError):
        scenes.add(db, a_scene(name="lushan"), job=Job(kind=JobKind.import_scene))
    with pytest.raises(NotFoundError):
        scenes.update(db, "x", tiles=None, job=Job(kind=JobKind.import_scene))
    assert jobs.active(db) == [job]
    for _ in range(jobs.MAX_WAITING - 1):
        jobs.add(db, Job(kind=JobKind.export))
    with pytest.raises(QueueFullError):
        scenes.add(db, a_scene(name="bijie"), job=Job(kind=JobKind.import_scene))
    with pytest.raises(QueueFullError):
        scenes.update(db, scene.id, tiles="t.tif", job=Job(kind=JobKind.import_scene))
    assert scenes.every(db) == [scene]
