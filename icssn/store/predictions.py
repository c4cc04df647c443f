"""Predictions, their candidates, and what geologists decide about them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, func, select

from icssn.errors import NotFoundError
from icssn.records import (
    Candidate,
    CandidateStatus,
    Decision,
    Edits,
    Job,
    Label,
    LabelChange,
    LabelClass,
    LabelDeletion,
    LabelSource,
    LabelStatus,
    NewLabel,
    Prediction,
    SavedEdits,
    Scene,
    now,
)
from icssn.store import jobs, labels, rows
from icssn.store.database import Database
from icssn.store.tables import candidate as candidate_table
from icssn.store.tables import prediction as table
from icssn.store.tables import scene

_LOOK_ALIKE = "look_alike"


def add(db: Database, prediction: Prediction, candidates: list[Candidate], *, ticket: Job | None = None) -> Prediction:
    """Add a prediction with its candidates, after its files are whole.

    Args:
        db: The database.
        prediction: What to add.
        candidates: Its objects.
        ticket: The job that made it, as its worker claimed it.

    Raises:
        LostJobError: Another worker has the job by now; nothing was added.
        NotFoundError: There is no such scene.
        DuplicateError: An id is taken; nothing was added.
    """
    with db.write() as connection:
        if ticket is not None:
            jobs.require_held(connection, ticket)
        rows.get(connection, scene, Scene, prediction.scene_id)
        rows.add(connection, table, prediction, name=prediction.id)
        for item in candidates:
            rows.add(connection, candidate_table, item, name=item.id)
    return prediction


def get(db: Database, prediction_id: str) -> Prediction:
    """Give the prediction with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, table, Prediction, prediction_id)


def of_scene(db: Database, scene_id: str) -> list[Prediction]:
    """Give a scene's predictions, newest first."""
    with db.read() as connection:
        return rows.every(connection, table, Prediction, table.c.scene_id == scene_id, newest_first=True)


def latest(db: Database, scene_id: str, *, checkpoint_id: str | None = None) -> Prediction | None:
    """Give the newest prediction of a whole scene, by whichever checkpoint or by one; None when there is none."""
    conditions = [table.c.scene_id == scene_id, table.c.bounds_lonlat.is_(None)]
    if checkpoint_id is not None:
        conditions.append(table.c.checkpoint_id == checkpoint_id)
    with db.read() as connection:
        found = rows.every(connection, table, Prediction, *conditions, newest_first=True, limit=1)
    return next(iter(found), None)


def candidates(db: Database, prediction_id: str) -> list[Candidate]:
    """Give a prediction's candidates, the highest score first."""
    query = select(candidate_table).where(candidate_table.c.prediction_id == prediction_id)
    ordered = query.order_by(candidate_table.c.score.desc(), candidate_table.c.seq)
    with db.read() as connection:
        return [rows.record_of(Candidate, row) for row in connection.execute(ordered)]


def statuses(db: Database, prediction_id: str) -> Counter[CandidateStatus]:
    """Count a prediction's candidates by status; reads none of their outlines."""
    query = select(candidate_table.c.status, func.count()).where(candidate_table.c.prediction_id == prediction_id)
    with db.read() as connection:
        found = connection.execute(query.group_by(candidate_table.c.status)).all()
    return Counter({CandidateStatus(status): count for status, count in found})


def candidate(db: Database, candidate_id: str) -> Candidate:
    """Give the candidate with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, candidate_table, Candidate, candidate_id)


def decide(db: Database, scene_id: str, decisions: list[Decision], *, actor: str) -> SavedEdits:
    """Write down decisions and bring the labels in line with them, in one step.

    Accepted: a landslide label. Rejected: a hard negative whose attribute says what it is, if that was said. Anything
    else: no label. A candidate's label carries the candidate's id as uid, so a change of mind changes, removes or
    brings back that same label, and a repeated decision changes nothing. Of two decisions about a candidate the last
    counts.

    Returns:
        The scene's revision (one more if any label changed) and the candidates' labels as they now stand.

    Raises:
        NotFoundError: A candidate is not one of this scene's; nothing was changed.
        LabelsRefusedError: An edited outline is no polygon on the globe; nothing was changed.
    """
    last = {decision.candidate_id: decision for decision in decisions}
    with db.write() as connection:
        known = candidates_of(connection, scene_id, list(last))
        there = labels.standing(connection, last)
        edits = Edits()
        for candidate_id, decision in last.items():
            edits = _plus(edits, _consequence(known[candidate_id], decision, there.get(candidate_id)))
        revision = labels.apply(connection, scene_id, edits, actor=actor).revision
        for candidate_id, decision in last.items():
            _note(connection, known[candidate_id], decision, actor=actor)
        return SavedEdits(revision=revision, labels=tuple(labels.standing(connection, last).values()))


def _consequence(candidate: Candidate, decision: Decision, label: Label | None) -> Edits:
    """Give what a decision changes about a candidate's label, which may be nothing."""
    if decision.status not in (CandidateStatus.accepted, CandidateStatus.rejected):
        return Edits(deleted=() if label is None else (LabelDeletion(uid=label.uid, expected_version=label.version),))
    wanted: dict[str, Any] = {
        "geometry_lonlat": decision.geometry_lonlat or (label or candidate).geometry_lonlat,
        "cls": LabelClass.landslide,
        "status": LabelStatus.accepted,
        "attributes": {key: value for key, value in (label.attributes if label else {}).items() if key != _LOOK_ALIKE},
    }
    if decision.status is CandidateStatus.rejected:
        wanted["cls"] = LabelClass.hard_negative
        wanted["attributes"] |= {_LOOK_ALIKE: decision.look_alike} if decision.look_alike else {}
    if label is None:
        return Edits(created=(NewLabel(uid=candidate.id, source=LabelSource.predicted, **wanted),))
    if all(getattr(label, name) == value for name, value in wanted.items()):
        return Edits()
    return Edits(changed=(LabelChange(uid=label.uid, expected_version=label.version, **wanted),))


def _plus(first: Edits, second: Edits) -> Edits:
    return Edits(
        created=first.created + second.created,
        changed=first.changed + second.changed,
        deleted=first.deleted + second.deleted,
    )


def _note(connection: Connection, candidate: Candidate, decision: Decision, *, actor: str) -> None:
    """Write a decision on its candidate's row; who first decided so stays there."""
    labelled = decision.status in (CandidateStatus.accepted, CandidateStatus.rejected)
    values: dict[str, Any] = {
        "status": decision.status,
        "look_alike": decision.look_alike,
        "label_uid": candidate.id if labelled else "",
    }
    if any(getattr(candidate, name) != value for name, value in values.items()):
        values |= {"decided_by": actor, "decided_at": now()}
        rows.change(connection, candidate_table, Candidate, candidate.id, values)


def candidates_of(connection: Connection, scene_id: str, ids: list[str]) -> dict[str, Candidate]:
    """Give the candidates of a scene with these ids, by id.

    Raises:
        NotFoundError: One is not of this scene.
    """
    found: dict[str, Candidate] = {}
    for batch in rows.batches(ids):
        query = select(candidate_table).where(candidate_table.c.id.in_(batch), candidate_table.c.scene_id == scene_id)
        for row in connection.execute(query):
            found[row.id] = rows.record_of(Candidate, row)
    for candidate_id in ids:
        if candidate_id not in found:
            raise NotFoundError("candidate", candidate_id)
    return found
