"""The crashes of a node that no supervisor handles."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import Pid
from otp.observer.reading import kind_of, links_of
from superlearner.control.events import TraceEvent, facts_of
from superlearner.control.names import is_critical
from superlearner.control.terms import is_remote

__all__ = ["UnsupervisedEnds", "find_missed_crashes"]

MOST_ENDED: Final = 1_000
MOST_LINKED: Final = 100
"""Directly or indirectly linked processes among which a supervised one is looked for."""


class UnsupervisedEnds:
    """The ends of processes of a node, to find the crashes that no supervisor handles.

    Each `exited` event of the node is noted once, when it happens: later, its process has no links.
    """

    def __init__(self) -> None:
        self._supervisors: dict[Pid, None] = {}
        """Those that ended last: the kind of a dead process cannot be read, and its children end after it."""
        self._handled: dict[Pid, None] = {}
        """Processes that crashed with a supervisor, or together with one that has it."""

    def note(self, event: TraceEvent) -> bool:
        """Note an end; return whether it is a crash that no supervisor handles.

        A task that ends its owner with its crash is handled: the supervisor of the owner restarts the owner.
        """
        pid: Any = event.pid
        if kind_of(pid) == "supervisor":
            _put(self._supervisors, pid)
        if not facts_of(event).crash or is_critical(pid):
            return False
        if self._is_supervised(pid) or self._ends_with_handled(event) or self._takes_supervised_along(pid):
            _put(self._handled, pid)
            return False
        return True

    def _is_supervised(self, pid: Any) -> bool:
        above = pid.parent
        return above is not None and (kind_of(above) == "supervisor" or above in self._supervisors)

    def _ends_with_handled(self, event: TraceEvent) -> bool:
        """Return whether it ended with a linked process whose crash a supervisor handles."""
        return event.data.get("sender") in self._handled

    def _takes_supervised_along(self, pid: Any) -> bool:
        """Return whether a supervised process is linked to it, or to a process that ends with it."""
        linked, seen = [pid], {pid}
        for one in linked:
            for other in links_of(one, MOST_LINKED):
                if other in seen or len(seen) > MOST_LINKED:
                    continue
                seen.add(other)
                if is_remote(other) or not otp.is_alive(other) or otp.process_info(other, "trap_exit"):
                    continue
                if self._is_supervised(other):
                    return True
                linked.append(other)
        return False


def find_missed_crashes(node: otp.Node, since: int) -> list[otp.trace.Event]:
    """Return the crashes after the event `since` that no supervisor handled and nothing followed.

    As in `UnsupervisedEnds`, a crash is handled if a supervised process ended with it, or it with a supervised one.
    """
    events = [event for event in otp.trace.history(node, since) if event.kind == "exited"]
    alone = {event.seq: event for event in otp.trace.history(node, since, unwatched=True)}
    handled: set[Pid | None] = set()
    ended: dict[Pid | None, int] = {}
    for event in events:
        ended[event.pid] = event.seq
        if event.data.get("sender") in handled or (event.seq not in alone and facts_of(event).crash):
            handled.add(event.pid)
    for event in reversed(events):
        sender = event.data.get("sender")
        if event.pid in handled and ended.get(sender, event.seq) < event.seq:
            handled.add(sender)
    return [event for event in alone.values() if event.pid not in handled and facts_of(event).crash]


def _put(found: dict[Pid, None], pid: Pid) -> None:
    found[pid] = None
    if len(found) > MOST_ENDED:
        del found[next(iter(found))]
