"""The fields of runtime events that reducers read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["TraceEvent"]


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
