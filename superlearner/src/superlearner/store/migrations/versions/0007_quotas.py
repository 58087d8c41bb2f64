"""Quotas that the owner gave single users; others have the defaults."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column."""
    op.add_column("users", sa.Column("quota", sa.Text, nullable=False, server_default="{}"))
