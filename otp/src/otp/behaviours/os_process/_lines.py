"""Splitting a program's output into messages: whole lines as text, or bytes as they come."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

__all__ = ["LONGEST", "Bytes", "Cutter", "Lines"]

LONGEST: Final = 65_536
"""Maximum bytes of a message; a longer line comes in parts."""


class Cutter(Protocol):
    """A splitter of input into messages, each with a flag that its line continues."""

    def feed(self, data: bytes) -> None:
        """Add input."""
        ...

    def end(self) -> None:
        """Finish: no more input follows."""
        ...

    def take(self) -> tuple[str | bytes, bool] | None:
        """Return the next message, or None if more input is needed."""
        ...


class Lines:
    r"""Text, one message per line, without its end (`\n` or `\r\n`).

    The last line needs none. Bytes that are not UTF-8 become U+FFFD. A line of more than `longest` bytes comes in
    parts, cut between characters; all but the last part are marked.

    >>> lines = Lines(longest=5)
    >>> lines.feed(b"one\r\nno end, ")
    >>> lines.end()
    >>> [line for line in iter(lines.take, None)]
    [('one', False), ('no en', True), ('d, ', False)]
    """

    __slots__ = ("_at", "_data", "_ended", "_longest", "_seen")

    def __init__(self, longest: int = LONGEST) -> None:
        self._data = bytearray()
        self._at = 0  # what precedes has been returned
        self._seen = 0  # no line end before this
        self._ended = False
        self._longest = longest

    def feed(self, data: bytes) -> None:
        """Add input."""
        del self._data[: self._at]
        self._seen = max(0, self._seen - self._at)
        self._at = 0
        self._data += data

    def end(self) -> None:
        """Finish: the rest is the last line."""
        self._ended = True

    def take(self) -> tuple[str, bool] | None:
        """Return the next line or part of one."""
        data, start = self._data, self._at
        found = data.find(b"\n", max(start, self._seen), start + self._longest + 1)
        if found >= 0:
            self._at = self._seen = found + 1
            end = found - 1 if found > start and data[found - 1] == 13 else found
            return data[start:end].decode("utf-8", "replace"), False
        if len(data) - start > self._longest:
            self._at = self._seen = _cut(data, start, start + self._longest)
            return data[start : self._at].decode("utf-8", "replace"), True
        self._seen = len(data)
        if self._ended and start < len(data):
            self._at = len(data)
            return data[start:].decode("utf-8", "replace"), False
        return None


class Bytes:
    """Bytes as they come, at most `LONGEST` per message."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()

    def feed(self, data: bytes) -> None:
        """Add input."""
        self._parts.extend(data[at : at + LONGEST] for at in range(0, len(data), LONGEST))

    def end(self) -> None:
        """Finish; nothing is buffered."""

    def take(self) -> tuple[bytes, bool] | None:
        """Return the next part."""
        return (self._parts.popleft(), False) if self._parts else None


def _cut(data: bytearray, start: int, end: int) -> int:
    r"""Return where to cut a long line: neither within a character nor between `\r` and `\n`."""
    cut = end
    while cut > max(start, end - 4) + 1 and data[cut] & 0xC0 == 0x80:
        cut -= 1
    if data[cut] & 0xC0 == 0x80:  # not UTF-8 at all
        cut = end
    return cut - 1 if data[cut - 1] == 13 and cut - 1 > start else cut
