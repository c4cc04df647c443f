"""Second readings: the reader's alone, open to a change of mind until all is read, never rewritten."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from icssn.errors import NotFoundError, ReadingRefusedError
from icssn.records import CandidateStatus, FirstWord, Scene, SecondReading, SecondWord
from icssn.store import predictions, readings
from icssn.store.database import Database
from icssn.store.tables import second_word
from tests.store.samples import a_candidate, a_prediction

OPEN, UNSURE = CandidateStatus.open, CandidateStatus.unsure
ACCEPTED, REJECTED = CandidateStatus.accepted, CandidateStatus.rejected


@pytest.fixture
def reading(db: Database, scene: Scene) -> SecondReading:
    """Two candidates that Li decided, for Wang to read."""
    prediction = a_prediction(scene.id)
    items = [a_candidate(prediction) for _ in range(3)]
    predictions.add(db, prediction, items)
    words = tuple(FirstWord(candidate_id=item.id, person="Li", status=ACCEPTED) for item in items[:2])
    shared = {"scene_id": scene.id, "prediction_id": prediction.id, "share": 0.5, "seed": 3}
    return readings.add(db, SecondReading(reader="Wang", items=words, drawn_by="Li", **shared))


def word(reading: SecondReading, place: int, status: CandidateStatus, look_alike: str = "") -> SecondWord:
    whose = {"reading_id": reading.id, "candidate_id": reading.items[place].candidate_id}
    return SecondWord(status=status, look_alike=look_alike, **whose)


def standing(db: Database, reading: SecondReading) -> dict[str, CandidateStatus]:
    return {key: said.status for key, said in readings.words(db, reading.id).items()}


def test_a_reading_survives_the_tables(db: Database, reading: SecondReading) -> None:
    assert readings.get(db, reading.id) == reading
    assert readings.of_prediction(db, reading.prediction_id) == [reading]
    assert readings.of_prediction(db, "x") == []
    with pytest.raises(NotFoundError):
        readings.get(db, "x")


def test_a_reading_of_strangers_is_not_added(db: Database, reading: SecondReading) -> None:
    strange = reading.model_copy(
        update={"id": "r", "items": (FirstWord(candidate_id="x", person="", status=ACCEPTED),)}
    )
    with pytest.raises(NotFoundError, match="no candidate 'x'"):
        readings.add(db, strange)
    assert readings.of_prediction(db, reading.prediction_id) == [reading]


def test_the_last_word_counts_until_all_is_read(db: Database, reading: SecondReading) -> None:
    first, second = (item.candidate_id for item in reading.items)
    readings.say(db, reading.id, [word(reading, 0, ACCEPTED)], reader="Wang")
    readings.say(db, reading.id, [word(reading, 0, REJECTED, "terrace")], reader="Wang")
    readings.say(db, reading.id, [word(reading, 0, REJECTED, "terrace")], reader="Wang")  # sent twice
    assert standing(db, reading) == {first: REJECTED}
    readings.say(db, reading.id, [word(reading, 0, OPEN)], reader="Wang")
    assert standing(db, reading) == {}
    readings.say(db, reading.id, [word(reading, 0, ACCEPTED), word(reading, 1, UNSURE)], reader="Wang")
    assert standing(db, reading) == {first: ACCEPTED, second: UNSURE}
    readings.say(db, reading.id, [word(reading, 0, ACCEPTED)], reader="Wang")  # an echo of what stands
    with pytest.raises(ReadingRefusedError, match="all of it is read"):
        readings.say(db, reading.id, [word(reading, 0, REJECTED)], reader="Wang")
    with db.read() as connection:
        assert connection.scalar(select(func.count()).select_from(second_word)) == 5


def test_only_its_reader_speaks_and_only_of_what_was_drawn(db: Database, reading: SecondReading) -> None:
    with pytest.raises(ReadingRefusedError, match="it is Wang's"):
        readings.say(db, reading.id, [word(reading, 0, ACCEPTED)], reader="Li")
    other = SecondWord(reading_id=reading.id, candidate_id="x", status=ACCEPTED)
    with pytest.raises(ReadingRefusedError, match="'x' was not drawn"):
        readings.say(db, reading.id, [word(reading, 0, ACCEPTED), other], reader="Wang")
    with pytest.raises(NotFoundError):
        readings.say(db, "x", [], reader="Wang")
    assert standing(db, reading) == {}


@pytest.mark.parametrize("table", ["second_reading", "second_word"])
def test_readings_cannot_be_changed_or_deleted(db: Database, reading: SecondReading, table: str) -> None:
    readings.say(db, reading.id, [word(reading, 0, ACCEPTED)], reader="Wang")
    for statement in (f"UPDATE {table} SET seq = seq + 1", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"), db.write() as connection:
            connection.execute(text(statement))
