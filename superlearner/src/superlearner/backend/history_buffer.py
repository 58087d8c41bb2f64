"""Supervisor events and log lines that outlive a node's program.

Both are ring buffers: a reader that keeps up gets everything; gaps in the numbers show what was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace
from itertools import islice
from typing import Final

import msgspec

from superlearner.nodes.remote.protocol import Heard
from superlearner.observing.analytics import Entry
from superlearner.observing.logs import LogLine, LogView
from superlearner.store.rows import clean

__all__ = ["HistoryBuffer"]

MOST_ENTRIES: Final = 500
MOST_LINES: Final = 50
MOST_BYTES: Final = 1_000_000
"""Limit on the log lines of one answer."""

ENTRIES: Final = 10_000
LINES: Final = 2_000
encode: Final = msgspec.msgpack.Encoder().encode


class HistoryBuffer:
    """The numbered supervisor entries and log lines of a node.

    They are kept until the platform fetches them.

    Create it in the event loop that reads it. Log lines may arrive from any thread.

    Args:
        entries, lines: the capacity of each ring buffer.
    """

    def __init__(self, entries: int = ENTRIES, lines: int = LINES) -> None:
        self._loop = asyncio.get_running_loop()
        self._entries: deque[tuple[int, Entry]] = deque(maxlen=entries)
        self._written = 0
        self._log = LogView(lines)
        self._log.listener = self._logged
        self._news = asyncio.Event()

    def open(self) -> None:
        """Start capturing the log."""
        self._log.open()

    def close(self) -> None:
        """Stop capturing the log."""
        self._log.close()

    def add(self, entry: Entry) -> None:
        """Record a supervisor entry."""
        self._written += 1
        self._entries.append((self._written, _sendable_entry(entry)))
        self._news.set()

    async def wait_for_news(self, entries: int, lines: int, seconds: float) -> Heard:
        """Return what follows these numbers, waiting for it up to `seconds`."""
        if self._written <= entries and self._log.written <= lines:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        fresh = max(0, self._written - entries)
        some = islice(self._entries, max(0, len(self._entries) - fresh), None)
        return Heard(list(islice(some, MOST_ENTRIES)), self._lines(lines))

    def _lines(self, after: int) -> list[tuple[int, LogLine]]:
        found: list[tuple[int, LogLine]] = []
        size = 0
        for number, line in self._log.newest(max(0, self._log.written - after))[:MOST_LINES]:
            sendable, bytes_of_it = _sendable_line(line)
            size += bytes_of_it
            if size > MOST_BYTES and found:
                break
            found.append((number, sendable))
        return found

    def _logged(self, number: int, line: LogLine) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have just been closed
            self._loop.call_soon_threadsafe(self._news.set)


def _sendable_entry(entry: Entry) -> Entry:
    """Return the entry with texts made encodable as Unicode."""
    return replace(
        entry,
        supervisor=clean(entry.supervisor),
        child_id=clean(entry.child_id),
        reason=clean(entry.reason),
        where=clean(entry.where),
        unanswered=None,
    )


def _sendable_line(line: LogLine) -> tuple[LogLine, int]:
    """Return the line, without characters that cannot be encoded, and its size in bytes."""
    try:
        return line, len(encode(line))
    except UnicodeEncodeError:
        plain = replace(
            line,
            text=clean(line.text),
            logger=clean(line.logger),
            name=clean(line.name),
            supervisor=clean(line.supervisor),
            fields={},
            traceback=clean(line.traceback, 10_000),
        )
        return plain, len(encode(plain))
