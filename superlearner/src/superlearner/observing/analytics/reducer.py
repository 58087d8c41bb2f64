"""The reducer: applies a runtime event to the book. Pure.

`meet` supplies what events lack, the registered name of a new supervisor. So the same events always give the same book,
and tests need no runtime: they compare it with a naive recount.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from superlearner.control.clock import wall_of
from superlearner.control.events import OF_CHILDREN, TraceEvent, act_of, is_again, is_restart
from superlearner.control.facts import facts_of
from superlearner.control.reasons import is_crash, text_of_reason
from superlearner.control.slots import id_text
from superlearner.observing.analytics.entries import Entry, EventType
from superlearner.observing.analytics.history import Book, History, belongs, count
from superlearner.observing.analytics.times import Times

__all__ = ["KINDS", "apply", "meet"]

KINDS: Final = OF_CHILDREN | {"strategy_changed"}
"""Kinds of events that are processed."""

MAX_DOWN: Final = 1_000
MAX_CAUSES: Final = 64
UNKNOWN: Final = "unknown"


def meet(book: Book, pid: str, name: str | None) -> History:
    """Return the history of a supervisor; a new one continues that of its name."""
    known = book.by_pid.get(pid)
    if known is not None:
        return known
    key = pid if name is None else name
    history = book.histories.get(key)
    if history is None:
        history = book.histories[key] = History(key, name, pid)
    else:
        history.incarnations += 1
        history.ended_at = None
        history.attempts = Times()  # budget starts full
        history.down.clear()  # children of the previous supervisor
        history.causes.clear()
    belongs(book, history, pid)
    return history


def apply(book: Book, event: TraceEvent) -> Entry | None:
    """Apply an event of a supervisor registered with `meet`; return its entry."""
    facts = facts_of(event)
    history = book.by_pid.get(facts.pid)
    if history is None:
        return None
    data = event.data
    match act_of(event):
        case "start" | "restart":
            return _started(book, history, event, data)
        case "end":
            old = _down(history, event)
            _caused(history, event.cause, old)
            return _entry(book, history, event, "terminated", old, None, facts.reason, crash=facts.crash)
        case "stop":
            return _entry(book, history, event, "stopped", _down(history, event), None, facts.reason, crash=facts.crash)
        case "restart_failed" | "gave_up" as kind:
            _budget(history, data["allowed"], data["window"])
            old = history.causes.get(event.cause)
            if kind == "restart_failed":
                history.attempts.add(event.at)
                _caused(history, event.seq, old)
            return _entry(book, history, event, kind, old, None, facts.reason, crash=facts.crash)
        case "strategy_changed":
            _budget(history, data["max_restarts"], data["max_seconds"])
            what = f"{data['strategy']}, at most {data['max_restarts']} restarts in {data['max_seconds']} s"
            return _entry(book, history, event, "strategy_changed", None, None, text_of_reason(what))
        case _:
            return None


def _started(book: Book, history: History, event: TraceEvent, data: Mapping[str, Any]) -> Entry:
    id, facts, again = data["id"], facts_of(event), is_again(event)
    before = history.down.pop((facts.old or "") if id is None else _place(id), None)
    if id is not None:
        history.note_start(facts.id or "", data["restarts"], again=again)
    if is_restart(event):
        history.attempts.add(event.at)
        _budget(history, data["allowed"], data["window"])
    if data["along"]:
        return _went_along(book, history, event, before)
    if not again:
        return _entry(book, history, event, "started", None, facts.child, None)
    if is_restart(event):
        recovery = None if before is None else max(0, event.at - before[1])
        return _ran_again(book, history, event, facts.reason, crash=facts.crash, recovery=recovery)
    reason = UNKNOWN if before is None else before[2]  # started on request, or with a sibling, after its own end
    return _ran_again(book, history, event, reason, crash=is_crash(reason))


def _down(history: History, event: TraceEvent) -> str:
    """Record that a child is down; return the pid that ended."""
    id, facts, down = event.data["id"], facts_of(event), history.down
    old = facts.child or ""
    down[old if id is None else _place(id)] = old, event.at, facts.reason
    if len(down) > MAX_DOWN:
        del down[next(iter(down))]
    return old


def _ran_again(
    book: Book, history: History, event: TraceEvent, reason: str, *, crash: bool, recovery: int | None = None
) -> Entry:
    """Count a restart."""
    facts = facts_of(event)
    history.restarts.add(event.at)
    book.total_restarts += 1
    if recovery is not None:
        history.recovered(recovery)
    count(history.by_reason, reason)
    return _entry(book, history, event, "restarted", facts.old, facts.child, reason, crash=crash, recovery=recovery)


def _went_along(book: Book, history: History, event: TraceEvent, before: tuple[str, int, str] | None) -> Entry:
    """Count a child that was restarted because of a sibling; `before` is its end."""
    old, ended, why = (None, None, UNKNOWN) if before is None else before
    took = None if ended is None else event.at - ended
    return _entry(book, history, event, "restarted_along", old, facts_of(event).child, why, recovery=took)


def _entry(
    book: Book,
    history: History,
    event: TraceEvent,
    kind: EventType,
    old: str | None,
    child: str | None,
    reason: str | None,
    *,
    crash: bool = False,
    recovery: int | None = None,
) -> Entry:
    book.number += 1
    facts = facts_of(event)
    entry = Entry(
        book.number,
        wall_of(book.offset, event.at),
        kind,
        history.key,
        facts.pid,
        facts.id,
        old,
        child,
        reason,
        crash,
        None if recovery is None else round(recovery / 1e9, 6),
    )
    history.counts[kind] = history.counts.get(kind, 0) + 1
    history.keep(entry, book.most)
    return entry


def _place(id: Any) -> str:
    """Return a child id as a key; `1` and `"1"` differ."""
    return id_text(id) if type(id) is str else f"={id_text(id)}"


def _budget(history: History, allowed: Any, window: Any) -> None:
    history.allowed = "infinity" if allowed == "infinity" else int(allowed)
    history.window_s = "infinity" if window == "infinity" else float(window)


def _caused(history: History, seq: int, old: str | None) -> None:
    if seq:
        history.causes[seq] = old
        if len(history.causes) > MAX_CAUSES:
            del history.causes[next(iter(history.causes))]
