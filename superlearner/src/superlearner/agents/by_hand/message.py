"""Messages between agents, as values."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a type, with an id by which its answer is known.

    Attributes:
        type: `task`, `response`, `error`, or another word.
        id: the same in a task and its response.
        payload: what is said.
        timestamp: seconds since 1970; two messages are equal without it.

    >>> Message.task(7, "search", {"query": "otp"}).payload
    {'action': 'search', 'params': {'query': 'otp'}}
    >>> Message.new("task", 1) == Message.new("task", 1)
    True
    """

    type: str
    id: Any
    payload: Any = None
    timestamp: float = field(default_factory=time.time, compare=False)

    @classmethod
    def new(cls, type: str, id: Any, payload: Any = None) -> Message:
        """Return a message of any type."""
        return cls(type, id, payload)

    @classmethod
    def task(cls, id: Any, action: str, params: dict[str, Any] | None = None) -> Message:
        """Return a task; `params` are copied."""
        return cls("task", id, {"action": action, "params": dict(params or {})})

    @classmethod
    def response(cls, id: Any, result: Any) -> Message:
        """Return the response to the message `id`."""
        return cls("response", id, result)

    @classmethod
    def error(cls, id: Any, reason: Any) -> Message:
        """Return the error that answers the message `id`."""
        return cls("error", id, reason)
