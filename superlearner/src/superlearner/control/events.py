"""What is read of the runtime's events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["TraceEvent"]


class TraceEvent(Protocol):
    """What reducers read of an `otp.trace.Event`: no more, so that their tests need no runtime."""

    @property
    def seq(self) -> int:
        """Its number."""
        ...

    @property
    def kind(self) -> str:
        """Its kind."""
        ...

    @property
    def at(self) -> int:
        """The node clock, ns."""
        ...

    @property
    def pid(self) -> Any:
        """Whom it is about."""
        ...

    @property
    def cause(self) -> int:
        """The number of the event that led to it, 0 for none."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """The rest, by kind."""
        ...
