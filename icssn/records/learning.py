"""Learning: chips, runs, rounds and the checkpoints they end with."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from pydantic import Field

from icssn.records.form import Id, Record, new_id, now


class Chip(Record):
    """A square cut from a scene, with its mask; row `index` of the chip arrays."""

    index: int
    scene_id: Id
    col: int
    row: int
    size_px: int
    split: str  # "train" | "validation"
    kind: str  # "landslide" | "landslide_point" | "background" | "hard_negative" | "unknown"
    label_uid: str = ""  # the label it was centred on, if any
    landslide_fraction: float  # of the chip's known pixels
    known_fraction: float  # pixels that are not ignored
    stands_for: float = 1.0  # squares of held-out ground: of very many without a landslide only some are judged


class Manifest(Record):
    """What a run learned from; `fingerprint` is the SHA-256 of chips, masks and split."""

    chips: tuple[Chip, ...]
    revisions: dict[str, int]  # scene id → label revision
    validation_bounds_px: dict[str, tuple[int, int, int, int]]  # scene id → (col, row, width, height)
    buffer_px: int
    bands: int  # of the images; below them the chips show `terrain`
    terrain: tuple[str, ...] = ()
    seed: int
    fingerprint: str


class Run(Record):
    """One press of Retrain."""

    id: Id = Field(default_factory=new_id)
    scene_ids: tuple[Id, ...]
    revisions: dict[str, int]
    tier: str = "full"  # "full" | "quick"
    seed: int = 0
    config: dict[str, Any] = Field(default_factory=dict)
    parent_checkpoint: str = ""
    job_id: str = ""
    device: str = ""
    code_version: str = ""
    folder: str = ""  # relative to the workspace
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""
    ended_at: dt.datetime | None = None
    checkpoint_id: str = ""  # what the run offers
    summary: dict[str, Any] = Field(default_factory=dict)


class Readiness(Record):
    """Whether a run can start, and if not, why."""

    ready: bool
    reasons: tuple[str, ...] = ()  # sentences, empty when ready
    labels_suffice: bool  # for a run; what else is missing then is a file
    landslides: int = 0
    landslide_points: int = 0  # say nothing of where landslides end, so they do not count towards what is needed
    hard_negatives: int = 0
    label_areas: int = 0
    estimate_full_s: float | None = None  # from this machine's own earlier runs, None before the first
    estimate_quick_s: float | None = None


class Fold(Record):
    """One block of a cross-validation, judged by a model that never saw it."""

    rectangle_px: tuple[int, int, int, int]  # (col, row, width, height)
    val_f1: float  # what the model's own validation said
    f1: float | None = None  # on the block; None where nothing could be judged


class CrossValidation(Record):
    """How well the method does on a scene: every labelled block judged by a model that never saw it."""

    job_id: Id
    scene_id: Id
    revision: int  # of the labels
    folds: tuple[Fold, ...]
    blocks: dict[str, float]  # figures over all blocks together, as of `metrics.report.judge`
    random_split_f1: float  # what chips split at random would claim: optimistic
    ended_at: dt.datetime
    seconds: float


class Round(Record):
    """One classify + segment pair of a run, judged on validation blocks."""

    run_id: Id
    number: int  # from 1
    metrics: dict[str, float]
    seconds: float = 0.0
    at: dt.datetime = Field(default_factory=now)


class Comparison(Record):
    """How one run's model does beside another's on the same held-out chips, each at its own threshold."""

    f1: float  # difference of pooled pixel F1
    low: float  # interval of 95 % of the difference, drawn over chips in pairs
    high: float
    chips: int
    better: int  # chips with fewer wrong pixels than before
    worse: int  # chips with more


class CheckpointState(StrEnum):
    candidate = "candidate"
    active = "active"
    retired = "retired"


class Checkpoint(Record):
    """Weights and card at the end of a round: `models/<id>/{model.safetensors, card.json, item.json}`."""

    id: Id
    run_id: str
    round: int
    state: CheckpointState = CheckpointState.candidate
    sha256: str
    metrics: dict[str, float] = Field(default_factory=dict)
    threshold: float = 0.5  # chosen on validation
    parent: str = ""
    created_at: dt.datetime = Field(default_factory=now)
