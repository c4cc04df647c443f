"""The catalogue of scenes."""

from __future__ import annotations

import pytest

from icssn.errors import DuplicateError, NotFoundError
from icssn.store import scenes
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
