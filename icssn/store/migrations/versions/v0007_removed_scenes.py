"""Which scenes were taken out of the project, when and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; all scenes from before are in the project."""
    op.add_column("scene", sa.Column("removed", sa.Text))
