"""The node of each audit log entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it stays empty for earlier rows."""
    op.add_column("audit", sa.Column("node", sa.Text))
