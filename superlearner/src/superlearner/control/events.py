"""Runtime events as reducers read them: their fields, and the kinds of those of supervisors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

__all__ = ["ANSWERS", "OF_CHILDREN", "STARTS", "TraceEvent"]

STARTS: Final = frozenset({"child_started", "child_restarted"})
"""Kinds of events that report a child that runs."""

ANSWERS: Final = STARTS | {"restart_failed", "gave_up"}
"""Kinds of events that show what a supervisor did about an end."""

OF_CHILDREN: Final = ANSWERS | {"child_terminated"}
"""Kinds of events of a supervisor about its children."""


class TraceEvent(Protocol):
    """The fields that reducers read of an `otp.trace.Event`; tests need no runtime."""

    @property
    def seq(self) -> int:
        """Sequence number."""
        ...

    @property
    def kind(self) -> str:
        """Kind of event."""
        ...

    @property
    def at(self) -> int:
        """Time of the node clock, in ns."""
        ...

    @property
    def pid(self) -> Any:
        """The process that the event is about."""
        ...

    @property
    def cause(self) -> int:
        """Sequence number of the event that led to it, 0 for none."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """Other values, depending on the kind."""
        ...
