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

from superlearner.control.events import COUNTED, OF_CHILDREN, TraceEvent, act_of, is_requested_stop, is_restart

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


def fold(events: Iterable[TraceEvent]) -> Found:
    """Return the restarts of a sequence of events, oldest first, and those that still go on."""
    acting, ended, found = dict[Any, Acting](), dict[Any, Restart](), dict[tuple[Any, int], Restart]()
    for event in events:
        latest = _apply(acting, ended, event)
        if latest is not None:
            found[latest.supervisor, latest.event] = latest
    for below in (*(one.escalated for one in found.values()), *ended.values()):
        if below is not None:
            found[below.supervisor, below.event] = below
    return Found(list(found.values()), Restarts(None, acting, ended))


def after(state: Restarts, event: TraceEvent) -> Restarts:
    """Return the state after one more event; pure."""
    acting, ended = dict(state.acting), dict(state.ended)
    return Restarts(_apply(acting, ended, event), acting, ended)


def _apply(acting: dict[Any, Acting], ended: dict[Any, Restart], event: TraceEvent) -> Restart | None:
    """Change the tables by one more event; return the restart that it changes."""
    match act_of(event):
        case "exited" if event.pid in acting:
            _exited(acting, ended, event)
        case "end":
            return _ended(acting, ended, event)
        case "stop":
            return _stopped(acting, ended, event)
        case "start" | "restart" | "restart_failed" | "gave_up":
            return _answered(acting, event)
        case _:
            pass
    return None


def _ended(acting: dict[Any, Acting], ended: dict[Any, Restart], event: TraceEvent) -> Restart:
    """Open a restart; an unanswered one before it stays without an answer."""
    data, child, pid = event.data, event.data["child"], event.pid
    reason, below = data["reason"], ended.pop(child, None)
    if below is not None and below.outcome is None:
        below = below._replace(outcome="shut_down") if type(reason) is str and reason == "shutdown" else None
    restart = Restart(event.cause, event.seq, pid, data["id"], child, reason, event.at, escalated=below)
    before = acting.pop(pid, None)  # the one that acted last is dropped last
    waiting = () if before is None else tuple(one for one in before.open if one.outcome == "retries")
    acting[pid] = Acting((*waiting[1 - MOST_OPEN :], restart) if waiting else (restart,))
    _bound(acting, MOST_ACTING)
    return restart


def _stopped(acting: dict[Any, Acting], ended: dict[Any, Restart], event: TraceEvent) -> Restart | None:
    ended.pop(event.data["child"], None)
    if is_requested_stop(event):
        return None
    now = acting.pop(event.pid, None)
    if now is None:
        return None
    child, last = _child(event), now.open[-1]
    if not last.ends_supervisor:
        acting[event.pid] = Acting(now.open, _more(now.stopping, child))
        return None
    changed = last._replace(stopped=_more(last.stopped, child))
    acting[event.pid] = Acting((*now.open[:-1], changed), now.stopping)
    return changed


def _answered(acting: dict[Any, Acting], event: TraceEvent) -> Restart | None:
    data, pid, kind = event.data, event.pid, event.kind
    now = acting.pop(pid, None)
    restart = None if now is None else _of_answer(now, event)
    if restart is None and kind in COUNTED and event.cause:  # the end is no longer in memory
        restart = Restart(event.cause, event.seq, pid, data["id"], data.get("old"), data["reason"], event.at)
        now = Acting((*(() if now is None else now.open), restart))
    if now is None:
        return None
    if restart is None:  # a start on request, or of a supervisor that begins
        acting[pid] = Acting(now.open)
        return None
    changes: dict[str, Any] = {"answered": event.seq}
    if now.stopping:
        changes["stopped"] = _more(restart.stopped, *now.stopping)
    if kind in COUNTED:
        changes |= {"used": data["used"], "allowed": data["allowed"], "window": data["window"]}
    match kind:
        case "restart_failed":
            failure = Failure(event.seq, data["id"], data["reason"], event.at)
            changes |= {"outcome": "retries", "failures": (*restart.failures, failure)}
        case "gave_up":
            changes["outcome"] = "gave_up"
        case _:
            changes |= {"outcome": "restarted", "started": _more(restart.started, _child(event))}
    if is_restart(event):
        changes |= {"strategy": data["strategy"], "group": tuple(data.get("group") or ()), "reported": event.seq}
    changed = restart._replace(**changes)
    kept = tuple(
        changed if one is restart else one for one in now.open if one is not restart or not changed.is_complete
    )
    if kept:
        acting[pid] = Acting(kept)
        _bound(acting, MOST_ACTING)
    return changed


def _of_answer(acting: Acting, event: TraceEvent) -> Restart | None:
    """Return the restart that an event answers: it names the end, or the last failed start, as its cause."""
    for restart in reversed(acting.open):
        awaited = restart.failures[-1].event if restart.failures else restart.cause
        if awaited and awaited == event.cause:
            return restart
    return None


def _child(event: TraceEvent) -> Child:
    return Child(event.seq, event.data["id"], event.data["child"], event.at)


def _exited(acting: dict[Any, Acting], ended: dict[Any, Restart], event: TraceEvent) -> None:
    """Close the restarts of a supervisor that ended; its own supervisor reports whether one of them ended it."""
    now = acting.pop(event.pid)
    last = now.open[-1]
    if last.outcome not in (None, "gave_up") or event.data.get("sender") is not None:
        return
    ended[event.pid] = last._replace(stopped=_more(last.stopped, *now.stopping)) if last.outcome is None else last
    _bound(ended, MOST_ENDED)


def _more(children: tuple[Child, ...], *others: Child) -> tuple[Child, ...]:
    return children if len(children) >= MOST_CHILDREN else (*children, *others)[:MOST_CHILDREN]


def _bound(table: dict[Any, Any], most: int) -> None:
    """Drop the oldest entry of a table that has become too large."""
    if len(table) > most:
        del table[next(iter(table))]
