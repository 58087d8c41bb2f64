"""Reading the process table: `processes`, `is_alive`, `process_info`. Nothing here sends a message.

Source: Erlang/OTP, `erlang:process_info/1,2`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast, overload

from otp.kernel.ends.mailbox import mailbox_of
from otp.kernel.tables.names import node_here, not_a_pid
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.messages import monitors_of, watchers_of
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import (
    DEAD,
    EXITING,
    HIBERNATE,
    READY,
    REMOTE,
    STATE_NAMES,
    TIMED,
    Cancel,
    Ext,
    Process,
    mailbox_len,
)

if TYPE_CHECKING:
    from otp.kernel.values.terms import Monitored, Name


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A snapshot of a living process, with Erlang's item names.

    `links` and `monitors` are in order of creation; `monitors` holds pids, or `(name, node)` for monitors by name;
    `status` is a word such as `"waiting"`; `registered_name` is `None` without a name;
    `current_function` is `"hibernate"` while a server hibernates; `messages` and `dictionary` of
    a sensitive process are empty, as in Erlang.
    """

    pid: Pid
    registered_name: Name | None
    status: str
    links: tuple[Pid, ...]
    monitors: tuple[Monitored, ...]
    monitored_by: tuple[Pid, ...]
    trap_exit: bool
    message_queue_len: int
    messages: tuple[Any, ...]
    dictionary: dict[Hashable, Any]
    initial_call: str
    current_function: str | None
    parent: Pid | None
    ancestors: tuple[Pid, ...]


def _links(p: Process) -> tuple[Pid, ...]:
    links: Any = p.links
    if isinstance(links, dict):
        return tuple(cast("dict[Pid, None]", links))
    return () if links is None else (links,)


def _mailbox_len(p: Process) -> int:
    """Return the length of what `mailbox_of` would show, without building it."""
    post = p.runtime.scheduler.post
    if post is not None:
        post.asked(p)
    n = mailbox_len(p)
    if not n and p.status == READY and p.step is not None and p.value is not None and p.callbacks is None:
        n = 1  # already received
    return n


def _ancestors(p: Process) -> tuple[Pid, ...]:
    found: list[Pid] = []
    parent = p.parent
    while parent is not None and parent not in found:
        found.append(parent)
        parent = parent.parent
    return tuple(found)


def _current_function(p: Process) -> str | None:
    coro: Any = p.coroutine
    if coro is None:
        return "hibernate" if p.status == TIMED and p.ensure_ext().timeout_ns == HIBERNATE else None
    frame = coro.cr_frame
    return None if frame is None else f"{coro.__qualname__}:{frame.f_lineno}"


_ITEMS: Final[dict[str, Callable[[Process, Ext | None], Any]]] = {
    "registered_name": lambda p, x: p.registered_name,
    "status": lambda p, x: "suspended" if x is not None and x.suspended else STATE_NAMES[p.status],
    "links": lambda p, x: _links(p),
    "monitors": lambda p, x: monitors_of(p),
    "monitored_by": lambda p, x: watchers_of(p),
    "trap_exit": lambda p, x: x is not None and x.trap_exit,
    "message_queue_len": lambda p, x: _mailbox_len(p),
    "messages": lambda p, x: () if x is not None and x.sensitive else tuple(mailbox_of(p)),
    "dictionary": lambda p, x: dict(x.dictionary) if x is not None and x.dictionary and not x.sensitive else {},
    "initial_call": lambda p, x: p.runtime.describe(p),
    "current_function": lambda p, x: _current_function(p),
    "parent": lambda p, x: p.parent,
    "ancestors": lambda p, x: _ancestors(p),
}


@overload
def process_info(pid: Pid) -> ProcessInfo | None: ...
@overload
def process_info(pid: Pid, item: Literal["message_queue_len"]) -> int | None: ...
@overload
def process_info(pid: Pid, item: Literal["trap_exit"]) -> bool | None: ...
@overload
def process_info(pid: Pid, item: Literal["status", "initial_call", "current_function"]) -> str | None: ...
@overload
def process_info(pid: Pid, item: Literal["links", "monitored_by", "ancestors"]) -> tuple[Pid, ...] | None: ...
@overload
def process_info(pid: Pid, item: Literal["monitors"]) -> tuple[Monitored, ...] | None: ...
@overload
def process_info(pid: Pid, item: Literal["registered_name"]) -> Name | None: ...
@overload
def process_info(pid: Pid, item: Literal["parent"]) -> Pid | None: ...
@overload
def process_info(pid: Pid, item: Literal["messages"]) -> tuple[Any, ...] | None: ...
@overload
def process_info(pid: Pid, item: Literal["dictionary"]) -> dict[Hashable, Any] | None: ...
def process_info(pid: Any, item: str | None = None) -> Any:
    """Return the `ProcessInfo` of a process, or the value of one item.

    Returns `None` for a dead pid.

    Raises `BadArgument` for an unknown item, with the list of items.

    >>> import otp
    >>> async def main():
    ...     return otp.process_info(otp.self(), "message_queue_len")
    >>> otp.run(main)
    0
    """
    if not isinstance(pid, Process):
        raise not_a_pid("process_info(pid)", pid, f"; try otp.whereis({pid!r})")
    if item is not None and item not in _ITEMS:
        raise BadArgument(f"process_info: unknown item {item!r}; items are {', '.join(_ITEMS)}")
    _require_local(pid, "process_info(pid)")
    if pid.status == DEAD or pid.status == EXITING:
        return None
    if item is not None:
        return _ITEMS[item](pid, pid.ext)
    values = {name: read(pid, pid.ext) for name, read in _ITEMS.items()}
    return ProcessInfo(pid=pid, **values)


def processes() -> list[Pid]:
    """Return the pids of all living processes of this node, oldest first."""
    return node_here("processes()").processes()


def is_alive(pid: Pid) -> bool:
    """Return whether a process lives; an exiting one, or one with a fatal signal pending, does not."""
    if not isinstance(pid, Process):
        raise not_a_pid("is_alive(pid)", pid, f"; try otp.whereis({pid!r}) is not None")
    _require_local(pid, "is_alive(pid)")
    signal = pid.signal
    return pid.status != DEAD and pid.status != EXITING and (signal is None or type(signal) is Cancel)


def _require_local(pid: Process, what: str) -> None:
    if pid.status == REMOTE:
        raise BadArgument(
            f"{what}: expected a process of this node, got {pid}; try otp.monitor(pid), or rpc to its node"
        )
    s = pid.runtime.scheduler
    if not s.owned():
        s.check_os_process(what)
