"""Moments of restarts; one that is too old keeps its line and loses its data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "moments",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("data", sa.LargeBinary),
        sa.UniqueConstraint("node", "run", "number", name="moments_once"),
    )
    op.create_index("moments_by_run", "moments", ["run", "number"])
    op.create_index("moments_by_number", "moments", ["node", "number"])
