"""Injected faults in one process of a running node: lost and late messages, a crash, slow callbacks."""

# Messages have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from otp.bounded import text
from otp.kernel.steps.faults import LOST, Fate, Fault, Slowness, crashing, late
from otp.kernel.tables.scheduler import nanoseconds
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, EXITING, Process
from otp.observer.mailbox import SentKind, check_sent_kind, view_if_it_fits

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["FaultKind", "InjectedFault", "inject"]

FaultKind = Literal["drop", "delay", "crash", "slow"]


class InjectedFault(Protocol):
    """A fault that is active until its messages are used up, its process has ended, or `heal()`."""

    @property
    def hits(self) -> int:
        """Return how many messages or callbacks it has affected."""
        ...

    def heal(self) -> None:
        """End it; calling it twice has no effect."""
        ...


def inject(
    node: Node,
    pid: Pid,
    fault: FaultKind,
    *,
    kind: SentKind | None = None,
    tag: str | None = None,
    search: str = "",
    times: int | None = None,
    seconds: float = 1.0,
    reason: Any = "kill",
    ended: Callable[[], object] | None = None,
) -> InjectedFault:
    """Inject a fault into a process. Erlang has no such function.

    Args:
        pid: a living process of `node`.
        fault: `"drop"` loses messages, `"delay"` delivers them `seconds` later (messages sent afterwards overtake
            them), `"crash"` ends the process when one reaches it, `"slow"` makes each callback of a server wait
            `seconds` first.
        kind, tag, search: which messages, as in `mailbox`; not for `"slow"`, which affects all of them.
        times: how many messages; None for all. A crash happens once at most.
        seconds: of `"delay"` and `"slow"`.
        reason: that of the exit signal of `"crash"`; `"kill"` cannot be trapped.
        ended: called when the fault ends, for whatever reason.

    Signals (`Down`, `ExitSignal`), replies and system messages are exempt: within a node they are never lost. Raises
    `BadArgument` for these as `kind`, for a process that does not exist, and for a fault that does not apply to it.

    >>> import otp
    >>> from otp import observer
    >>> async def main():
    ...     me = otp.self()
    ...     fault = observer.inject(otp.node(), me, "drop", tag="add", times=1)
    ...     for message in (("add", 1), ("add", 2), "stop"):
    ...         otp.send(me, message)
    ...     return fault.hits, otp.process_info(me, "messages")
    >>> otp.run(main)
    (1, (('add', 2), 'stop'))
    """
    what = f"inject({fault!r})"
    p = node.process_table.get(pid.id)
    if p is None or p is not pid or p.status in (DEAD, EXITING):
        raise BadArgument(f"{what}: expected a living process of node {node.name}, got {pid}")
    if times is not None and times < 1:
        raise BadArgument(f"{what}: expected a number of times from 1, or None for all, got {times}")
    pause = nanoseconds(seconds, f"{what}, seconds") or 0
    check_sent_kind(kind, what)
    if fault == "slow":
        if kind is not None or tag is not None or search:
            raise BadArgument(f"{what}: expected no kind, tag or search, since it affects all callbacks; try 'delay'")
        return _slow(p, seconds, what, ended)

    def matches(message: Any) -> bool:
        return view_if_it_fits(p, message, kind, tag, search) is not None

    match fault:
        case "drop":
            return Fault(p, matches, _lose, times, ended)
        case "delay":
            return Fault(p, matches, late(pause), times, ended)
        case "crash":
            return Fault(p, matches, crashing(reason), 1, ended)
        case _:
            raise BadArgument(f"inject: expected one of {', '.join(get_args(FaultKind))}, got {text(fault)}")


def _lose(_dest: Process, _message: Any) -> Fate:
    return LOST


def _slow(p: Process, seconds: float, what: str, ended: Callable[[], object] | None) -> Slowness:
    if p.callbacks is None or p.callbacks.supervisor:
        raise BadArgument(f"{what}: expected a server with callbacks, not a supervisor, got {p}; try 'delay'")
    if p.callbacks.debug is not None:
        raise BadArgument(f"{what}: {p} is being debugged; try otp.sys.no_debug({p}) first")
    return Slowness(p, seconds, ended)
