"""The events of a node that are in memory, indexed once for all questions about its restarts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from superlearner.control.events import ANSWERS, ENDS, OF_CHILDREN, STARTS, TraceEvent, facts_of, is_own_end, is_stop
from superlearner.control.reasons import failed_call
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid
from superlearner.control.wrong_results import is_by_link, is_end_of
from superlearner.restarts.fold import Found, Restart, fold

__all__ = ["Events", "Memory"]

NAMED: Final = ("registered", "exited")
"""The events that tell the registered name of their process."""

UNANSWERED: Final = ("noproc", "timeout", "calling_self")
"""Reasons of failed calls to a server that did not end."""


class Memory:
    """The events of one node, oldest first; each table of them is made when the first question needs it."""

    def __init__(self, events: Sequence[TraceEvent]) -> None:
        self.events = events
        self._by_supervisor: dict[Any, Doings] = {}

    @staticmethod
    def of(events: Events) -> Memory:
        """Return the index of events, which may be one already."""
        return events if isinstance(events, Memory) else Memory(events)

    @cached_property
    def by_seq(self) -> dict[int, TraceEvent]:
        """The events by their numbers."""
        return {event.seq: event for event in self.events}

    @cached_property
    def ends(self) -> dict[Any, TraceEvent]:
        """The end of each process."""
        return {event.pid: event for event in self.events if event.kind == "exited"}

    @cached_property
    def reports(self) -> dict[int, TraceEvent]:
        """The reports of supervisors about the ends of children, by the number of each end."""
        return {event.cause: event for event in self.events if event.kind in ENDS}

    @cached_property
    def answers(self) -> dict[int, list[TraceEvent]]:
        """The actions of supervisors, by the number of the end or failed start that led to it."""
        found: dict[int, list[TraceEvent]] = {}
        for event in self.events:
            if event.kind in ANSWERS:
                found.setdefault(event.cause, []).append(event)
        return found

    @cached_property
    def doings(self) -> dict[Any, list[TraceEvent]]:
        """The events of each supervisor."""
        found: dict[Any, list[TraceEvent]] = {}
        for event in self.events:
            if event.kind in OF_CHILDREN or event.kind == "strategy_changed":
                found.setdefault(event.pid, []).append(event)
        return found

    @cached_property
    def mentions(self) -> dict[Any, TraceEvent]:
        """The first event of a supervisor about each child: its start, unless that is no longer in memory."""
        found: dict[Any, TraceEvent] = {}
        for event in self.events:
            if event.kind in OF_CHILDREN:
                for key in ("child", "old"):
                    if (pid := event.data.get(key)) is not None:
                        found.setdefault(pid, event)
        return found

    @cached_property
    def _registered(self) -> dict[Any, Any]:
        """The last registered name of each process."""
        return {event.pid: event.data["name"] for event in self.events if event.kind == "registered"}

    def stop(self, end: TraceEvent) -> TraceEvent | None:
        """Return the stop by a supervisor that an end was; None if the process ended by itself."""
        report = self.reports.get(end.seq)
        return report if report is not None and is_stop(report) and not is_own_end(report) else None

    def linked(self, end: TraceEvent) -> TraceEvent | None:
        """Return the end of the process whose exit signal over a link ended another one; None if none did."""
        cause = self.by_seq.get(end.cause)
        return cause if is_by_link(end, cause) else None

    def round(self, end: TraceEvent) -> TraceEvent | None:
        """Return the end that a supervisor handled when it found that this child had ended, too."""
        report = self.reports.get(end.seq)
        if report is None or not is_stop(report):
            return None
        restart = self.restarts(report.pid).stops.get(report.seq)
        return None if restart is None else self.by_seq.get(restart.cause)

    def called(self, end: TraceEvent) -> TraceEvent | None:
        """Return the end of a server that ended a process which was calling it; None if no such end is known."""
        found = failed_call(end.data["reason"])
        if found is None or (type(found[0]) is str and found[0] in UNANSWERED):
            return None
        ends = (one for one in reversed(self.ends.values()) if one.seq < end.seq)
        return next((one for one in ends if is_end_of(one, found[1])), None)

    def process(self, number: str) -> Any:
        """Return the process of a pid as text, if an event reports its start or end; the newest are found first."""
        for table in (self.ends, self.mentions):
            found = next((pid for pid in reversed(table) if plain_pid(pid) == number), None)
            if found is not None:
                return found
        return None

    def newest(self, name: str) -> Any:
        """Return the process that had a name last: a registered name, else an id as a child; None if no event tells."""
        by_id = None
        for event in reversed(self.events):
            data = event.data
            if event.kind in NAMED and data.get("name") is not None and id_text(data["name"]) == name:
                return event.pid
            child = data.get("child") if event.kind in OF_CHILDREN else None
            if by_id is None and child is not None and id_text(data.get("id")) == name:
                by_id = child
        return by_id

    def knows(self, pid: Any) -> bool:
        """Return whether an event tells of a process."""
        return pid in self.ends or pid in self.mentions or pid in self.doings

    def start(self, pid: Any) -> TraceEvent | None:
        """Return the start of a child."""
        told = self.mentions.get(pid)
        return told if told is not None and told.kind in STARTS and told.data["child"] is pid else None

    def successor(self, pid: Any) -> TraceEvent | None:
        """Return the start of the process that replaced one that has ended; None if none did, or it is not known."""
        end = self.ends.get(pid)
        report = None if end is None else self.reports.get(end.seq)
        if report is None:
            return None
        of_it = [one for one in self.doings.get(report.pid, ()) if one.kind in STARTS and one.seq > report.seq]
        id = report.data["id"]
        return next(
            (one for one in of_it if one.data.get("old") is pid or (id is not None and one.data["id"] == id)), None
        )

    def begun(self, pid: Any) -> int | None:
        """Return the time since when a process surely runs: its start, or the oldest event if that came before."""
        start = self.start(pid)
        found = start if start is not None else next(iter(self.events), None)
        return None if found is None else found.at

    def about(self, pid: Any) -> TraceEvent | None:
        """Return the end of a process, or its start if it has not ended."""
        return self.ends.get(pid) or self.start(pid)

    def name(self, pid: Any) -> str | None:
        """Return the name of a process: its registered one, else its id as a child, else what it ran."""
        if pid in self._registered:
            return id_text(self._registered[pid])
        told, end = self.mentions.get(pid), self.ends.get(pid)
        if end is not None and end.data.get("name") is not None:
            return id_text(end.data["name"])
        if told is not None and told.data.get("id") is not None:
            return id_text(told.data["id"])
        return None if end is None else id_text(end.data.get("what"))

    def child(self, event: TraceEvent) -> Any:
        """Return the process that an event of a supervisor is about: of a failed restart, the one that had ended."""
        about = event.data.get("child") or event.data.get("old")
        if about is None and event.data.get("id") is not None:
            known = facts_of(event).id
            for one in reversed(self.doings.get(event.pid, ())):
                pid = one.data.get("child") or one.data.get("old")
                if pid is not None and one.seq < event.seq and facts_of(one).id == known:
                    return pid
        return about

    def restarts(self, supervisor: Any) -> Doings:
        """Return the restarts of a supervisor, found by what belongs to them."""
        found = self._by_supervisor.get(supervisor)
        if found is None:
            end = self.ends.get(supervisor)
            told = (end, None if end is None else self.reports.get(end.seq))
            events = [*self.doings.get(supervisor, ()), *(one for one in told if one is not None)]
            found = self._by_supervisor[supervisor] = Doings(supervisor, fold(events))
        return found


Events = Sequence[TraceEvent] | Memory


class Doings:
    """The restarts of one supervisor.

    Attributes:
        answers: restarts by the numbers of their starts and failed starts.
        stops: restarts by the numbers of the stops that they required.
        ending: the restart that ended the supervisor; without an outcome if its own supervisor has not reported that.
    """

    def __init__(self, supervisor: Any, found: Found) -> None:
        self.answers: dict[int, Restart] = {}
        self.stops: dict[int, Restart] = {}
        self.ending: Restart | None = found.state.ended.get(supervisor)
        for restart in found.restarts:
            self.answers |= dict.fromkeys((one.event for one in (*restart.started, *restart.failures)), restart)
            self.stops |= dict.fromkeys((one.event for one in restart.stopped), restart)
            if restart.supervisor is supervisor and restart.ends_supervisor:
                self.ending = restart
        for acting in found.state.acting.values():
            self.stops |= dict.fromkeys((one.event for one in acting.stopping), acting.open[-1])
