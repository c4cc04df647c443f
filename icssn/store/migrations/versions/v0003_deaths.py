"""How far a job was each time its process died."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; jobs from before have not died yet."""
    op.add_column("job", sa.Column("deaths", sa.Text, nullable=False, server_default="[]"))
