"""Labels and their append-only history.

Each save gives the scene a new revision and each label it touches a new version; the table `label` is what the
history says today. Nothing is ever lost: any version can be restored, any revision replayed.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any

import shapely
from shapely.geometry import box
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from icssn.errors import ConflictError, NotFoundError
from icssn.records import (
    Bounds,
    Edits,
    Label,
    LabelChange,
    LabelClass,
    LabelConflict,
    LabelDeletion,
    LabelStatus,
    LabelVersion,
    NewLabel,
    SavedEdits,
    now,
)
from icssn.store import rows
from icssn.store.database import Database
from icssn.store.edits import named, refuse_misfits, refuse_repeats
from icssn.store.geometry import touches_bounds
from icssn.store.history import past_versions
from icssn.store.tables import label as table
from icssn.store.tables import label_history as past
from icssn.store.tables import saves, scene

_REMOVED = "delete"
_SHARED = tuple(name for name in Label.model_fields if name in past.c)  # the same in a label and in its history


def save(db: Database, scene_id: str, edits: Edits, *, actor: str) -> SavedEdits:
    """Apply one Save whole or not at all; a repeated nonce changes nothing and gives the first answer again.

    Args:
        db: The database.
        scene_id: The scene whose labels are edited.
        edits: What to create, change and delete. Without any, nothing happens and the revision stays.
        actor: Who saves.

    Returns:
        The scene's new revision and the created and changed labels as this save left them.

    Raises:
        ConflictError: Labels were changed or deleted since the caller loaded them, or a new uid is taken; it
            carries both sides of each.
        LabelsRefusedError: A geometry does not fit its class or the globe, or a label is named twice.
        NotFoundError: There is no such scene.
    """
    with db.write() as connection:
        done = connection.scalar(
            select(saves.c.revision).where(saves.c.scene_id == scene_id, saves.c.nonce == edits.nonce)
        )
        if done is not None:
            return _saved(connection, scene_id, done)
        saved = apply(connection, scene_id, edits, actor=actor)
        if named(edits):
            connection.execute(insert(saves), {"scene_id": scene_id, "nonce": edits.nonce, "revision": saved.revision})
        return saved


def current(
    db: Database, scene_id: str, *, bounds_lonlat: Bounds | None = None, cls: LabelClass | None = None
) -> list[Label]:
    """Give a scene's labels ordered by uid, all or those of a class or those that meet (west, south, east, north)."""
    query = select(table).where(table.c.scene_id == scene_id).order_by(table.c.uid)
    if cls is not None:
        query = query.where(table.c.cls == cls.value)
    if bounds_lonlat is not None:
        query = query.where(touches_bounds(table.c.geometry_lonlat, bounds_lonlat))
    with db.read() as connection:
        labels = [rows.record_of(Label, row) for row in connection.execute(query)]
    if bounds_lonlat is None:
        return labels
    meets = shapely.intersects(box(*bounds_lonlat), [label.geometry_lonlat for label in labels])
    return [label for label, is_in in zip(labels, meets, strict=True) if is_in]


def accepted(db: Database, scene_ids: Iterable[str]) -> Counter[LabelClass]:
    """Count the accepted labels of scenes, class by class, without reading their outlines."""
    taken = table.c.scene_id.in_(list(scene_ids)) & (table.c.status == LabelStatus.accepted.value)
    with db.read() as connection:
        found = connection.execute(select(table.c.cls, func.count()).where(taken).group_by(table.c.cls)).all()
    return Counter({LabelClass(cls): count for cls, count in found})


def at_revision(db: Database, scene_id: str, revision: int) -> list[Label]:
    """Give a scene's labels as they stood after a save, ordered by uid; revision 0 is before the first.

    Raises:
        NotFoundError: The scene has not come to this revision.
    """
    latest = (
        select(func.max(past.c.seq))
        .where(past.c.scene_id == scene_id, past.c.revision <= revision)
        .group_by(past.c.uid)
    )
    query = select(past).where(past.c.seq.in_(latest), past.c.operation != _REMOVED).order_by(past.c.uid)
    with db.read() as connection:
        if not 0 <= revision <= _revision(connection, scene_id):
            raise NotFoundError("label revision", str(revision))
        return [_label_of(row) for row in connection.execute(query)]


def history(db: Database, uid: str) -> list[LabelVersion]:
    """Give all versions of a label, oldest first; empty when it never was."""
    with db.read() as connection:
        found = connection.execute(select(past).where(past.c.uid == uid).order_by(past.c.version))
        return [rows.record_of(LabelVersion, row) for row in found]


def restore(db: Database, uid: str, *, version: int, actor: str) -> Label:
    """Append a version equal to an older one; a deleted label rises again. Adds one to the scene's revision.

    Raises:
        NotFoundError: The label never had this version, or the version is its deletion.
    """
    with db.write() as connection:
        row = connection.execute(select(past).where(past.c.uid == uid, past.c.version == version)).one_or_none()
        if row is None or row.operation == _REMOVED:
            raise NotFoundError("restorable version", f"{version} of label {uid}")
        old = _label_of(row)
        newest = connection.scalar(select(func.max(past.c.version)).where(past.c.uid == uid)) or version
        risen = old.model_copy(update={"version": newest + 1})
        there = set(standing(connection, [uid]))
        return _append(connection, old.scene_id, [("restore", risen)], standing=there, actor=actor).labels[0]


def revision(db: Database, scene_id: str) -> int:
    """Give the number of saves a scene's labels have seen; 0 when none."""
    with db.read() as connection:
        return _revision(connection, scene_id)


# ---- inside a transaction -----------------------------------------------------------------------------------


def apply(connection: Connection, scene_id: str, edits: Edits, *, actor: str) -> SavedEdits:
    """Apply edits inside a writing transaction of the caller; raises as `save` does."""
    refuse_repeats(edits)
    there = standing(connection, named(edits))
    used = _last_versions(connection, [new.uid for new in edits.created])
    conflicts = [uid for uid in used if uid in there or used[uid][0] != scene_id]
    expected = {edit.uid: edit.expected_version for edit in edits.changed}
    expected |= {edit.uid: edit.expected_version for edit in edits.deleted}
    for uid, version in expected.items():
        if uid not in there or (there[uid].scene_id, there[uid].version) != (scene_id, version):
            conflicts.append(uid)
    if conflicts:
        raise ConflictError(conflicts, conflicts=_both_sides(connection, scene_id, edits, conflicts))

    steps: list[tuple[str, Label]] = []
    for new in edits.created:
        version = used.get(new.uid, (scene_id, 0))[1] + 1  # a uid that was deleted goes on where it ended
        steps.append(("create", Label(scene_id=scene_id, version=version, **dict(new))))
    for change in edits.changed:
        values = {name: value for name, value in dict(change).items() if value is not None}
        del values["expected_version"]
        steps.append(("update", there[change.uid].model_copy(update=values | {"version": change.expected_version + 1})))
    for gone in edits.deleted:
        steps.append((_REMOVED, there[gone.uid].model_copy(update={"version": gone.expected_version + 1})))
    refuse_misfits(label for operation, label in steps if operation != _REMOVED)
    if not steps:
        return SavedEdits(revision=_revision(connection, scene_id), labels=())
    return _append(connection, scene_id, steps, standing=set(there), actor=actor)


def standing(connection: Connection, uids: Iterable[str]) -> dict[str, Label]:
    """Give those of the labels that exist today, by uid."""
    found: dict[str, Label] = {}
    for batch in rows.batches(uids):
        for row in connection.execute(select(table).where(table.c.uid.in_(batch))):
            found[row.uid] = rows.record_of(Label, row)
    return found


def _both_sides(connection: Connection, scene_id: str, edits: Edits, uids: list[str]) -> list[LabelConflict]:
    """Give each of the labels as the caller wants it, as the caller knew it, and as it stands in this scene."""
    mine: dict[str, NewLabel | LabelChange | LabelDeletion] = {new.uid: new for new in edits.created}
    mine |= {change.uid: change for change in edits.changed} | {gone.uid: gone for gone in edits.deleted}
    known = {uid: getattr(mine[uid], "expected_version", 0) for uid in uids}
    newest = {uid: last for uid, (scene, last) in _last_versions(connection, uids).items() if scene == scene_id}
    there = past_versions(connection, known.items() | newest.items())
    return [
        LabelConflict(
            uid=uid,
            mine=mine[uid],
            base=there.get((uid, known[uid])) if uid in newest else None,
            theirs=there.get((uid, newest.get(uid, 0))),
        )
        for uid in uids
    ]


def _append(
    connection: Connection, scene_id: str, steps: list[tuple[str, Label]], *, standing: set[str], actor: str
) -> SavedEdits:
    """Write (operation, label as it then stands) to the table and to the history; give the new revision."""
    advance = update(scene).where(scene.c.id == scene_id).values(revision=scene.c.revision + 1)
    revision = connection.scalar(advance.returning(scene.c.revision))
    if revision is None:
        raise NotFoundError("scene", scene_id)
    moment = now()
    signed = [(operation, _signed(label, actor=actor, at=moment)) for operation, label in steps]
    written = [(operation, rows.row_of(label)) for operation, label in signed]
    kept = [values for operation, values in written if operation != _REMOVED]
    if fresh := [values for values in kept if values["uid"] not in standing]:
        connection.execute(insert(table), fresh)
    if changed := [values | {"target": values["uid"]} for values in kept if values["uid"] in standing]:
        connection.execute(update(table).where(table.c.uid == bindparam("target")), changed)
    if gone := [{"target": values["uid"]} for operation, values in written if operation == _REMOVED]:
        connection.execute(delete(table).where(table.c.uid == bindparam("target")), gone)
    connection.execute(insert(past), [_history_row(operation, values, revision) for operation, values in written])
    labels = tuple(label for operation, label in signed if operation != _REMOVED)
    return SavedEdits(revision=revision, labels=labels)


def _signed(label: Label, *, actor: str, at: dt.datetime) -> Label:
    """Give a label as it will be read back: signed, and flat, since the column is."""
    flat = shapely.force_2d(label.geometry_lonlat)
    return label.model_copy(update={"geometry_lonlat": flat, "updated_by": actor, "updated_at": at})


def _history_row(operation: str, values: dict[str, Any], revision: int) -> dict[str, Any]:
    row = {name: values[name] for name in _SHARED}
    row |= {"actor": values["updated_by"], "at": values["updated_at"], "operation": operation, "revision": revision}
    return row | {"geometry_lonlat": None} if operation == _REMOVED else row


def _saved(connection: Connection, scene_id: str, revision: int) -> SavedEdits:
    """Give the answer of an earlier save again."""
    query = select(past).where(past.c.scene_id == scene_id, past.c.revision == revision, past.c.operation != _REMOVED)
    labels = tuple(_label_of(row) for row in connection.execute(query.order_by(past.c.seq)))
    return SavedEdits(revision=revision, labels=labels)


def _label_of(row: Row[Any]) -> Label:
    values = {name: row._mapping[name] for name in _SHARED}
    return Label(updated_by=row.actor, updated_at=row.at, **values)


def _revision(connection: Connection, scene_id: str) -> int:
    return connection.scalar(select(scene.c.revision).where(scene.c.id == scene_id)) or 0


def _last_versions(connection: Connection, uids: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Give (scene, last version) of those uids that the history knows."""
    found: dict[str, tuple[str, int]] = {}
    for batch in rows.batches(uids):
        query = select(past.c.uid, past.c.scene_id, func.max(past.c.version)).where(past.c.uid.in_(batch))
        for uid, scene_id, version in connection.execute(query.group_by(past.c.uid, past.c.scene_id)):
            found[uid] = (scene_id, version)
    return found
