"""One entry of the feed, and the story it tells while its end is still open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from superlearner.live.bursts import Burst
from superlearner.live.phrases import Restarts, after_restart, trigger_text

__all__ = ["Entry", "Story"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the feed as it travels."""

    id: int
    at: float
    kind: str
    level: str
    text: str
    key: str | None = None
    pid: str | None = None
    sup: str | None = None
    parts: dict[str, Any] | None = None


@dataclass(slots=True)
class Story:
    """One cause and what followed, as far as it is known."""

    id: int
    at: float
    who: str
    key: str | None
    pid: str | None
    supervisor: str
    sup_key: str | None
    strategy: str
    reason: str
    what: str
    """crashed, killed, stopped, gave_up or restart_failed"""
    times: int = 1
    first_at: float = 0.0
    restarts: Restarts = field(default_factory=Restarts)
    opening: str = ""
    tail: str = ""
    again: str = ""
    """Who will start it again, while it rests."""
    failed: str = ""
    """Why it did not start again at the first try."""
    done: bool = False
    burst: Burst = field(default_factory=Burst)
    waits: bool = False
    """Whether its supervisor is going to start it again, and has not said so yet."""
    pending: set[str] = field(default_factory=set[str])
    """Keys of those that are started with it, and have not come yet."""

    @property
    def settled(self) -> bool:
        """Whether all that follows has happened."""
        return not self.waits and not self.pending

    @property
    def kind(self) -> str:
        """The kind of the entry."""
        if self.what == "gave_up":
            return "gave_up"
        return "restarted" if self.restarts.restarted else self.what

    @property
    def level(self) -> str:
        """How loud it is: a crash is bad, a kill is somebody's wish, an orderly end is news at most."""
        if self.what in ("crashed", "gave_up", "restart_failed"):
            return "bad"
        return "warn" if self.what == "killed" or self.restarts.restarted else "info"

    def entry(self) -> Entry:
        """The entry that tells the story."""
        opening = self.opening or trigger_text(self.who, self.what, self.reason)
        if self.times > 1:
            seconds = max(self.at - self.first_at, 0.1)
            opening = f"{self.who} ended {self.times} times in {seconds:.1f} s, last: {opening}"
        did = after_restart(self.supervisor, self.strategy, self.key, self.who, self.restarts)
        text = opening + did + self.tail
        parts = {"who": self.who, "reason": self.reason, "by": self.supervisor, "strategy": self.strategy}
        return Entry(
            id=self.id,
            at=self.at,
            kind=self.kind,
            level=self.level,
            text=text,
            key=self.key,
            pid=self.pid,
            sup=self.sup_key,
            parts=parts | self.restarts.parts() | self._signals(),
        )

    def _signals(self) -> dict[str, Any]:
        """What was signalled, for who draws it, and whether more will follow."""
        if not self.burst.signals:
            return {}
        shown = {"signals": self.burst.shown(self.sup_key, self.reason)}
        return shown if self.settled else shown | {"open": True}
