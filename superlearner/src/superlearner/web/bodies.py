"""Reading request bodies: whole, in time, no larger than allowed, and not too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Message, Receive

from superlearner.web.errors import ApiError

__all__ = ["Bodies", "BodyLimits"]


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What bodies may be.

    Attributes:
        largest: bytes of one.
        together: bytes of all that are being read or answered.
        seconds: in which one has to be there.
    """

    largest: int = 1_000_000
    together: int = 64_000_000
    seconds: float = 30.0


class Bodies:
    """The bodies that are in memory.

    Args:
        limits: answers the limits as they are now.
    """

    def __init__(self, limits: Callable[[], BodyLimits]) -> None:
        self._limits = limits
        self._held = 0

    def check_length(self, length: int) -> None:
        """Raises ApiError for a length that is too large, before a byte of the body is read."""
        if length > self._limits().largest:
            raise self._too_large()

    async def read(self, receive: Receive) -> Body:
        """The whole body; `close()` it when it is answered.

        Raises:
            ApiError: it is too large (413) or too slow (408), or too many are being read (503).
        """
        body = Body(self, receive)
        try:
            async with asyncio.timeout(self._limits().seconds):
                while await body.more():
                    if len(body.content) > self._limits().largest:
                        raise self._too_large()
                    if self._held > self._limits().together:
                        raise ApiError(
                            503, "service_unavailable", "too many bodies come at once; try again in a moment"
                        )
        except TimeoutError:
            body.close()
            raise ApiError(
                408, "request_timeout", f"expected the whole body within {self._limits().seconds:g} s"
            ) from None
        except BaseException:
            body.close()
            raise
        return body

    def hold(self, size: int) -> None:
        """So many bytes more, or fewer, are in memory."""
        self._held += size

    def _too_large(self) -> ApiError:
        largest = self._limits().largest
        return ApiError(413, "body_too_large", f"expected a body of at most {largest} bytes, got more")


class Body:
    """One body, in memory from its first piece until it is closed."""

    def __init__(self, bodies: Bodies, receive: Receive) -> None:
        self._bodies = bodies
        self._receive = receive
        self._left: list[Message] = []
        self.content = bytearray()

    async def more(self) -> bool:
        """Read a piece; whether another one follows."""
        message = await self._receive()
        if message["type"] != "http.request":  # who sent it has gone
            self._left = [message]
            return False
        piece = message.get("body", b"")
        self.content += piece
        self._bodies.hold(len(piece))
        if message.get("more_body", False):
            return True
        self._left = [{"type": "http.request", "body": bytes(self.content), "more_body": False}]
        return False

    async def receive(self) -> Message:
        """What the application reads: the body in one piece, then what comes after it."""
        return self._left.pop() if self._left else await self._receive()

    def close(self) -> None:
        """It is answered."""
        self._bodies.hold(-len(self.content))
        self.content = bytearray()
        self._left = []
