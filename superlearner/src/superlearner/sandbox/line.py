"""The connection between a platform and a sandbox, over a socket pair.

Requests go one way, answers the other.

A sandbox cannot start an exchange: answers that are no longer awaited are dropped; more answers than requests, or an
invalid frame, end the connection, and with it the sandbox. A request names its channel (`backend` or `sandbox`); its
content and its answer are bytes. A frame is its length, the number of the request, the number of the channel, and the
bytes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from typing import Final

from superlearner.nodes.remote import NodeBusy, NodeGone
from superlearner.nodes.remote.protocol import MOST_BYTES as MOST_OF_ANSWER

__all__ = ["BACKEND", "GONE", "MOST_BYTES", "SANDBOX", "Answering", "SandboxConnection"]

HEAD: Final = struct.Struct(">IIB")
BACKEND: Final = 0
SANDBOX: Final = 1
GONE: Final = b""
"""The answer if the process that should answer has ended."""

MOST_BYTES: Final = MOST_OF_ANSWER + 100_000
"""Maximum size of a frame; a longer one ends the connection."""

MOST_UNREAD: Final = 8_000_000
"""Bytes of requests that the sandbox may leave unread."""

REST_S: Final = 1.0
"""Seconds for reading what a program has sent before its end."""


class SandboxConnection:
    """The platform's end.

    Args:
        pair: the platform's socket; nothing else reads or writes it.
        broken: called with a sentence when the other side violates the protocol.
    """

    def __init__(self, pair: socket.socket, broken: Callable[[str], object]) -> None:
        self._pair = pair
        self._broken = broken
        self._waiting: dict[int, tuple[int, asyncio.Future[bytes]]] = {}
        self._last = 0
        self._owed = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.gone: str | None = None
        """The reason requests are no longer possible."""

    async def open(self) -> None:
        """Start reading. Raises OSError if no more descriptors may be open.

        No process owns the connection: it ends with the program or by `close`. When its owner ended, the runtime would
        search the heap for others that use it, which takes seconds with a few sandboxes.
        """
        loop = asyncio.get_running_loop()
        pair = self._pair.dup()
        try:
            opening = asyncio.open_connection(sock=pair, limit=MOST_BYTES)
            reader, self._writer = await loop.create_task(opening, context=Context())
        except OSError:
            pair.close()
            raise
        self._reading = loop.create_task(self._read(reader), context=Context())

    async def ask(self, channel: int, question: bytes) -> bytes:
        """Send a request and wait for the answer. Raises `NodeGone`, `NodeBusy`."""
        if self._full:
            raise NodeBusy("it has not read earlier requests")
        number = self._put(channel, question)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = channel, answer
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    def cast(self, channel: int, question: bytes) -> None:
        """Send a request without waiting, or drop it if too many are unread."""
        if self.gone is None and not self._full:
            self._put(channel, question)

    async def read_rest(self) -> None:
        """Read the answers that a program sent before its end, although its children may keep the other end open."""
        waiting = [answer for _, answer in self._waiting.values() if not answer.done()]
        if waiting and self._reading is not None:
            answered = asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.wait({self._reading, answered}, timeout=REST_S, return_when=asyncio.FIRST_COMPLETED)

    def close(self, why: str) -> None:
        """Close the connection; pending requests fail with this reason."""
        if self.gone is not None:
            return
        self.gone = why
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.transport.abort()
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(NodeGone(why))

    @property
    def _full(self) -> bool:
        return self._writer is not None and self._writer.transport.get_write_buffer_size() > MOST_UNREAD

    def _put(self, channel: int, question: bytes) -> int:
        if self.gone is not None or self._writer is None:
            raise NodeGone(self.gone or "the line is not open yet")
        self._last = (self._last + 1) & 0xFFFFFFFF
        self._owed += 1
        self._writer.write(HEAD.pack(len(question), self._last, channel) + question)
        return self._last

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                size, number, channel = HEAD.unpack(await reader.readexactly(HEAD.size))
                if size > MOST_BYTES:
                    self._broken(f"it sent a frame of {size} bytes")
                    return
                answer = await reader.readexactly(size)
                self._owed -= 1
                if self._owed < 0:  # late answers are dropped; a flood of them would keep us busy forever
                    self._broken("it sent more answers than it got requests")
                    return
                asked, waiting = self._waiting.get(number, (channel, None))
                if asked != channel:
                    self._broken("it answered on the wrong channel")
                    return
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (asyncio.IncompleteReadError, OSError):
            self.close("its end of the line is closed")


class _Holding(asyncio.StreamReaderProtocol):
    """A protocol that keeps its reader alive as long as the connection.

    asyncio's own protocol has only a weak reference to its reader, and the loop only one to a task. Without this, the
    garbage collector could remove the answering task while no request was pending; the sandbox then never answered.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._held = reader


class Answering:
    """The sandbox's end: passes requests to the functions that answer.

    Args:
        pair: the sandbox's socket.
        channels: the function that answers on each channel; an answer of None is never sent.
    """

    def __init__(self, pair: socket.socket, channels: Mapping[int, Callable[[bytes], Awaitable[bytes | None]]]) -> None:
        self._pair = pair
        self._channels = channels
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start answering."""
        self._pair.setblocking(False)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(MOST_BYTES, loop)
        transport, protocol = await loop.create_connection(lambda: _Holding(reader), sock=self._pair.dup())
        self._keep(self._serve(reader, asyncio.StreamWriter(transport, protocol, reader, loop)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size, number, channel = HEAD.unpack(await reader.readexactly(HEAD.size))
                question = await reader.readexactly(size)
                self._keep(self._answer(writer, number, channel, question))
        except (asyncio.IncompleteReadError, OSError):
            return  # the platform is gone; this program ends soon
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, number: int, channel: int, question: bytes) -> None:
        found = self._channels.get(channel)
        answer = None if found is None else await found(question)
        if answer is not None:
            writer.write(HEAD.pack(len(answer), number, channel) + answer)

    def _keep(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
