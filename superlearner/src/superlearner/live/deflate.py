"""Compression of live frames, done once for all viewers of a source.

permessage-deflate (RFC 7692) compresses each message of a web socket against the messages before it, and browsers
decompress it. A compressor for each connection would repeat the same work for each viewer. Viewers of one source get
the same frames in the same order, so they share one stream:

    snapshot                compressed alone; the next delta begins a new stream
    delta, delta, delta     compressed against the deltas since then, which every viewer has

A viewer that joins, or that fell behind, gets a snapshot first. So no delta refers to a frame that a viewer lacks.
"""

from __future__ import annotations

import zlib
from typing import Final

__all__ = ["Compressed", "SharedDeflate"]

LEVEL: Final = 3
"""Level 6 saves a tenth of the bytes and takes 50 % more time: decision 0021."""
END: Final = b"\x00\x00\xff\xff"
"""The end of the output of `Z_SYNC_FLUSH`; RFC 7692, section 7.2.1, omits it."""


class Compressed(bytes):
    """A text frame as the payload of a compressed message."""

    __slots__ = ()


NOTHING: Final = (b"", Compressed())


class SharedDeflate:
    """The compressor of one source.

    Every viewer that takes compressed frames must get each frame that `delta` compressed since the viewer's last
    snapshot.

    >>> frames = SharedDeflate()
    >>> reader = zlib.decompressobj(-zlib.MAX_WBITS)
    >>> whole, delta = frames.snapshot(b'{"k":"s"}'), frames.delta(b'{"k":"d"}')
    >>> [reader.decompress(frame + END) for frame in (whole, delta)]
    [b'{"k":"s"}', b'{"k":"d"}']
    """

    def __init__(self) -> None:
        self._stream: zlib._Compress | None = None  # pyright: ignore[reportPrivateUsage]
        self._snapshot = self._delta = NOTHING

    def snapshot(self, frame: bytes) -> Compressed:
        """Return a snapshot that can be read without earlier frames.

        Later deltas do not refer to earlier frames either.
        """
        self._stream, self._delta = None, NOTHING
        if frame is not self._snapshot[0]:
            self._snapshot = frame, _compressed(_stream(), frame)
        return self._snapshot[1]

    def delta(self, frame: bytes) -> Compressed:
        """Return the next delta of the stream; for the same frame again, return the same bytes."""
        if frame is not self._delta[0]:
            if self._stream is None:
                self._stream = _stream()
            self._delta = frame, _compressed(self._stream, frame)
        return self._delta[1]


def _stream() -> zlib._Compress:  # pyright: ignore[reportPrivateUsage]
    return zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


def _compressed(stream: zlib._Compress, frame: bytes) -> Compressed:  # pyright: ignore[reportPrivateUsage]
    return Compressed((stream.compress(frame) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(END))
