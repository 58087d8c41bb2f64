"""The search for words in restarts: in what happened, in reasons and places, and in pids."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from superlearner.operations.builtin.restart_loops import GAVE_UP, names
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.results.restarts import Crashed, Decided, Moment, RestartLine, Started, Stopped
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.sums import How
from superlearner.store import MomentRow

__all__ = ["Words", "how_ended_in", "page_about", "read_moment", "was_restarted_in"]

AT_ONCE: Final = 200
"""Rows whose replays are in memory at the same time."""
MOST_READ: Final = 10
"""Pages of the store that are read for the lines about one process."""


class Words:
    """Words that a restart must have, all of them, with upper and lower case alike.

    >>> [Words("refused gateway").are_in(text) for text in ("gateway crashed: RefusedError()", "gateway crashed")]
    [True, False]
    """

    def __init__(self, text: str) -> None:
        self._words = text.lower().split()

    def are_in(self, *texts: str | None) -> bool:
        """Return whether each word is in one of the texts."""
        found = [text.lower() for text in texts if text]
        return all(any(word in text for text in found) for word in self._words)

    def are_in_line(self, one: RestartLine) -> bool:
        """Return whether they are in the line of a restart that has not settled."""
        return self.are_in(one.line, one.name, one.reason, one.where, one.request, one.supervisor, one.story)

    async def find(self, rows: Sequence[MomentRow], history: MomentHistory) -> list[MomentRow]:
        """Return the recorded restarts that have them, in the same order."""
        found: list[MomentRow] = []
        for start in range(0, len(rows), AT_ONCE):
            whole = await history.read_replays(list(rows[start : start + AT_ONCE]))
            found += await asyncio.to_thread(self._filter, whole)
        return found

    def _filter(self, rows: Sequence[MomentRow]) -> list[MomentRow]:
        return [row for row in rows if self._are_in_row(row)]

    def _are_in_row(self, row: MomentRow) -> bool:
        if row.data is None or self.are_in(row.line):
            return self.are_in(row.line)
        try:
            data = zlib.decompress(row.data)
            text = f"{row.line} {data.decode()}".lower()
            if not all(json.dumps(word, ensure_ascii=False)[1:-1] in text for word in self._words):
                return False  # most rows: a replay is read only if it may have them
            return self.are_in(row.line, *_texts_of(Moment.model_validate_json(data)))
        except (ValueError, zlib.error):  # from an earlier version
            return False


async def page_about(
    history: MomentHistory,
    process: str,
    nodes: list[str],
    kinds: list[str],
    owner: str | None,
    since: float | None = None,
    until: float | None = None,
    *,
    limit: int,
    number: int | None = None,
) -> list[MomentRow]:
    """Return the newest recorded restarts that are about a process, without replays; see `MomentHistory.page`.

    The store also finds lines with the same word as something else, such as a unit. So it is read on until there are
    enough lines, up to `MOST_READ` times.
    """
    found: list[MomentRow] = []
    for start in range(0, MOST_READ * limit, limit):
        rows, total = await history.page(
            nodes, kinds, owner, since, until, start, limit, process=process, number=number, replays=False
        )
        found += await _find_about(process, rows, history)
        if len(found) >= limit or start + limit >= total:
            break
    return found[:limit]


async def _find_about(process: str, rows: Sequence[MomentRow], history: MomentHistory) -> list[MomentRow]:
    """Return the recorded restarts that are about a process, in the same order.

    The line of a give-up names the supervisors only: its replay tells which processes ended.
    """
    found = {id(row) for row in rows if names(row.line, process)}
    falls = [row for row in rows if id(row) not in found and row.line.endswith(GAVE_UP)]
    for start in range(0, len(falls), AT_ONCE):
        some = falls[start : start + AT_ONCE]
        whole = await history.read_replays(some)
        about = await asyncio.to_thread(_ended_in_each, whole, process)
        found |= {id(row) for row, yes in zip(some, about, strict=True) if yes}
    return [row for row in rows if id(row) in found]


def _ended_in_each(rows: Sequence[MomentRow], process: str) -> list[bool]:
    return [_ended_in(row, process) for row in rows]


def _ended_in(row: MomentRow, process: str) -> bool:
    """Return whether a process of this name ended or was stopped in a restart, by its replay."""
    try:
        data = b"" if row.data is None else zlib.decompress(row.data)
        if json.dumps(process, ensure_ascii=False)[1:-1] not in data.decode():
            return False  # most rows
        moment = Moment.model_validate_json(data)
    except (ValueError, zlib.error):  # from an earlier version
        return False
    ended = {one.id for one in moment.events if isinstance(one, Crashed | Stopped)}
    return any(node.name == process and node.id in ended for node in _walk(moment.root))


def read_moment(row: MomentRow) -> Moment | None:
    """Return the replay of a row; None if it has none that this version can read."""
    try:
        return None if row.data is None else Moment.model_validate_json(zlib.decompress(row.data))
    except (ValueError, zlib.error):  # from an earlier version
        return None


def was_restarted_in(moment: Moment, process: str) -> bool:
    """Return whether a process of this name ended or was stopped in a restart, and runs again after it."""
    ids = {node.id for node in _walk(moment.root) if node.name == process}
    own = [one for one in moment.events if one.id in ids and isinstance(one, Crashed | Stopped | Started | Decided)]
    return len(own) > 1 and isinstance(own[-1], Started)


def how_ended_in(moment: Moment, process: str) -> How:
    """Return how a process of this name ended first in a restart."""
    ids = {node.id for node in _walk(moment.root) if node.name == process}
    end = next((one for one in moment.events if isinstance(one, Crashed) and one.id in ids and not one.start), None)
    if end is None:
        return "ended"
    return "killed" if end.reason == "killed" else "crashed" if end.crash else "ended"


def _texts_of(moment: Moment) -> Iterator[str | None]:
    """Yield what happened, the reasons, and the pids of the processes that took part."""
    yield moment.summary
    part = {one.id for one in moment.events}
    for event in moment.events:
        yield getattr(event, "reason", None)
        yield getattr(event, "pid", None)
    yield from (node.pid for node in _walk(moment.root) if node.id in part)


def _walk(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from _walk(child)
