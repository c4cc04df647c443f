"""What other processes do to the database while the tests watch."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from icssn.errors import ConflictError
from icssn.records import Edits, Label, LabelChange, LabelDeletion, NewLabel
from icssn.store import jobs, labels, schema
from icssn.store.database import open_database
from tests.store.samples import square


def opens(url: str, start: float, answers: Connection) -> None:
    """Open the same fresh database as others, at the same moment."""
    wait_until(start)
    db = open_database(url)
    with db.read() as connection:
        answers.send(schema.version(connection))
    db.close()


def claims(url: str, worker: str, answers: Connection) -> None:
    """Claim jobs until the queue is empty and tell which."""
    db = open_database(url)
    claimed = []
    while job := jobs.claim(db, worker=worker):
        claimed.append(job.id)
    answers.send(claimed)
    db.close()


def counts(url: str, scene_id: str, uids: list[str], *, times: int, start: float, answers: Connection) -> None:
    """Add one to a counter on each of the labels so many times, loading anew after each conflict.

    Answers with the count of conflicts and with the seconds that each acknowledged save took.
    """
    db = open_database(url)
    wait_until(start)
    conflicts, seconds = 0, []
    for step in range(times):
        uid = uids[step % len(uids)]
        while True:
            label = labels.history(db, uid)[-1]
            change = LabelChange(
                uid=uid, expected_version=label.version, attributes={"count": label.attributes["count"] + 1}
            )
            begun = time.monotonic()
            try:
                labels.save(db, scene_id, Edits(changed=(change,)), actor="ann")
            except ConflictError:
                conflicts += 1
            else:
                seconds.append(time.monotonic() - begun)
                break
    answers.send((conflicts, seconds))
    db.close()


def edits_for_ever(url: str, scene_id: str, answers: Connection) -> None:
    """Create three labels, change and delete one of the last three, and name them all once saved, until killed."""
    db = open_database(url)
    last: list[Label] = []
    while True:
        edits = Edits(
            created=tuple(NewLabel(geometry_lonlat=square(column)) for column in range(3)),
            changed=tuple(
                LabelChange(uid=label.uid, expected_version=1, geometry_lonlat=square(9)) for label in last[:1]
            ),
            deleted=tuple(LabelDeletion(uid=label.uid, expected_version=1) for label in last[1:2]),
        )
        saved = labels.save(db, scene_id, edits, actor="ann")
        touched = {(new.uid, 1, "create") for new in edits.created}
        touched |= {(change.uid, 2, "update") for change in edits.changed}
        touched |= {(gone.uid, 2, "delete") for gone in edits.deleted}
        answers.send((saved.revision, touched))
        last = [label for label in saved.labels if label.version == 1]


def wait_until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock, which all processes of a machine share."""
    time.sleep(max(0.0, moment - time.monotonic()))
