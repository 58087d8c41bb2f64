"""Frames over one connected socket, written at once: the shortest way between two nodes.

A frame is its length in four bytes and its bytes.

>>> import asyncio, socket
>>> async def main():
...     loop, got, (one, two) = asyncio.get_running_loop(), asyncio.Queue(), socket.socketpair()
...     a = DirectLink(loop, one, print, lambda: None)
...     b = DirectLink(loop, two, got.put_nowait, lambda: got.put_nowait("the end"))
...     b.resume()
...     a.put(b"hello")
...     print(await got.get())
...     a.close()
...     print(await got.get())
>>> asyncio.run(main())
b'hello'
the end
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Final
from weakref import finalize

from otp.distribution.carriers.seal import Seal
from otp.distribution.carriers.stream import FRAME_LIMIT, LENGTH, WRITE_LIMIT, send_at_once
from otp.distribution.carriers.stream_address import unix_family
from otp.distribution.carriers.tls import Tunnel, TunnelError

__all__ = ["DirectLink"]

logger: Final = logging.getLogger("otp.distribution")

ROOM: Final = 64 * 1024
"""Bytes that it takes, and that the system keeps for a Unix socket: a small frame waits behind them."""
READ: Final = 32 * 1024
"""Bytes read before the loop may do something else."""
FRAMES: Final = 4
"""Frames handed over before the loop may do something else: one read of small frames would hold it too long."""
KEPT: Final = 64
"""The most frames that are kept for the next stream after one has broken."""
LEFT: Final = 64
"""Reads at the end of a stream; a peer that goes on sending does not hold up its end."""


class DirectLink:
    """A stream of frames over `connected`, a stream socket that it owns.

    `on_frame` is called with each frame after `resume`, until `pause`; `on_end` once, when the other side has ended
    the stream or broken the protocol. Neither is called after `close`, nor from inside `put`.

    Raises `NotImplementedError` in `resume` on a loop without `add_reader`.
    """

    __slots__ = (
        "__weakref__",
        "_behind",
        "_broken",
        "_close_socket",
        "_closed",
        "_context",
        "_loop",
        "_opening",
        "_reads",
        "_rest",
        "_sealing",
        "_short",
        "_socket",
        "_tunnel",
        "_waiting",
        "_writes",
        "arrived",
        "limit",
        "on_end",
        "on_frame",
        "on_room",
        "received",
        "refused",
        "warn",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connected: socket.socket, on_frame: Callable[[bytes], object],
        on_end: Callable[[], object],
    ) -> None:  # fmt: skip
        connected.setblocking(False)
        send_at_once(connected)
        if connected.family == unix_family():
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        self._loop = loop
        self._socket = connected
        self.limit: int = FRAME_LIMIT
        """Maximum bytes of a received frame; a longer one ends the stream."""
        self.on_frame: Callable[[bytes], object] = on_frame
        self.on_end: Callable[[], object] = on_end
        self.warn: Callable[[str], object] = logger.warning
        """Called with a description of the peer's fault."""
        self.on_room: Callable[[], object] = _ignore
        """Called when it takes frames again, after `room` was 0."""
        self.arrived: bool = False
        """True after something has arrived, until the reader of it sets it back."""
        self.received: bool = False
        """True after something has arrived."""
        self.refused: list[bytes] = []
        """The frames that were put after the stream broke and before its end was noticed."""
        self._close_socket = finalize(self, connected.close)  # a loop that is closed first leaves it open
        # No process owns the callbacks: a link outlives the one that uses it first.
        self._context = Context()
        self._rest = b""
        self._sealing: Seal | None = None
        self._opening: Seal | None = None
        self._tunnel: Tunnel | None = None
        self._waiting = bytearray()
        self._behind = self._broken = self._reads = self._writes = self._closed = self._short = False

    def resume(self) -> None:
        """Hand over frames from now on."""
        if self._closed or self._reads:
            return
        Context().run(self._loop.add_reader, self._socket, self._readable)
        self._reads = True
        if self._rest:
            self._take(self._rest)

    def pause(self) -> None:
        """Hand over no frames until `resume`; the other side's wait."""
        if self._reads:
            self._reads = False
            self._loop.remove_reader(self._socket)

    def seal(self, sent: bytes, received: bytes) -> None:
        """Seal the frames that are sent and received from now on, with a key for each direction."""
        self._sealing, self._opening = Seal(sent), Seal(received)

    def encrypt(self, tunnel: Tunnel) -> None:
        """Send and receive through a tunnel from now on, before the first frame."""
        self._tunnel = tunnel
        self._queue(tunnel.begin())

    @property
    def names(self) -> frozenset[str] | None:
        """The names in the certificate of the other side; None without a tunnel."""
        return None if self._tunnel is None else self._tunnel.names()

    def put(self, frame: bytes) -> None:
        """Send `frame` or drop it; if the stream has broken, keep it in `refused`."""
        if self._closed or len(self._waiting) > WRITE_LIMIT:
            return
        if not self._broken:
            sealed = frame if self._sealing is None else self._sealing.close(frame)
            data = len(sealed).to_bytes(LENGTH, "big") + sealed
            self._queue(data if self._tunnel is None else self._tunnel.write(data))
        if self._broken and len(self.refused) < KEPT:
            self.refused.append(frame)

    @property
    def room(self) -> int:
        """The bytes that it takes without much waiting, once the system has taken what it can of those before."""
        self._flush()
        room = 0 if self._closed else max(0, ROOM - len(self._waiting))
        self._short = self._short or not room
        return room

    def _queue(self, data: bytes) -> None:
        """Send bytes; what the system does not take now is sent later."""
        if not data:
            return
        waiting = self._waiting
        if waiting:
            waiting += data
            return
        sent = self._send(data)
        if sent < len(data):
            waiting += data[sent:]
            self._await_writable()

    def close(self) -> None:
        """End the stream, after what the system takes without waiting."""
        if self._closed:
            return
        self._flush()
        self._shut()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(LEFT):  # closing a socket with unread data discards what was sent
                if not self._socket.recv(READ):
                    break
        self._close_socket()

    # Writing

    def _tell_room(self) -> None:
        if self._short and len(self._waiting) <= ROOM // 2:
            self._short = False
            self.on_room()

    def _flush(self) -> None:
        waiting = self._waiting
        if waiting and not self._closed:
            del waiting[: self._send(waiting)]
            if waiting:
                self._await_writable()

    def _send(self, data: bytes | bytearray) -> int:
        """Return how many bytes the system has taken. A broken stream is noticed by reading."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._broken = True
            return len(data)

    def _await_writable(self) -> None:
        if not self._writes:
            self._writes = True
            Context().run(self._loop.add_writer, self._socket, self._writable)

    def _writable(self) -> None:
        self._writes = False
        self._loop.remove_writer(self._socket)
        self._flush()
        self._tell_room()

    # Reading

    def _readable(self) -> None:
        if self._behind:
            return
        try:
            data = self._socket.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        if self._tunnel is not None:
            try:
                data, reply = self._tunnel.read(data)
            except TunnelError as error:
                self.warn(f"a link ended: expected TLS with a certificate of the authority, got {error}")
                self._end()
                return
            self._queue(reply)
        self.received = self.arrived = True
        self._take(self._rest + data if self._rest else data)

    def _take(self, data: bytes) -> None:
        start, size, left = 0, len(data), FRAMES
        while self._reads and size - start >= LENGTH:
            length = int.from_bytes(data[start : start + LENGTH], "big")
            if length > self.limit:
                self.warn(f"a link ended: expected frames of at most {self.limit} bytes, got one of {length}")
                self._end()
                return
            end = start + LENGTH + length
            if end > size:
                break
            if not left:
                self._fall_behind()
                break
            left -= 1
            frame = data[start + LENGTH : end]
            if self._opening is not None:
                opened = self._opening.open(frame)
                if opened is None:
                    self.warn("a link ended: expected frames that its other end has sealed, got another one")
                    self._end()
                    return
                frame = opened
            try:
                self.on_frame(frame)
            except Exception as error:
                text = f"expected the frames of a link to be handled, got {error!r}"
                self._loop.call_exception_handler({"message": text, "exception": error})
            start = end
        self._rest = data[start:]

    def _fall_behind(self) -> None:
        if not self._behind:
            self._behind = True
            self._loop.call_soon(self._catch_up, context=self._context)

    def _catch_up(self) -> None:
        self._behind = False
        if self._reads:
            self._take(self._rest)

    def _end(self) -> None:
        self._shut()
        self._close_socket()
        self.on_end()

    def _shut(self) -> None:
        self.pause()
        self._closed = True
        self._waiting.clear()
        if self._writes:
            self._writes = False
            self._loop.remove_writer(self._socket)


def _ignore() -> None:
    pass
