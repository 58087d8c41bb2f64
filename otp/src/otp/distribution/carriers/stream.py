"""Frames over one byte stream, a socket (pair, Unix, TCP) or two pipes, to a single other node.

Each side first sends its name; after that a frame is its length in four bytes and its bytes. The name is only for
display: the session demands proof.

The end of the stream is a hint that the node is gone, so a node whose process dies is down at once. A disconnected
cable does not end the stream: the session's heartbeat detects it.

>>> import asyncio, socket
>>> from otp.distribution import NodeId
>>> async def main():
...     one, two = socket.socketpair()
...     a, b = StreamCarrier.over_socket(one), StreamCarrier.over_socket(two)
...     said = asyncio.Queue()
...     await a.start(NodeId("a", 1), lambda *_: None, lambda *hint: said.put_nowait(hint))
...     await b.start(NodeId("b", 1), lambda *frame: said.put_nowait(frame), lambda *_: None)
...     print(await said.get())
...     a.put(NodeId("b", 1), b"hello")
...     print(await said.get())
...     await b.close()
...     print(await said.get())
...     await a.close()
>>> asyncio.run(main())
(NodeId(name='b', creation=1), True)
(NodeId(name='a', creation=1), b'hello')
(NodeId(name='b', creation=1), False)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from otp.distribution.carriers.carrier import ROOM, OnFrame, OnHint
from otp.distribution.node_id import NodeId

__all__ = ["FRAME_LIMIT", "LENGTH", "WRITE_LIMIT", "StreamCarrier", "send_at_once"]

logger: Final = logging.getLogger("otp.distribution")

FRAME_LIMIT: Final = 1024 * 1024
WRITE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that wait for the system; further frames are dropped: the other side does not read."""
UNSENT: Final = 128 * 1024
"""Bytes that the system takes before it sends them."""
LENGTH: Final = 4
MAGIC: Final = b"otp 1 "
"""The start of the first frame, which identifies each side: then its creation, a space, its name in UTF-8."""
FIRST_LIMIT: Final = 512
DIGITS: Final = 19
"""Maximum digits of a creation: it fits into 64 bits."""


def send_at_once(connected: socket.socket) -> None:
    """Make TCP send each frame at once instead of waiting up to 40 ms for the previous acknowledgement.

    asyncio does so only for sockets that were created with the protocol number of TCP. The system takes little more
    than what is on its way, so that a small frame does not wait behind megabytes.
    """
    if connected.family in (socket.AF_INET, socket.AF_INET6):
        unsent = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        with contextlib.suppress(OSError):  # macOS refuses options of a connection that its peer has reset
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if unsent is not None:
                connected.setsockopt(socket.IPPROTO_TCP, unsent, UNSENT)


class StreamCarrier(asyncio.Protocol):
    """A carrier of frames over one stream; created by `over_socket` or `over_pipes`.

    `expected_name` is the only name allowed for the other side; None allows any. A frame of more than `frame_limit`
    bytes ends the stream; the limit must leave room for the other side's `Settings.fragment`. While `write_limit` bytes
    wait to be written, frames are dropped: the other side does not read.

    `problem` says why the stream ended if the other side was at fault, else None.
    """

    def __init__(
        self, connect: Callable[[StreamCarrier], Awaitable[None]], expected_name: str | None = None,
        frame_limit: int = FRAME_LIMIT, write_limit: int = WRITE_LIMIT,
    ) -> None:  # fmt: skip
        self._connect = connect
        self._expected_name = expected_name
        self._frame_limit = frame_limit
        self._write_limit = write_limit
        self._room = min(ROOM, write_limit)
        self._ends: list[asyncio.BaseTransport] = []
        self._writing: asyncio.WriteTransport | None = None
        self._lost = 0
        self._over = asyncio.Event()
        self._closed = False
        self._peer: NodeId | None = None
        self._received = bytearray()
        self._was_heard = False
        self.heard_at: float | None = None
        """The loop's time when bytes last arrived."""
        self.on_room: Callable[[NodeId], object] = lambda _: None
        self.problem: str | None = None
        self._me: NodeId
        self._on_frame: OnFrame
        self._on_hint: OnHint

    @classmethod
    def over_socket(
        cls, connected: socket.socket, expected_name: str | None = None, frame_limit: int = FRAME_LIMIT,
        write_limit: int = WRITE_LIMIT,
    ) -> StreamCarrier:  # fmt: skip
        """Return a carrier over a connected stream socket (pair, Unix or TCP), which is closed with it."""
        send_at_once(connected)

        async def connect(carrier: StreamCarrier) -> None:
            await asyncio.get_running_loop().create_connection(lambda: carrier, sock=connected)

        return cls(connect, expected_name, frame_limit, write_limit)

    @classmethod
    def over_pipes(
        cls, reading: int, writing: int, expected_name: str | None = None, frame_limit: int = FRAME_LIMIT,
        write_limit: int = WRITE_LIMIT,
    ) -> StreamCarrier:  # fmt: skip
        """Return a carrier over the file descriptors of two pipes, one per direction, which are closed with it."""

        async def connect(carrier: StreamCarrier) -> None:
            loop = asyncio.get_running_loop()
            await loop.connect_write_pipe(lambda: carrier, os.fdopen(writing, "wb", 0))
            await loop.connect_read_pipe(lambda: carrier, os.fdopen(reading, "rb", 0))

        return cls(connect, expected_name, frame_limit, write_limit)

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Attach to the stream and send this node's name."""
        self._me = me
        self._on_frame = on_frame
        self._on_hint = on_hint
        await self._connect(self)

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send `frame`; dropped if `node` is not at the other end, or too much waits to be written."""
        if node == self._peer:
            self._write(frame)

    def _write(self, frame: bytes) -> None:
        writing = self._writing
        if writing is None or writing.is_closing() or writing.get_write_buffer_size() > self._write_limit:
            return
        writing.write(len(frame).to_bytes(LENGTH, "big") + frame)

    def room(self, node: NodeId) -> int:
        """Return how many bytes it takes for the node at the other end."""
        writing = self._writing
        return 0 if writing is None or node != self._peer else max(0, self._room - writing.get_write_buffer_size())

    def arrived(self) -> Iterable[NodeId]:
        """Return the node at the other end if bytes have arrived since the last call."""
        was_heard, self._was_heard = self._was_heard, False
        return () if self._peer is None or not was_heard else (self._peer,)

    async def close(self) -> None:
        """End the stream, without waiting for data the system has not accepted yet."""
        self._closed = True
        self._end()
        if self._ends:
            await self._over.wait()

    def _end(self) -> None:
        if self._writing is not None and self._writing.get_write_buffer_size():
            self._writing.abort()
        for end in self._ends:
            end.close()

    # Called by asyncio

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Send this node's name, before anything is read.

        The first transport is the one to write to: the only one of a socket, and of two pipes the one opened first.
        Its class does not show that: uvloop's transports are not asyncio's, and all of them have a method `write`.
        """
        self._ends.append(transport)
        if self._writing is None:
            self._writing = transport
            transport.set_write_buffer_limits(high=self._room - 1, low=self._room // 2)
            self._write(MAGIC + str(self._me.creation).encode() + b" " + self._me.name.encode())

    def resume_writing(self) -> None:
        """Handle that most of what waited is written."""
        if self._peer is not None:
            self.on_room(self._peer)

    def data_received(self, data: bytes) -> None:
        """Process the complete frames of received bytes."""
        self._was_heard = True
        self.heard_at = asyncio.get_running_loop().time()
        received = self._received
        received += data
        start = 0
        while not self._closed and len(received) - start >= LENGTH:
            size = int.from_bytes(received[start : start + LENGTH], "big")
            limit = FIRST_LIMIT if self._peer is None else self._frame_limit
            if size > limit:
                self._refuse(f"expected frames of at most {limit} bytes, got one of {size}")
            end = start + LENGTH + size
            if self._closed or end > len(received):
                break
            self._take(bytes(received[start + LENGTH : end]))
            start = end
        del received[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the stream."""
        ours = self._closed and self.problem is None
        self._closed = True
        self._lost += 1
        self._end()
        if self._lost == len(self._ends):
            self._over.set()
        if self._lost == 1 and not ours and self._peer is not None:
            self._on_hint(self._peer, False)

    def _take(self, frame: bytes) -> None:
        if self._peer is not None:
            self._on_frame(self._peer, frame)
            return
        peer = _read_sender(frame)
        if peer is None:
            self._refuse(f"expected a node that sends its name, got {frame[:40]!r}")
        elif self._expected_name not in (None, peer.name):
            self._refuse(f"expected {self._expected_name}, got {peer}")
        else:
            self._peer = peer
            self._on_hint(peer, True)

    def _refuse(self, text: str) -> None:
        who = self._peer or self._expected_name or "the other end"
        self.problem = f"{who}: {text}; try the same version of otp on both sides"
        logger.warning("stream ended: %s", self.problem)
        self._closed = True
        if self._writing is not None:
            self._writing.abort()
        self._end()


def _read_sender(frame: bytes) -> NodeId | None:
    creation, _, name = frame.removeprefix(MAGIC).partition(b" ")
    if not frame.startswith(MAGIC) or not name or not creation.isdigit() or len(creation) > DIGITS:
        return None
    try:
        return NodeId(name.decode(), int(creation))
    except UnicodeDecodeError:
        return None
