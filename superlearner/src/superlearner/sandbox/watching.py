"""What a platform hears of a sandbox that runs: its news, its silence, and the end of its line.

Two processes for each: one waits for news, the other asks from time to time whether somebody still answers. A program
that closed its line, or ended who answers in it, can be seen by nobody any more: it is ended, with that as the reason.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import otp
from superlearner.base.printable import printable
from superlearner.nodes.remote import NodeBusy, NodeGone
from superlearner.nodes.remote.protocol import Ask, written
from superlearner.sandbox.line import BACKEND, GONE, SANDBOX
from superlearner.sandbox.told import Alive, News, Report, Told, read

__all__ = ["GRACE_S", "AtATime", "Watched", "ask", "beat", "listen"]

BEAT_S: Final = 5.0
"""Between two questions whether it answers."""

MARGIN_S: Final = 3.0
"""For an answer, beyond the time for which its loop may be held."""

TRIES: Final = 2
"""A platform that was held itself sees the answer of the first one too late."""

GRACE_S: Final = 2.0
"""What has just ended is told with its own reason, if that comes so soon after the end of its line."""

PACE_S: Final = 0.5
"""Between two questions for news."""

BURST: Final = 20
REFILL_S: Final = 5.0
WORDS: Final = 300

T = TypeVar("T", Told, Alive, News, Report)


class Asked(Protocol):
    """A line, as far as it is asked."""

    async def ask(self, channel: int, question: bytes) -> bytes:
        """Ask, and wait for the answer as long as it takes. Raises NodeGone, NodeBusy."""
        ...


class Ending(Protocol):
    """A peer, as far as its end is concerned."""

    async def ended(self, timeout: float) -> object:
        """Wait for its end. Raises CallTimeout."""
        ...

    async def kill(self, reason: str) -> object:
        """End it, for this reason."""
        ...


async def ask(line: Asked, expected: type[T], *question: str) -> T | None:
    """The answer of a sandbox to a question about itself; None if who should answer has ended.

    Raises:
        NodeGone, NodeBusy: of the line.
        ValueError: it is no such answer.
    """
    answer = await line.ask(SANDBOX, json.dumps(question).encode())
    return None if answer == GONE else read(expected, answer)


@dataclass(slots=True)
class AtATime:
    """Lets so many notices pass and counts the rest: twenty, and another one every five seconds.

    >>> gate = AtATime(0.0)
    >>> [len(gate.passed(["a"] * 50, 0, now)) for now in (0.0, 1.0, 5.0)]
    [20, 0, 1]
    >>> gate.left_out(10.0)
    '129 more notices were left out: it tells more than anybody reads'
    """

    at: float
    room: float = BURST
    untold: int = 0

    def passed(self, notices: list[str], missed: int, now: float) -> list[str]:
        """Those of some notices that are told; `missed` are more, of which only the number is known."""
        self._refill(now)
        count = min(len(notices), int(self.room))
        self.room -= count
        self.untold += len(notices) - count + missed
        return notices[:count]

    def left_out(self, now: float) -> str | None:
        """What to say of those that were not told, when there is room for it."""
        self._refill(now)
        if self.untold == 0 or self.room < 1:
            return None
        untold, self.untold = self.untold, 0
        self.room -= 1
        return f"{untold} more notices were left out: it tells more than anybody reads"

    def _refill(self, now: float) -> None:
        self.room = min(BURST, self.room + (now - self.at) / REFILL_S)
        self.at = now


@dataclass(slots=True)
class Watched:
    """A sandbox that runs, and what is done about it just now.

    Args:
        peer: its program.
        line: its line.
        notice: called with words about what happens inside.
        held_s: how long its loop may be held, before it is ended for that.
    """

    peer: Ending
    line: Asked
    notice: Callable[[str], object]
    held_s: float
    stopping: bool = False
    """It was asked to stop: who asked for that decides what follows if it does not."""

    changing: bool = False
    """It takes over another source, and answers when it has."""

    gate: AtATime = field(default_factory=lambda: AtATime(otp.monotonic()))

    def tell(self, news: News) -> None:
        """Its notices, as far as there are not too many."""
        now = otp.monotonic()
        self.tell_left_out(now)
        for words in self.gate.passed(news.notices, news.missed, now):
            self.notice(_line(words))

    def tell_left_out(self, now: float) -> None:
        """How many there were besides."""
        more = self.gate.left_out(now)
        if more is not None:
            self.notice(more)

    async def lost(self, why: str) -> None:
        """Nobody answers any more: it is ended for that, unless it has ended itself."""
        if self.stopping:
            return
        try:
            await self.peer.ended(GRACE_S)
        except otp.CallExit:
            if not self.stopping:
                await self.peer.kill(why)


async def listen(watched: Watched) -> None:
    """Ask for news, one question after the other, until there will be none."""
    while True:
        try:
            news = await ask(watched.line, News, "next")
        except NodeGone:
            await watched.lost("it has closed its line to the platform")
            return
        except NodeBusy:
            await watched.peer.kill("it does not read what it is asked")
            return
        except ValueError as error:
            await watched.peer.kill(f"it does not keep to the protocol: its news are none: {_line(str(error))}")
            return
        if news is None:
            await watched.lost("what answers in it for its tree has ended")
            return
        watched.tell(news)
        if news.ended is not None:
            await watched.peer.kill(_line(news.ended))
            return
        await _wait(PACE_S)


async def beat(watched: Watched) -> None:
    """Ask from time to time whether both of those who answer still do."""
    while True:
        await _wait(BEAT_S)
        watched.tell_left_out(otp.monotonic())
        for channel, question in ((SANDBOX, b'["alive"]'), (BACKEND, written(Ask()))):
            excused = watched.changing
            try:
                answer = await _answer(watched, channel, question)
            except NodeGone:
                return  # who listens knows, too
            except NodeBusy:
                answer = None
            if excused or watched.changing or watched.stopping:
                continue
            if answer is None:
                await watched.peer.kill(f"nobody in it has answered for {TRIES * _patience(watched):g} s")
                return
            if answer == GONE:
                what = "its tree" if channel == SANDBOX else "its pages"
                await watched.lost(f"what answers in it for {what} has ended")
                return


async def _answer(watched: Watched, channel: int, question: bytes) -> bytes | None:
    for _ in range(TRIES):
        try:
            async with asyncio.timeout(_patience(watched)):
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
