"""Why a process is there, or no longer: the chain of causes that the node remembers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.trace import Event
from superlearner.control.reasons import text_of_reason, where_of
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, is_a, plain_pid, text_of

__all__ = ["Step", "why"]

MOST: Final = 20
STARTS: Final = frozenset({"child_started", "child_restarted"})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. `at_ns` is the node's clock."""

    event: int
    at_ns: int
    kind: str
    pid: str | None
    text: str


def why(node: Node, number: str) -> list[Step]:
    """What led to the process of the pid text `number`, or to its end if it has ended; oldest first.

    Empty where the node's memory, its last 4,096 events, does not reach that far.
    """
    found = _event_of(otp.trace.history(node), number)
    if found is None:
        return []
    chain = otp.trace.cause_chain(node, found.seq)[:MOST]
    return [Step(one.seq, one.at, one.kind, _number(one), _words(one)) for one in reversed(chain)]


def _event_of(events: list[Event], number: str) -> Event | None:
    """The newest event that tells how this process came, or, once it has ended, how it went."""
    for event in reversed(events):
        if event.kind in STARTS and _pid(event.data.get("child")) == number:
            return event
        if event.kind == "exited" and _number(event) == number:
            return event
    return None


def _number(event: Event) -> str | None:
    return None if event.pid is None else plain_pid(event.pid)


def _words(event: Event) -> str:
    data: Mapping[str, Any] = event.data
    match event.kind:
        case "exited":
            return _ended(event, data)
        case "child_restarted":
            child = f"{id_text(data['id'])} again as {_pid(data['child'])}"
            return (
                f"{_called(event.pid)} ({data['strategy']}) started {child}: "
                f"restart {data['used']} of {data['allowed']} allowed in {data['window']} s"
            )
        case "child_started":
            return f"{_called(event.pid)} started {id_text(data['id'])} as {_pid(data['child'])}, {data['restart']}"
        case "child_terminated":
            return f"{_called(event.pid)} noticed the end of {id_text(data['id'])}: {text_of_reason(data['reason'])}"
        case "gave_up":
            return f"{_called(event.pid)} gave up: too many restarts"
        case _:
            return f"{_called(event.pid)}: {event.kind.replace('_', ' ')}"


def _ended(event: Event, data: Mapping[str, Any]) -> str:
    name = data.get("name")
    who = f"{id_text(data.get('what') if name is None else name)} ({_pid(event.pid)})"
    said = [f"{who} ended: {text_of_reason(data['reason'])}"]
    if data.get("message") is not None:
        message = data["message"]
        text = clip(message, 200) if is_a(message, str) else text_of(message, 200)
        said.append(f"while it handled {text}" + (f" in {data['callback']}" if data.get("callback") else ""))
    place = where_of(data["reason"])
    if place is not None:
        said.append(f"at {place}")
    sender = data.get("sender")
    if is_a(sender, Pid):
        said.append(f"of a signal from {_called(sender)}")
    return ", ".join(said)


def _pid(pid: Any) -> str:
    return plain_pid(pid) if is_a(pid, Pid) else "nothing"


def _called(pid: Any) -> str:
    if not is_a(pid, Pid):
        return "the node"
    name = otp.process_info(pid, "registered_name")
    return plain_pid(pid) if name is None else id_text(name)
