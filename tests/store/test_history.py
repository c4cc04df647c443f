"""The history, save by save."""

from __future__ import annotations

from icssn.records import Edits, LabelChange, LabelDeletion, NewLabel, Scene
from icssn.store import history, labels, scenes
from icssn.store.database import Database
from tests.store.samples import a_scene, drawn, square


def test_saves_tell_who_when_and_how_many(db: Database, scene: Scene) -> None:
    first, second, third = drawn(db, scene.id, 3)
    edits = Edits(
        created=(NewLabel(geometry_lonlat=square(7)),),
        changed=(LabelChange(uid=first.uid, expected_version=1), LabelChange(uid=second.uid, expected_version=1)),
        deleted=(LabelDeletion(uid=third.uid, expected_version=1),),
    )
    saved = labels.save(db, scene.id, edits, actor="bob")
    labels.restore(db, third.uid, version=1, actor="eve")
    drawn(db, scenes.add(db, a_scene()).id)
    newest = history.saves(db, scene.id, limit=10)
    assert [save.model_dump(exclude={"at"}) for save in newest] == [
        {"revision": 3, "actor": "eve", "created": 0, "changed": 0, "deleted": 0, "restored": 1},
        {"revision": 2, "actor": "bob", "created": 1, "changed": 2, "deleted": 1, "restored": 0},
        {"revision": 1, "actor": "ann", "created": 3, "changed": 0, "deleted": 0, "restored": 0},
    ]
    assert newest[1].at == saved.labels[0].updated_at
    assert history.saves(db, scene.id, limit=1) == newest[:1]
    assert history.saves(db, scene.id, limit=1, before=3) == newest[1:2]
    assert history.saves(db, scene.id, limit=5, before=1) == []


def test_steps_show_each_label_before_and_after(db: Database, scene: Scene) -> None:
    moved, gone, _ = drawn(db, scene.id, 3)
    new = NewLabel(geometry_lonlat=square(7))
    edits = Edits(
        created=(new,),
        changed=(LabelChange(uid=moved.uid, expected_version=1, geometry_lonlat=square(9)),),
        deleted=(LabelDeletion(uid=gone.uid, expected_version=1),),
    )
    labels.save(db, scene.id, edits, actor="bob")
    steps = {step.after.uid: step for step in history.steps(db, scene.id, 2)}
    assert set(steps) == {new.uid, moved.uid, gone.uid}
    assert (steps[new.uid].before, steps[new.uid].after.geometry_lonlat) == (None, square(7))
    before, after = labels.history(db, moved.uid)
    assert (steps[moved.uid].before, steps[moved.uid].after) == (before, after)
    assert (before.geometry_lonlat, after.geometry_lonlat) == (square(0), square(9))
    assert steps[gone.uid].before == labels.history(db, gone.uid)[0]
    assert (steps[gone.uid].after.operation, steps[gone.uid].after.geometry_lonlat) == ("delete", None)
    assert history.steps(db, scene.id, 3) == []


def test_deleted_labels_are_found_with_their_last_shape_until_they_rise_again(db: Database, scene: Scene) -> None:
    first, second, third = drawn(db, scene.id, 3)
    elsewhere = scenes.add(db, a_scene())
    [other] = drawn(db, elsewhere.id)
    move = LabelChange(uid=first.uid, expected_version=1, geometry_lonlat=square(9))
    labels.save(db, scene.id, Edits(changed=(move,)), actor="ann")
    for gone, version, scene_id in ((first, 2, scene.id), (second, 1, scene.id), (other, 1, elsewhere.id)):
        deletion = LabelDeletion(uid=gone.uid, expected_version=version)
        labels.save(db, scene_id, Edits(deleted=(deletion,)), actor="bob")
    newest, oldest = history.deletions(db, scene.id, limit=10)
    assert (newest.after.uid, oldest.after.uid) == (second.uid, first.uid)
    assert oldest.before
    assert (oldest.before.geometry_lonlat, oldest.before.version) == (square(9), 2)
    assert (oldest.after.actor, oldest.after.operation) == ("bob", "delete")
    assert history.deletions(db, scene.id, limit=1) == [newest]
    labels.restore(db, first.uid, version=1, actor="eve")
    again = NewLabel(uid=second.uid, geometry_lonlat=square(1))
    labels.save(db, scene.id, Edits(created=(again,)), actor="eve")
    assert history.deletions(db, scene.id, limit=10) == []
    labels.save(db, scene.id, Edits(deleted=(LabelDeletion(uid=second.uid, expected_version=3),)), actor="eve")
    assert [step.after.version for step in history.deletions(db, scene.id, limit=10)] == [4]
    assert third.uid in {label.uid for label in labels.current(db, scene.id)}
