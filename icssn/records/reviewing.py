"""Predictions, the candidates they propose, and what people decide about them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from pydantic import Field

from icssn.records.form import Bounds, Geometry, Id, Record, new_id, now


class Prediction(Record):
    """One checkpoint applied to one scene; paths relative to the workspace."""

    id: Id = Field(default_factory=new_id)
    scene_id: Id
    checkpoint_id: Id
    probability: str  # uint8 COG on the scene's grid: value / 254 is the probability, 255 is nodata
    mask: str  # uint8 COG: 0 background, 1 landslide, 255 nodata
    uncertainty: str | None = None  # uint8 COG: value / 254 is the spread over eight views; in high quality only
    computed_by: str = ""  # library, processor and arithmetic
    threshold: float
    seconds: float = 0.0
    candidate_count: int = 0
    bounds_lonlat: Bounds | None = None  # of the part of the scene that was looked at; None: all of it
    created_at: dt.datetime = Field(default_factory=now)


class Dispute(Record):
    """A label, or ground without one, that models which never saw it judge otherwise; found by cross-validation."""

    uid: str = ""  # of the label; empty for ground where the models see a landslide and none is labelled
    version: int = 0  # of the label when it was judged
    geometry_lonlat: Geometry
    probability: float  # mean of the models' inside
    found: float  # share of the outline that they take for a landslide


class CandidateStatus(StrEnum):
    open = "open"
    accepted = "accepted"
    rejected = "rejected"
    unsure = "unsure"
    known = "known"  # overlaps a landslide that was already labelled


class Candidate(Record):
    """An object that a model proposes; a landslide only after acceptance."""

    id: Id
    prediction_id: Id
    scene_id: Id
    geometry_lonlat: Geometry
    score: float  # object score: classifier and mask together, in [0, 1]
    mask_score: float  # mean probability inside
    classifier_score: float  # classifier's probability inside the outline
    area_m2: float
    status: CandidateStatus = CandidateStatus.open
    look_alike: str = ""  # what the rejected is instead: terrace, quarry …; empty: not said
    label_uid: str = ""  # the label that acceptance or rejection made
    decided_by: str = ""
    decided_at: dt.datetime | None = None


class Decision(Record):
    """A geologist's word on one candidate."""

    candidate_id: Id
    status: CandidateStatus
    look_alike: str = ""
    geometry_lonlat: Geometry | None = None  # accept with edit
