"""Telemetry events: reports of the platform's parts about their work.

An event has a name (`operation.stop`), measurements (numbers) and metadata (strings). Handlers are called immediately;
one that raises is detached, as in Erlang's `telemetry`, and the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["Handler", "Telemetry"]

Handler = Callable[[str, Mapping[str, float], Mapping[str, Any]], object]
log: Final = logging.getLogger(__name__)


class Telemetry:
    """The telemetry events of one platform.

    >>> telemetry, seen = Telemetry(), []
    >>> detach = telemetry.attach(lambda event, measurements, metadata: seen.append((event, measurements["duration"])))
    >>> telemetry.execute("operation.stop", {"duration": 0.5}, {})
    >>> detach()
    >>> seen
    [('operation.stop', 0.5)]
    """

    def __init__(self) -> None:
        self._handlers: tuple[tuple[Handler, frozenset[str]], ...] = ()

    def attach(self, handler: Handler, *events: str) -> Callable[[], None]:
        """Call `handler(event, measurements, metadata)` for these events, by default for all.

        Returns a function that detaches it.
        """
        self._handlers = (*self._handlers, (handler, frozenset(events)))
        return lambda: self._detach(handler)

    def _detach(self, handler: Handler) -> None:
        self._handlers = tuple(other for other in self._handlers if other[0] is not handler)

    def execute(self, event: str, measurements: Mapping[str, float], metadata: Mapping[str, Any]) -> None:
        """Call the handlers of an event."""
        for handler, events in self._handlers:
            if events and event not in events:
                continue
            try:
                handler(event, measurements, metadata)
            except Exception:
                self._detach(handler)
                log.exception("a telemetry handler raised at %s and is detached: %r", event, handler)
