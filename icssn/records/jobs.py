"""Jobs: work for the worker, and how far it is."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from pydantic import Field

from icssn.records.form import Id, Record, new_id, now


class JobKind(StrEnum):
    demo = "demo"
    import_scene = "import"
    dataset = "dataset"
    train = "train"
    predict = "predict"
    evaluate = "evaluate"
    crossval = "crossval"
    export = "export"


class JobState(StrEnum):
    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"

    @property
    def is_over(self) -> bool:
        """True when nothing more will happen to the job."""
        return self in (JobState.done, JobState.failed, JobState.cancelled)


class Progress(Record):
    """How far a piece of work is, as shown to the user."""

    fraction: float = Field(ge=0, le=1)
    message: str = ""
    remaining_s: float | None = None
    figures: dict[str, float] = Field(default_factory=dict)  # e.g. {"segmentation": .31, "val_f1": .62}


class Job(Record):
    """A queued piece of work for the worker."""

    id: Id = Field(default_factory=new_id)
    kind: JobKind
    params: dict[str, Any] = Field(default_factory=dict)
    state: JobState = JobState.queued
    progress: Progress = Progress(fraction=0.0)
    result: dict[str, Any] = Field(default_factory=dict)
    error: str = ""  # one sentence for the user
    cancel_requested: bool = False
    attempts: int = 0  # how often it was started; of several holders the one with the highest number counts
    deaths: tuple[float, ...] = ()  # how far it was (fraction) each time its process died
    worker: str = ""
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""
    started_at: dt.datetime | None = None
    heartbeat_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
