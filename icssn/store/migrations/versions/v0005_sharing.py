"""Who has which candidates, and second readings of what was decided."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from icssn.store.columns import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables; the database's own module makes them append-only."""
    op.create_table(
        "assignment",
        _key(),
        _text("candidate_id", sa.ForeignKey("candidate.id"), index=True),
        _text("scene_id", sa.ForeignKey("scene.id")),
        _text("person"),
        _text("given_by"),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_table(
        "second_reading",
        _key(),
        _text("id", unique=True),
        _text("scene_id", sa.ForeignKey("scene.id")),
        _text("prediction_id", sa.ForeignKey("prediction.id"), index=True),
        _text("reader"),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        _text("items"),
        _text("drawn_by"),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_table(
        "second_word",
        _key(),
        _text("reading_id", sa.ForeignKey("second_reading.id"), index=True),
        _text("candidate_id", sa.ForeignKey("candidate.id")),
        _text("status"),
        _text("look_alike"),
        sa.Column("at", Moment, nullable=False),
    )


def _key() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _text(name: str, *rules: Any, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, *rules, nullable=False, **options)
