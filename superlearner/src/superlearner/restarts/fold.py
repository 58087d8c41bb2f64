"""Restarts, folded from the events of a node: one pure function and one type for one restart.

A supervisor handles one end at a time. It reports the end, the stops that its strategy requires, and then its answer:
starts, a failed start, or that it gives up. Only the answer says which end it belongs to, so stops wait for it. A
failed start is tried again after other messages, so other ends may come in between.

>>> from superlearner.restarts.fold import NOTHING, after
>>> from types import SimpleNamespace as Event
>>> def event(seq, kind, pid, cause, **data):
...     return Event(seq=seq, at=seq, kind=kind, pid=pid, cause=cause, data=data)
>>> budget = {"strategy": "rest_for_one", "used": 1, "allowed": 3, "window": 5, "group": ("c",), "along": False}
>>> state = NOTHING
>>> for one in [
...     event(2, "child_terminated", "top", 1, id="b", child="b1", reason="killed", by="exit"),
...     event(4, "child_terminated", "top", 3, id="c", child="c1", reason="shutdown", by="supervisor"),
...     event(5, "child_restarted", "top", 1, id="b", child="b2", old="b1", reason="killed", **budget),
...     event(6, "child_started", "top", 1, id="c", child="c2", old=None, along=True),
... ]:
...     state = after(state, one)
>>> found = state.latest
>>> found.outcome, [one.pid for one in found.stopped], [one.pid for one in found.started]
('restarted', ['c1'], ['b2', 'c2'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from superlearner.control.events import ANSWERS, OF_CHILDREN, TraceEvent

__all__ = [
    "KINDS",
    "NOTHING",
    "Child",
    "Failure",
    "Found",
    "Outcome",
    "Restart",
    "Restarts",
    "after",
    "fold",
    "is_stop",
]

KINDS: Final = OF_CHILDREN | {"exited"}
"""Kinds of events that change the state."""

MOST_ACTING: Final = 256
MOST_ENDED: Final = 256
MOST_OPEN: Final = 64
MOST_CHILDREN: Final = 1_000

Outcome = Literal["restarted", "retries", "gave_up", "shut_down"]
"""The answer of a supervisor: it restarted the child, failed to and tries again, had no restart left, or ended with a
significant child."""


class Child(NamedTuple):
    """A child that was stopped or started; `pid` is the process that ended or began, `event` the event's number."""

    event: int
    id: Any
    pid: Any
    at: int


class Failure(NamedTuple):
    """A start that failed; `event` is its number, the cause of the next attempt."""

    event: int
    id: Any
    reason: Any
    at: int


class Restart(NamedTuple):
    """The end of a child and everything its supervisor did about it.

    Attributes:
        cause: the number of the event of the end, which identifies the restart.
        event: the number of the supervisor's report of the end, or of its first answer if that report is not known.
        supervisor: the pid of the supervisor.
        id: the child's id; None for a dynamic one.
        old: the process that ended.
        reason: its exit reason.
        at: the time of the report, by the clock of the node, in ns.
        outcome: None while no answer is known: the supervisor is stopping children, or leaves the child ended. If the
            end of a significant child ended it, this is known when its own supervisor reports its end.
        stopped: the siblings that it stopped, in order; after it gave up, all of its children; at most 1,000.
        started: the children that run again, in order; at most 1,000.
        failures: the starts that failed; each of them is counted as a restart.
        strategy, used, allowed, window: the strategy, and the restarts that counted, as the last answer reports them.
        group: the ids of children that the strategy restarts with this one.
        reported: the number of the event that reports the restart, after the first of its group may have started.
        answered: the number of the last answer.
        escalated: the restart of a child of this child that ended it: the restart below.
    """

    cause: int
    event: int
    supervisor: Any
    id: Any
    old: Any
    reason: Any
    at: int
    outcome: Outcome | None = None
    stopped: tuple[Child, ...] = ()
    started: tuple[Child, ...] = ()
    failures: tuple[Failure, ...] = ()
    strategy: str | None = None
    used: int | None = None
    allowed: Any = None
    window: Any = None
    group: tuple[Any, ...] = ()
    reported: int = 0
    answered: int = 0
    escalated: Restart | None = None

    @property
    def successor(self) -> Any:
        """The process that replaced the one that ended; None until it has started."""
        if self.id is None:
            return self.started[-1].pid if self.started else None
        return next((one.pid for one in reversed(self.started) if one.id == self.id), None)

    @property
    def is_complete(self) -> bool:
        """True once the child and all of its group have been started, since the last start that failed."""
        since = self.failures[-1].event if self.failures else 0
        return self.reported > since and sum(one.event > since for one in self.started) > len(self.group)

    @property
    def ends_supervisor(self) -> bool:
        """True if its supervisor ends because of it."""
        return self.outcome in ("gave_up", "shut_down")


class Acting(NamedTuple):
    """A supervisor that handles ends: its open restarts, oldest first, and the stops that wait for an answer."""

    open: tuple[Restart, ...] = ()
    stopping: tuple[Child, ...] = ()


class Restarts(NamedTuple):
    """The state of the fold; `latest` is the restart that the last event changed, None if it changed none.

    `acting` are the supervisors that handle ends, `ended` the restarts that ended a supervisor whose own supervisor
    has not reported its end. Both are bounded.
    """

    latest: Restart | None = None
    acting: Mapping[Any, Acting] = MappingProxyType({})
    ended: Mapping[Any, Restart] = MappingProxyType({})


NOTHING: Final = Restarts()


class Found(NamedTuple):
    """The restarts in a sequence of events, and the state after it."""

    restarts: list[Restart]
    state: Restarts


def is_stop(event: TraceEvent) -> bool:
    """Return whether an event is a stop of a child by its supervisor, not an end by itself."""
    return event.kind == "child_terminated" and event.data.get("by") != "exit"


def fold(events: Iterable[TraceEvent]) -> Found:
    """Return the restarts of a sequence of events, oldest first, and those that still go on."""
    state, found = NOTHING, dict[tuple[Any, int], Restart]()
    for event in events:
        state = after(state, event)
        if state.latest is not None:
            found[state.latest.supervisor, state.latest.event] = state.latest
    for below in (*(one.escalated for one in found.values()), *state.ended.values()):
        if below is not None:
            found[below.supervisor, below.event] = below
    return Found(list(found.values()), state)


def after(state: Restarts, event: TraceEvent) -> Restarts:
    """Return the state after one more event; pure."""
    if event.kind == "exited":
        return _exited(state, event)
    if event.kind == "child_terminated":
        return _stopped(state, event) if is_stop(event) else _ended(state, event)
    return _answered(state, event) if event.kind in ANSWERS else _same(state)


def _ended(state: Restarts, event: TraceEvent) -> Restarts:
    """Open a restart; an unanswered one before it stays without an answer."""
    data, child = event.data, event.data["child"]
    below = state.ended.get(child)
    if below is not None and below.outcome is None:
        reason = data["reason"]
        below = below._replace(outcome="shut_down") if type(reason) is str and reason == "shutdown" else None
    restart = Restart(event.cause, event.seq, event.pid, data["id"], child, data["reason"], event.at, escalated=below)
    before = state.acting.get(event.pid, Acting())
    waiting = tuple(one for one in before.open if one.outcome == "retries")
    found = _with(state, event.pid, Acting((*waiting[1 - MOST_OPEN :], restart)), restart)
    return found._replace(ended=_without(state.ended, child)) if child in state.ended else found


def _stopped(state: Restarts, event: TraceEvent) -> Restarts:
    acting, pid = state.acting.get(event.pid), event.data["child"]
    if pid in state.ended:
        state = state._replace(ended=_without(state.ended, pid))
    if acting is None:
        return _same(state)
    child = _child(event)
    last = acting.open[-1]
    if not last.ends_supervisor:
        return _with(state, event.pid, acting._replace(stopping=_more(acting.stopping, child)), None)
    return _with(state, event.pid, *_changed(acting, last, stopped=_more(last.stopped, child)))


def _answered(state: Restarts, event: TraceEvent) -> Restarts:
    acting = state.acting.get(event.pid)
    restart = None if acting is None else _of_answer(acting, event)
    data = event.data
    if restart is None and event.kind != "child_started" and event.cause:  # the end is no longer in memory
        restart = Restart(
            event.cause, event.seq, event.pid, data["id"], data.get("old"), data["reason"], event.at
        )  # fmt: skip
        acting = Acting((*(acting.open if acting is not None else ()), restart))
    if acting is None or restart is None:  # a start on request, or of a supervisor that begins
        return _same(state) if acting is None else _with(state, event.pid, acting._replace(stopping=()), None)
    changes: dict[str, Any] = {"stopped": _more(restart.stopped, *acting.stopping), "answered": event.seq}
    if event.kind != "child_started":
        changes |= {"used": data["used"], "allowed": data["allowed"], "window": data["window"]}
    match event.kind:
        case "restart_failed":
            failure = Failure(event.seq, data["id"], data["reason"], event.at)
            changes |= {"outcome": "retries", "failures": (*restart.failures, failure)}
        case "gave_up":
            changes["outcome"] = "gave_up"
        case _:
            changes |= {"outcome": "restarted", "started": _more(restart.started, _child(event))}
    if event.kind == "child_restarted":
        changes |= {"strategy": data["strategy"], "group": tuple(data.get("group") or ()), "reported": event.seq}
    rest, changed = _changed(acting._replace(stopping=()), restart, **changes)
    if changed.is_complete:
        rest = rest._replace(open=tuple(one for one in rest.open if one is not changed))
    return _with(state, event.pid, rest, changed)


def _of_answer(acting: Acting, event: TraceEvent) -> Restart | None:
    """Return the restart that an event answers: it names the end, or the last failed start, as its cause."""
    for restart in reversed(acting.open):
        awaited = restart.failures[-1].event if restart.failures else restart.cause
        if awaited and awaited == event.cause:
            return restart
    return None


def _child(event: TraceEvent) -> Child:
    return Child(event.seq, event.data["id"], event.data["child"], event.at)


def _exited(state: Restarts, event: TraceEvent) -> Restarts:
    """Close the restarts of a supervisor that ended; its own supervisor reports whether one of them ended it."""
    acting = state.acting.get(event.pid)
    if acting is None:
        return _same(state)
    last = acting.open[-1]
    found = _same(state)._replace(acting=_without(state.acting, event.pid))
    if last.outcome not in (None, "gave_up") or event.data.get("sender") is not None:
        return found
    if last.outcome is None:
        last = last._replace(stopped=_more(last.stopped, *acting.stopping))
    return found._replace(ended=_bounded({**state.ended, event.pid: last}, MOST_ENDED))


def _more(children: tuple[Child, ...], *others: Child) -> tuple[Child, ...]:
    return children if len(children) >= MOST_CHILDREN else (*children, *others)[:MOST_CHILDREN]


def _changed(acting: Acting, restart: Restart, **changes: Any) -> tuple[Acting, Restart]:
    """Return the supervisor and the restart, both with these changes."""
    changed = restart._replace(**changes)
    return acting._replace(open=tuple(changed if one is restart else one for one in acting.open)), changed


def _with(state: Restarts, pid: Any, acting: Acting, latest: Restart | None) -> Restarts:
    if not acting.open:
        return state._replace(latest=latest, acting=_without(state.acting, pid))
    now = dict(state.acting)
    now.pop(pid, None)  # the one that acted last is dropped last
    now[pid] = acting
    return state._replace(latest=latest, acting=_bounded(now, MOST_ACTING))


def _same(state: Restarts) -> Restarts:
    return state if state.latest is None else state._replace(latest=None)


def _without(table: Mapping[Any, Any], key: Any) -> Mapping[Any, Any]:
    if key not in table:
        return table
    rest = dict(table)
    del rest[key]
    return rest


def _bounded(table: dict[Any, Any], most: int) -> dict[Any, Any]:
    """Return a table without its oldest entry if it has become too large."""
    if len(table) > most:
        del table[next(iter(table))]
    return table
