"""Labels: whole saves, versions, conflicts, and a history that can replay any moment."""

from __future__ import annotations

import math
from multiprocessing.context import ForkServerContext

import pytest
from hypothesis import HealthCheck, given, settings
from shapely import from_wkt
from shapely.geometry import MultiPoint, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from icssn.errors import ConflictError, LabelsRefusedError, NotFoundError
from icssn.records import (
    Edits,
    LabelChange,
    LabelClass,
    LabelDeletion,
    LabelSource,
    LabelStatus,
    NewLabel,
    SavedEdits,
    Scene,
)
from icssn.store import labels, scenes
from icssn.store.database import Database, open_database
from tests.store import trials
from tests.store.samples import a_scene, drawn, square


def _delete(uid: str, version: int) -> Edits:
    return Edits(deleted=(LabelDeletion(uid=uid, expected_version=version),))


def test_a_save_creates_changes_and_deletes_in_one_step(db: Database, scene: Scene) -> None:
    stays, changes, goes = drawn(db, scene.id, 3)
    new = NewLabel(
        geometry_lonlat=square(7),
        cls=LabelClass.hard_negative,
        source=LabelSource.imported,
        status=LabelStatus.proposed,
        attributes={"look_alike": "terrace", "名": [1, 2.5, None, {"a": True}]},
    )
    change = LabelChange(uid=changes.uid, expected_version=1, geometry_lonlat=square(8), status=LabelStatus.rejected)
    deletion = LabelDeletion(uid=goes.uid, expected_version=1)
    saved = labels.save(db, scene.id, Edits(created=(new,), changed=(change,), deleted=(deletion,)), actor="bob")

    assert saved.revision == labels.revision(db, scene.id) == 2
    created, changed = saved.labels
    assert (created.uid, created.version, created.updated_by) == (new.uid, 1, "bob")
    assert (created.cls, created.source, created.status) == (new.cls, new.source, new.status)
    assert created.attributes == new.attributes
    assert (changed.version, changed.geometry_lonlat, changed.status) == (2, square(8), LabelStatus.rejected)
    assert (changed.cls, changed.source, changed.attributes) == (changes.cls, changes.source, changes.attributes)
    assert {label.uid: label for label in labels.current(db, scene.id)} == {
        label.uid: label for label in (stays, created, changed)
    }
    assert labels.accepted(db, [scene.id]) == {LabelClass.landslide: 1}, "what is proposed or rejected does not count"
    assert labels.accepted(db, []) == {}


def test_the_same_nonce_saves_once_and_answers_the_same(db: Database, scene: Scene) -> None:
    edits = Edits(created=(NewLabel(geometry_lonlat=square(), attributes={"a": 1}),))
    first = labels.save(db, scene.id, edits, actor="ann")
    drawn(db, scene.id, 2)
    labels.save(db, scene.id, _delete(edits.created[0].uid, 1), actor="bob")
    assert labels.save(db, scene.id, edits, actor="ann") == first
    assert labels.revision(db, scene.id) == 3
    assert len(labels.current(db, scene.id)) == 2


def test_the_answer_of_a_save_is_what_will_be_read(db: Database, scene: Scene) -> None:
    high = from_wkt("POLYGON Z ((105 35 900, 105.1 35 900, 105.1 35.1 950, 105 35 900))")
    saved = labels.save(db, scene.id, Edits(created=(NewLabel(geometry_lonlat=high),)), actor="ann")
    assert not saved.labels[0].geometry_lonlat.has_z
    assert list(saved.labels) == labels.current(db, scene.id)
    change = LabelChange(uid=saved.labels[0].uid, expected_version=1, geometry_lonlat=high, attributes={"n": [1, None]})
    changed = labels.save(db, scene.id, Edits(changed=(change,)), actor="bob")
    assert list(changed.labels) == labels.current(db, scene.id) == labels.at_revision(db, scene.id, 2)


def test_a_save_without_edits_changes_nothing(db: Database, scene: Scene) -> None:
    drawn(db, scene.id)
    assert labels.save(db, scene.id, Edits(), actor="ann") == SavedEdits(revision=1, labels=())


def test_conflicts_name_every_label_and_change_nothing(db: Database, scene: Scene) -> None:
    old, gone, fine, taken = drawn(db, scene.id, 4)
    labels.save(db, scene.id, Edits(changed=(LabelChange(uid=old.uid, expected_version=1),)), actor="bob")
    labels.save(db, scene.id, _delete(gone.uid, 1), actor="bob")
    before = labels.current(db, scene.id)
    mine = Edits(
        created=(NewLabel(geometry_lonlat=square(9)), NewLabel(uid=taken.uid, geometry_lonlat=square())),
        changed=tuple(
            LabelChange(uid=label.uid, expected_version=1, cls=LabelClass.label_area) for label in (old, gone, fine)
        ),
        deleted=(LabelDeletion(uid="never-was", expected_version=1),),
    )
    with pytest.raises(ConflictError) as caught:
        labels.save(db, scene.id, mine, actor="ann")
    assert set(caught.value.uids) == {old.uid, gone.uid, taken.uid, "never-was"}
    sides = {conflict.uid: conflict for conflict in caught.value.conflicts}
    assert set(sides) == set(caught.value.uids)
    assert [sides[old.uid].mine, sides[taken.uid].mine] == [mine.changed[0], mine.created[1]]
    assert sides[old.uid].base == labels.history(db, old.uid)[0]
    assert sides[old.uid].theirs == labels.history(db, old.uid)[1]
    theirs = sides[gone.uid].theirs
    assert (theirs.operation, theirs.geometry_lonlat, theirs.actor) == ("delete", None, "bob")
    assert sides[gone.uid].base == labels.history(db, gone.uid)[0]
    assert (sides[taken.uid].base, sides[taken.uid].theirs) == (None, labels.history(db, taken.uid)[0])
    assert (sides["never-was"].base, sides["never-was"].theirs) == (None, None)
    assert labels.current(db, scene.id) == before
    assert labels.revision(db, scene.id) == 3
    assert len(labels.history(db, fine.uid)) == 1


def test_labels_of_another_scene_cannot_be_touched(db: Database, scene: Scene) -> None:
    theirs = drawn(db, scenes.add(db, a_scene()).id)[0]
    with pytest.raises(ConflictError) as caught:
        labels.save(db, scene.id, _delete(theirs.uid, 1), actor="ann")
    assert [(conflict.base, conflict.theirs) for conflict in caught.value.conflicts] == [(None, None)]
    with pytest.raises(ConflictError):
        labels.save(db, scene.id, Edits(created=(NewLabel(uid=theirs.uid, geometry_lonlat=square()),)), actor="ann")


def test_an_unknown_scene_is_refused(db: Database) -> None:
    with pytest.raises(NotFoundError, match="no scene 'atlantis'"):
        drawn(db, "atlantis")
    assert labels.revision(db, "atlantis") == 0


@pytest.mark.parametrize(
    "geometry",
    [
        Point(105, 35),
        MultiPoint([(105, 35)]),
        Polygon(),
        Polygon([(360, 0), (361, 0), (361, 1)]),
        Polygon([(0, 0), (1, 0), (1, 91)]),
        Polygon([(0, 0), (1, 0), (math.inf, 1)]),
    ],
)
def test_what_is_no_polygon_on_the_globe_is_refused(db: Database, scene: Scene, geometry: BaseGeometry) -> None:
    label = drawn(db, scene.id)[0]
    for edits in (
        Edits(created=(NewLabel(geometry_lonlat=geometry),)),
        Edits(changed=(LabelChange(uid=label.uid, expected_version=1, geometry_lonlat=geometry),)),
    ):
        with pytest.raises(LabelsRefusedError, match="a polygon in longitude"):
            labels.save(db, scene.id, edits, actor="ann")
    assert labels.current(db, scene.id) == [label]


def test_a_landslide_point_is_a_point_and_nothing_else_is(db: Database, scene: Scene) -> None:
    point = NewLabel(geometry_lonlat=Point(105, 35), cls=LabelClass.landslide_point)
    saved = labels.save(db, scene.id, Edits(created=(point,)), actor="ann").labels[0]
    assert labels.current(db, scene.id, bounds_lonlat=(104, 34, 106, 36)) == [saved]
    moved = LabelChange(uid=saved.uid, expected_version=1, geometry_lonlat=Point(105.5, 35))
    labels.save(db, scene.id, Edits(changed=(moved,)), actor="ann")
    outlined = {"uid": saved.uid, "expected_version": 2, "geometry_lonlat": square()}
    for edits in (
        Edits(created=(NewLabel(geometry_lonlat=square(), cls=LabelClass.landslide_point),)),
        Edits(created=(NewLabel(geometry_lonlat=Point(), cls=LabelClass.landslide_point),)),
        Edits(changed=(LabelChange(uid=saved.uid, expected_version=2, cls=LabelClass.landslide),)),
        Edits(changed=(LabelChange(**outlined),)),
    ):
        with pytest.raises(LabelsRefusedError):
            labels.save(db, scene.id, edits, actor="ann")
    both = LabelChange(**outlined, cls=LabelClass.landslide)
    assert labels.save(db, scene.id, Edits(changed=(both,)), actor="ann").labels[0].version == 3


def test_a_label_named_twice_in_one_save_is_refused(db: Database, scene: Scene) -> None:
    label = drawn(db, scene.id)[0]
    twice = Edits(
        changed=(LabelChange(uid=label.uid, expected_version=1),),
        deleted=(LabelDeletion(uid=label.uid, expected_version=1),),
    )
    with pytest.raises(LabelsRefusedError, match="names it twice"):
        labels.save(db, scene.id, twice, actor="ann")


def test_labels_are_found_by_class_and_by_bounds(db: Database, scene: Scene) -> None:
    landslides = drawn(db, scene.id, 10)
    area = drawn(db, scene.id, 1, cls=LabelClass.label_area)[0]
    assert labels.current(db, scene.id, cls=LabelClass.label_area) == [area]
    frame = square(3, side=1.6).bounds  # from the fourth label to the fifth
    found = labels.current(db, scene.id, bounds_lonlat=frame, cls=LabelClass.landslide)
    assert {label.uid for label in found} == {landslides[3].uid, landslides[4].uid}
    assert labels.current(db, scene.id, bounds_lonlat=(0, 0, 1, 1)) == []


def test_a_corner_of_the_bounding_box_is_no_hit(db: Database, scene: Scene) -> None:
    triangle = from_wkt("POLYGON ((0 0, 1 0, 0 1, 0 0))")
    labels.save(db, scene.id, Edits(created=(NewLabel(geometry_lonlat=triangle),)), actor="ann")
    assert labels.current(db, scene.id, bounds_lonlat=(0.9, 0.9, 1, 1)) == []
    assert len(labels.current(db, scene.id, bounds_lonlat=(0.4, 0.4, 1, 1))) == 1


def test_history_cannot_be_changed_or_deleted(db: Database, scene: Scene) -> None:
    drawn(db, scene.id)
    for statement in ("UPDATE label_history SET actor = 'eve'", "DELETE FROM label_history"):
        with pytest.raises(IntegrityError, match="append-only"), db.write() as connection:
            connection.execute(text(statement))


def test_history_tells_who_did_what(db: Database, scene: Scene) -> None:
    label = drawn(db, scene.id)[0]
    change = LabelChange(uid=label.uid, expected_version=1, attributes={"age": "old"})
    labels.save(db, scene.id, Edits(changed=(change,)), actor="bob")
    labels.save(db, scene.id, _delete(label.uid, 2), actor="eve")
    labels.restore(db, label.uid, version=1, actor="ann")
    versions = labels.history(db, label.uid)
    assert [(v.version, v.revision, v.operation, v.actor) for v in versions] == [
        (1, 1, "create", "ann"),
        (2, 2, "update", "bob"),
        (3, 3, "delete", "eve"),
        (4, 4, "restore", "ann"),
    ]
    assert [v.geometry_lonlat for v in versions] == [square(), square(), None, square()]
    assert [v.attributes for v in versions] == [{}, {"age": "old"}, {"age": "old"}, {}]
    assert labels.history(db, "never-was") == []


def test_restore_appends_an_older_version_to_a_living_label(db: Database, scene: Scene) -> None:
    label = drawn(db, scene.id)[0]
    moved = LabelChange(uid=label.uid, expected_version=1, geometry_lonlat=square(5))
    labels.save(db, scene.id, Edits(changed=(moved,)), actor="bob")
    restored = labels.restore(db, label.uid, version=1, actor="ann")
    assert (restored.version, restored.geometry_lonlat, restored.updated_by) == (3, square(), "ann")
    assert labels.current(db, scene.id) == [restored]
    assert labels.revision(db, scene.id) == 3


def test_only_versions_with_a_shape_can_be_restored(db: Database, scene: Scene) -> None:
    label = drawn(db, scene.id)[0]
    labels.save(db, scene.id, _delete(label.uid, 1), actor="ann")
    for version in (2, 3):
        with pytest.raises(NotFoundError, match="restorable version"):
            labels.restore(db, label.uid, version=version, actor="ann")


def test_a_deleted_uid_may_be_drawn_again_and_goes_on_counting(db: Database, scene: Scene) -> None:
    label = drawn(db, scene.id)[0]
    labels.save(db, scene.id, _delete(label.uid, 1), actor="ann")
    again = Edits(created=(NewLabel(uid=label.uid, geometry_lonlat=square(4)),))
    assert labels.save(db, scene.id, again, actor="ann").labels[0].version == 3


def test_a_revision_that_never_was_is_refused(db: Database, scene: Scene) -> None:
    assert labels.at_revision(db, scene.id, 0) == []
    for revision in (-1, 1):
        with pytest.raises(NotFoundError, match="label revision"):
            labels.at_revision(db, scene.id, revision)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(saves=trials.SAVES)
def test_any_revision_replays_as_it_was(db: Database, saves: list[list[trials.Verb]]) -> None:
    trials.replay(db, saves)


def test_a_large_import_is_one_save(db: Database, scene: Scene) -> None:
    created = tuple(NewLabel(geometry_lonlat=box(0, 0, 1 + index / 1e5, 1)) for index in range(6_000))
    saved = labels.save(db, scene.id, Edits(created=created), actor="ann")
    assert saved.revision == 1
    assert [label.uid for label in saved.labels] == [new.uid for new in created]
    assert len(labels.current(db, scene.id, bounds_lonlat=Point(0.5, 0.5).buffer(0.1).bounds)) == 6_000


def test_concurrent_writers_lose_no_edit(url: str, processes: ForkServerContext) -> None:
    done = trials.write_together(url, processes, writers=4, times=30, hot=3)
    assert (done.lost, len(done.seconds)) == (0, 4 * 30)


def test_a_process_killed_while_saving_loses_no_acknowledged_edit(url: str, processes: ForkServerContext) -> None:
    killed = trials.kill_while_editing(url, processes, kills=10)
    assert killed.acknowledged >= 10
    assert (killed.lost, killed.torn, killed.unasked) == (0, 0, 0)
    db = open_database(url)
    if db.is_file:
        with db.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert connection.exec_driver_sql("SELECT rtreecheck('rtree_label_geometry_lonlat')").scalar() == "ok"
    db.close()
