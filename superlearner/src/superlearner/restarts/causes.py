"""The chain of causes behind a process's start or end.

Each event names the event that led to it. That is not enough: a supervisor that gives up ends by itself, and the
signals with which it stops its children have no cause. The missing causes are derived from the order of the events,
since a supervisor handles one end at a time:

    exited ledger → child_terminated ledger (exit) → child_terminated cart (supervisor) → child_restarted ledger → …
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import otp
from otp import Node, Pid
from superlearner.control.events import ENDS, STARTS, TraceEvent, act_of, is_own_end, is_requested_stop, is_restart
from superlearner.control.names import display_name
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid
from superlearner.restarts.cause_steps import Attempt, Step, Words
from superlearner.restarts.fold import Restart
from superlearner.restarts.memory import Events, Memory

__all__ = ["trail", "why"]

MOST: Final = 20
NO_PROCESS: Final = "0.1.0"
"""The pid of a node that stands for code outside of any process."""


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
    events: Events,
    number: str,
    called: Callable[[str], str | None] = lambda _: None,
    alive: Callable[[str], bool] = lambda _: False,
    begun: Callable[[Any], int | None] | None = None,
) -> list[Step]:
    """Return the steps from the first cause to the start or end of process `number`.

    A pure function of events.

    Args:
        events: of one node, oldest first.
        number: a pid as text.
        called: the registered name of a living process.
        alive: whether a process lives.
        begun: since when a process runs, by all events of the node; None if `events` are all.
    """
    memory = Memory.of(events)
    chain, at = _Chain(memory, called, alive, begun or memory.begun), memory.about(memory.process(number))
    steps: list[Step] = []
    seen: set[int] = set()
    while at is not None and at.seq not in seen and len(steps) < MOST:
        seen.add(at.seq)
        found, at = chain.explain(at)
        steps += found
    once = {(step.event, step.kind): step for step in reversed(steps)}  # two ends may share an earlier step
    return _date_starts(list(once.values())[-MOST:])


def _date_starts(steps: Sequence[Step]) -> list[Step]:
    """Return the steps, each start not later than the next step: one of a supervisor is reported after those below."""
    dated: list[Step] = []
    for step in reversed(steps):
        if step.kind in {"child_restarted", "child_started"} and dated and dated[-1].at_ns < step.at_ns:
            step = replace(step, at_ns=dated[-1].at_ns)
        dated.append(step)
    return dated[::-1]


def _cycle_of(end: TraceEvent) -> set[str]:
    """Return the processes of the deadlock in which a call failed that ended a process; none if it was in none."""
    cycle: str = end.data.get("cycle") or ""
    return set(cycle.split(" -> ")) - {""}


Explained = tuple[list[Step], TraceEvent | None]
"""Steps, newest first, and the event that led to the oldest of them."""


class _Chain:
    """The explanation of events by those that led to them."""

    def __init__(
        self,
        memory: Memory,
        called: Callable[[str], str | None],
        alive: Callable[[str], bool],
        begun: Callable[[Any], int | None],
    ) -> None:
        self.memory = memory

        def name(pid: Any) -> str:
            if pid is None:
                return "the node"
            number = plain_pid(pid)
            return called(number) or memory.name(pid) or number

        def outside(pid: Any, signalled: Any) -> bool:
            if memory.about(pid) is not None or pid in memory.doings or alive(plain_pid(pid)):
                return False
            elsewhere = getattr(pid, "runtime", None) is not getattr(signalled, "runtime", None)
            return elsewhere or plain_pid(pid) == NO_PROCESS  # any other is a process that has ended

        self.words = Words(name, outside, begun, memory.child)

    def explain(self, event: TraceEvent) -> Explained:
        """Return the steps of an event and the event that led to them."""
        match act_of(event):
            case "start" | "restart" if event.cause:
                return self._restart(event)
            case "start" | "restart":
                return [self.words.started(event)], self._end_before(event) or self._start_above(event)
            case "restart_failed":
                tries = self._tries(event)
                cause = self.memory.by_seq.get(tries[-1].cause)
                return [self.words.failed(event, self._times(tries)), *self._stops(tries[-1], cause)], cause
            case "gave_up":
                cause = self.memory.by_seq.get(event.cause)
                fall = self.words.gave_up(event, self._spent(event), self._times(self._tries(cause)))
                return self._with_meanwhile([fall], event, cause)
            case "exited":
                return self._end(event)
            case _:
                return [], None

    # Starts

    def _restart(self, event: TraceEvent) -> Explained:
        cause = self.memory.by_seq.get(event.cause)
        group = [one for one in self.memory.answers[event.cause] if one.kind in STARTS and one.pid is event.pid]
        lead = next(filter(is_restart, group), None)
        steps = [self.words.restarted(event, lead, group), *self._stops(event, cause), *self._others(event)]
        return self._with_meanwhile(steps, event, cause)

    def _with_meanwhile(self, steps: list[Step], answer: TraceEvent, cause: TraceEvent | None) -> Explained:
        """Add the restart after another end of the same deadlock, which the supervisor handled before this one."""
        before = None if cause is None else self._restart_before(answer, cause)
        if cause is None or before is None:
            return steps, cause
        earlier, first = self._restart(before)
        end, led = self._end(cause)
        return [*steps, *earlier, *end], first if led is None else led

    def _restart_before(self, answer: TraceEvent, cause: TraceEvent) -> TraceEvent | None:
        """Return the last restart between an end in a deadlock and its answer whose process was in that deadlock."""
        report = self.memory.reports.get(cause.seq)
        cycle = _cycle_of(cause)
        if report is None or not cycle:
            return None
        between = (
            one
            for one in reversed(self._by(answer))
            if is_restart(one) and cause.seq < one.seq < min(report.seq, answer.seq)
        )
        ends = ((one, self.memory.by_seq.get(one.cause)) for one in between)
        return next((one for one, end in ends if end is not None and _cycle_of(end) == cycle), None)

    def _stops(self, event: TraceEvent, cause: TraceEvent | None) -> list[Step]:
        """Return the stops that the strategy required before the restart."""
        restart = self.memory.restarts(event.pid).answers.get(event.seq)
        if restart is None or cause is None or cause.kind != "exited":
            return []  # an earlier attempt stopped the siblings
        begun = min((one.event for one in (*restart.started, *restart.failures)), default=event.seq)
        before = (self.memory.by_seq[one.event] for one in restart.stopped if one.event < begun)
        stops = [one for one in before if not is_own_end(one)]
        return [self.words.stopped(stops, self._first(restart), restart.strategy)] if stops else []

    def _first(self, restart: Restart) -> str:
        """Return the name of the child whose end a restart answers."""
        return id_text(restart.id) if restart.old is None else self.words.called(restart.old)

    def _others(self, event: TraceEvent) -> list[Step]:
        """Return the ends of siblings that the supervisor found when it was about to stop them, newest first."""
        restart = self.memory.restarts(event.pid).answers.get(event.seq)
        reports = [] if restart is None else [self.memory.by_seq[one.event] for one in restart.stopped]
        ends = (self.memory.by_seq.get(one.cause) for one in reversed(reports) if is_own_end(one))
        found = [(one, self.memory.linked(one)) for one in ends if one is not None]
        return [self.words.ended(one) if other is None else self.words.linked(one, other) for one, other in found]

    def _tries(self, event: TraceEvent | None) -> list[TraceEvent]:
        """Return a failed restart and those that led to it and failed in the same way, newest first."""
        found: list[TraceEvent] = []
        while event is not None and event.kind == "restart_failed":
            if found and Attempt.of(event) != Attempt.of(found[-1]):
                break
            found.append(event)
            event = self.memory.by_seq.get(event.cause) if event.cause < event.seq else None
        return found

    def _times(self, tries: Sequence[TraceEvent]) -> int:
        """Return the number of these attempts, also of those that the memory has lost between or before them."""
        if not tries:
            return 0
        newest, oldest = (one.data.get("attempts", 0) for one in (tries[0], tries[-1]))
        return max(len(tries), newest - oldest + 1 if tries[-1].cause in self.memory.by_seq else newest)

    def _end_before(self, event: TraceEvent) -> TraceEvent | None:
        """Return the end that a start on request follows: by itself, such as after a give-up, or on request as well."""
        id = event.data.get("id")
        if id is None:
            return None
        before = (one for one in reversed(self._by(event)) if one.seq < event.seq and one.data.get("id") == id)
        last = next(before, None)
        return self.memory.by_seq.get(last.cause) if last is not None and last.kind in ENDS else None

    def _start_above(self, event: TraceEvent) -> TraceEvent | None:
        """Return the start of the supervisor during whose own start this child started.

        None unless a restart, or an end, led to it.
        """
        above = self.memory.start(event.pid)
        found = above
        while found is not None and event.seq < found.seq:
            if found.cause or self._end_before(found) is not None:
                return above
            event, found = found, self.memory.start(found.pid)
        return None

    # Ends

    def _end(self, event: TraceEvent) -> Explained:
        if (linked := self.memory.linked(event)) is not None:
            return [self.words.linked(event, linked)], linked
        data, cause = event.data, self.memory.by_seq.get(event.cause)
        stop = self.memory.stop(event)  # a process that traps exits ends by itself: its exit event has no sender
        if stop is not None:
            return self._stopped(stop)
        restart = self.memory.restarts(event.pid).ending
        if restart is not None and data.get("sender") is None:
            if restart.outcome == "gave_up":
                return [], self.memory.by_seq.get(restart.answered)
            if type(data["reason"]) is str and data["reason"] == "shutdown":
                child = self.memory.by_seq[restart.event]
                return [self.words.ended_with_child(event, child)], self.memory.by_seq.get(restart.cause)
        return [self.words.ended(event)], self.memory.called(event) or cause

    def _stopped(self, stop: TraceEvent) -> Explained:
        """Explain a stop: another child's end, the supervisor's own end, or a request."""
        if is_requested_stop(stop):
            return [self.words.stopped_on_request(stop)], None
        restart = self.memory.restarts(stop.pid).stops.get(stop.seq)
        if restart is not None and restart.outcome == "gave_up" and stop.seq > restart.answered:
            return [self.words.stopped_because(stop, "gave up")], self.memory.by_seq.get(restart.answered)
        if restart is not None:
            first, strategy = self._first(restart), restart.strategy
            step = self.words.stopped([stop], first, strategy, None if strategy else f"{first} had ended")
            return [step], self.memory.by_seq.get(restart.cause)
        end = self.memory.ends.get(stop.pid)
        if end is None:
            return [self.words.stopped_on_request(stop)], None
        return [self.words.stopped_because(stop, "was shutting down")], end

    # Supervisors

    def _by(self, event: TraceEvent) -> list[TraceEvent]:
        """Return all events of the same supervisor."""
        return self.memory.doings.get(event.pid, [])

    def _spent(self, event: TraceEvent) -> list[TraceEvent]:
        """Return the restarts that counted when a supervisor gave up."""
        window = event.data["window"]
        oldest = 0 if window == "infinity" else event.at - round(window * 1e9)
        return [one for one in self._by(event) if is_restart(one) and oldest <= one.at and one.seq < event.seq]
