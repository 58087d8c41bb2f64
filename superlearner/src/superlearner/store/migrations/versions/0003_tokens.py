"""Expiry and last use of tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns."""
    op.add_column("tokens", sa.Column("expires", sa.Double))
    op.add_column("tokens", sa.Column("used", sa.Double))
