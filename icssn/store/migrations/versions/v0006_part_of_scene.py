"""Which part of a scene a prediction looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; predictions from before looked at whole scenes."""
    op.add_column("prediction", sa.Column("bounds_lonlat", sa.Text))
