"""Kinds of the nodes of restarts: a node is not known any more when its restarts are listed after a start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column, empty for earlier restarts, and an index for lists by time."""
    op.add_column("moments", sa.Column("kind", sa.Text))
    op.create_index("moments_by_time", "moments", ["at", "id"])
