"""Records of what a process has opened in its event loop: listeners, connections and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from weakref import ref

from otp.kernel.process import CUT_SHORT
from otp.kernel.states import DEAD

if TYPE_CHECKING:
    from otp.kernel.process import Process

__all__ = ["Opened", "OpenedTable", "close_listeners", "close_now", "end_program", "record", "take"]

Kind: TypeAlias = Literal["listener", "accepted", "connection", "program"]
"""`connection`: one that the process opened itself; `program`: a subprocess of asyncio."""

FIRST_SWEEP: Final = 16


def _keep(made: Any) -> Any:
    return made


class Opened:
    """A listener, connection or program, and the process that owns it, None for the event loop.

    Its reference is weak, where the loop allows that, so a record keeps nothing alive.
    """

    __slots__ = ("_find", "kind", "owner")

    def __init__(self, kind: Kind, owner: Process | None, made: Any = None) -> None:
        self.kind: Kind = kind
        self.owner: Process | None = owner
        self._find: Callable[[], Any]
        try:
            self._find = ref(made)
        except TypeError:  # a program under uvloop, or a listener that is about to open
            self._find = partial(_keep, made)

    def abort(self) -> None:
        """Drop a connection that is closing, with what it has not sent."""
        made = self._find()
        if made is not None and self.kind != "program":
            with suppress(Exception):
                made.abort()

    def find(self) -> Any:
        """Return the server or transport unless it is closed."""
        made = self._find()
        if made is None or (not made.sockets if self.kind == "listener" else _is_over(made)):
            return None
        return made

    def move(self, holder: Process | Literal["node"]) -> None:
        """Make another process the owner, or leave it to the event loop."""
        self.owner = None if holder == "node" else holder
        record(self)


def _is_over(transport: Any) -> bool:
    get_returncode = getattr(transport, "get_returncode", None)
    return transport.is_closing() if get_returncode is None else get_returncode() is not None


class OpenedTable:
    """The open things of a process. Closed entries are removed when the table has doubled."""

    __slots__ = ("_entries", "_sweep_at")

    def __init__(self) -> None:
        self._entries: list[Opened] = []
        self._sweep_at: int = FIRST_SWEEP

    def add(self, opened: Opened) -> None:
        """Enter something that was opened."""
        self._entries.append(opened)
        if len(self._entries) >= self._sweep_at:
            self._entries = self.open()
            self._sweep_at = max(FIRST_SWEEP, 2 * len(self._entries))

    def open(self) -> list[Opened]:
        """Return the entries that are not closed."""
        return [opened for opened in self._entries if opened.owner is not None and opened.find() is not None]

    def take(self, made: Any) -> Opened | None:
        """Remove and return the entry of a server or transport, if it is in the table."""
        for opened in self._entries:
            if opened.find() is made:
                self._entries.remove(opened)
                return opened
        return None


def record(opened: Opened) -> None:
    """Enter something into the table of its owner; close it if the owner was cut short before it was open."""
    p = opened.owner
    if p is None:
        return
    if p._st != DEAD:
        table = p._ext().task_table(p)
        if table.opened is None:
            table.opened = OpenedTable()
        table.opened.add(opened)
        return
    left = p._node._s.leftover.get(p)
    if left is not None:
        left.opened.append(opened)  # opened by the cleanup of a task
    elif p._state is CUT_SHORT:
        close_now(opened)


def take(p: Process, made: Any) -> Opened | None:
    """Remove and return the entry of a server or transport, if `p` owns it."""
    tasks = None if p._x is None else p._x.tasks
    return None if tasks is None or tasks.opened is None else tasks.opened.take(made)


def close_listeners(opened: list[Opened]) -> list[Opened]:
    """Close the listeners among `opened`; return the others."""
    for listener in opened:
        if listener.kind == "listener":
            close_now(listener)
    return [other for other in opened if other.kind != "listener"]


def close_now(opened: Opened, flush: bool = False) -> None:
    """Close a listener or connection, or kill a program; `flush` first sends what was written."""
    made = opened.find()
    if made is None:
        return
    opened.owner = None
    with suppress(Exception):  # a transport whose loop is closed, or whose protocol fails
        if flush or opened.kind in ("listener", "program"):
            made.close()  # a transport of a program kills it
        else:
            made.abort()


async def end_program(opened: Opened) -> None:
    """Terminate a program and wait for it; kill it when this is cancelled."""
    transport = opened.find()
    if transport is None:
        return
    try:
        transport.terminate()
        await transport._wait()  # asyncio's own `Process.wait` relies on it in every loop
    except (ProcessLookupError, asyncio.CancelledError):
        pass
    finally:
        transport.close()
