"""Second readings: what was drawn, with the first decisions frozen, and what the reader says; only ever added to."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert

from icssn.errors import ReadingRefusedError
from icssn.records import CandidateStatus, Prediction, SecondReading, SecondWord
from icssn.store import predictions, rows
from icssn.store.database import Database
from icssn.store.tables import prediction, second_word
from icssn.store.tables import second_reading as table


def add(db: Database, reading: SecondReading) -> SecondReading:
    """Add what was drawn.

    Raises:
        NotFoundError: There is no such prediction, or a candidate is not one of its scene's.
    """
    with db.write() as connection:
        rows.get(connection, prediction, Prediction, reading.prediction_id)
        predictions.candidates_of(connection, reading.scene_id, [item.candidate_id for item in reading.items])
        rows.add(connection, table, reading, name=reading.id)
    return reading


def get(db: Database, reading_id: str) -> SecondReading:
    """Give the second reading with an id.

    Raises:
        NotFoundError: There is none.
    """
    with db.read() as connection:
        return rows.get(connection, table, SecondReading, reading_id)


def of_prediction(db: Database, prediction_id: str) -> list[SecondReading]:
    """Give the second readings of a prediction, oldest first."""
    with db.read() as connection:
        return rows.every(connection, table, SecondReading, table.c.prediction_id == prediction_id)


def of_scene(db: Database, scene_id: str) -> list[SecondReading]:
    """Give the second readings of all predictions of a scene, oldest first."""
    with db.read() as connection:
        return rows.every(connection, table, SecondReading, table.c.scene_id == scene_id)


def words(db: Database, reading_id: str) -> dict[str, SecondWord]:
    """Give what the reader says so far, by candidate; what was taken back is left out."""
    with db.read() as connection:
        return _words(connection, reading_id)


def say(db: Database, reading_id: str, said: Iterable[SecondWord], *, reader: str) -> None:
    """Add words of the reader; a word that stands already is not written again.

    Raises:
        NotFoundError: There is no such reading.
        ReadingRefusedError: It is somebody else's, all of it is read, or a candidate was not drawn for it; nothing was
            written.
    """
    with db.write() as connection:
        reading = rows.get(connection, table, SecondReading, reading_id)
        if reader != reading.reader:
            raise ReadingRefusedError(f"it is {reading.reader}'s", "Choose another, or draw one for yourself.")
        known, there = {item.candidate_id for item in reading.items}, _words(connection, reading_id)
        new = [word for word in said if _differs(word, there.get(word.candidate_id))]
        if new and len(there) == len(known):
            raise ReadingRefusedError("all of it is read, and the first decisions were shown", "What was said stands.")
        for word in new:
            if word.candidate_id not in known:
                raise ReadingRefusedError(f"candidate '{word.candidate_id}' was not drawn for it", "Reload the page.")
        if new:
            connection.execute(insert(second_word), [rows.row_of(word) for word in new])


def _differs(word: SecondWord, there: SecondWord | None) -> bool:
    if there is None:
        return word.status is not CandidateStatus.open
    return (word.status, word.look_alike) != (there.status, there.look_alike)


def _words(connection: Connection, reading_id: str) -> dict[str, SecondWord]:
    found = rows.every(connection, second_word, SecondWord, second_word.c.reading_id == reading_id)
    last = {word.candidate_id: word for word in found}
    return {key: word for key, word in last.items() if word.status is not CandidateStatus.open}
