r"""`Parts`: a signal in parts, so that no step copies its large values as a whole, which would hold the loop.

The parts alternate: encoded bytes that end with the header of a large value, and that value. Joined, they are the
signal as it is encoded otherwise.

>>> from otp.distribution.parts import Assembly, Parts, large_length
>>> signal = Parts((b"\x92\x01\xc6\x00\x00\x00\x05", b"large", b"\xc0"))
>>> signal.size, large_length(signal[0])
(13, 5)
>>> assembly = Assembly()
>>> [assembly.add(piece, ends=True, more=piece != b"\xc0", limit=100) for piece in signal][-1] == signal
True
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

__all__ = ["BYTES", "HEADER", "TEXT", "Assembly", "Parts", "header", "join_parts", "large_length", "size_of"]

HEADER: Final = 5
"""Bytes of the header of a large value: its type, and its length in four bytes."""
BYTES: Final = 0xC6
TEXT: Final = 0xDB
"""The types of large values in msgpack: bin 32 and str 32."""
CHUNK: Final = 64 * 1024
"""Bytes of a received part that are kept in one piece; growing one buffer to 16 MB takes ten times as long."""
MOST: Final = 1024
"""Parts of a received signal: many small ones would take much more memory than their bytes."""


class Parts(tuple[bytes, ...]):
    """A signal in parts, every second of which is a large value."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """The bytes of all parts."""
        return sum(map(len, self))


def size_of(signal: bytes | Parts) -> int:
    """Return the bytes of a signal."""
    return signal.size if isinstance(signal, Parts) else len(signal)


def join_parts(signal: bytes | Parts) -> bytes:
    """Return a signal in one part."""
    return b"".join(signal) if isinstance(signal, Parts) else signal


def header(kind: int, length: int) -> bytes:
    """Return the header of a large value.

    >>> from otp.distribution.parts import TEXT, header, large_length
    >>> large_length(header(TEXT, 70_000))
    70000
    """
    return bytes((kind,)) + length.to_bytes(HEADER - 1, "big")


def large_length(part: bytes) -> int | None:
    """Return the length of the large value whose header ends a part; None if there is no header."""
    if len(part) < HEADER or part[-HEADER] not in (BYTES, TEXT):
        return None
    return int.from_bytes(part[1 - HEADER :], "big")


class Assembly:
    """A buffer that puts signals together from the pieces of their parts, one signal at a time."""

    __slots__ = ("_length", "_parts", "_pieces", "_size", "_value")

    def __init__(self) -> None:
        self._size = 0
        self._parts: list[bytes] = []
        self._pieces: list[bytearray] = []
        self._value: BytesIO | None = None
        self._length = 0

    def add(self, piece: bytes, ends: bool, more: bool, limit: int) -> bytes | Parts | None:
        """Add a piece, the last one of a part if it `ends`; return the signal unless `more` pieces follow.

        Raises `ValueError` for a signal of more than `limit` bytes, of too many parts, or with parts of a wrong length.
        """
        self._size += len(piece)
        if self._size > limit:
            raise ValueError(f"expected signals of at most {limit} bytes, got {self._size} or more")
        if not (more or self._pieces or self._parts):
            self._size = 0
            return piece
        if len(self._parts) % 2:
            self._add_to_value(piece, limit)
        elif self._pieces and len(self._pieces[-1]) < CHUNK:
            self._pieces[-1] += piece  # many small pieces must not take much more memory than their bytes
        else:
            self._pieces.append(bytearray(piece))
        if ends or not more:
            self._end_part()
            if len(self._parts) > MOST:
                raise ValueError(f"expected signals of at most {MOST:,} parts, got one more")
        if more:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        return parts[0] if len(parts) == 1 else Parts(parts)

    def _add_to_value(self, piece: bytes, limit: int) -> None:
        if self._value is None:
            length = large_length(self._parts[-1])
            if length is None or self._size - len(piece) + length > limit:
                raise ValueError(f"expected the length of a large value, at most {limit}, got {length}")
            # Written in place, and handed over without a copy, since there is no other reference to it.
            self._value, self._length = BytesIO(bytes(length)), length
        if self._value.tell() + len(piece) > self._length:
            raise ValueError(f"expected a value of {self._length} bytes, got more")
        self._value.write(piece)

    def _end_part(self) -> None:
        if self._value is None:
            self._parts.append(b"".join(self._pieces))
            self._pieces.clear()
            return
        if self._value.tell() != self._length:
            raise ValueError(f"expected a value of {self._length} bytes, got {self._value.tell()}")
        self._parts.append(self._value.getvalue())
        self._value = None
