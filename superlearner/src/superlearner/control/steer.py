"""Control of a running node: ends of processes, messages, children.

Missing targets raise `NotThere`. What is permitted is decided by the operations.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, Literal, cast

import otp
from otp import GenServer, Node, Pid, Supervisor
from otp.observer.reading import suspension_of
from superlearner.control.clock import Clock
from superlearner.control.names import display_name, registered_name
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid, requester_text
from superlearner.control.tree import supervisor_state

__all__ = [
    "HAS_ENDED",
    "Killed",
    "MalformedPid",
    "NotThere",
    "Unanswered",
    "child_id",
    "class_without_handle_info",
    "describe_suspension",
    "deliver",
    "hold",
    "kill",
    "looks_like_pid",
    "resolve",
    "resolve_supervisor",
    "send_unchecked",
]


LOOKED_AT: Final = 1000
"""Limit of names searched for a suggestion, those of the oldest processes."""
LONGEST_NAME: Final = 100
MOST_NAMED: Final = 5
"""Limit of children listed for a name that several have."""

HAS_ENDED: Final = "(it has ended)"
"""The words after the pid of a process that was not found."""

TRAP_WAIT_S = 0.5
"""Seconds after which a process that traps exits counts as a survivor."""


class NotThere(LookupError):
    """The target does not exist; `kind` is `process`, `supervisor` or `child`."""

    def __init__(self, kind: str, text: str, meant: str | None = None) -> None:
        super().__init__(f"there is no {kind} {text[:200]}" + (f"; did you mean {meant}?" if meant else ""))
        self.kind = kind


class MalformedPid(ValueError):
    """A text that looks like a pid but is not a valid one."""


class Unanswered(TimeoutError):
    """A call was not answered in time; `suspended` is the pid of a server that answers once it is resumed."""

    def __init__(self, message: str, suspended: str | None = None) -> None:
        super().__init__(message)
        self.suspended = suspended


@dataclass(frozen=True, slots=True)
class Killed:
    """The result of a kill; `terminated` is False if the process traps and lives."""

    pid: str
    name: str | None
    reason: str
    terminated: bool


def looks_like_pid(text: str) -> bool:
    """Return whether a text is to be read as a pid, rather than as a name.

    >>> looks_like_pid("#PID<0.17.0>"), looks_like_pid("0.17.0"), looks_like_pid("cart")
    (True, True, False)
    """
    return "0" <= text[:1] <= "9" or text.startswith(("<", "#PID<"))


def resolve(node: Node, text: str) -> Pid:
    """Return the living process with this pid, registered name or display name (`Book ACME`; of several, the oldest).

    A pid has one of the forms `0.17.0`, `<0.17.0>` and `#PID<0.17.0>`.

    Raises:
        MalformedPid: the text looks like a pid but is not a valid one.
        NotThere: there is no such process.
    """
    named = node.whereis(text)
    if named is not None and otp.is_alive(named):
        return named
    if not looks_like_pid(text):
        keyed = next((pid for pid in node.processes() if display_name(pid) == text), None) if " " in text else None
        if keyed is None:
            raise NotThere("process", repr(text), _suggest_name(node, text))
        return keyed
    inner = text.removeprefix("#PID").removeprefix("<").removesuffix(">").split(".")
    if len(inner) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in inner):
        raise MalformedPid(f"expected a pid such as 0.17.0 or <0.17.0>, got {text[:100]!r}")
    try:
        pid = node.parse_pid(".".join(inner))
    except ValueError:
        raise NotThere("process", text) from None
    if not otp.is_alive(pid):
        raise NotThere("process", f"{text} {HAS_ENDED}")
    return pid


def resolve_supervisor(node: Node, text: str) -> Pid:
    """Return a living supervisor, like `resolve`; raise NotThere for others."""
    try:
        pid = resolve(node, text)
    except NotThere:
        raise NotThere("supervisor", text, _suggest_name(node, text, supervisors=True)) from None
    if supervisor_state(pid) is None:
        raise NotThere("supervisor", f"{text} (this process is not a supervisor)")
    return pid


def _suggest_name(node: Node, text: str, *, supervisors: bool = False) -> str | None:
    """Return a registered name close to `text`, among those of the oldest processes."""
    pids = (pid for pid in islice(node.processes(), LOOKED_AT) if not supervisors or supervisor_state(pid) is not None)
    names = [name for pid in pids if (name := display_name(pid)) is not None and len(name) <= LONGEST_NAME]
    return next(iter(get_close_matches(text[:LONGEST_NAME], names, n=1)), None)


async def kill(pid: Pid, reason: str = "kill", *, wait: float = 5.0) -> Killed:
    """Send an exit signal and wait up to `wait` seconds for the process to end.

    For a process that traps exits and lives, the result has `terminated=False` as soon as it has received the signal.
    """
    name, shown = display_name(pid), plain_pid(pid)
    traps = reason != "kill" and bool(otp.process_info(pid, "trap_exit"))
    otp.exit(pid, reason)
    if reason == "normal" and not traps:
        return Killed(shown, name, reason, not otp.is_alive(pid))  # as in Erlang, others ignore `normal`
    try:
        await otp.wait_down(pid, timeout=min(wait, TRAP_WAIT_S) if traps else wait)
    except TimeoutError:
        return Killed(shown, name, reason, False)
    return Killed(shown, name, reason, True)


async def deliver(pid: Pid, message: Any, how: Literal["send", "cast", "call"], timeout: float = 5.0) -> Any:
    """Send, cast or call; return the reply of a call.

    Raises:
        Unanswered: no reply to a call within `timeout` seconds.
        NotThere: the process ended before it replied; the message gives the reason.
    """
    if how != "call":
        send_unchecked(pid, message, how)
        return None
    try:
        return await GenServer.call(pid, message, timeout=timeout)
    except otp.CallTimeout:
        told, held = f"{display_name(pid) or pid} did not answer within {timeout:g} s", describe_suspension(pid)
        raise Unanswered(f"{told}: {held}" if held else told, plain_pid(pid) if held else None) from None


def class_without_handle_info(pid: Pid) -> str:
    """Return the class of a user that drops each message other than a call or a cast; "" for another process."""
    process: Any = pid
    cls: Any = None if process.callbacks is None else process.callbacks.cls
    default: Any = vars(GenServer)["handle_info"]
    is_deaf = isinstance(cls, type) and getattr(cls, "handle_info", None) is default
    return cls.__name__ if is_deaf and not cls.__module__.startswith("otp.") else ""


def describe_suspension(pid: Pid) -> str:
    """Return since when a server has been suspended, and by whom; "" if it is not."""
    process: Any = pid
    found = suspension_of(process)
    if found is None:
        return ""
    since, by = datetime.fromtimestamp(Clock().wall(round(found[0] * 1e9))), requester_text(found[1])
    return f"it has been suspended since {since:%H:%M:%S}{f' by {by}' if by else ''}"


def send_unchecked(pid: Pid, message: Any, how: Literal["send", "cast"]) -> None:
    """Send or cast, without a check; return at once."""
    if how == "cast":
        GenServer.cast(pid, message)
    else:
        otp.send(pid, message)


def child_id(supervisor: Pid, text: str) -> Hashable:
    """Return the id of the child that `text` names; the pid of a dynamic child.

    Ids come first, as values or as displayed, and pids; then a name that pages show for exactly one child.

    Raises:
        NotThere: there is no such child, or several have this name.
    """
    state = supervisor_state(supervisor)
    records: list[Any] = [] if state is None else list(state.children)
    for record in records:
        if record.id is not None and text in (record.id if type(record.id) is str else None, id_text(record.id)):
            return record.id
        if record.pid is not None and text.strip("<>") == plain_pid(record.pid):
            return _key_of(record)
    names = [(record, name) for record in records for name in _names_of(record)]
    named = [record for record, name in names if name == text]
    if len(named) == 1:
        return _key_of(named[0])
    meant = " or ".join(_described(one, text) for one in named[:MOST_NAMED]) or _suggest_child(names, records, text)
    raise NotThere("child", f"{text!r} of {display_name(supervisor) or supervisor}", meant)


def _key_of(record: Any) -> Hashable:
    return record.pid if record.id is None else record.id


def _names_of(record: Any) -> set[str]:
    """Return the names by which pages show a child: those of its process, or the one that it is started with."""
    if record.pid is not None and otp.is_alive(record.pid):
        return {name for name in (registered_name(record.pid), display_name(record.pid)) if name is not None}
    name = None if record.id is None else getattr(record.spec.start, "keywords", {}).get("name")
    return {name} if type(name) is str else set()


def _described(record: Any, name: str | None) -> str:
    """Return a child by its id, or its pid, and its name: `Pricing (named pricing)`."""
    shown = plain_pid(record.pid) if record.id is None else id_text(record.id)
    return shown if name is None else f"{shown} (named {name})"


def _suggest_child(names: list[tuple[Any, str]], records: list[Any], text: str) -> str | None:
    """Return the child whose id or name is closest to `text`, in any case of letters."""
    known: dict[str, tuple[Any, str | None]] = {
        id_text(one.id).casefold(): (one, None) for one in records[:LOOKED_AT] if one.id is not None
    }
    known |= {name.casefold(): (one, name) for one, name in names[:LOOKED_AT] if len(name) <= LONGEST_NAME}
    near = get_close_matches(text[:LONGEST_NAME].casefold(), known, n=1)
    if not near:
        return None
    record, name = known[near[0]]
    return _described(record, name or next((name for one, name in names if one is record), None))


async def restart_child(supervisor: Pid, text: str) -> Pid | None:
    """Restart a child, whether stopped or running. Return its pid."""
    child = child_id(supervisor, text)
    await Supervisor.terminate_child(supervisor, child)
    started = await Supervisor.restart_child(supervisor, child)
    found = cast("tuple[Any, ...]", started)[0] if isinstance(started, tuple) else started
    return found if isinstance(found, Pid) else None


async def terminate_child(supervisor: Pid, text: str) -> None:
    """Stop a child in an orderly way; its slot stays, empty."""
    child = child_id(supervisor, text)
    async with asyncio.timeout(60):
        await Supervisor.terminate_child(supervisor, child)


async def hold(pid: Pid, timeout: float = 5.0, *, by: str = "") -> None:
    """Suspend a server for the requester `by`; give up if it is too busy to suspend in time.

    Raises:
        Unanswered: it was not suspended within `timeout` seconds.
    """
    try:
        await otp.sys.suspend(pid, timeout, by=by)
    except otp.CallTimeout:
        with contextlib.suppress(otp.CallExit):
            await otp.sys.resume(pid, 0.001, by=by)  # queues after the suspend request in its mailbox
        raise Unanswered(f"{display_name(pid) or pid} is busy, and was not suspended within {timeout:g} s") from None
