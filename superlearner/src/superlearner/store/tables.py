"""The current tables; a test compares them with the migrations."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "HEAD",
    "METADATA",
    "SCHEMAS",
    "VERSION_TABLE",
    "audit",
    "create_version_table",
    "learning",
    "moments",
    "recordings",
    "restarts",
    "setting_changes",
    "sign_in_links",
    "tokens",
    "users",
]

SCHEMAS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
"""The revisions a database may have, oldest first: the steps in `migrations`."""
HEAD: Final = SCHEMAS[-1]
VERSION_TABLE: Final = "superlearner_schema"
METADATA: Final = MetaData()

Id: Final = BigInteger().with_variant(Integer, "sqlite")

restarts: Final = Table(
    "restarts",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("supervisor", Text, nullable=False),
    Column("child", Text),
    Column("event", Text, nullable=False),
    Column("old_pid", Text),
    Column("new_pid", Text),
    Column("reason", Text),
    UniqueConstraint("run", "number", name="restarts_once"),
    Index("restarts_by_supervisor", "supervisor", "id"),
)

moments: Final = Table(
    "moments",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("node", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("line", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("events", Text, nullable=False),
    Column("owner", Text),
    Column("data", LargeBinary),
    Column("kind", Text),
    Column("cause", Text),
    UniqueConstraint("node", "run", "number", name="moments_once"),
    Index("moments_by_run", "run", "number"),
    Index("moments_by_number", "node", "number"),
    Index("moments_by_time", "at", "id"),
)

audit: Final = Table(
    "audit",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("user", Text, nullable=False),
    Column("door", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("did", Text),
    Column("outcome", Text, nullable=False),
    Column("duration", Double, nullable=False),
    Column("node", Text),
    Column("claims", Text),
    UniqueConstraint("run", "number", name="audit_once"),
    Index("audit_by_operation", "operation", "id"),
)

setting_changes: Final = Table(
    "setting_changes",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("setting", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    UniqueConstraint("run", "number", name="setting_changes_once"),
    Index("setting_changes_by_setting", "setting", "id"),
)

recordings: Final = Table(
    "recordings",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("events", BigInteger),
    Column("size", BigInteger),
    Column("about", Text, nullable=False),
    Column("owner", Text),
)

users: Final = Table(
    "users",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("revoked", Double),
    Column("key", Text, nullable=False, server_default=""),
    Column("role", Text, nullable=False, server_default="viewer"),
    Column("seen", Double),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("implied", Integer, nullable=False, server_default="0"),
    Column("quota", Text, nullable=False, server_default="{}"),
    Column("shown", Text, nullable=False, server_default=""),
    Index("users_by_key", "key", unique=True),
)

sign_in_links: Final = Table(
    "sign_in_links",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("user", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("used", Double),
)

tokens: Final = Table(
    "tokens",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("user", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("at", Double, nullable=False),
    Column("revoked", Double),
    Column("expires", Double),
    Column("used", Double),
)

learning: Final = Table(
    "learning",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("learner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("data", Text, nullable=False),
    Index("learning_by_learner", "learner", "id"),
)


def create_version_table(connection: Connection) -> None:
    """Record that a new database has the newest tables, as alembic does after its last step."""
    key = PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc")
    table = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), nullable=False), key)
    table.create(connection)
    connection.execute(table.insert().values(version_num=HEAD))
