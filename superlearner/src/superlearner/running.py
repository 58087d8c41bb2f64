"""What the parts of one running platform share: settings, node, socket, and the memories that outlive processes.

A plain object, made by the command line or a test, handed down from the application. Nothing here is global.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import otp
from superlearner.analytics import Ledger
from superlearner.arsenal.audit import AuditEntry, AuditLog
from superlearner.arsenal.backups import Backups
from superlearner.arsenal.registry import all_operations
from superlearner.keeping import Keeper, Kept
from superlearner.listening import Listener
from superlearner.settings import Settings
from superlearner.store import AuditRow, Store
from superlearner.telemetry import Telemetry
from superlearner.terminal import complain

if TYPE_CHECKING:
    from superlearner.ending import Ending
    from superlearner.own_application import OwnApplication
    from superlearner.slow_starts import Rescue
    from superlearner.watchdog import Held, Watchdog
    from superlearner.web.credentials import Credentials
    from superlearner.web.hub import Hub
    from superlearner.web.web_server import WebState

__all__ = ["NODE_NAME", "Platform", "Tree"]

NODE_NAME: Final = "superlearner@127.0.0.1"
DATABASE_FILE: Final = "superlearner.db"
PARTS: Final = ("superlearner", "services", "playground")


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of the playground: its name there, and what starts it, linked."""

    name: str
    start: Callable[[], Awaitable[Any]]
    application: OwnApplication | None = None
    """The person's application, if it is one: it is told when the platform stops."""


class Platform:
    """One running platform.

    Args:
        settings: how it runs.
        listener: the bound socket; None for a platform without a web server (tests).
        trees: what lives in the playground.
        version: what the page shows.
        credentials: who may come in; needed where the settings ask for credentials.
    """

    def __init__(
        self,
        settings: Settings,
        listener: Listener | None,
        trees: tuple[Tree, ...],
        version: str = "0",
        credentials: Credentials | None = None,
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.trees = trees
        self.version = version
        self.credentials = credentials
        self.epoch = secrets.token_hex(4)
        self.started_at = time.time()
        self.ready = False
        self.node: otp.Node | None = None
        self.root: otp.Pid | None = None
        self.hub: Hub | None = None
        self.web: WebState | None = None
        self.watchdog: Watchdog | None = None
        self.ending: Ending | None = None
        self.rescue: Rescue | None = None
        self.keeper = Keeper(self._tell)
        self.telemetry = Telemetry()
        self.audit = AuditLog()
        self.backups = Backups()
        self.store = Store(_database(settings), telemetry=self.telemetry, tell=self._store_tells)
        self.audit.listen(self._keep)
        self.analytics = Ledger(
            self.store,
            telemetry=self.telemetry,
            most=settings.max_events_per_supervisor,
            scan_interval=settings.scan_interval,
            detailed=settings.enable_detailed_logging,
        )
        self.arsenal = all_operations()
        self.openapi: Callable[[], dict[str, Any]] = dict

    def missing_parts(self) -> list[str]:
        """What keeps the platform from being ready; nothing while it is."""
        if not self.ready or self.node is None:
            return ["application"]
        return [name for name in PARTS if self.node.whereis(name) is None]

    def running_node(self) -> otp.Node:
        """The node; there is one as soon as the application has started."""
        if self.node is None:
            raise RuntimeError("the platform has not started; this is a bug of SuperLearner, please report it")
        return self.node

    def answers_again(self, held: Held) -> None:
        """The loop turns again after a callback held it: the page tells who it was."""
        if self.hub is not None:
            who = held.name or held.pid or "something outside of any process"
            place = f"{os.path.basename(held.file)}:{held.line} in {held.function.rpartition('.')[2]}"
            text = f"{who} held everything up for {held.seconds:.1f} s ({place}); the platform answers again"
            self.hub.note("bad", text, None if held.pid is None else held.pid.strip("<>"), "answers_again")

    def _keep(self, entry: AuditEntry) -> None:
        self.store.append_audit(
            AuditRow(
                entry.at,
                entry.user,
                entry.door,
                entry.operation,
                entry.parameters,
                entry.did,
                entry.outcome,
                entry.duration,
            )
        )

    def _store_tells(self, level: str, text: str) -> None:
        complain(text)
        if self.store.trouble is not None:
            complain(self.store.trouble.hint)
        if self.hub is not None:
            self.hub.note(level, text)

    def _tell(self, kept: Kept, why: str, pause: float) -> None:
        if self.hub is not None:
            self.hub.rests(kept.supervisor, kept.id, why, pause)


def _database(settings: Settings) -> str | Path | None:
    """Where the store is: the setting, or a file in the data directory; nowhere for a platform that has none."""
    if settings.database is not None or settings.data_dir is None:
        return settings.database
    return settings.data_dir.absolute() / DATABASE_FILE
