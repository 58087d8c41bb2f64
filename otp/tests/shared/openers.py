"""Processes that open something in their loop in several ways, and a server that sees the end of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Pid, Reply

__all__ = [
    "ENDS", "HERE", "LIMIT", "PLACES", "Open", "Opener", "Peer", "end", "in_a_child_task",
    "in_a_process", "in_handle_call", "in_init",
]  # fmt: skip

Open = Callable[[], Awaitable[Any]]
LIMIT = 10  # seconds, for what takes milliseconds
HERE = "127.0.0.1"


class Opener(GenServer[Any]):
    """Opens something, in `init` or on request, and keeps it as its state; any message makes it crash."""

    async def init(self, arg: tuple[Open, bool]) -> Any:
        opens, at_once = arg
        return Ok((opens, await opens() if at_once else None))

    async def handle_call(self, request: str, caller: Any, state: Any) -> Reply[Any]:
        return Reply("ok", (state[0], await state[0]()))

    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        raise RuntimeError(message)


async def in_init(opens: Open) -> Pid:
    return await Opener.start((opens, True))


async def in_handle_call(opens: Open) -> Pid:
    pid = await Opener.start((opens, False))
    await GenServer.call(pid, "open")
    return pid


async def in_a_process(opens: Open) -> Pid:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def opener() -> None:
        opened = await opens()
        ready.set_result(None)
        message = await otp.receive()
        raise RuntimeError(message, bool(opened))

    pid = otp.spawn(opener)
    await ready
    return pid


async def in_a_child_task(opens: Open) -> Pid:
    async def by_task() -> Any:
        return await asyncio.create_task(opens())  # type: ignore[arg-type]

    return await in_a_process(by_task)


PLACES = {place.__name__: place for place in (in_init, in_handle_call, in_a_process, in_a_child_task)}
ENDS = ("kill", "shutdown", "crash")


async def end(pid: Pid, how: str) -> None:
    ref = otp.monitor(pid)
    if how == "crash":
        otp.send(pid, how)
    else:
        otp.exit(pid, how)
    await otp.receive(ref)


class Peer:
    """A server of the test: greets, and waits for the end of its only connection."""

    def __init__(self, **options: Any) -> None:
        self.options: dict[str, Any] = options
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.address: Any = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        try:
            rest = await reader.read()
        except OSError:
            rest = b""
        if not self.ended.done():
            self.ended.set_result(rest)
        writer.close()

    async def __aenter__(self) -> Peer:
        if "path" in self.options:
            self.server = await asyncio.start_unix_server(self.serve, **self.options)
        else:
            self.server = await asyncio.start_server(self.serve, HERE, 0, **self.options)
            self.address = self.server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, and wait for the greeting."""
        reader, writer = await asyncio.open_connection(*self.address)
        await reader.readline()
        return reader, writer

    async def lost(self) -> bytes:
        """Wait until the connection is closed; return what was sent over it."""
        return await asyncio.wait_for(asyncio.shield(self.ended), LIMIT)
