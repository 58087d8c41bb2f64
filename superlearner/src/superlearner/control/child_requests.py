"""Requests to stop or start children that are being carried out; events of supervisors do not say who asked."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from contextlib import contextmanager

from otp import Pid
from superlearner.control.events import TraceEvent

__all__ = ["ChildRequests"]


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

    @contextmanager
    def during(self, supervisor: Pid | None, child: Hashable, request: str) -> Generator[None]:
        """Name the request behind the stop and the start of a child: by its id, or by its pid if it has none."""
        key = supervisor, child
        self.by_child[key] = request
        try:
            yield
        finally:
            self.by_child.pop(key, None)

    def find(self, event: TraceEvent) -> str:
        """Return the request behind the event of a supervisor about a child; "" if there is none."""
        if not self.by_child:
            return ""
        id = event.data.get("id")
        return self.by_child.get((event.pid, event.data.get("child") if id is None else id), "")
