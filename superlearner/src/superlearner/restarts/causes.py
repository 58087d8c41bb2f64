"""The chain of causes behind a process's start or end.

Each event names the event that led to it. That is not enough: a supervisor that gives up ends by itself, and the
signals with which it stops its children have no cause. The missing causes are derived from the order of the events,
since a supervisor handles one end at a time:

    exited ledger → child_terminated ledger (exit) → child_terminated cart (supervisor) → child_restarted ledger → …
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import otp
from otp import Node, Pid
from superlearner.control.events import OF_CHILDREN, STARTS, TraceEvent
from superlearner.control.names import display_name
from superlearner.control.slots import id_text
from superlearner.restarts.cause_steps import Step, Words, names_in, number_of
from superlearner.restarts.fold import Restart, fold, is_stop

__all__ = ["trail", "why"]

MOST: Final = 20


def why(node: Node, number: str) -> list[Step]:
    """Return what led to the start of process `number`, or to its end if it has ended.

    Steps come oldest first. Empty if the node's memory, its last 4,096 events, does not reach back that far.
    """

    def living(number: str) -> Pid | None:
        try:
            pid = node.parse_pid(number)
        except ValueError:
            return None
        return pid if otp.is_alive(pid) else None

    def called(number: str) -> str | None:
        pid = living(number)
        return None if pid is None else display_name(pid)

    return trail(otp.trace.history(node), number, called, lambda number: living(number) is not None)


def trail(
    events: Sequence[TraceEvent],
    number: str,
    called: Callable[[str], str | None] = lambda _: None,
    alive: Callable[[str], bool] = lambda _: False,
) -> list[Step]:
    """Return the steps from the first cause to the start or end of process `number`.

    A pure function of events.

    Args:
        events: of one node, oldest first.
        number: a pid as text.
        called: the registered name of a living process.
        alive: whether a process lives.
    """
    memory = _Memory(events, called, alive)
    at = memory.about(number)
    steps: list[Step] = []
    seen: set[int] = set()
    while at is not None and at.seq not in seen and len(steps) < MOST:
        seen.add(at.seq)
        found, at = memory.explain(at)
        steps += found
    once = {(step.event, step.kind): step for step in reversed(steps)}  # two ends may share an earlier step
    return list(once.values())[-MOST:]


Explained = tuple[list[Step], TraceEvent | None]
"""Steps, newest first, and the event that led to the oldest of them."""


class _Memory:
    """The events, indexed for lookup."""

    def __init__(
        self, events: Sequence[TraceEvent], called: Callable[[str], str | None], alive: Callable[[str], bool]
    ) -> None:
        self.events = events
        self.by_seq = {event.seq: event for event in events}
        self.starts: dict[str, TraceEvent] = {}
        self.exits: dict[str, TraceEvent] = {}
        self.doings: dict[str, list[TraceEvent]] = {}
        self.stops: dict[int, TraceEvent] = {}
        self._fold(events)
        names = names_in(events)
        for event in events:
            pid = number_of(event.pid)
            if event.kind in OF_CHILDREN and pid is not None:
                self.doings.setdefault(pid, []).append(event)
                if event.kind in STARTS and event.data.get("child") is not None:
                    self.starts[str(number_of(event.data["child"]))] = event
                elif is_stop(event):
                    self.stops[event.cause] = event
            elif event.kind == "exited" and pid is not None:
                self.exits[pid] = event
        known = self.starts.keys() | self.exits.keys() | self.doings.keys()

        def name(pid: str | None) -> str:
            return "the node" if pid is None else called(pid) or names.get(pid) or pid

        self.words = Words(name, lambda pid: pid not in known and not alive(pid))

    def _fold(self, events: Sequence[TraceEvent]) -> None:
        """Index the restarts by their starts, failures and stops, and those that ended a supervisor by its pid."""
        found = fold(events)
        self.answers: dict[int, Restart] = {}
        self.stopped_for: dict[int, Restart] = {}
        self.ending: dict[str | None, Restart] = {}
        for restart in found.restarts:
            self.answers |= dict.fromkeys((one.event for one in (*restart.started, *restart.failures)), restart)
            self.stopped_for |= dict.fromkeys((one.event for one in restart.stopped), restart)
            if restart.ends_supervisor:
                self.ending[number_of(restart.supervisor)] = restart
        for acting in found.state.acting.values():
            self.stopped_for |= dict.fromkeys((one.event for one in acting.stopping), acting.open[-1])
        for pid, restart in found.state.ended.items():
            self.ending[number_of(pid)] = restart

    def about(self, number: str) -> TraceEvent | None:
        """Return the end of a process, or its start if it has not ended."""
        return self.exits.get(number) or self.starts.get(number)

    def explain(self, event: TraceEvent) -> Explained:
        """Return the steps of an event and the event that led to them."""
        match event.kind:
            case "child_started" | "child_restarted" if event.cause:
                return self._restart(event)
            case "child_started" | "child_restarted":
                return [self.words.started(event)], self._end_before(event) or self._start_above(event)
            case "restart_failed":
                cause = self.by_seq.get(event.cause)
                return [self.words.failed(event), *self._stops(event, cause)], cause
            case "gave_up":
                return [self.words.gave_up(event, self._spent(event))], self.by_seq.get(event.cause)
            case "exited":
                return self._end(event)
            case _:
                return [], None

    # Starts

    def _restart(self, event: TraceEvent) -> Explained:
        cause = self.by_seq.get(event.cause)
        group = [one for one in self._by(event) if one.kind in STARTS and one.cause == event.cause]
        lead = next((one for one in group if one.kind == "child_restarted"), None)
        return [self.words.restarted(event, lead, group), *self._stops(event, cause)], cause

    def _stops(self, event: TraceEvent, cause: TraceEvent | None) -> list[Step]:
        """Return the stops that the strategy required before the restart."""
        restart = self.answers.get(event.seq)
        if restart is None or cause is None or cause.kind != "exited":
            return []  # an earlier attempt stopped the siblings
        begun = min((one.event for one in (*restart.started, *restart.failures)), default=event.seq)
        stops = [self.by_seq[one.event] for one in restart.stopped if one.event < begun]
        return [self.words.stopped(stops, id_text(restart.id), restart.strategy)] if stops else []

    def _end_before(self, event: TraceEvent) -> TraceEvent | None:
        """Return the end by itself that a start on request follows, such as one after a give-up."""
        id = event.data.get("id")
        if id is None:
            return None
        before = (one for one in reversed(self._by(event)) if one.seq < event.seq and one.data.get("id") == id)
        last = next(before, None)
        if last is None or last.kind != "child_terminated" or last.data.get("by") != "exit":
            return None
        return self.by_seq.get(last.cause)

    def _start_above(self, event: TraceEvent) -> TraceEvent | None:
        """Return the start of the supervisor during whose own start this child started.

        None unless a restart, or an end by itself, led to it.
        """
        above = self.starts.get(str(number_of(event.pid)))
        found = above
        while found is not None and event.seq < found.seq:
            if found.cause or self._end_before(found) is not None:
                return above
            event, found = found, self.starts.get(str(number_of(found.pid)))
        return None

    # Ends

    def _end(self, event: TraceEvent) -> Explained:
        number, data = str(number_of(event.pid)), event.data
        sender, cause = number_of(data.get("sender")), self.by_seq.get(event.cause)
        if cause is not None and cause.kind == "exited" and number_of(cause.pid) == sender:
            return [self.words.linked(event, cause)], cause
        stop = self.stops.get(event.seq)  # a process that traps exits ends by itself: its exit event has no sender
        if stop is not None:
            return self._stopped(stop)
        restart = self.ending.get(number)
        if restart is not None and sender is None:
            if restart.outcome == "gave_up":
                return [], self.by_seq.get(restart.answered)
            if type(data["reason"]) is str and data["reason"] == "shutdown":
                child = self.by_seq[restart.event]
                return [self.words.ended_with_child(event, child)], self.by_seq.get(restart.cause)
        return [self.words.ended(event)], cause

    def _stopped(self, stop: TraceEvent) -> Explained:
        """Explain a stop: another child's end, the supervisor's own end, or a request."""
        restart = self.stopped_for.get(stop.seq)
        if restart is not None and restart.outcome == "gave_up" and stop.seq > restart.answered:
            return [self.words.stopped([stop], None, None, "it gave up")], self.by_seq.get(restart.answered)
        if restart is not None:
            first, strategy = id_text(restart.id), restart.strategy
            step = self.words.stopped([stop], first, strategy, None if strategy else f"{first} had ended")
            return [step], self.by_seq.get(restart.cause)
        end = self.exits.get(str(number_of(stop.pid)))
        if end is not None and end.seq > stop.seq and not self._worked(stop, end):
            return [self.words.stopped([stop], None, None, "it was ending itself")], end
        return [self.words.stopped([stop], None, None, "it was asked to")], None

    def _worked(self, stop: TraceEvent, end: TraceEvent) -> bool:
        """Return whether the supervisor did more than stop children before its own end."""
        return any(stop.seq < one.seq < end.seq and not is_stop(one) for one in self._by(stop))

    # Supervisors

    def _by(self, event: TraceEvent) -> list[TraceEvent]:
        """Return all events of the same supervisor."""
        return self.doings.get(str(number_of(event.pid)), [])

    def _spent(self, event: TraceEvent) -> list[TraceEvent]:
        """Return the restarts that counted when a supervisor gave up."""
        window = event.data["window"]
        oldest = 0 if window == "infinity" else event.at - round(window * 1e9)
        return [
            one for one in self._by(event) if one.kind == "child_restarted" and oldest <= one.at and one.seq < event.seq
        ]
