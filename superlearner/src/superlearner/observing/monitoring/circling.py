"""Processes that wait for one another in circles, with the time at which each wait was first found."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from otp import Node, Pid, observer
from superlearner.control.circles import circles
from superlearner.control.names import display_name
from superlearner.control.terms import plain_pid, safe_text
from superlearner.control.tree import what_of
from superlearner.observing.monitoring.facts import Waiter

__all__ = ["WaitsInCircles"]


class WaitsInCircles:
    """The call cycles of a node over successive scans; a later cycle of the same processes is a new one."""

    def __init__(self) -> None:
        self._known: list[tuple[Any, float]] = []

    def find(self, node: Node, calling: Collection[Pid], now: float) -> list[list[Waiter]]:
        """Return current call cycles among the processes that waited in a scan."""
        waits = observer.waits(node, pids=calling) if calling else ()
        by_source = {wait.source: wait for wait in reversed(waits)}
        found = [[by_source[pid] for pid in around] for around in circles((one.source, one.target) for one in waits)]
        calls = [_identity(wait) for around in found for wait in around]
        before = self._known
        self._known = [(one, next((at for call, at in before if call is one), now)) for one in calls]
        times = iter(at for _, at in self._known)
        return [[_waiter(wait, next(times)) for wait in around] for around in found]


def _identity(wait: observer.Wait) -> Any:
    """Return an object that identifies a wait: it stays the same while the wait lasts.

    It is never the `From` itself: a deadlock ends early only if nothing but its processes refers to its calls.
    """
    source: Any = wait.source
    return source.value.ref if wait.kind == "call" else wait.target


def _waiter(wait: observer.Wait, since: float) -> Waiter:
    source = wait.source
    request = None if wait.request is None else safe_text(wait.request)
    return Waiter(
        plain_pid(source), display_name(source), what_of(source), plain_pid(wait.target), wait.kind, request, since
    )
