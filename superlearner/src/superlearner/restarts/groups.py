"""Events of restarts, grouped by their first cause.

A first cause is an end of a process that no other known event led to. Everything that supervisors do because of it is
one group: signals over links, stops, starts, give-ups and the restarts above them. This is `causes` in the other
direction, for all events at once and in one pass; `causes` explains one process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from superlearner.control.events import (
    ANSWERS,
    STARTS,
    TraceEvent,
    act_of,
    is_again,
    is_end,
    is_own_end,
    is_requested_stop,
    is_restart,
    is_stop,
)
from superlearner.restarts.memory import Events, Memory

__all__ = ["TOGETHER_NS", "Group", "groups"]

TOGETHER_NS: Final = 5_000_000_000
"""The longest time between a stop and a start on request that are a restart, and between two such starts."""

Waits = Callable[[TraceEvent], bool]


@dataclass(slots=True)
class Group:
    """The events of one first cause, oldest first.

    `first` is the first cause; if that is no longer in memory, `complete` is false and `first` the oldest event left.
    """

    first: TraceEvent
    complete: bool = True
    requested: bool = False
    """True if children were stopped on request, and perhaps started again; `first` is then the first of their ends."""
    waits: bool = False
    """True if the supervisor stopped children on request that it may be about to start."""
    events: list[TraceEvent] = field(default_factory=list[TraceEvent])

    def of(self, *kinds: str) -> list[TraceEvent]:
        """Return the events of these kinds."""
        return [event for event in self.events if event.kind in kinds]

    @property
    def id(self) -> int:
        """The number of the first cause, even if it is no longer in memory."""
        return self.first.seq if self.first.kind == "exited" else self.first.cause or self.first.seq

    @property
    def victim(self) -> Any:
        """The process whose end is the first cause; None if unknown."""
        first = self.first
        return first.pid if first.kind == "exited" else first.data.get("old") or first.data.get("child")

    @property
    def end(self) -> TraceEvent | None:
        """The first end that a supervisor handles."""
        return next(filter(is_end, self.events), None)

    @property
    def others(self) -> list[TraceEvent]:
        """The reports of children that had ended by themselves when their supervisor was about to stop them."""
        return [event for event in self.events if is_stop(event) and is_own_end(event)]

    @property
    def count(self) -> int:
        """The number of processes that were restarted after they had ended by themselves; at least 1."""
        return max(1, sum(map(is_again, self.events)))

    @property
    def again(self) -> list[TraceEvent]:
        """The starts of the children that were restarted on request, without those below them."""
        return [event for event in self.of(*STARTS) if event.pid is self.asked] if self.requested else []

    @property
    def asked(self) -> Any:
        """The supervisor that was asked to stop children; None if none was."""
        return next((event.pid for event in reversed(self.events) if is_requested_stop(event)), None)

    @property
    def stays_stopped(self) -> bool:
        """Return whether a child was stopped on request and not started again at once."""
        return self.requested and not self.again

    @property
    def restarts(self) -> bool:
        """Return whether a supervisor restarted something, tried to, or gave up."""
        return any(event.kind in ANSWERS for event in self.events)


def groups(events: Events, waits: Waits = lambda _: False) -> dict[int, Group]:
    """Group events by their first cause; events without one, such as a mere start on request, are left out.

    A pure function of events.

    Args:
        events: of one node, oldest first.
        waits: whether the supervisor of a `child_terminated` event is still handling it.

    Returns:
        The group of each event by its number; events of one group share the object.
    """
    memory = Memory.of(events)
    sorter = _Sorter(memory, waits)
    for event in memory.events:
        sorter.take(event)
    sorter.finish()
    for event in memory.events:
        group = sorter.group_of.get(event.seq)
        if group is not None:
            group.events.append(event)
    return sorter.group_of


class _Sorter:
    """A pass over the events; a stop or start whose cause comes later waits for it."""

    def __init__(self, memory: Memory, waits: Waits) -> None:
        self.memory = memory
        self.waits = waits
        self.oldest = memory.events[0].seq if memory.events else 0
        self.group_of: dict[int, Group] = {}
        self.handling: dict[Any, Group] = {}
        """The group that a supervisor handles while it stops children."""
        self.last: dict[Any, TraceEvent] = {}
        """The last decision of a supervisor."""
        self.ending: dict[Any, list[TraceEvent]] = {}
        """Stops by a supervisor that may be ending itself."""
        self.starting: dict[Any, list[TraceEvent]] = {}
        """Starts by a supervisor that may be starting itself."""
        self.stopped: dict[Any, dict[Any, TraceEvent]] = {}
        """The children that a supervisor stopped on request, by their ids."""
        self.requested: dict[Any, tuple[TraceEvent, Group]] = {}
        """The last restart on request of a supervisor, with its last start."""

    def take(self, event: TraceEvent) -> None:
        match act_of(event):
            case "exited":
                self._ended(event)
            case "start" | "restart":
                self._started(event)
            case "restart_failed" | "gave_up":
                group = self._join(event, self.group_of.get(event.cause) or self._forgotten(event))
                self.handling[event.pid] = group
                self.last[event.pid] = event
            case "stop":
                self._stopped(event)
            case "end":
                self._reported(event)
            case _:
                pass

    def _ended(self, event: TraceEvent) -> None:
        pid, stop = event.pid, self.memory.stop(event)
        if stop is not None:
            if is_requested_stop(stop):
                return
            group = self.handling.get(stop.pid)
            if group is None:
                self.ending.setdefault(stop.pid, []).append(event)
                return
        else:
            group = self._linked(event) or self._by_itself(event) or self._found(event) or self._called(event)
        if group is None:
            group = Group(event, complete=not 0 < event.cause < self.oldest)
        self._join(event, group)
        self._resolve(self.ending, pid, group)

    def _linked(self, event: TraceEvent) -> Group | None:
        """Return the group of a process that ended because a process with a link to it did."""
        sender = event.data.get("sender")
        if sender is None:  # a supervisor handles the end of its own supervisor by itself
            told = self.memory.mentions.get(event.pid)
            cause = None if told is None else self.memory.ends.get(told.pid)
            if cause is None or cause.seq > event.seq or event.data["reason"] != cause.data["reason"]:
                return None
        else:
            cause = self.memory.ends.get(sender)
            if cause is None or cause.seq != event.cause:
                return None
        return self.group_of.get(cause.seq) or self._join(cause, Group(cause))

    def _found(self, event: TraceEvent) -> Group | None:
        """Return the group of another end, during which a supervisor found that this child had ended as well."""
        first = self.memory.round(event)
        return None if first is None or first.seq > event.seq else self.group_of.get(first.seq)

    def _called(self, event: TraceEvent) -> Group | None:
        """Return the group in which a supervisor stopped the server that this process was calling."""
        end = self.memory.called(event)
        return None if end is None or self.memory.stop(end) is None else self.group_of.get(end.seq)

    def _by_itself(self, event: TraceEvent) -> Group | None:
        """Return the group of a supervisor that gave up, or whose significant child ended."""
        last = self.last.get(event.pid)
        if last is None or event.data.get("sender") is not None:
            return None
        if last.kind == "gave_up" or (is_end(last) and _is(event.data["reason"], "shutdown")):
            return self.group_of.get(last.seq)
        return None

    def _stopped(self, event: TraceEvent) -> None:
        group = self.group_of.get(event.cause)
        if group is not None:
            self._join(event, group)
        elif is_requested_stop(event):
            if event.data["id"] is not None:
                self.stopped.setdefault(event.pid, {})[event.data["id"]] = event
        else:
            self.ending.setdefault(event.pid, []).append(event)

    def _reported(self, event: TraceEvent) -> None:
        pid, cause = event.pid, event.cause
        group = self._join(event, self.group_of.get(cause) or self._forgotten(event))
        self.last[pid] = event
        if cause in self.memory.answers or self.waits(event):
            self.handling[pid] = group
        else:
            self.handling.pop(pid, None)

    def _started(self, event: TraceEvent) -> None:
        pid, child = event.pid, event.data["child"]
        known = self.group_of.get(event.cause)
        along = event.data.get("along") is True  # with a sibling
        asked = not is_restart(event) and known is None and not along  # while messages are traced, a request is a cause
        if asked or not event.cause:  # on request, or because the supervisor itself starts
            group = self._restarted_on_request(event)
            if group is None:
                self.starting.setdefault(pid, []).append(event)
            else:
                self._resolve(self.starting, child, group)
            return
        group = self._join(event, known or self._forgotten(event))
        self.handling.pop(pid, None)  # a supervisor first stops all, then starts
        self.last[pid] = event
        self._resolve(self.starting, child, group)

    def _restarted_on_request(self, event: TraceEvent) -> Group | None:
        """Return the group of a start on request that follows a stop on request; None if none does."""
        pid = event.pid
        stop = self.stopped.get(pid, {}).pop(event.data["id"], None)
        end = None if stop is None else self.memory.by_seq.get(stop.cause)
        if stop is None or end is None or end.kind != "exited":
            return None
        last, group = self.requested.get(pid, (stop, Group(end, requested=True)))
        if stop.seq > last.seq:  # of another request
            last, group = stop, Group(end, requested=True)
        if event.at - last.at > TOGETHER_NS:
            self._stays_stopped(stop)
            return None
        if end.seq < group.first.seq:
            group.first = end
        group.waits = any(abs(one.at - stop.at) <= TOGETHER_NS for one in self.stopped[pid].values())
        self.requested[pid] = event, group
        for one in (end, stop, event):
            self._join(one, group)
        self._resolve(self.ending, end.pid, group)
        return group

    def finish(self) -> None:
        """Add the children that were stopped on request and not started again."""
        for stops in self.stopped.values():
            for stop in stops.values():
                self._stays_stopped(stop)

    def _stays_stopped(self, stop: TraceEvent) -> None:
        end = self.memory.by_seq.get(stop.cause)
        if end is None or end.kind != "exited":
            return
        group = Group(end, requested=True, waits=True)
        for event in (end, stop):
            self._join(event, group)
        self._resolve(self.ending, end.pid, group)

    def _join(self, event: TraceEvent, group: Group) -> Group:
        self.group_of[event.seq] = group
        return group

    def _forgotten(self, event: TraceEvent) -> Group:
        """Return the group of an event whose cause is no longer in memory."""
        group = Group(event, complete=False)
        if event.cause:
            self.group_of[event.cause] = group
        return group

    def _resolve(self, waiting: dict[Any, list[TraceEvent]], pid: Any, group: Group) -> None:
        """Add what a supervisor did while it ended or started, and what those below it did."""
        for event in waiting.pop(pid, ()):
            self._join(event, group)
            self._resolve(waiting, event.pid if event.kind == "exited" else event.data["child"], group)


def _is(reason: Any, text: str) -> bool:
    return type(reason) is str and reason == text
