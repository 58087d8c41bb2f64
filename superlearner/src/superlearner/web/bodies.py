"""Reading of request bodies, with limits on size, time and number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Message, Receive

from otp import standstill
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
        largest = self._limits().largest
        if length > largest:
            raise ApiError(413, "body_too_large", f"expected a body of at most {largest} bytes, got more")

    def body(self, receive: Receive) -> Body:
        """Return the body of a request, of which nothing is read yet; `close()` it once the request is answered."""
        return Body(self, receive)

    @property
    def limits(self) -> BodyLimits:
        """The current limits."""
        return self._limits()

    def hold(self, size: int) -> None:
        """Add bytes to those in memory, or subtract them."""
        self._held += size

    def check_room(self) -> None:
        """Raise ApiError if the bodies in memory are too many to read on."""
        if self._held > self._limits().together:
            raise ApiError(503, "service_unavailable", "too many request bodies at once; try again in a moment")


class Body:
    """A body that is read when the application asks for it, and in memory until it is closed.

    The application asks after it has checked credential and scope, so a visitor without them takes no memory.
    """

    def __init__(self, bodies: Bodies, receive: Receive) -> None:
        self._bodies = bodies
        self._receive = receive
        self._content = bytearray()
        self._is_read = False

    async def receive(self) -> Message:
        """Return the next message for the application: first the whole body.

        Raises:
            ApiError: it is too large (413) or too slow (408), or too many are being read (503).
        """
        if self._is_read:
            return await self._receive()
        self._is_read = True
        seconds = self._bodies.limits.seconds
        try:
            async with standstill.timeout(seconds):
                return await self._whole()
        except TimeoutError:
            raise ApiError(408, "request_timeout", f"expected the whole body within {seconds:g} s") from None

    async def _whole(self) -> Message:
        while True:
            message = await self._receive()
            if message["type"] != "http.request":  # the client is gone
                return message
            piece = message.get("body", b"")
            self._content += piece
            self._bodies.hold(len(piece))
            self._bodies.check_length(len(self._content))
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(self._content), "more_body": False}
            self._bodies.check_room()

    def close(self) -> None:
        """Release the body: its request is answered."""
        self._bodies.hold(-len(self._content))
        self._content = bytearray()
