"""Seals: a MAC at the end of each frame, for links that other users of the machine could reach."""

from __future__ import annotations

import hmac
from typing import Final

__all__ = ["SEAL", "Seal"]

SEAL: Final = 16
"""Bytes that a seal adds to a frame."""


class Seal:
    """The seals of the frames in one direction, an HMAC-SHA256 over the number of a frame and the frame.

    Both sides count, so a frame that is repeated, left out, moved, or sent back to its sender does not open.

    >>> here, there = Seal(b"key of this direction"), Seal(b"key of this direction")
    >>> first, second = here.close(b"1"), here.close(b"2")
    >>> there.open(first), there.open(first), there.open(second)
    (b'1', None, None)
    """

    __slots__ = ("_count", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = 0

    def close(self, frame: bytes) -> bytes:
        """Return the next frame with its seal."""
        return frame + self._next(frame)

    def open(self, sealed: bytes) -> bytes | None:
        """Return the next frame without its seal, None if the seal is wrong; then the link has to end."""
        frame = sealed[:-SEAL]
        return frame if hmac.compare_digest(sealed[-SEAL:], self._next(frame)) else None

    def _next(self, frame: bytes) -> bytes:
        self._count += 1
        return hmac.digest(self._key, self._count.to_bytes(8, "big") + frame, "sha256")[:SEAL]
