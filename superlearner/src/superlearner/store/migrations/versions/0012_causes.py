"""Causes of restarts: a list folds those of one cause, without reading their replays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column, empty for earlier restarts."""
    op.add_column("moments", sa.Column("cause", sa.Text))
