"""Who has which candidates: rows that are only added to, of which the last one counts."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, insert, select

from icssn.records import Assignment
from icssn.store import predictions, rows
from icssn.store.database import Database
from icssn.store.tables import assignment as table
from icssn.store.tables import candidate, label_history, seat, second_reading


def give(db: Database, scene_id: str, candidate_ids: list[str], *, person: str, by: str) -> int:
    """Give candidates to somebody, or to nobody again (an empty name); gives how many changed hands.

    Raises:
        NotFoundError: A candidate is not one of this scene's; nothing was changed.
    """
    wanted = list(dict.fromkeys(candidate_ids))
    with db.write() as connection:
        predictions.candidates_of(connection, scene_id, wanted)
        now_with: dict[str, str] = {}
        for batch in rows.batches(wanted):
            now_with |= _last(connection, table.c.candidate_id.in_(batch))
        changed = [candidate_id for candidate_id in wanted if now_with.get(candidate_id, "") != person]
        given = [Assignment(candidate_id=one, scene_id=scene_id, person=person, given_by=by) for one in changed]
        if given:
            connection.execute(insert(table), [rows.row_of(item) for item in given])
    return len(changed)


def standing(db: Database, prediction_id: str) -> dict[str, str]:
    """Give who has the candidates of a prediction, by candidate; nobody's are left out."""
    of_prediction = select(candidate.c.id).where(candidate.c.prediction_id == prediction_id)
    with db.read() as connection:
        found = _last(connection, table.c.candidate_id.in_(of_prediction))
    return {candidate_id: person for candidate_id, person in found.items() if person}


def people(db: Database) -> list[str]:
    """Give the names of all who ever changed a label, decided, were given something or sat at a scene, sorted."""
    columns = (label_history.c.actor, candidate.c.decided_by, table.c.person, second_reading.c.reader, seat.c.person)
    with db.read() as connection:
        found = {name for column in columns for name in connection.scalars(select(column).distinct())}
    return sorted(found - {""})


def _last(connection: Connection, condition: ColumnElement[bool]) -> dict[str, str]:
    """Give the person of the last row of each candidate."""
    newest = select(func.max(table.c.seq)).where(condition).group_by(table.c.candidate_id)
    query = select(table.c.candidate_id, table.c.person).where(table.c.seq.in_(newest))
    return {row.candidate_id: row.person for row in connection.execute(query)}
