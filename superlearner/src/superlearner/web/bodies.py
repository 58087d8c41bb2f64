"""Reading of request bodies, with limits on size, time and number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Message, Receive

from superlearner.settings.configuration import Configuration
from superlearner.web.errors import ApiError

__all__ = ["Bodies", "BodyLimits", "limits_of"]


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits on request bodies.

    Attributes:
        largest: maximum bytes of one body.
        together: maximum bytes of all bodies that are being read or answered.
        seconds: time in which a body must arrive.
    """

    largest: int = 1_000_000
    together: int = 64_000_000
    seconds: float = 30.0


def limits_of(configuration: Configuration) -> Callable[[], BodyLimits]:
    """Return what answers the limits that are set at the time of a request."""

    def limits() -> BodyLimits:
        settings = configuration.current
        return BodyLimits(settings.max_body, settings.max_bodies, settings.body_timeout)

    return limits


class Bodies:
    """The request bodies in memory.

    Args:
        limits: returns the current limits.
    """

    def __init__(self, limits: Callable[[], BodyLimits]) -> None:
        self._limits = limits
        self._held = 0

    def check_length(self, length: int) -> None:
        """Raise ApiError if a body is too large, before a byte of it is read."""
        if length > self._limits().largest:
            raise self._too_large()

    async def read(self, receive: Receive) -> Body:
        """Read a whole body; `close()` it once it is answered.

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
                            503, "service_unavailable", "too many concurrent request bodies; try again in a moment"
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
        """Add bytes to those in memory, or subtract them."""
        self._held += size

    def _too_large(self) -> ApiError:
        largest = self._limits().largest
        return ApiError(413, "body_too_large", f"expected a body of at most {largest} bytes, got more")


class Body:
    """A body, in memory from its first piece until it is closed."""

    def __init__(self, bodies: Bodies, receive: Receive) -> None:
        self._bodies = bodies
        self._receive = receive
        self._left: list[Message] = []
        self.content = bytearray()

    async def more(self) -> bool:
        """Read a piece; return whether another one follows."""
        message = await self._receive()
        if message["type"] != "http.request":  # the client is gone
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
        """Return the next message for the application: first the whole body."""
        return self._left.pop() if self._left else await self._receive()

    def close(self) -> None:
        """Release the body: its request is answered."""
        self._bodies.hold(-len(self.content))
        self.content = bytearray()
        self._left = []
