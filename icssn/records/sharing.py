"""Review shared between people: who has which candidates, and what a second reader says without knowing the first."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from icssn.records.form import Id, Record, new_id, now
from icssn.records.reviewing import CandidateStatus


class Assignment(Record):
    """One candidate given to somebody; the last one of a candidate counts."""

    candidate_id: Id
    scene_id: Id
    person: str  # empty: nobody's again
    given_by: str
    at: dt.datetime = Field(default_factory=now)


class FirstWord(Record):
    """What stood decided about a candidate when it was drawn for a second reading."""

    candidate_id: Id
    person: str
    status: CandidateStatus  # accepted, rejected or unsure


class SecondReading(Record):
    """A share of the decided candidates that is put before another mapper, who is not shown the first decision."""

    id: Id = Field(default_factory=new_id)
    scene_id: Id
    prediction_id: Id
    reader: str
    share: float = Field(gt=0, le=1)  # of the decided candidates that somebody else decided
    seed: int
    items: tuple[FirstWord, ...]
    drawn_by: str
    at: dt.datetime = Field(default_factory=now)


class SecondWord(Record):
    """What the second reader says of one candidate; until all are read the last one of a candidate counts."""

    reading_id: Id
    candidate_id: Id
    status: CandidateStatus  # open: taken back
    look_alike: str = ""
    at: dt.datetime = Field(default_factory=now)


class Agreement(Record):
    """How far two readers agree; intervals of 95 %."""

    count: int
    agreed: int
    share: float  # agreed / count
    share_low: float
    share_high: float
    kappa: float | None  # Cohen's; None where chance alone would agree always
    kappa_low: float | None
    kappa_high: float | None


class Disagreement(Record):
    """A candidate that two readers decided differently."""

    candidate_id: Id
    first: CandidateStatus
    second: CandidateStatus


class ReadingOutcome(Record):
    """How a second reading stands: figures only when all of it is read."""

    reading: SecondReading
    left: int
    agreement: Agreement | None = None
    disagreements: tuple[Disagreement, ...] = ()
