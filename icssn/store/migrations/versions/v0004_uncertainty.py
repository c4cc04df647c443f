"""Where a prediction's uncertainty lies, and what computed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; predictions from before have no uncertainty, and do not say what computed them."""
    op.add_column("prediction", sa.Column("uncertainty", sa.Text))
    op.add_column("prediction", sa.Column("computed_by", sa.Text, nullable=False, server_default=""))
