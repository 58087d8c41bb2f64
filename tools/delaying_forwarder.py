"""A forwarder between two programs that delays each byte, as a long distance does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

__all__ = ["forwarding"]


class _End(asyncio.Protocol):
    """A socket of a connection, which passes the bytes it receives to the other one after a delay."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.loop = asyncio.get_running_loop()
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.loop.call_later(self.seconds, self.write_to_other, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self.loop.call_later(self.seconds, self.close_other)

    def write_to_other(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def close_other(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


@asynccontextmanager
async def forwarding(port: str, seconds: float) -> AsyncIterator[int]:
    """Forward connections to a port of this machine, late by so many seconds each way; yields the port to dial."""
    loop = asyncio.get_running_loop()
    ends: list[_End] = []
    tasks: list[asyncio.Task[None]] = []

    async def dial(accepted: _End) -> None:
        _, dialled = await loop.create_connection(lambda: _End(seconds), "127.0.0.1", int(port))
        accepted.other, dialled.other = dialled, accepted
        ends.append(dialled)

    def accept() -> _End:
        accepted = _End(seconds)
        ends.append(accepted)
        tasks.append(loop.create_task(dial(accepted)))
        return accepted

    server = await loop.create_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await asyncio.sleep(0)  # asyncio does not close what was accepted in this turn
        server.close()
        for task in tasks:
            with suppress(OSError):
                await task
        for end in ends:
            if end.transport is not None:
                end.transport.abort()
                await end.lost.wait()
