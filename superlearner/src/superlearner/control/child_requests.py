"""Requests to stop or start children, and those that sent exit signals; events of supervisors do not say who asked."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from contextlib import contextmanager
from typing import Final

from otp import Pid
from superlearner.control.events import TraceEvent

__all__ = ["ChildRequests", "ended_by"]

MOST_SIGNALS: Final = 200
QUOTED: Final = "\"'("
"""Characters with which a reason begins that needs no quotes in a sentence."""


class ChildRequests:
    """The requests that are being carried out, by supervisor and child.

    >>> requests = ChildRequests()
    >>> with requests.during(None, "till", "a request from the page"):
    ...     requests.by_child
    {(None, 'till'): 'a request from the page'}
    >>> requests.by_child
    {}
    """

    def __init__(self) -> None:
        self.by_child: dict[tuple[Pid | None, Hashable], str] = {}
        self._signals: dict[Pid, tuple[str, str]] = {}

    @contextmanager
    def during(self, supervisor: Pid | None, child: Hashable, request: str) -> Generator[None]:
        """Name the request behind the stop and the start of a child: by its id, or by its pid if it has none."""
        key = supervisor, child
        self.by_child[key] = request
        try:
            yield
        finally:
            self.by_child.pop(key, None)

    def sends_exit(self, pid: Pid, reason: str, request: str) -> None:
        """Name the request to end a process with a reason; it may end later, or not at all."""
        self._signals[pid] = reason, request
        if len(self._signals) > MOST_SIGNALS:
            del self._signals[next(iter(self._signals))]

    def find_end(self, event: TraceEvent) -> str:
        """Return the request that ended the child of an event by an exit signal; "" without one."""
        child = event.data.get("child") if event.kind == "child_terminated" else event.data.get("old")
        sent, request = self._signals.get(child, (None, "")) if self._signals and child is not None else (None, "")
        return request if sent is not None and sent == event.data.get("reason") else ""

    def find(self, event: TraceEvent) -> str:
        """Return the request behind the event of a supervisor about a child; "" if there is none."""
        if not self.by_child:
            return ""
        id = event.data.get("id")
        return self.by_child.get((event.pid, event.data.get("child") if id is None else id), "")


def ended_by(who: str, reason: str, request: str) -> str:
    """Return the sentence about an end by a signal that a request has sent.

    >>> ended_by("ledger", "weird", "a request from the page")
    "ledger was ended by a request from the page with reason 'weird'"
    """
    if reason == "killed":
        return f"{who} was killed by {request}"
    return f"{who} was ended by {request} with reason {reason if reason[:1] in QUOTED else repr(reason)}"
