"""Processes that wait for others at present: open calls, and starts whose `init` has not finished."""

# Requests have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from otp.bounded import text
from otp.kernel.tables.callers import From
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import CALLING, DEAD, Process, is_sensitive
from otp.redaction import Redact, is_secret

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Wait", "waits"]


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait: `source` is blocked until `target` replies to a call (`request`, bounded) or finishes `init`."""

    kind: Literal["call", "start"]
    source: Pid
    target: Pid
    request: str | None = None


def waits(
    node: Node,
    *,
    limit: int = 2000,
    length: int = 200,
    redact: Redact | None = is_secret,
    pids: Iterable[Pid] | None = None,
) -> tuple[Wait, ...]:
    """Return the waits between processes of a node, oldest first, at most `limit`.

    With `pids`, returns only those of these processes. A cycle of such waits is a deadlock, which ends when the first
    call fails. Calls made by a child task of a process, or by code outside any process, are left out: they block no
    process.

    >>> import otp
    >>> from otp import GenServer, NoReply, Ok, impl, observer
    >>> class Slow(GenServer):
    ...     @impl
    ...     def init(self, who):
    ...         return Ok(who)
    ...
    ...     @impl
    ...     def handle_call(self, request, caller, who):
    ...         otp.send(who, "asked")
    ...         return NoReply(who)
    >>> async def main():
    ...     slow = await Slow.start_link(otp.self())
    ...     asking = otp.spawn(GenServer.call, slow, "how are you?")
    ...     await otp.receive()
    ...     (wait,) = observer.waits(otp.trace.node_of(slow))
    ...     return wait.source == asking, wait.target == slow, wait.request
    >>> otp.run(main)
    (True, True, "'how are you?'")
    """
    table = node.process_table
    asked = table.values() if pids is None else (table[pid.id] for pid in pids if table.get(pid.id) is pid)
    found = (wait for p in asked for wait in _of(p, length, redact))
    return tuple(islice(found, limit))


def _of(p: Process, length: int, redact: Redact | None) -> Iterator[Wait]:
    call = p.value
    if p.status == CALLING and type(call) is From and isinstance(call.to, Process):
        hidden = is_sensitive(p) or is_sensitive(call.to)
        yield Wait("call", p, call.to, None if hidden else text(call.request, length=length, redact=redact))
    parent = p.parent
    if parent is not None and parent.status != DEAD and _starts(p):
        yield Wait("start", parent, p)


def _starts(p: Process) -> bool:
    """Return whether its `init` waits for something; its starter then waits for `init`."""
    x = p.ext
    return x is not None and x.callback == "init" and p.coroutine is not None
