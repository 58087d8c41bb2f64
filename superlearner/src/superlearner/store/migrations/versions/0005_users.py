"""Roles of users, a user for the tokens of each name, one-time sign-in links, and what a client claims to be."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ROLES: Final = (("viewer", {"read"}), ("learner", {"own"}), ("teacher", {"read", "operate", "code", "own"}))

users = sa.table("users", *map(sa.column, ("id", "name", "key", "role", "scopes", "at", "revoked", "implied")))
tokens = sa.table("tokens", *map(sa.column, ("id", "name", "user", "scopes", "at", "revoked")))


def upgrade() -> None:
    """Add columns and a table; every token gets a user who may do what the tokens of that name may."""
    op.add_column("audit", sa.Column("claims", sa.Text))
    op.add_column("users", sa.Column("key", sa.Text, nullable=False, server_default=""))
    op.add_column("users", sa.Column("role", sa.Text, nullable=False, server_default="viewer"))
    op.add_column("users", sa.Column("seen", sa.Double))
    op.add_column("users", sa.Column("generation", sa.Integer, nullable=False, server_default="0"))
    op.add_column("users", sa.Column("implied", sa.Integer, nullable=False, server_default="0"))
    connection = op.get_bind()
    known: dict[str, int] = {}
    for row in connection.execute(sa.select(users).order_by(users.c.id)).all():
        key = _key(row.name)
        known[key] = row.id
        values = {"key": key, "role": _role(row.scopes), "implied": 1}
        connection.execute(sa.update(users).where(users.c.id == row.id).values(values))
    _of_tokens(connection, known)
    op.create_index("users_by_key", "users", ["key"], unique=True)
    op.create_table(
        "sign_in_links",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("user", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("used", sa.Double),
    )


def _of_tokens(connection: sa.Connection, known: dict[str, int]) -> None:
    """Add the users of valid tokens; names that differ in case alone become one user."""
    found: dict[str, list[Any]] = {}
    for row in connection.execute(sa.select(tokens).where(tokens.c.revoked.is_(None)).order_by(tokens.c.id)).all():
        found.setdefault(_key(row.user), []).append(row)
    for key, rows in found.items():
        name, granted = rows[0].user, " ".join(dict.fromkeys(" ".join(row.scopes for row in rows).split()))
        if key not in known:
            values = {"name": name, "key": key, "role": _role(granted), "scopes": granted, "at": rows[0].at}
            connection.execute(sa.insert(users).values({**values, "implied": 1}))
        for row in rows:
            if row.user != name:
                connection.execute(sa.update(tokens).where(tokens.c.id == row.id).values(user=name))


def _role(scopes: str) -> str:
    return next((role for role, granted in ROLES if set(scopes.split()) <= granted), "owner")


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
