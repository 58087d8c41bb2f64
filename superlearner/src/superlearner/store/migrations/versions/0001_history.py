"""Restart history and audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "restarts",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("supervisor", sa.Text, nullable=False),
        sa.Column("child", sa.Text),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("old_pid", sa.Text),
        sa.Column("new_pid", sa.Text),
        sa.Column("reason", sa.Text),
        sa.UniqueConstraint("run", "number", name="restarts_once"),
    )
    op.create_index("restarts_by_supervisor", "restarts", ["supervisor", "id"])
    op.create_table(
        "audit",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("door", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("did", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("duration", sa.Double, nullable=False),
        sa.UniqueConstraint("run", "number", name="audit_once"),
    )
    op.create_index("audit_by_operation", "audit", ["operation", "id"])
