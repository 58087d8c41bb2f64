"""History that outlives a node in another program: its events and its log.

This module requests both, one answer after the other, and trusts only what any node is trusted with: names, numbers and
words of bounded length, in the order of their numbers. If events come faster than they are requested, the node drops
some; the gap in the numbers counts them, and they are reported.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import otp
from otp import standstill
from otp.redaction import without_secrets
from superlearner.control.terms import clip
from superlearner.nodes.remote import BadAnswer, RemoteError, RemoteNode, follow
from superlearner.nodes.remote.protocol import Done, Failed, Hear, Heard, Recall
from superlearner.observing.analytics import Entry
from superlearner.observing.logs import LogLine

__all__ = ["Hearing", "NodeHistory"]

log: Final = logging.getLogger(__name__)

REMEMBERED: Final = 1_000
LONGEST: Final = 1_000
"""Maximum characters of a text."""

WAIT_S: Final = 10.0
MARGIN_S: Final = 5.0
PAUSE_S: Final = 0.1
"""Pause between two requests; it limits a node that only logs."""

CATCH_UP_S: Final = 0.3
REPORT_EVERY_S: Final = 5.0
LATEST: Final = 1e11


class NodeHistory:
    """The supervisor events of one node, across all its programs.

    Args:
        hand_on: called once with each entry.
        take: called once with the node's name and each line of its log.
    """

    def __init__(self, hand_on: Callable[[Entry], object], take: Callable[[str, LogLine], object]) -> None:
        self.entries: deque[Entry] = deque(maxlen=REMEMBERED)
        self.hand_on = hand_on
        self.take = take
        self.ended = ""
        """The sentence about the end of the last program."""
        self.ended_at = 0.0
        """The time of that end, in seconds since 1970."""
        self.now: Hearing | None = None
        """The current program."""

    async def catch_up(self) -> None:
        """Fetch the latest entries of the current program, if it answers quickly."""
        if self.now is not None:
            await self.now.catch_up()


class Hearing:
    """The connection to one program of the node, from its start to its end.

    Args:
        remote: the node.
        remembered: the history of earlier programs, which receives the new entries.
    """

    def __init__(self, remote: RemoteNode, remembered: NodeHistory) -> None:
        self.remote = remote
        self._remembered = remembered
        self._entry = 0
        self._line = 0
        self._lost: dict[str, int] = {}
        self._reported_at = -math.inf

    async def begin(self, seconds: float) -> None:
        """Replay the earlier history to the node. Raises RemoteError."""
        known = self._remembered
        answer = await self.remote.ask(Recall(list(known.entries), known.ended, known.ended_at), Done, seconds)
        if isinstance(answer, Failed):
            raise self.remote.bad(f"it rejected its history: {answer.code}")
        self._remembered.now = self

    async def live(self) -> None:
        """Request entries until the node is gone or sends an invalid answer."""
        try:
            await follow(partial(self._more, WAIT_S), PAUSE_S)
        except BadAnswer as error:
            log.warning("the history of %s stops here: %s", self.remote.name, error)

    async def catch_up(self) -> None:
        """Fetch the entries so far, within a time limit."""
        with contextlib.suppress(RemoteError, TimeoutError):
            async with standstill.timeout(CATCH_UP_S):
                while await self._more(0):
                    pass

    async def _more(self, seconds: float) -> bool:
        """Make one request; return whether there was anything new."""
        heard = await self.remote.ask(Hear(self._entry, self._line, seconds), Heard, seconds + MARGIN_S)
        if isinstance(heard, Failed):
            raise self.remote.bad(f"it does not report its history: {heard.code}")
        for number, entry in heard.entries:
            if number > self._entry:  # else another request was answered first
                self._lose("entries of the history", number - self._entry - 1)
                self._entry = number
                self._add_entry(entry)
        for number, line in heard.lines:
            if number > self._line:
                self._lose("lines of the log", number - self._line - 1)
                self._line = number
                self._remembered.take(self.remote.name, line)
        self._report_losses()
        return bool(heard.entries or heard.lines)

    def _lose(self, what: str, number: int) -> None:
        if number:
            self._lost[what] = self._lost.get(what, 0) + number

    def _add_entry(self, entry: Entry) -> None:
        entries = self._remembered.entries
        right = entry.is_stored and 0 <= entry.at <= LATEST and 0 <= (entry.recovery_s or 0) <= LATEST
        if not right or entry.number <= (entries[-1].number if entries else 0):
            raise self.remote.bad(f"expected an event of a supervisor, got {clip(repr(entry), 200)}")
        entry = replace(
            entry,
            supervisor=clip(entry.supervisor, LONGEST),
            supervisor_pid=clip(entry.supervisor_pid, LONGEST),
            child_id=_clipped(entry.child_id),
            old_pid=_clipped(entry.old_pid),
            child_pid=_clipped(entry.child_pid),
            reason=None if entry.reason is None else clip(without_secrets(entry.reason, LONGEST), LONGEST),
        )
        entries.append(entry)
        self._remembered.hand_on(entry)

    def _report_losses(self) -> None:
        if self._lost and otp.monotonic() - self._reported_at > REPORT_EVERY_S:
            self._reported_at = otp.monotonic()
            for what, number in self._lost.items():
                log.warning(
                    "%d %s of %s are lost: they came faster than they could be read", number, what, self.remote.name
                )
            self._lost = {}


def _clipped(text: str | None) -> str | None:
    return None if text is None else clip(text, LONGEST)
