"""Second readings: a share of what was decided is put before another mapper, blind; then the two are compared."""

from __future__ import annotations

from collections.abc import Iterable

from icssn.actions.assigning import sound_name
from icssn.actions.permission import require
from icssn.errors import ConfigError, ReadingRefusedError
from icssn.metrics.agreement import agreement
from icssn.records import (
    CandidateStatus,
    Decision,
    Disagreement,
    ReadingOutcome,
    Role,
    SecondReading,
    SecondWord,
    new_id,
)
from icssn.review import second
from icssn.store import predictions, readings
from icssn.store.workspace import Workspace


def draw_second_reading(
    ws: Workspace, prediction_id: str, *, reader: str, share: float = 0.1, seed: int = 0, reading_id: str = ""
) -> SecondReading:
    """Draw a share of the decided candidates of a prediction for a reader who decided none of them.

    Args:
        ws: Where.
        prediction_id: Of which.
        reader: Who shall read; nothing of the first decisions is shown to them until all is read.
        share: Of the decided candidates that others decided, in (0, 1]; at least one is drawn.
        seed: Of the draw.
        reading_id: A name for it, so that one and the same wish draws once; chosen if empty.

    Raises:
        NotFoundError: There is no such prediction.
        ReadingRefusedError: Nothing is left that others have decided.
        ConfigError: The share or the name cannot be.
    """
    require(ws, Role.reviewer, "draw a second reading")
    name = sound_name(reader)
    if not 0 < share <= 1:
        raise ConfigError("share", share, "above 0 and at most 1")
    prediction = predictions.get(ws.db, prediction_id)
    before = readings.of_prediction(ws.db, prediction_id)
    if same := next((reading for reading in before if reading.id == reading_id), None):
        return same
    already = {item.candidate_id for reading in before if reading.reader == name for item in reading.items}
    words = second.readable(predictions.candidates(ws.db, prediction_id), reader=name, already=already)
    if not words:
        raise ReadingRefusedError(
            f"nothing is left that others than {name} have decided",
            "Decide candidates first, or choose another reader.",
        )
    reading = SecondReading(
        id=reading_id or new_id(),
        scene_id=prediction.scene_id,
        prediction_id=prediction_id,
        reader=name,
        share=share,
        seed=seed,
        items=tuple(second.drawn(words, share=share, seed=seed)),
        drawn_by=ws.actor.name,
    )
    return readings.add(ws.db, reading)


def reading_to_do(ws: Workspace, prediction_id: str) -> SecondReading | None:
    """Give the oldest second reading of a prediction that waits for the actor, None where there is none."""
    return next((reading for reading in readings.of_prediction(ws.db, prediction_id) if _waits(ws, reading)), None)


def kept_from(ws: Workspace, scene_id: str) -> frozenset[str]:
    """Give the candidates of a scene of which the actor may not see yet what was decided, by id.

    They are those of every second reading that waits for the actor. A label that was made of a candidate has its id.
    """
    waiting = (reading for reading in readings.of_scene(ws.db, scene_id) if _waits(ws, reading))
    return frozenset(word.candidate_id for reading in waiting for word in reading.items)


def _waits(ws: Workspace, reading: SecondReading) -> bool:
    return reading.reader == ws.actor.name and len(readings.words(ws.db, reading.id)) < len(reading.items)


def words_so_far(ws: Workspace, reading_id: str) -> dict[str, SecondWord]:
    """Give what a second reader says so far, by candidate id."""
    return readings.words(ws.db, reading_id)


def read_again(ws: Workspace, reading_id: str, decisions: Iterable[Decision]) -> None:
    """Write down a second reader's decisions; labels stay as the first decision made them.

    Until all is read a word may be changed or taken back (status open).

    Raises:
        NotFoundError: There is no such reading.
        ReadingRefusedError: It is somebody else's, or all of it is read; nothing was written.
    """
    require(ws, Role.annotator, "read candidates again")
    said = [
        SecondWord(
            reading_id=reading_id,
            candidate_id=decision.candidate_id,
            status=decision.status if decision.status in second.DECIDED else CandidateStatus.open,
            look_alike=decision.look_alike,
        )
        for decision in decisions
    ]
    readings.say(ws.db, reading_id, said, reader=ws.actor.name)


def reading_outcomes(ws: Workspace, prediction_id: str) -> list[ReadingOutcome]:
    """Say how the second readings of a prediction stand, newest first; figures come when all of one is read."""
    return [_outcome(ws, reading) for reading in reversed(readings.of_prediction(ws.db, prediction_id))]


def _outcome(ws: Workspace, reading: SecondReading) -> ReadingOutcome:
    words = readings.words(ws.db, reading.id)
    left = len(reading.items) - len(words)
    if left:
        return ReadingOutcome(reading=reading, left=left)
    both = [(item.candidate_id, item.status, words[item.candidate_id].status) for item in reading.items]
    return ReadingOutcome(
        reading=reading,
        left=0,
        agreement=agreement([(first, again) for _, first, again in both]),
        disagreements=tuple(
            Disagreement(candidate_id=one, first=first, second=again) for one, first, again in both if first != again
        ),
    )
