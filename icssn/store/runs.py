"""Runs and their rounds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select

from icssn.records import Checkpoint, Job, Round, Run
from icssn.store import checkpoints, jobs, rows
from icssn.store.database import Database
from icssn.store.tables import checkpoint as checkpoint_table
from icssn.store.tables import round_ as round_table
from icssn.store.tables import run as table


def add(db: Database, run: Run) -> Run:
    """Add a run.

    Raises:
        DuplicateError: Its id is taken.
    """
    with db.write() as connection:
        rows.add(connection, table, run, name=run.id)
    return run


def start(db: Database, run: Run, job: Job) -> Run:
    """Add a run together with the job that will do it, unless a job of that kind is queued or running.

    Raises:
        BusyError: There is one; nothing was added.
    """
    with db.write() as connection:
        jobs.add_if_idle(connection, job)
        rows.add(connection, table, run, name=run.id)
    return run


def get(db: Database, run_id: str) -> Run:
    """Give the run with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, table, Run, run_id)


def every(db: Database) -> list[Run]:
    """Give all runs, newest first."""
    with db.read() as connection:
        return rows.every(connection, table, Run, newest_first=True)


def update(db: Database, run_id: str, **changes: Any) -> Run:
    """Set fields of a run and give it as it now stands.

    Raises:
        NotFoundError: There is none with this id.
    """
    with db.write() as connection:
        return rows.change(connection, table, Run, run_id, changes)


def publish(db: Database, run_id: str, checkpoint: Checkpoint, *, ticket: Job, **changes: Any) -> Run:
    """Enter the checkpoint of a finished run, make it the active one and close the run, all in one step.

    Args:
        db: The database.
        run_id: The run.
        checkpoint: What it offers; its files are whole already.
        ticket: The job that trained it, as its worker claimed it.
        changes: Further fields of the run.

    Raises:
        LostJobError: Another worker has the job by now; nothing was changed.
        NotFoundError: There is no such run.
    """
    with db.write() as connection:
        jobs.require_held(connection, ticket)
        if not rows.every(connection, checkpoint_table, Checkpoint, checkpoint_table.c.id == checkpoint.id):
            rows.add(connection, checkpoint_table, checkpoint, name=checkpoint.id)
        checkpoints.put_in_use(connection, checkpoint.id)
        return rows.change(connection, table, Run, run_id, {"checkpoint_id": checkpoint.id, **changes})


def add_round(db: Database, round_: Round) -> None:
    """Add a round to its run; a round that a resumed run repeats replaces the first report of it.

    Raises:
        NotFoundError: There is no such run.
    """
    same = (round_table.c.run_id == round_.run_id, round_table.c.number == round_.number)
    with db.write() as connection:
        rows.get(connection, table, Run, round_.run_id)
        connection.execute(delete(round_table).where(*same))
        connection.execute(insert(round_table), rows.row_of(round_))


def rounds(db: Database, run_id: str) -> list[Round]:
    """Give the rounds of a run in order."""
    query = select(round_table).where(round_table.c.run_id == run_id).order_by(round_table.c.number)
    with db.read() as connection:
        return [rows.record_of(Round, row) for row in connection.execute(query)]
