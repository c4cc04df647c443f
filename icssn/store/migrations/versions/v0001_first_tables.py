"""The first tables; workspaces that already have them, made before migrations, keep theirs.

Written out as they were then: a migration never reads `icssn.store.tables`, which goes on changing.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from icssn.store.columns import Moment
from icssn.store.geometry import LonLatGeometry

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create what is missing."""
    _table(
        "scene",
        _key(),
        _text("id", unique=True),
        _text("name", unique=True),
        _text("original"),
        _text("facts"),
        sa.Column("tiles", sa.Text),
        sa.Column("dem", sa.Text),
        sa.Column("hillshade", sa.Text),
        sa.Column("validation_bounds_px", sa.Text),
        _moment("created_at"),
        _text("created_by"),
        _integer("revision"),
    )
    _table(
        "label",
        _key("fid"),
        _text("uid", unique=True),
        sa.Column("geometry_lonlat", LonLatGeometry, nullable=False),
        _text("scene_id", sa.ForeignKey("scene.id")),
        _text("cls"),
        _text("source"),
        _text("status"),
        _text("attributes"),
        _integer("version"),
        _text("updated_by"),
        _moment("updated_at"),
    )
    _table(
        "label_history",
        _key(),
        _text("uid"),
        _integer("version"),
        _text("scene_id", sa.ForeignKey("scene.id")),
        _integer("revision"),
        _text("operation"),
        sa.Column("geometry_lonlat", LonLatGeometry),
        _text("cls"),
        _text("source"),
        _text("status"),
        _text("attributes"),
        _text("actor"),
        _moment("at"),
        sa.UniqueConstraint("uid", "version"),
    )
    _index("label_history_by_revision", "label_history", "scene_id", "revision")
    _table(
        "saves",
        _key(),
        _text("scene_id", sa.ForeignKey("scene.id")),
        _text("nonce"),
        _integer("revision"),
        sa.UniqueConstraint("scene_id", "nonce"),
    )
    _table(
        "job",
        _key(),
        _text("id", unique=True),
        _text("kind"),
        _text("params"),
        _text("state"),
        _text("progress"),
        _text("result"),
        _text("error"),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        _integer("attempts"),
        _text("worker"),
        _moment("created_at"),
        _text("created_by"),
        _moment("started_at", nullable=True),
        _moment("heartbeat_at", nullable=True),
        _moment("ended_at", nullable=True),
    )
    _table(
        "run",
        _key(),
        _text("id", unique=True),
        _text("scene_ids"),
        _text("revisions"),
        _text("tier"),
        _integer("seed"),
        _text("config"),
        _text("parent_checkpoint"),
        _text("job_id"),
        _text("device"),
        _text("code_version"),
        _text("folder"),
        _moment("created_at"),
        _text("created_by"),
        _moment("ended_at", nullable=True),
        _text("checkpoint_id"),
        _text("summary"),
    )
    _table(
        "round",
        _key(),
        _text("run_id", sa.ForeignKey("run.id")),
        _integer("number"),
        _text("metrics"),
        _float("seconds"),
        _moment("at"),
        sa.UniqueConstraint("run_id", "number"),
    )
    _table(
        "checkpoint",
        _key(),
        _text("id", unique=True),
        _text("run_id"),
        _integer("round"),
        _text("state"),
        _text("sha256"),
        _text("metrics"),
        _float("threshold"),
        _text("parent"),
        _moment("created_at"),
    )
    active = sa.text("state = 'active'")
    _index("checkpoint_one_active", "checkpoint", "state", unique=True, sqlite_where=active, postgresql_where=active)
    _table(
        "prediction",
        _key(),
        _text("id", unique=True),
        _text("scene_id", sa.ForeignKey("scene.id")),
        _text("checkpoint_id"),
        _text("probability"),
        _text("mask"),
        _float("threshold"),
        _float("seconds"),
        _integer("candidate_count"),
        _moment("created_at"),
    )
    _table(
        "candidate",
        _key(),
        _text("id", unique=True),
        _text("prediction_id", sa.ForeignKey("prediction.id")),
        _text("scene_id", sa.ForeignKey("scene.id")),
        sa.Column("geometry_lonlat", LonLatGeometry, nullable=False),
        _float("score"),
        _float("mask_score"),
        _float("classifier_score"),
        _float("area_m2"),
        _text("status"),
        _text("look_alike"),
        _text("label_uid"),
        _text("decided_by"),
        _moment("decided_at", nullable=True),
    )
    for table, column in (
        ("label", "scene_id"),
        ("job", "state"),
        ("prediction", "scene_id"),
        ("candidate", "prediction_id"),
    ):
        _index(f"ix_{table}_{column}", table, column)


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, if_not_exists=True)


def _index(name: str, table: str, *columns: str, **options: Any) -> None:
    op.create_index(name, table, list(columns), if_not_exists=True, **options)


def _key(name: str = "seq") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _text(name: str, *rules: Any, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, *rules, nullable=False, **options)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _float(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Moment, nullable=nullable)
