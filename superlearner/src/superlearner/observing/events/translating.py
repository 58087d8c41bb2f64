"""Conversion of a runtime event into a published one: plain values and a sentence.

It runs inside the step that emits the event, so it reads only the event, names, and the class and strategy of a child.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import otp
from otp import sentences
from otp.redaction import without_secrets
from superlearner.control.child_requests import ended_by
from superlearner.control.clock import Clock
from superlearner.control.events import facts_of, is_own_end
from superlearner.control.handled import callback_of, describe_doing
from superlearner.control.names import display_name, has_critical_children, is_critical
from superlearner.control.placement import describe_copy
from superlearner.control.slots import DYNAMIC, id_text
from superlearner.control.terms import clip, plain_pid, text_of
from superlearner.control.timeouts import callee_of, caller_of, describe_timeout, is_of_platform
from superlearner.control.tree import supervisor_state, what_of
from superlearner.observing.events.event import Event

__all__ = ["can_wait", "event_of", "names_in"]

LONGEST = 300
DECISIONS = {"child_started", "child_terminated", "child_restarted", "restart_failed", "start_failed", "gave_up"}
"""Events of a supervisor about a child: the playground is the platform's, and its children are the user's."""


def event_of(
    event: otp.trace.Event,
    clock: Clock,
    at: int | None = None,
    ended: Any = None,
    along: Mapping[Any, Any] | None = None,
    names: Mapping[Any, str] | None = None,
    request: str = "",
    asked: str = "",
) -> Event:
    """Return the published form of a runtime event.

    Args:
        event: the event.
        clock: converts its time.
        at: its time, if it is not that of its report.
        ended: the name that a child had whose end is reported.
        along: the names by id of children that are restarted with another one.
        names: the names of processes that have ended since the event.
        request: the request behind a stop or a start.
        asked: the request whose exit signal ended the child.
    """
    if event.kind in DECISIONS:
        told = _child(event, None if ended is None else _name(ended), along, names or {}, request, asked)
        if request and (event.kind == "child_started" or (event.kind == "child_terminated" and not is_own_end(event))):
            told.text, told.data["request"] = f"{told.text} by {request}", request
    else:
        told = TRANSLATORS.get(event.kind, _other)(event)
    told.at = clock.wall(event.at if at is None else at)
    told.node = event.node
    told.seq = event.seq
    told.cause = event.cause or None
    if event.pid is not None:
        told.critical = (has_critical_children if event.kind in DECISIONS else is_critical)(event.pid)
    return told


def names_in(events: Iterable[otp.trace.Event]) -> dict[Any, str]:
    """Return the names of processes in events: the registered name, else the child id."""
    found: dict[Any, str] = {}
    ids: dict[Any, str] = {}
    for event in events:
        data = event.data
        if event.kind in ("registered", "exited") and data.get("name") is not None:
            found[event.pid] = id_text(data["name"])
        elif event.kind in DECISIONS and data.get("id") is not None and data.get("child") is not None:
            ids[data["child"]] = id_text(data["id"])
    return {**ids, **found}


def can_wait(event: otp.trace.Event) -> bool:
    """Return whether the event can be formatted later: it is self-contained.

    Thousands of processes without a supervisor start and end, and most of their events are never read.
    """
    kind = event.kind
    if kind == "exited":
        return type(event.data["reason"]) is str
    return kind == "spawned" or kind == "registered" or kind == "unregistered"


def _spawned(event: Any) -> Event:
    data, pid = event.data, facts_of(event).pid
    name, what, parent = _name(data.get("name")), _words(data.get("what")), data.get("parent")
    who, by = (None, None) if not isinstance(parent, otp.Pid) else _supervisor(parent)
    text = sentences.started("", _describe_process(name, pid, what))
    told = {"parent": by, "what": what, "supervisor_pid": by}
    return Event("spawned", 0.0, text, told, pid=pid, name=name, supervisor=who)


def _exited(event: Any) -> Event:
    data, facts = event.data, facts_of(event)
    pid, name, reason, sender = facts.pid, _name(data.get("name")), data.get("reason"), facts.sender
    said, abnormal, what = facts.reason, facts.crash, _words(data.get("what"))
    if sender is None and abnormal and reason != "killed":  # as its text says
        told: dict[str, Any] = {
            "reason": said,
            "abnormal": True,
            "callback": _words(callback_of(data)),
            "message": _hidden(data.get("message")),
            "where": facts.where,
            "what": what,
        }
        doing = describe_doing(data)
        text = sentences.ended(_describe_process(name, pid, what), said, failed=True, doing=doing, at=told["where"])
        return Event("crashed", 0.0, text, told, pid=pid, name=name)
    told = {"reason": said, "abnormal": abnormal, "sender": sender, "what": what}
    by = None
    if sender is not None and abnormal and reason != "killed":  # it has not crashed itself
        abnormal, by = False, f"a signal from {_describe_process(display_name(data['sender']), sender)}"
    text = sentences.ended(_describe_process(name, pid, what), said, failed=abnormal, by=by)
    return Event("exited", 0.0, text, told, pid=pid, name=name)


def _registered(event: Any) -> Event:
    pid, name = facts_of(event).pid, _name(event.data.get("name"))
    told = sentences.registered if event.kind == "registered" else sentences.unregistered
    return Event(event.kind, 0.0, told(pid, str(name)), {}, pid=pid, name=name)


def _child(
    event: Any,
    ended: str | None,
    along: Mapping[Any, Any] | None,
    names: Mapping[Any, str],
    request: str,
    asked: str,
) -> Event:
    """Convert a supervisor's event about a child; `ended` is the name of one that has ended, others see `event_of`."""
    data, kind, facts = event.data, event.kind, facts_of(event)
    child = data.get("child")
    pid, id = facts.child, facts.id
    name = ended if ended is not None or child is None else display_name(child) or names.get(child)
    own = facts.pid
    supervisor = _supervisor_name(event.pid) or names.get(event.pid) or own
    told: dict[str, Any] = {"id": id, "supervisor_pid": own}
    also = () if id is None else (id,)
    called = name or id
    who = sentences.process_text(called, pid, "child")
    reason, failed = facts.reason, facts.crash
    if kind == "child_started":
        old = facts.old
        told |= {"restart": data.get("restart"), "type": data.get("type"), "old": old, **_counts(data), **_runs(child)}
        text = sentences.started(supervisor, who) if old is None else sentences.restarted(supervisor, who)
    elif kind == "child_terminated":
        alone = is_own_end(event)
        told |= {"reason": reason, "where": facts.where, "by": data.get("by"), "by_itself": alone}
        end = sentences.ended(who, reason, failed=failed)
        if asked and alone:
            end, told["request"] = ended_by(who, reason, asked), asked
        text = end if alone else sentences.story(sentences.stopped(supervisor, [who]), facts.stop_failed("it"))
    elif kind == "start_failed":
        told |= {"reason": reason, "where": facts.where, "restart": data.get("restart"), "request": request or None}
        text = sentences.could_not_start(supervisor, who, reason, at=facts.where, request=request)
    else:
        budget: dict[str, Any] = {key: _number(data.get(key)) for key in ("used", "allowed", "window")}
        told |= {"reason": reason, "where": facts.where, **budget}
        if kind == "child_restarted":
            old, strategy = facts.old, data.get("strategy")
            ids, names = (data.get("group") or ())[:20], along or {}
            group = [id_text(one) for one in ids]
            others = [_name(names[one]) or id_text(one) if one in names else id_text(one) for one in ids]
            told |= {"old": old, "strategy": strategy, "group": group, **_counts(data), **_runs(child)}
            also = (*also, *(() if old is None else (old,)))
            first = sentences.process_text(called, old, "child")
            end = sentences.ended(first, reason, failed=failed)
            end = ended_by(first, reason, asked) if asked else end
            again = sentences.restarted(supervisor, who, strategy=strategy, along=others, **budget)
            text = sentences.story(end, again)
        elif kind == "restart_failed":
            told["attempts"] = _number(data.get("attempts"))
            text = sentences.could_not_restart(supervisor, who, reason, **budget)
        else:
            told["retried"] = retried = bool(data.get("retried"))
            last = sentences.last_straw(who, reason, failed=failed, retried=retried)
            text = sentences.gave_up(supervisor, last, allowed=budget["allowed"], window=budget["window"])
            pid, name = own, supervisor
    shown = name or id
    return Event(kind, 0.0, text, told, pid=pid, name=shown, supervisor=supervisor, also=also)


def _counts(data: dict[str, Any]) -> dict[str, Any]:
    return {"restarts": data.get("restarts"), "along": data.get("along")}


def _runs(child: Any) -> dict[str, Any]:
    """Return what a child that was just started runs: it is not known after its end."""
    if not isinstance(child, otp.Pid):
        return {"what": None, "child_strategy": None}
    state = supervisor_state(child)
    return {"what": what_of(child) or None, "child_strategy": None if state is None else state.strategy}


def _strategy_changed(event: Any) -> Event:
    own = facts_of(event).pid
    supervisor = display_name(event.pid) or own
    before = event.data.get("before")
    old = before.get("strategy") if isinstance(before, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    told = {key: _plain(value) for key, value in event.data.items()} | {"strategy_before": _plain(old)}
    text = sentences.flags_changed(supervisor, event.data)
    return Event(
        event.kind, 0.0, text, {**told, "supervisor_pid": own}, pid=own, name=supervisor, supervisor=supervisor
    )


def _placement_changed(event: Any) -> Event:
    own, data, id = facts_of(event).pid, facts_of(event).placement, facts_of(event).id
    supervisor = id_text(data["supervisor"])
    told = {key: _plain(data[key]) for key in ("from_member", "to_member", "reason", "down")}
    text = sentences.moved(str(id), data["from_member"], data["to_member"], data["reason"], data["down"])
    if facts_of(event).is_second_copy:
        text = describe_copy(str(id), data["from_member"], data["to_member"], data["reason"])
    told |= {"id": id, "supervisor_pid": own}
    return Event(event.kind, 0.0, text, told, pid=facts_of(event).child, name=id, supervisor=supervisor)


def _suspension(event: Any) -> Event:
    pid, name, by = facts_of(event).pid, display_name(event.pid), facts_of(event).by
    told = sentences.suspended if event.kind == "suspended" else sentences.resumed
    return Event(event.kind, 0.0, told(_describe_process(name, pid), by), {"by": by or None}, pid=pid, name=name)


def _call_timed_out(event: Any) -> Event:
    data, pid = event.data, facts_of(event).pid or None
    name, what = callee_of(data)
    callee = sentences.process_text(name or what or None, plain_pid(data["to"]))
    told = {key: _plain(data[key]) for key in ("way", "request", "timeout", "where", "why", "busy", "cycle", "waited")}
    text = describe_timeout(caller_of(event.pid), callee, data)
    shown = None if event.pid is None else display_name(event.pid)
    found = Event(event.kind, 0.0, text, {"to": plain_pid(data["to"]), **told}, pid=pid, name=shown)
    found.critical = is_of_platform(event)
    return found


def _other(event: Any) -> Event:
    pid = _pid(event.pid)
    name = None if event.pid is None else display_name(event.pid)
    told = {key: _plain(value) for key, value in event.data.items()}
    details = ", ".join(f"{key} {value}" for key, value in told.items() if value is not None)
    if event.kind == "drain_too_long":
        text = f"the event loop was held for {sentences.elapsed(event.data['ms'] / 1000)}"
        if pid is not None:  # the runtime knows no more; the witness of the monitoring has the culprit
            text = sentences.story(text, f"{_describe_process(name, pid, told.get('what'))} ran last")
    elif event.kind in ("node_up", "node_down"):
        text = sentences.node_changed(event.node, up=event.kind == "node_up")
    elif event.kind == "abandoned_cleanup":
        text = sentences.abandoned_cleanup(_describe_process(name, pid), told.get("where"))
    else:
        who = f"{_describe_process(name, pid)}: " if pid is not None else ""
        text = f"{who}{event.kind.replace('_', ' ')} {details}".strip()
    return Event(event.kind, 0.0, text, told, pid=pid, name=name)


TRANSLATORS = {
    "spawned": _spawned,
    "exited": _exited,
    "registered": _registered,
    "unregistered": _registered,
    "strategy_changed": _strategy_changed,
    "placement_changed": _placement_changed,
    "suspended": _suspension,
    "resumed": _suspension,
    "call_timed_out": _call_timed_out,
}


def _supervisor_name(pid: Any) -> str | None:
    """Return the name of a supervisor, else its id under the supervisor above; None for a root without a name."""
    name = display_name(pid)
    above = otp.process_info(pid, "parent") if name is None and otp.is_alive(pid) else None
    state = None if above is None else supervisor_state(above)
    if state is None or state.strategy in DYNAMIC:
        return name
    return next((id_text(one.id) for one in state.children if one.pid is pid), None)


def _supervisor(pid: Any) -> tuple[str, str]:
    """Return a supervisor's name, else its pid, and its pid."""
    own = plain_pid(pid)
    return display_name(pid) or own, own


def _describe_process(name: str | None, pid: str | None, what: str | None = None) -> str:
    """Return the display text of a process: its name or what it runs, and its pid."""
    return sentences.process_text(name or what, pid)


def _pid(value: Any) -> str | None:
    return plain_pid(value) if isinstance(value, otp.Pid) else None


def _name(value: Any) -> str | None:
    return None if value is None else id_text(value)


def _words(value: Any) -> str | None:
    if value is None:
        return None
    return clip(value, LONGEST) if type(value) is str else text_of(value, LONGEST)


def _hidden(words: Any) -> str | None:
    return _words(without_secrets(words, LONGEST) if type(words) is str else words)


def _number(value: Any) -> int | float | str | None:
    return value if type(value) in (int, float, str) else None


def _plain(value: Any) -> Any:
    if value is None or type(value) in (bool, int):
        return value
    return value if type(value) is float else _hidden(value)
