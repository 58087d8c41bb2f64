"""A peer's standard output and standard error: the newest part, and a count of all."""

from __future__ import annotations

from typing import Final

__all__ = ["KEPT", "Output"]

KEPT: Final = 64 << 10
"""Bytes that are kept."""


class Output:
    """A ring of bytes.

    >>> output = Output(kept=4)
    >>> output.add(b"abcdef")
    >>> output.text(), output.total
    ('cdef', 6)
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._bytes = bytearray()
        self.total: int = 0

    def add(self, data: bytes) -> None:
        """Add output."""
        self.total += len(data)
        self._bytes += data
        del self._bytes[: -self._kept]

    def text(self) -> str:
        """Return the newest output; invalid UTF-8 becomes U+FFFD. Escape it to show it in a terminal."""
        return self._bytes.decode(errors="replace")
