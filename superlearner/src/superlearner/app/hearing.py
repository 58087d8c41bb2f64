"""What a platform keeps of a node in a program of its own, beyond the end of that: what supervisors did, and its log.

It asks for both, one answer after the other, and believes what it believes a node: a name, a number, a word, of bounded
length, in the order of their numbers. What comes faster than it is asked for is lost there, counted by the gap in the
numbers, and told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import otp
from superlearner.control.terms import clip
from superlearner.nodes.remote import BadAnswer, NodeGone, RemoteError, RemoteNode
from superlearner.nodes.remote.protocol import Done, Failed, Hear, Heard, Recall
from superlearner.observing.analytics import Entry
from superlearner.observing.logs import LogLine

__all__ = ["Hearing", "Remembered"]

log: Final = logging.getLogger(__name__)

REMEMBERED: Final = 1_000
LONGEST: Final = 1_000
"""Characters of a text."""

WAIT_S: Final = 10.0
MARGIN_S: Final = 5.0
PAUSE_S: Final = 0.1
"""Between two questions, so that a node that does nothing but log costs the platform a few hundred lines a second."""

CATCH_UP_S: Final = 0.3
TELL_EVERY_S: Final = 5.0
LATEST: Final = 1e11


class Remembered:
    """What supervisors of one node did, over all programs that it had; the newest thousand entries.

    Args:
        hand_on: called with each entry, once.
        take: called with the node's name and each line of its log, once.
    """

    def __init__(self, hand_on: Callable[[Entry], object], take: Callable[[str, LogLine], object]) -> None:
        self.entries: deque[Entry] = deque(maxlen=REMEMBERED)
        self.hand_on = hand_on
        self.take = take
        self.now: Hearing | None = None
        """The program that it has now."""

    async def catch_up(self) -> None:
        """Hear what the program that it has now has done until now, if it says so in a moment."""
        if self.now is not None:
            await self.now.catch_up()


class Hearing:
    """One program of the node, from its start to its end.

    Args:
        remote: the node.
        remembered: what is known of the programs before, and where what is heard goes.
    """

    def __init__(self, remote: RemoteNode, remembered: Remembered) -> None:
        self._remote = remote
        self._remembered = remembered
        self._entry = 0
        self._line = 0
        self._lost: dict[str, int] = {}
        self._told = -math.inf
        self._due = asyncio.Event()

    async def begin(self, seconds: float) -> None:
        """Tell the node what it did before. Raises RemoteError."""
        answer = await self._remote.ask(Recall(list(self._remembered.entries)), Done, seconds)
        if isinstance(answer, Failed):
            raise self._remote.bad(f"it does not take its history: {answer.code}")
        self._remembered.now = self

    async def live(self) -> None:
        """Ask until the node is gone, or answers what is no answer."""
        while True:
            try:
                await self._more(WAIT_S)
            except NodeGone:
                return
            except BadAnswer as error:
                log.warning("what %s does from now on is not in the history: %s", self._remote.name, error)
                return
            except RemoteError:
                pass  # it is held, or busy: what it has to say waits there
            self._due.clear()
            asyncio.get_running_loop().call_later(PAUSE_S, self._due.set)
            await self._due.wait()

    async def catch_up(self) -> None:
        """Ask for what there is until now, as long as there is time."""
        with contextlib.suppress(RemoteError, TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                while await self._more(0):
                    pass

    async def _more(self, seconds: float) -> bool:
        """Ask once; whether there was anything."""
        heard = await self._remote.ask(Hear(self._entry, self._line, seconds), Heard, seconds + MARGIN_S)
        if isinstance(heard, Failed):
            raise self._remote.bad(f"it does not say what it did: {heard.code}")
        for number, entry in heard.entries:
            if number > self._entry:  # else another question was answered before
                self._lose("entries of the history", number - self._entry - 1)
                self._entry = number
                self._hand_on(entry)
        for number, line in heard.lines:
            if number > self._line:
                self._lose("lines of the log", number - self._line - 1)
                self._line = number
                self._remembered.take(self._remote.name, line)
        self._tell()
        return bool(heard.entries or heard.lines)

    def _lose(self, what: str, number: int) -> None:
        if number:
            self._lost[what] = self._lost.get(what, 0) + number

    def _hand_on(self, entry: Entry) -> None:
        entries = self._remembered.entries
        right = entry.is_stored and 0 <= entry.at <= LATEST and 0 <= (entry.recovery_s or 0) <= LATEST
        if not right or entry.number <= (entries[-1].number if entries else 0):
            raise self._remote.bad(f"expected what a supervisor did, got {clip(repr(entry), 200)}")
        entry = replace(
            entry,
            supervisor=clip(entry.supervisor, LONGEST),
            supervisor_pid=clip(entry.supervisor_pid, LONGEST),
            child_id=_clipped(entry.child_id),
            old_pid=_clipped(entry.old_pid),
            child_pid=_clipped(entry.child_pid),
            reason=_clipped(entry.reason),
        )
        entries.append(entry)
        self._remembered.hand_on(entry)

    def _tell(self) -> None:
        if self._lost and otp.monotonic() - self._told > TELL_EVERY_S:
            self._told = otp.monotonic()
            for what, number in self._lost.items():
                log.warning(
                    "%d %s of %s are lost: they came faster than they were read", number, what, self._remote.name
                )
            self._lost = {}


def _clipped(text: str | None) -> str | None:
    return None if text is None else clip(text, LONGEST)
