"""What other processes do to the database while the tests watch."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from icssn.errors import ConflictError
from icssn.records import Edits, LabelChange, NewLabel
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


def counts(url: str, scene_id: str, uids: list[str], *, times: int, answers: Connection) -> None:
    """Add one to a counter on each of the labels so many times, loading anew after each conflict."""
    db = open_database(url)
    conflicts = 0
    for step in range(times):
        uid = uids[step % len(uids)]
        while True:
            label = next(label for label in labels.current(db, scene_id) if label.uid == uid)
            change = LabelChange(
                uid=uid, expected_version=label.version, attributes={"count": label.attributes["count"] + 1}
            )
            try:
                labels.save(db, scene_id, Edits(changed=(change,)), actor="ann")
                break
            except ConflictError:
                conflicts += 1
    answers.send(conflicts)
    db.close()


def draws_for_ever(url: str, scene_id: str, answers: Connection) -> None:
    """Save three labels at a time and name them once saved, until killed."""
    db = open_database(url)
    while True:
        edits = Edits(created=tuple(NewLabel(geometry_lonlat=square(column)) for column in range(3)))
        saved = labels.save(db, scene_id, edits, actor="ann")
        answers.send((saved.revision, [label.uid for label in saved.labels]))


def wait_until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock, which all processes of a machine share."""
    time.sleep(max(0.0, moment - time.monotonic()))
