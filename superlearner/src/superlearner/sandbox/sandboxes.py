"""What outlives the sandbox service: the sandboxes, their runners and programs, and what happened in them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from otp import Pid
from superlearner.sandbox.fleet import Fleet
from superlearner.sandbox.program import Launcher, Program
from superlearner.sandbox.record import Sandbox

__all__ = ["MOST_NOTICES", "Notice", "Sandboxes"]

MOST_NOTICES: Final = 50


class Notice(NamedTuple):
    """Something that happened in a sandbox, in words, and when."""

    at: float
    text: str


def _nothing(level: str, text: str, sandbox: Sandbox) -> None:
    pass


@dataclass(slots=True)
class Sandboxes:
    """A plain object of the platform: whoever is the service now works on it.

    Args:
        launcher: starts programs.
        most: answers how many may run at once.
        tell: is told what the page says: level, words, sandbox.
    """

    launcher: Launcher
    most: Callable[[], int] = lambda: 30
    tell: Callable[[str, str, Sandbox], object] = _nothing
    fleet: Fleet = field(default_factory=Fleet)
    runners: dict[str, Pid] = field(default_factory=dict[str, Pid])
    programs: dict[str, Program] = field(default_factory=dict[str, Program])
    used: dict[str, float] = field(default_factory=dict[str, float])
    _notices: dict[str, deque[Notice]] = field(default_factory=dict[str, "deque[Notice]"])
    services: int = 0
    """How many services there were, this one included."""

    def find(self, id: str) -> Sandbox | None:
        """The sandbox with that id."""
        return self.fleet.sandboxes.get(id)

    def all(self) -> list[Sandbox]:
        """All of them, the newest first."""
        return sorted(self.fleet.sandboxes.values(), key=lambda one: -one.created_at)

    def notices(self, id: str) -> list[Notice]:
        """What happened in a sandbox, the newest last."""
        return list(self._notices.get(id, ()))

    def notice(self, id: str, text: str) -> None:
        """Remember that something happened in it."""
        self._notices.setdefault(id, deque(maxlen=MOST_NOTICES)).append(Notice(time.time(), text))

    def forget(self, id: str) -> None:
        """It is gone."""
        for kept in (self._notices, self.used, self.programs, self.runners):
            kept.pop(id, None)

    def touch(self, id: str) -> None:
        """Somebody asked it something."""
        self.used[id] = time.time()
