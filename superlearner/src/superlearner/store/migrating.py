"""Schema upgrades; imported only for a database that is not at the head."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from superlearner.store.tables import HEAD, VERSION_TABLE

__all__ = ["MIGRATIONS", "upgrade"]

MIGRATIONS: Final = Path(__file__).with_name("migrations")
_one_at_a_time: Final = threading.Lock()  # alembic's `op` is global: one migration at a time


def upgrade(connection: Connection) -> None:
    """Apply the missing steps in the transaction of this connection."""
    scripts = ScriptDirectory(str(MIGRATIONS))

    def steps(revision: Any, context: Any) -> Any:
        return scripts._upgrade_revs(HEAD, revision)  # pyright: ignore[reportPrivateUsage]

    with _one_at_a_time, EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
        environment.run_migrations()
