"""The methods by which an event loop opens things, wrapped to record which process opens them.

An event loop does not record which process opened something. While it runs processes, its documented methods are
therefore wrapped, on this loop object only; calls from outside processes pass through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.opened import Kind, Opened, record, take
from otp.kernel.process import CUT_SHORT, OWNER, Process
from otp.kernel.states import DEAD

if TYPE_CHECKING:
    from otp.kernel.scheduler import Scheduler

__all__ = ["record_openings", "stop_recording"]

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
    return None if p is None or p._node._s is not s or p is p._node._outside else p


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
        if p._st == DEAD and p._state is CUT_SHORT:  # its successor serves
            transport.abort()
            return
        try:
            protocol = self._factory()
        except BaseException:
            transport.abort()
            raise
        transport.set_protocol(protocol)
        if p._st != DEAD:
            record(Opened("accepted", p, transport))
        protocol.connection_made(transport)
