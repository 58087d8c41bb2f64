"""Users' names as typed, beside the names that they sign in with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column, empty for earlier users."""
    op.add_column("users", sa.Column("shown", sa.Text, nullable=False, server_default=""))
