"""The events of a run of a check: what processes did, oldest first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import otp
from otp.trace import Event
from superlearner.course.engine.verdict import Wrong

__all__ = ["Trace"]

KEPT: Final = 2000
LIFECYCLE: Final = ("spawned", "exited", "gave_up")
KINDS: Final = ("sent", "dropped", *LIFECYCLE)
"""Events that checks and excerpts read."""


class Trace:
    """The events of a run, the first 2,000.

    Args:
        records: whether messages are among them.
    """

    def __init__(self, *, records: bool) -> None:
        self._records = records
        self.kinds: tuple[str, ...] = KINDS if records else LIFECYCLE
        """The kinds of events that it keeps."""
        self.kept: list[Event] = []
        self.needs_messages: bool = False
        """True once a check has read messages that are not kept: the verdict does not count."""

    def add(self, event: Event) -> bool:
        """Add an event; return False if there are too many."""
        if len(self.kept) == KEPT:
            return False
        self.kept.append(event)
        return True

    def lifecycle(self, since: int = 0) -> list[Event]:
        """Return the starts, ends and give-ups of processes since a mark, oldest first."""
        return [event for event in self.kept[since:] if event.kind in LIFECYCLE]

    def started(self, since: int = 0) -> list[otp.Pid]:
        """Return the processes that have started since a mark, oldest first."""
        return self._of("spawned", since)

    def ended(self, since: int = 0) -> list[otp.Pid]:
        """Return the processes that have ended since a mark, oldest first."""
        return self._of("exited", since)

    def place_of_end(self) -> int:
        """Return the place of the newest end of a process; without one, the end of the trace."""
        ends = [place for place, event in enumerate(self.kept) if event.kind == "exited"]
        return ends[-1] if ends else len(self.kept)

    def events(self, since: int = 0) -> list[Event]:
        """Return the events since a mark, including messages, oldest first."""
        if not self._records:
            self.needs_messages = True
            raise Wrong("expected a run whose messages are recorded, got one without them")
        return self.kept[since:]

    def sent(self, to: otp.Pid, since: int = 0) -> list[Event]:
        """Return the messages sent to a process since a mark, oldest first."""
        return [event for event in self.events(since) if event.kind == "sent" and event.data.get("to") == to]

    def terms(self, names: Collection[str]) -> list[Any]:
        """Return the kept messages, oldest first, but those to processes of other functions and classes than these."""
        spawned = [event for event in self.kept if event.kind == "spawned"]
        others = {each.pid for each in spawned if not {*str(each.data.get("what")).split(".")} & {*names}}
        sent = [event.data for event in self.kept if event.kind == "sent"]
        return [data.get("term") for data in sent if data.get("to") not in others]

    def functions(self) -> set[str]:
        """Return the names of the functions that processes have run."""
        return {str(event.data.get("what")) for event in self.kept if event.kind == "spawned"}

    def _of(self, kind: str, since: int) -> list[otp.Pid]:
        return [event.pid for event in self.kept[since:] if event.kind == kind and event.pid is not None]
