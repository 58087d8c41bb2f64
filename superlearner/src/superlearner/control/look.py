"""Snapshots of a running node: processes, supervisors, one process's details."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import otp
from otp import Node, Pid, observer, sentences
from superlearner.control.exits import Exit
from superlearner.control.listing import Whose, processes_of
from superlearner.control.names import display_name, is_critical, registered_name
from superlearner.control.reasons import LIBRARY_FOLDERS
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.control.tree import record_of, supervisor_state, what_of

__all__ = ["KINDS", "TYPES", "Type", "convert_summary", "describe", "describe_callback", "doing", "named", "state_note",
           "supervisors"]  # fmt: skip

Kind = Literal["supervisor", "worker", "coroutine"]
Type = Literal["supervisor", "genserver", "worker"]
KINDS: Final[dict[Type, Kind]] = {"supervisor": "supervisor", "genserver": "worker", "worker": "coroutine"}
"""Public names of process kinds: `genserver` is a behaviour, `worker` a function."""

MAX_MESSAGES: Final = 20
MAX_STATE: Final = 4000
MAX_CALLBACKS: Final = 100
MAX_COUNTED: Final = 500
"""Limit of objects counted for a process's memory; more would block the loop."""

MAX_RELATED: Final = 200
"""Links and monitors of one process listed individually; the rest is counted."""

NO_SERVER: Final = "A plain function is no server: its state is in its variables, which cannot be shown."
HIDDEN: Final = "This process hides its state: it has set the flag sensitive."

TYPES: Final[dict[Kind, Type]] = {kind: name for name, kind in KINDS.items()}


def convert_summary(summary: observer.ProcessSummary) -> dict[str, Any]:
    """Return a process as a row of the list."""
    return {
        "pid": plain_pid(summary.pid),
        "name": _short(summary.name),
        "type": TYPES[summary.kind],
        "what": clip(summary.what.rpartition(".<locals>.")[2], 200),
        "status": summary.status,
        "message_queue_len": summary.mailbox,
        "links": summary.links,
        "monitors": summary.monitors,
        "monitored_by": summary.monitored_by,
        "trap_exit": summary.trap_exit,
        "parent": None if summary.parent is None else plain_pid(summary.parent),
        "critical": is_critical(summary.pid),
    }


def supervisors(node: Node, whose: Whose) -> list[Pid]:
    """Return the living supervisors, oldest first."""
    return [pid for pid in processes_of(node, whose) if supervisor_state(pid) is not None]


def named(pid: Any) -> dict[str, Any]:
    """Return a pid with its name and class or function; a monitor by name has no pid."""
    if not isinstance(pid, Pid):
        by_name = cast("tuple[Any, ...]", pid)[0] if isinstance(pid, tuple) else pid
        return {"pid": None, "name": id_text(by_name)}
    return {"pid": plain_pid(pid), "name": display_name(pid), "what": what_of(pid)}


def describe(node: Node, pid: Pid, *, key: str | None, started_at: float | None, exits: list[Exit]) -> dict[str, Any]:
    """Return all details of a process; unknown values are None.

    Raises:
        LookupError: it has just ended.
    """
    found = observer.process(node, pid, messages=MAX_MESSAGES, length=MAX_STATE, exits=0)
    if found is None:
        raise LookupError(str(pid))
    return {
        "pid": plain_pid(pid),
        "name": _short(found.name),
        "registered_name": _short(registered_name(pid)),
        "key": key,
        "what": clip(f"{found.module}.{what_of(pid)}", 300) if found.module else what_of(pid),
        "type": TYPES[found.kind],
        "kind": "supervisor" if found.kind == "supervisor" else "worker",
        "status": found.status,
        "alive": True,
        "critical": is_critical(pid),
        "trap_exit": found.trap_exit,
        "started_at": started_at,
        "parent": None if found.parent is None else named(found.parent),
        "ancestors": [named(above) for above in found.ancestors],
        "links": _related(found.links),
        "link_count": found.link_count,
        "monitors": _related(found.monitors),
        "monitor_count": found.monitor_count,
        "monitored_by": _related(found.monitored_by),
        "monitored_by_count": found.monitored_by_count,
        "message_queue_len": found.mailbox,
        "messages": [safe_text(message) for message in found.messages],
        "memory": _bytes(node, pid),
        "callbacks": _callbacks(node, pid),
        "current_call": _current_call(found),
        "state": None if found.state is None else safe_text(found.state),
        "state_note": state_note(node, found),
        "exits": [exit.to_json(message) for exit, message in _with_messages(node, exits)],
        "child": _child(pid),
    }


def state_note(node: Node, found: observer.ProcessDetails) -> str | None:
    """Return why the state of a process is not shown; None if it is."""
    if found.state is None:
        return NO_SERVER
    return HIDDEN if observer.seen_state(node, found.pid) is None else None


def _related(others: Sequence[Any]) -> list[dict[str, Any]]:
    return [named(other) for other in others[:MAX_RELATED]]


def _bytes(node: Node, pid: Pid) -> int | None:
    """Return the bytes of state, mailbox and dictionary; None if unknown or too large."""
    use = observer.memory(node, pid, MAX_COUNTED)
    if use is None or use.state is None or not use.complete:
        return None
    return use.state + use.mailbox + use.dictionary


def _callbacks(node: Node, pid: Pid) -> list[str]:
    """Return the functions of its class in source order."""
    running = observer.running(node, pid)
    return [] if running is None else [clip(one.name, 200) for one in running.callbacks[:MAX_CALLBACKS]]


def _short(name: str | None) -> str | None:
    return None if name is None else clip(name, 120)


def _current_call(found: observer.ProcessDetails) -> str | None:
    """Return the running callback with its user line: `handle_call at shop.py:41`."""
    if found.callback is None:
        return None
    return doing(found.callback, found.waiting_at)


def doing(callback: str, places: Sequence[observer.Place]) -> str:
    """Return a callback with its deepest line outside the runtime and libraries."""
    own = [place for place in places if not place.file.startswith((*LIBRARY_FOLDERS, "<"))]
    return f"{callback} at {os.path.basename(own[-1].file)}:{own[-1].line}" if own else callback


def describe_callback(node: Node, pid: Pid) -> str:
    """Return for how long a process has been in its `async def` callback, with its line; "" for less than a second."""
    found = observer.process(node, pid, messages=0, length=0, related=0, exits=0)
    if found is None or found.callback is None or found.busy_for is None or found.busy_for < 1:
        return ""
    return f"it has been in {_current_call(found)} for {sentences.elapsed(round(found.busy_for))}"


def _with_messages(node: Node, exits: list[Exit]) -> list[tuple[Exit, Any]]:
    """Return each end with the message being handled, if the event ring still has it."""
    numbers = [exit.event for exit in exits if exit.event]
    if not numbers:
        return [(exit, None) for exit in exits]
    wanted = set(numbers)
    known = {event.seq: event for event in otp.trace.history(node, min(numbers) - 1) if event.seq in wanted}
    return [(exit, known[exit.event].data.get("message") if exit.event in known else None) for exit in exits]


def _child(pid: Pid) -> dict[str, Any] | None:
    """Return its supervisor's data about it."""
    record = record_of(pid)
    if record is None:
        return None
    return {
        "id": None if record.id is None else id_text(record.id),
        "restart": record.spec.restart,
        "shutdown": _shutdown(record.spec.shutdown),
        "type": record.spec.type,
        "restarts": record.restarts,
        "restarted_along": record.restarted_along,
    }


def _shutdown(value: Any) -> str:
    return f"{value:g} s" if isinstance(value, int | float) else str(value)
