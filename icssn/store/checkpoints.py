"""The register of checkpoints; at most one of them is active."""

from __future__ import annotations

from sqlalchemy import Connection, update

from icssn.records import Checkpoint, CheckpointState
from icssn.store import rows
from icssn.store.database import Database
from icssn.store.tables import checkpoint as table


def add(db: Database, checkpoint: Checkpoint) -> Checkpoint:
    """Add a checkpoint, after its files are whole.

    Raises:
        DuplicateError: Its id is taken.
    """
    with db.write() as connection:
        rows.add(connection, table, checkpoint, name=checkpoint.id)
    return checkpoint


def get(db: Database, checkpoint_id: str) -> Checkpoint:
    """Give the checkpoint with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, table, Checkpoint, checkpoint_id)


def every(db: Database) -> list[Checkpoint]:
    """Give all checkpoints, newest first."""
    with db.read() as connection:
        return rows.every(connection, table, Checkpoint, newest_first=True)


def active(db: Database) -> Checkpoint | None:
    """Give the checkpoint in use; None before the first promotion."""
    with db.read() as connection:
        return next(
            iter(rows.every(connection, table, Checkpoint, table.c.state == CheckpointState.active.value)), None
        )


def promote(db: Database, checkpoint_id: str) -> Checkpoint:
    """Make a checkpoint the active one and retire the one before it, in one step.

    Raises:
        NotFoundError: There is none with this id; the active one stays.
    """
    with db.write() as connection:
        return put_in_use(connection, checkpoint_id)


def put_in_use(connection: Connection, checkpoint_id: str) -> Checkpoint:
    """Promote within a writing transaction; raises as `promote`."""
    active_ones = update(table).where(table.c.state == CheckpointState.active.value)
    connection.execute(active_ones.values(state=CheckpointState.retired.value))
    return rows.change(connection, table, Checkpoint, checkpoint_id, {"state": CheckpointState.active})
