"""The tables, column by column as in `icssn.records`, each with an integer key in order of insertion."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from icssn.records import CheckpointState, FirstWord, Progress, RasterFacts, Removal
from icssn.store.columns import Moment, Nested
from icssn.store.geometry import LonLatGeometry

metadata = MetaData()


def _key(name: str = "seq") -> Column[int]:
    """Give an integer key, which a GeoPackage wants in each table and which keeps the order of insertion."""
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _text(name: str, *rules: Any, **options: Any) -> Column[str]:
    return Column(name, Text, *rules, nullable=False, **options)


def _nested(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, Nested(kind), nullable=False, **options)


def _moment(name: str) -> Column[dt.datetime]:
    return Column(name, Moment, nullable=False)


scene = Table(
    "scene",
    metadata,
    _key(),
    _text("id", unique=True),
    _text("name", unique=True),
    _text("original"),
    _nested("facts", RasterFacts),
    Column("tiles", Text),
    Column("dem", Text),
    Column("hillshade", Text),
    Column("validation_bounds_px", Nested(tuple[int, int, int, int])),
    _moment("created_at"),
    _text("created_by"),
    Column("revision", Integer, nullable=False, default=0),  # of its labels; each save adds one
    Column("removed", Nested(Removal)),
)

label = Table(
    "label",
    metadata,
    _key("fid"),
    _text("uid", unique=True),
    Column("geometry_lonlat", LonLatGeometry, nullable=False),
    _text("scene_id", ForeignKey("scene.id"), index=True),
    _text("cls"),
    _text("source"),
    _text("status"),
    _nested("attributes", dict[str, Any]),
    Column("version", Integer, nullable=False),
    _text("updated_by"),
    _moment("updated_at"),
)

label_history = Table(
    "label_history",
    metadata,
    _key(),
    _text("uid"),
    Column("version", Integer, nullable=False),
    _text("scene_id", ForeignKey("scene.id")),
    Column("revision", Integer, nullable=False),
    _text("operation"),
    Column("geometry_lonlat", LonLatGeometry),
    _text("cls"),
    _text("source"),
    _text("status"),
    _nested("attributes", dict[str, Any]),
    _text("actor"),
    _moment("at"),
    UniqueConstraint("uid", "version"),
    Index("label_history_by_revision", "scene_id", "revision"),
)

saves = Table(
    "saves",
    metadata,
    _key(),
    _text("scene_id", ForeignKey("scene.id")),
    _text("nonce"),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("scene_id", "nonce"),
)

seat = Table(  # a browser tab at work on a scene: its last sign of life, and its draft if it has one
    "seat",
    metadata,
    _key(),
    _text("scene_id", ForeignKey("scene.id")),
    _text("person"),
    _text("session_id"),
    _moment("seen_at"),
    Column("draft", Text),
    Column("kept_at", Moment),
    UniqueConstraint("scene_id", "person", "session_id"),
)

job = Table(
    "job",
    metadata,
    _key(),
    _text("id", unique=True),
    _text("kind"),
    _nested("params", dict[str, Any]),
    _text("state", index=True),
    _nested("progress", Progress),
    _nested("result", dict[str, Any]),
    _text("error"),
    Column("cancel_requested", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    _text("worker"),
    _moment("created_at"),
    _text("created_by"),
    Column("started_at", Moment),
    Column("heartbeat_at", Moment),
    Column("ended_at", Moment),
    _nested("deaths", tuple[float, ...], server_default="[]"),
)

run = Table(
    "run",
    metadata,
    _key(),
    _text("id", unique=True),
    _nested("scene_ids", tuple[str, ...]),
    _nested("revisions", dict[str, int]),
    _text("tier"),
    Column("seed", Integer, nullable=False),
    _nested("config", dict[str, Any]),
    _text("parent_checkpoint"),
    _text("job_id"),
    _text("device"),
    _text("code_version"),
    _text("folder"),
    _moment("created_at"),
    _text("created_by"),
    Column("ended_at", Moment),
    _text("checkpoint_id"),
    _nested("summary", dict[str, Any]),
)

round_ = Table(
    "round",
    metadata,
    _key(),
    _text("run_id", ForeignKey("run.id")),
    Column("number", Integer, nullable=False),
    _nested("metrics", dict[str, float]),
    Column("seconds", Float, nullable=False),
    _moment("at"),
    UniqueConstraint("run_id", "number"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _key(),
    _text("id", unique=True),
    _text("run_id"),
    Column("round", Integer, nullable=False),
    _text("state"),
    _text("sha256"),
    _nested("metrics", dict[str, float]),
    Column("threshold", Float, nullable=False),
    _text("parent"),
    _moment("created_at"),
)
Index(
    "checkpoint_one_active",
    checkpoint.c.state,
    unique=True,
    sqlite_where=checkpoint.c.state == CheckpointState.active.value,
    postgresql_where=checkpoint.c.state == CheckpointState.active.value,
)

prediction = Table(
    "prediction",
    metadata,
    _key(),
    _text("id", unique=True),
    _text("scene_id", ForeignKey("scene.id"), index=True),
    _text("checkpoint_id"),
    _text("probability"),
    _text("mask"),
    Column("threshold", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("candidate_count", Integer, nullable=False),
    _moment("created_at"),
    Column("uncertainty", Text),
    _text("computed_by"),
    Column("bounds_lonlat", Nested(tuple[float, float, float, float])),
)

candidate = Table(
    "candidate",
    metadata,
    _key(),
    _text("id", unique=True),
    _text("prediction_id", ForeignKey("prediction.id"), index=True),
    _text("scene_id", ForeignKey("scene.id")),
    Column("geometry_lonlat", LonLatGeometry, nullable=False),
    Column("score", Float, nullable=False),
    Column("mask_score", Float, nullable=False),
    Column("classifier_score", Float, nullable=False),
    Column("area_m2", Float, nullable=False),
    _text("status"),
    _text("look_alike"),
    _text("label_uid"),
    _text("decided_by"),
    Column("decided_at", Moment),
)

assignment = Table(  # append-only: the last row of a candidate says whose it is
    "assignment",
    metadata,
    _key(),
    _text("candidate_id", ForeignKey("candidate.id"), index=True),
    _text("scene_id", ForeignKey("scene.id")),
    _text("person"),
    _text("given_by"),
    _moment("at"),
)

second_reading = Table(  # append-only
    "second_reading",
    metadata,
    _key(),
    _text("id", unique=True),
    _text("scene_id", ForeignKey("scene.id")),
    _text("prediction_id", ForeignKey("prediction.id"), index=True),
    _text("reader"),
    Column("share", Float, nullable=False),
    Column("seed", Integer, nullable=False),
    _nested("items", tuple[FirstWord, ...]),
    _text("drawn_by"),
    _moment("at"),
)

second_word = Table(  # append-only: until all are read the last row of a candidate counts
    "second_word",
    metadata,
    _key(),
    _text("reading_id", ForeignKey("second_reading.id"), index=True),
    _text("candidate_id", ForeignKey("candidate.id")),
    _text("status"),
    _text("look_alike"),
    _moment("at"),
)

APPEND_ONLY = (label_history, assignment, second_reading, second_word)
"""Tables whose rows are never changed and never go; the database itself refuses it."""
