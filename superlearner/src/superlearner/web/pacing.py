"""Limits on the requests of users, and of everybody on another machine: their rate, and how many are open at once.

Messages of web sockets count as requests.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from starlette.types import Message, Receive, Send

from superlearner.base.commands import command
from superlearner.base.throttle import Throttle
from superlearner.operations.rights.quotas import Quotas
from superlearner.web.connections import is_local
from superlearner.web.errors import ApiError
from superlearner.web.recognising import CredentialRefused
from superlearner.web.visitors import Visit, WebVisitor

__all__ = ["AT_ONCE_S", "HELD_S", "MOST_OPEN", "Pacing"]

AT_ONCE_S: Final = 10
"""A user may send the requests of this many seconds at once."""
HELD_S: Final = 1.0
"""The pause before a refusal: a client that does not wait would take the time of others with refusals."""

MOST_OPEN: Final = 64
"""Open requests, streams and web sockets of each user, so that no user takes the connections of others."""

REFUSED_COSTS: Final = 5
"""A request that is refused with 403 counts as this many, so that an attack leaves the time of others alone."""

POLICY_VIOLATION: Final = 1008


class Pacing:
    """The rates of requests.

    Args:
        calls: the limit on calls from other machines, by user or address; None for no limit.
        quotas: those of users; None for no limit.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        calls: Throttle | None = None,
        quotas: Quotas | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._quotas = quotas
        self._now = now
        self._paces: dict[int, Throttle] = {}
        self._open: Counter[str] = Counter()

    async def count(self, visit: Visit, visitor: WebVisitor) -> None:
        """Count a request. Raises CredentialRefused, after a pause: there were too many, or too many are open."""
        name = visitor.user.name
        rate = await self._rate(visitor)
        if rate is not None and self._open[name] >= MOST_OPEN:
            raise await self._too_many(
                f"{name} has {MOST_OPEN} open requests, streams and web sockets",
                "close pages or programs of this user that you do not need",
                1,
                name,
            )
        if rate is not None and (left := self._over(rate, name)):
            raise await self._too_many(
                f"{name} has more than {rate} requests a second; try again in {left} s",
                f"wait as the Retry-After header says, or ask the owner for more: "
                f"`{command('user.quota', name, requests_per_second=2 * rate)}`",
                left,
                name,
            )
        if self._calls is None or is_local(visit.address):
            return
        who = f"user {name}" if visitor.holder else visit.address
        left = math.ceil(self._calls.wait(who))
        if left > 0:
            message = f"too many calls; try again in {left} s"
            raise await self._too_many(message, "the Retry-After header gives the seconds", left, who)
        self._calls.count(who)

    def paced(self, visitor: WebVisitor, receive: Receive, send: Send) -> Receive:
        """Return what receives the messages of a web socket; too many end it with 1008."""

        async def counted() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                rate = await self._rate(visitor)
                if rate is not None and self._over(rate, visitor.user.name):
                    await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "too many messages"})
                    return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            return message

        return counted

    @contextmanager
    def opened(self, by: str) -> Generator[None]:
        """Count an open request by its user."""
        self._open[by] += 1
        try:
            yield
        finally:
            self._open[by] -= 1
            if not self._open[by]:
                del self._open[by]

    def charged(self, visitor: WebVisitor, send: Send) -> Send:
        """Return what sends the answer to a request, and counts a refusal more than once."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 403:
                rate = await self._rate(visitor)
                if rate is not None:
                    for _ in range(REFUSED_COSTS - 1):
                        self._pace(rate).count(f"user {visitor.user.name}")
            await send(message)

        return counted

    async def _rate(self, visitor: WebVisitor) -> int | None:
        if self._quotas is None or not visitor.holder:
            return None
        return (await self._quotas.of(visitor.user.name)).requests_per_second

    def _over(self, rate: int, name: str) -> int:
        """Count a request of a user, and return 0; the seconds to wait, without counting it, if there were too many."""
        pace = self._pace(rate)
        left = math.ceil(pace.wait(f"user {name}"))
        if not left:
            pace.count(f"user {name}")
        return left

    def _pace(self, rate: int) -> Throttle:
        pace = self._paces.get(rate)
        if pace is None:
            pace = self._paces[rate] = Throttle(burst=AT_ONCE_S * rate, every=1 / rate, now=self._now)
        return pace

    async def _too_many(self, message: str, hint: str, left: int, who: str) -> CredentialRefused:
        pausing = f"{who} waits"
        if self._open[pausing] < MOST_OPEN:  # else pauses would take the connections of others
            with self.opened(pausing):
                await asyncio.sleep(HELD_S)
        error = ApiError(429, "rate_limited", message, hint=hint)
        return CredentialRefused(error, f"Too many requests. Try again in {left} seconds.", wait=left)
