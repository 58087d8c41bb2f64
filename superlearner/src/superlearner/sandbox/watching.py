"""Monitors a running sandbox: its news, its silence, and its end.

Each sandbox has two processes here: one waits for news, the other checks from time to time that it still answers. A
program that closed its connection, or ended the process that answers, can no longer be observed: it is ended.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import otp
from otp import standstill
from superlearner.base.printable import printable
from superlearner.nodes.remote import NodeBusy, NodeGone
from superlearner.nodes.remote.protocol import Ask, written
from superlearner.sandbox.line import BACKEND, GONE, SANDBOX
from superlearner.sandbox.messages import Alive, News, Report, SandboxFacts, read

__all__ = ["GRACE_S", "AtATime", "Watched", "ask", "beat", "listen"]

BEAT_S: Final = 5.0
"""Seconds between two checks."""

MARGIN_S: Final = 3.0
"""Seconds for an answer, in addition to the time its loop may be held."""

TRIES: Final = 2
"""Attempts; a platform that was itself held up sees the first one too late."""

GRACE_S: Final = 2.0
"""Seconds to wait for the program's own exit reason after its connection."""

PACE_S: Final = 0.5
"""Seconds between two requests for news."""

BURST: Final = 20
REFILL_S: Final = 5.0
WORDS: Final = 300

T = TypeVar("T", SandboxFacts, Alive, News, Report)


class RequestSender(Protocol):
    """The part of a connection that sends requests."""

    async def ask(self, channel: int, question: bytes) -> bytes:
        """Send a request and wait for the answer. Raises NodeGone, NodeBusy."""
        ...


class SandboxEnding(Protocol):
    """The part of a peer that concerns its end."""

    async def ended(self, timeout: float) -> object:
        """Wait for its end. Raises CallTimeout."""
        ...

    async def kill(self, reason: str) -> object:
        """End it, for this reason."""
        ...


async def ask(line: RequestSender, expected: type[T], *question: str) -> T | None:
    """Ask a sandbox about itself; None if the process that should answer has ended.

    Raises:
        NodeGone, NodeBusy: as for the connection.
        ValueError: the answer is malformed.
    """
    answer = await line.ask(SANDBOX, json.dumps(question).encode())
    return None if answer == GONE else read(expected, answer)


@dataclass(slots=True)
class AtATime:
    """A rate limit on notices: twenty at once, then one every five seconds.

    >>> gate = AtATime(0.0)
    >>> [len(gate.passed(["a"] * 50, 0, now)) for now in (0.0, 1.0, 5.0)]
    [20, 0, 1]
    >>> gate.left_out(10.0)
    '129 more notices were left out: there were too many'
    """

    at: float
    room: float = BURST
    untold: int = 0

    def passed(self, notices: list[str], missed: int, now: float) -> list[str]:
        """Return the notices that pass; of `missed` ones only the number is known."""
        self._refill(now)
        count = min(len(notices), int(self.room))
        self.room -= count
        self.untold += len(notices) - count + missed
        return notices[:count]

    def left_out(self, now: float) -> str | None:
        """Return a sentence about the dropped notices, when the limit allows one."""
        self._refill(now)
        if self.untold == 0 or self.room < 1:
            return None
        untold, self.untold = self.untold, 0
        self.room -= 1
        return f"{untold} more notices were left out: there were too many"

    def _refill(self, now: float) -> None:
        self.room = min(BURST, self.room + (now - self.at) / REFILL_S)
        self.at = now


async def _never() -> bool:
    return False


@dataclass(slots=True)
class Watched:
    """A running sandbox, and the state of its monitoring.

    Args:
        peer: its program.
        line: its connection.
        notice: called with a sentence about each event inside.
        held_s: how long its loop may be held before it is ended for that.
    """

    peer: SandboxEnding
    line: RequestSender
    notice: Callable[[str], object]
    held_s: float
    fetch_last: Callable[[], Awaitable[bool]] = _never
    """Fetches its last restarts; returns whether it answered."""

    complete: bool = False
    """Its last restarts were fetched."""

    stopping: bool = False
    """A stop was requested; the requester decides what follows if it does not stop."""

    changing: bool = False
    """A reload is running; it answers when that is done."""

    gate: AtATime = field(default_factory=lambda: AtATime(otp.monotonic()))

    def tell(self, news: News) -> None:
        """Pass on its notices, within the limit."""
        now = otp.monotonic()
        self.report_dropped(now)
        for words in self.gate.passed(news.notices, news.missed, now):
            self.notice(_line(words))

    def report_dropped(self, now: float) -> None:
        """Report how many notices were dropped."""
        more = self.gate.left_out(now)
        if more is not None:
            self.notice(more)

    async def prepare_end(self) -> None:
        """Fetch its last restarts, before it is ended on purpose."""
        if not self.complete:
            self.complete = await self.fetch_last()

    async def lost(self, why: str) -> None:
        """End a sandbox that no longer answers, unless it has ended by itself."""
        if self.stopping:
            return
        try:
            await self.peer.ended(GRACE_S)
        except otp.CallExit:
            if not self.stopping:
                await self.peer.kill(why)


async def listen(watched: Watched) -> None:
    """Request news, one answer after the other, until the sandbox ends."""
    while True:
        try:
            news = await ask(watched.line, News, "next")
        except NodeGone:
            await watched.lost("it has closed its line to the platform")
            return
        except NodeBusy:
            await watched.peer.kill("it does not read its requests")
            return
        except ValueError as error:
            await watched.peer.kill(f"it violates the protocol: its news is malformed: {_line(str(error))}")
            return
        if news is None:
            await watched.lost("the process that answers for its tree has ended")
            return
        watched.tell(news)
        if news.ended is not None:
            await watched.prepare_end()
            await watched.peer.kill(_line(news.ended))
            return
        await _wait(PACE_S)


async def beat(watched: Watched) -> None:
    """Check regularly that the tree's service and the backend still answer."""
    while True:
        await _wait(BEAT_S)
        watched.report_dropped(otp.monotonic())
        for channel, question in ((SANDBOX, b'["alive"]'), (BACKEND, written(Ask()))):
            excused = watched.changing
            try:
                answer = await _answer(watched, channel, question)
            except NodeGone:
                return  # `listen` handles it
            except NodeBusy:
                answer = None
            if excused or watched.changing or watched.stopping:
                continue
            if answer is None:
                await watched.peer.kill(f"it has not answered for {TRIES * _patience(watched):g} s")
                return
            if answer == GONE:
                what = "its tree" if channel == SANDBOX else "its pages"
                await watched.lost(f"the process that answers for {what} has ended")
                return


async def _answer(watched: Watched, channel: int, question: bytes) -> bytes | None:
    for _ in range(TRIES):
        try:
            async with standstill.timeout(_patience(watched)):
                return await watched.line.ask(channel, question)
        except TimeoutError:
            continue
    return None


def _patience(watched: Watched) -> float:
    return watched.held_s + MARGIN_S


async def _wait(seconds: float) -> None:
    otp.send_after(seconds, otp.self(), "again")
    await otp.receive(otp.Is("again"))


def _line(words: str) -> str:
    return printable(words)[:WORDS]
