"""Short messages between a peer and its starter, beside the node's own: JSON with its length in front.

The reader trusts nothing: a frame that is too long, not JSON, or not an object ends the connection as `BadFrame`.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any, Final, cast

__all__ = ["LONGEST", "BadFrame", "Frames", "frame", "send_frame"]

LONGEST: Final = 1 << 16
"""Maximum bytes of a frame from a peer: the longest one reports the walls."""


class BadFrame(ValueError):
    """Received data that is not a valid frame."""


def frame(message: dict[str, Any]) -> bytes:
    """Return an encoded message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return len(body).to_bytes(4, "big") + body


def send_frame(to: socket.socket, message: dict[str, Any]) -> None:
    """Send a message; ignore a closed connection."""
    with contextlib.suppress(OSError):
        to.sendall(frame(message))


class Frames:
    """A decoder of frames from the data of a socket.

    >>> frames = Frames()
    >>> frames.feed(frame({"what": "beat"})[:6])
    []
    >>> frames.feed(frame({"what": "beat"})[6:])
    [{'what': 'beat'}]
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the frames completed by `data`. Raises `BadFrame`."""
        self._rest += data
        found: list[dict[str, Any]] = []
        while len(self._rest) >= 4:
            size = int.from_bytes(self._rest[:4], "big")
            if size > self._longest:
                raise BadFrame(f"expected a frame of at most {self._longest} bytes, got one of {size}")
            if len(self._rest) < 4 + size:
                break
            body, self._rest = self._rest[4 : 4 + size], self._rest[4 + size :]
            found.append(_read(body))
        return found


def _read(body: bytes) -> dict[str, Any]:
    try:
        message: object = json.loads(body)
    except (ValueError, RecursionError):
        raise BadFrame(f"expected JSON, got {body[:100]!r}") from None
    if not isinstance(message, dict):
        raise BadFrame(f"expected an object, got {body[:100]!r}")
    return cast("dict[str, Any]", message)
