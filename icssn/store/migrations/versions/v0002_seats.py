"""Browser tabs at work on a scene, with their drafts of unsaved edits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from icssn.store.columns import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table, unless a workspace made in between has it."""
    op.create_table(
        "seat",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("scene_id", sa.Text, sa.ForeignKey("scene.id"), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("draft", sa.Text),
        sa.Column("kept_at", Moment),
        sa.UniqueConstraint("scene_id", "person", "session_id"),
        if_not_exists=True,
    )
