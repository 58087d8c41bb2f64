"""Handing a connection over to another process."""

from __future__ import annotations

import asyncio
from typing import Any

from otp.kernel.errors import BadArgument, Error
from otp.kernel.opened import record, take
from otp.kernel.pids import Pid
from otp.kernel.process import Process
from otp.kernel.scheduler import current_process
from otp.kernel.states import DEAD

__all__ = ["controlling_process"]


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
    if not isinstance(pid, Process) or pid._node._s is not me._node._s:
        raise BadArgument(f"controlling_process(connection, pid): expected a process of this event loop, got {pid!r}")
    if transport.is_closing():
        raise Error("closed")
    opened = take(me, transport)
    if opened is None:
        raise Error("not_owner")
    if pid._st == DEAD:
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
