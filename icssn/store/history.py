"""The history of a scene's labels, save by save: who, when, what, with the shapes before and after."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from icssn.records import LabelStep, LabelVersion, SceneSave
from icssn.store import rows
from icssn.store.database import Database
from icssn.store.tables import label_history as past

_COUNTED = {"create": "created", "update": "changed", "delete": "deleted", "restore": "restored"}


def saves(db: Database, scene_id: str, *, limit: int, before: int | None = None) -> list[SceneSave]:
    """Give the newest saves of a scene, the newest first.

    Args:
        db: The database.
        scene_id: The scene.
        limit: How many at most.
        before: Leave out this revision and those after it, to read on page by page.
    """
    kinds = (past.c.revision, past.c.actor, past.c.at, past.c.operation)
    counts = select(*kinds, func.count().label("count")).group_by(*kinds).order_by(past.c.revision.desc())
    with db.read() as connection:
        newest = connection.scalar(select(func.max(past.c.revision)).where(past.c.scene_id == scene_id)) or 0
        end = newest + 1 if before is None else before
        page = (past.c.scene_id == scene_id, past.c.revision < end, past.c.revision >= end - limit)
        found: dict[int, SceneSave] = {}
        for row in connection.execute(counts.where(*page)):
            save = found.get(row.revision, SceneSave(revision=row.revision, actor=row.actor, at=row.at))
            found[row.revision] = save.model_copy(update={_COUNTED[row.operation]: row._mapping["count"]})
    return list(found.values())


def steps(db: Database, scene_id: str, revision: int) -> list[LabelStep]:
    """Give each label that a save touched, before and after, in the order of writing; none for an unknown save."""
    query = select(past).where(past.c.scene_id == scene_id, past.c.revision == revision).order_by(past.c.seq)
    with db.read() as connection:
        after = [rows.record_of(LabelVersion, row) for row in connection.execute(query)]
        before = past_versions(connection, {(version.uid, version.version - 1) for version in after})
    return [LabelStep(before=before.get((version.uid, version.version - 1)), after=version) for version in after]


def deletions(db: Database, scene_id: str, *, limit: int) -> list[LabelStep]:
    """Give the labels of a scene that are deleted now, each as it was before and its deletion; the newest first."""
    newer = past.alias()
    later = select(newer.c.seq).where(newer.c.uid == past.c.uid, newer.c.version > past.c.version).exists()
    query = select(past).where(past.c.scene_id == scene_id, past.c.operation == "delete", ~later)
    with db.read() as connection:
        found = connection.execute(query.order_by(past.c.seq.desc()).limit(limit))
        gone = [rows.record_of(LabelVersion, row) for row in found]
        before = past_versions(connection, {(version.uid, version.version - 1) for version in gone})
    return [LabelStep(before=before.get((version.uid, version.version - 1)), after=version) for version in gone]


def past_versions(connection: Connection, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], LabelVersion]:
    """Give those of the wanted (uid, version) that the history knows."""
    found: dict[tuple[str, int], LabelVersion] = {}
    for batch in rows.batches({uid for uid, _ in wanted}):
        numbers = {version for uid, version in wanted}
        query = select(past).where(past.c.uid.in_(batch), past.c.version.in_(numbers))
        for row in connection.execute(query):
            if (row.uid, row.version) in wanted:
                found[row.uid, row.version] = rows.record_of(LabelVersion, row)
    return found
