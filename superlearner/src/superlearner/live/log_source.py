"""The live feed of the log: its newest lines, then new lines a few times a second.

A frame has the fields that a list shows; `GET /log?after=…&before=…` returns whole lines.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from superlearner.control.terms import clip
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import Nodes
from superlearner.observing.logs import LogLine, LogView
from superlearner.operations.rights.users import OWNER, User

__all__ = ["LogSource", "log_source"]

PAUSE_S: Final = 0.1
LONGEST: Final = 600
FRAME: Final = 400
"""New lines beyond which a snapshot is shorter than a delta."""
NEWEST: Final = 2_000
"""Lines of a snapshot; a platform may keep far more, too many to send at once."""
encode: Final = msgspec.json.Encoder().encode


class LogSource:
    """The lines of one log for all its viewers.

    Lines come from any thread; frames are built in the loop.

    Args:
        view: keeps the newest lines.
        limit: frames that a viewer may lag behind.
        sees: returns whether the viewers may see a line; None: they may see all.
    """

    def __init__(self, view: LogView, limit: int, sees: Callable[[LogLine], bool] | None = None) -> None:
        self._view = view
        self._sees = sees
        self._limit = limit
        self._viewers: set[Viewer] = set()
        self._waiting: deque[tuple[int, LogLine]] = deque(maxlen=FRAME + 1)
        self._armed = False
        self._seq = 0
        self._loop = asyncio.get_running_loop()

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        viewer = Viewer(self, self._limit)
        self._viewers.add(viewer)
        if len(self._viewers) == 1:
            self._view.followers = (*self._view.followers, self._on_line)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._view.followers = tuple(one for one in self._view.followers if one != self._on_line)

    def snapshot(self) -> bytes:
        """Return the newest lines as a snapshot."""
        lines = [one for one in self._view.newest(NEWEST) if self._sees is None or self._sees(one[1])]
        return encode({"k": "s", "seq": self._seq, "lines": [_convert_line(number, line) for number, line in lines]})

    def _on_line(self, number: int, line: LogLine) -> None:
        if self._sees is not None and not self._sees(line):
            return
        self._waiting.append((number, line))
        if not self._armed:
            self._armed = True
            try:
                self._loop.call_soon_threadsafe(self._loop.call_later, PAUSE_S, self._send)
            except RuntimeError:  # the loop has just been closed
                self._waiting.clear()

    def _send(self) -> None:
        self._armed = False
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._seq += 1
        if len(lines) > FRAME:
            for viewer in self._viewers:
                viewer.want_snapshot()
            return
        frame = encode({"k": "d", "seq": self._seq, "lines": [_convert_line(number, line) for number, line in lines]})
        for viewer in self._viewers:
            viewer.offer(frame)


def _convert_line(number: int, line: LogLine) -> list[Any]:
    more = bool(line.fields) or line.traceback is not None or len(line.text) > LONGEST
    text = clip(line.text, LONGEST)
    who = [line.pid, line.name, line.supervisor, line.report]
    return [number, line.at, line.level, line.logger, text, *who, more, line.node]


_sources: WeakValueDictionary[LogView, LogSource] = WeakValueDictionary()


def log_source(log: LogView, nodes: Nodes, limit: int, user: User = OWNER) -> LogSource:
    """Return the shared source for viewers of this log; for a user with only `own`, one of the lines of their nodes."""
    if user.only_own:

        def sees(line: LogLine) -> bool:
            node = None if line.node is None else nodes.find(line.node)
            return node is not None and user.sees(node.owner)

        return LogSource(log, limit, sees)
    found = _sources.get(log)
    if found is None:
        found = _sources[log] = LogSource(log, limit)
    return found
