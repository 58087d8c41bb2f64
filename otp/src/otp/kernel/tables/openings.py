"""Records of what a process has opened in its event loop: listeners, connections and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from weakref import ref

from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import BadArgument, Error
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import CUT_SHORT, DEAD, OWNER, Process

if TYPE_CHECKING:
    from otp.kernel.tables.scheduler import Scheduler


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
    if p.status != DEAD:
        table = p.ensure_ext().task_table(p)
        if table.opened is None:
            table.opened = OpenedTable()
        table.opened.add(opened)
        return
    left = p.runtime.scheduler.leftover.get(p)
    if left is not None:
        left.opened.append(opened)  # opened by the cleanup of a task
    elif p.state is CUT_SHORT:
        close_now(opened)


def take(p: Process, made: Any) -> Opened | None:
    """Remove and return the entry of a server or transport, if `p` owns it."""
    tasks = None if p.ext is None else p.ext.tasks
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


# The methods with which an event loop opens things, wrapped to record which process opens them.
#
# The documented methods are wrapped while the loop runs processes, and on this loop object only; calls from outside
# processes pass through.


_CONNECT: Final[dict[str, Kind]] = {
    "create_connection": "connection",
    "create_unix_connection": "connection",
    "create_datagram_endpoint": "connection",
    "connect_accepted_socket": "connection",
    "subprocess_exec": "program",
    "subprocess_shell": "program",
}

_LISTEN: Final = ("create_server", "create_unix_server")

_ENCRYPT: Final = "start_tls"

_MISSING: Final = object()


def record_openings(s: Scheduler) -> None:
    """Record what processes open in the loop of `s`, until `stop_recording`; virtual loops open nothing."""
    if s.virtual:
        return
    loop: Any = s.loop
    for name in (*_CONNECT, *_LISTEN, _ENCRYPT):
        method = getattr(loop, name, None)
        if method is None:
            continue
        before = getattr(loop, "__dict__", {}).get(name, _MISSING)
        if name == _ENCRYPT:
            wrapper = _wrap_start_tls(s, method)
        else:
            wrapper = _wrap_listen(s, method) if name in _LISTEN else _wrap_connect(s, method, _CONNECT[name])
        try:
            setattr(loop, name, wrapper)
        except AttributeError:  # a loop whose attributes cannot be set: nothing is recorded
            return
        s.wrapped[name] = (wrapper, before)


def stop_recording(s: Scheduler) -> None:
    """Give the loop its methods back, except those that other code has replaced meanwhile."""
    loop: Any = s.loop
    while s.wrapped:
        name, (wrapper, before) = s.wrapped.popitem()
        if loop.__dict__.get(name) is not wrapper:
            continue
        if before is _MISSING:
            delattr(loop, name)
        else:
            setattr(loop, name, before)


def _opener(s: Scheduler) -> Process | None:
    """Return the process that runs, or whose child task or callback does."""
    p = s.current
    if p is None:
        p = OWNER.get()
    return None if p is None or p.runtime.scheduler is not s or p is p.runtime.outside else p


def _wrap_connect(s: Scheduler, method: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
    async def connect(*args: Any, **options: Any) -> Any:
        p = _opener(s)
        made: Any = await method(*args, **options)
        if p is not None:
            record(Opened(kind, p, made if hasattr(made, "close") else made[0]))
        return made

    return connect


def _wrap_start_tls(s: Scheduler, method: Callable[..., Any]) -> Callable[..., Any]:
    async def start_tls(transport: Any, *args: Any, **options: Any) -> Any:
        p = _opener(s)
        made: Any = await method(transport, *args, **options)
        if p is not None and made is not None:  # None if the connection was lost meanwhile
            below = take(p, transport)  # the new transport replaces it: only that can be handed over
            record(Opened("connection" if below is None else below.kind, p, made))
        return made

    return start_tls


def _wrap_listen(s: Scheduler, method: Callable[..., Any]) -> Callable[..., Any]:
    async def listen(protocol_factory: Any, *args: Any, **options: Any) -> Any:
        p = _opener(s)
        if p is None:
            return await method(protocol_factory, *args, **options)
        server = await method(lambda: _Accepted(protocol_factory, p), *args, **options)
        record(Opened("listener", p, server))
        return server

    return listen


class _Accepted(asyncio.Protocol):
    """The protocol of a connection until it is made: records it and hands it to the protocol of the program."""

    def __init__(self, factory: Callable[[], Any], p: Process) -> None:
        self._factory: Callable[[], Any] = factory
        self._p: Process = p

    def connection_made(self, transport: Any) -> None:
        p = self._p
        if p.status == DEAD and p.state is CUT_SHORT:  # its successor serves
            transport.abort()
            return
        try:
            protocol = self._factory()
        except BaseException:
            transport.abort()
            raise
        transport.set_protocol(protocol)
        if p.status != DEAD:
            record(Opened("accepted", p, transport))
        protocol.connection_made(transport)


# Handing a connection over to another process.


def controlling_process(
    connection: asyncio.StreamWriter | asyncio.BaseTransport | asyncio.subprocess.Process, pid: Pid
) -> None:
    """Make `pid` the owner of a connection that the calling process owns.

    Args:
        connection: the `StreamWriter` or the transport of a connection, or a program of `asyncio.subprocess`.
        pid: a process of the same event loop.

    Raises:
        Error: `"not_owner"`: the calling process did not open it, or has handed it over; `"closed"`: it is closed;
            `"noproc"`: `pid` has ended, and the calling process keeps it.

    The connection then ends with `pid`. Tasks do not move with it: one that reads ends with the calling process.

    >>> import asyncio, otp
    >>> async def serve(parent):
    ...     async def accept(reader, writer):
    ...         otp.controlling_process(writer, parent)
    ...         otp.send(parent, writer)
    ...
    ...     server = await asyncio.start_server(accept, "127.0.0.1", 0)
    ...     otp.send(parent, server.sockets[0].getsockname())
    ...     await otp.receive()
    >>> async def main():
    ...     listener = otp.spawn(serve, otp.self())
    ...     reader, client = await asyncio.open_connection(*await otp.receive())
    ...     writer = await otp.receive()
    ...     otp.exit(listener, "kill")
    ...     writer.write(b"still here")
    ...     writer.close()
    ...     text = await reader.read()
    ...     client.close()
    ...     await asyncio.gather(writer.wait_closed(), client.wait_closed())
    ...     return text
    >>> otp.run(main)
    b'still here'

    Source: Erlang/OTP, `gen_tcp:controlling_process/2`.
    """
    me = current_process("controlling_process(connection, pid)")
    transport = _transport(connection)
    if not isinstance(pid, Process) or pid.runtime.scheduler is not me.runtime.scheduler:
        raise BadArgument(f"controlling_process(connection, pid): expected a process of this event loop, got {pid!r}")
    if transport.is_closing():
        raise Error("closed")
    opened = take(me, transport)
    if opened is None:
        raise Error("not_owner")
    if pid.status == DEAD:
        record(opened)
        raise Error("noproc")
    opened.move(pid)


def _transport(connection: Any) -> Any:
    if isinstance(connection, asyncio.StreamWriter):
        return connection.transport
    if isinstance(connection, asyncio.subprocess.Process):
        program: Any = connection
        return program._transport
    if hasattr(connection, "is_closing") and hasattr(connection, "get_extra_info"):
        return connection
    raise BadArgument(
        "controlling_process(connection, pid): expected a StreamWriter, a transport or a program of "
        f"asyncio.subprocess, got {connection!r:.200}"
    )
