"""The live feed of the log: its newest lines, then each as it is written, a few times a second at most.

A frame has what a list shows of a line; `GET /log?after=…&before=…` has the rest of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import msgspec

from superlearner.control.terms import clip
from superlearner.live.viewer import Viewer
from superlearner.observing.logs import LogLine, LogView

if TYPE_CHECKING:
    from superlearner.app.running import Platform

__all__ = ["LogSource", "log_source"]

PAUSE_S: Final = 0.1
LONGEST: Final = 600
FRAME: Final = 400
"""More lines than that since the last frame: a snapshot says it shorter."""
NEWEST: Final = 2_000
"""Lines of a snapshot: a platform may keep very many more, and all of them would hold everybody up."""
encode: Final = msgspec.json.Encoder().encode


class LogSource:
    """The lines of one log for all who read it. Lines come from any thread; frames are made in the loop.

    Args:
        view: keeps the newest lines.
        limit: frames that a viewer may lag behind.
    """

    def __init__(self, view: LogView, limit: int) -> None:
        self._view = view
        self._limit = limit
        self._viewers: set[Viewer] = set()
        self._waiting: deque[tuple[int, LogLine]] = deque(maxlen=FRAME + 1)
        self._armed = False
        self._seq = 0
        self._loop = asyncio.get_running_loop()

    def attach(self) -> Viewer:
        """A new viewer; its first frame is a snapshot."""
        viewer = Viewer(self, self._limit)
        self._viewers.add(viewer)
        if len(self._viewers) == 1:
            self._view.followers = (*self._view.followers, self._heard)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """A viewer has gone."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._view.followers = tuple(one for one in self._view.followers if one != self._heard)

    def snapshot(self) -> bytes:
        """The newest lines that are kept."""
        lines = self._view.newest(NEWEST)
        return encode({"k": "s", "seq": self._seq, "lines": [_shown(number, line) for number, line in lines]})

    def _heard(self, number: int, line: LogLine) -> None:
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
        frame = encode({"k": "d", "seq": self._seq, "lines": [_shown(number, line) for number, line in lines]})
        for viewer in self._viewers:
            viewer.offer(frame)


def _shown(number: int, line: LogLine) -> list[Any]:
    more = bool(line.fields) or line.traceback is not None or len(line.text) > LONGEST
    text = clip(line.text, LONGEST)
    who = [line.pid, line.name, line.supervisor, line.report]
    return [number, line.at, line.level, line.logger, text, *who, more, line.node]


_sources: WeakValueDictionary[LogView, LogSource] = WeakValueDictionary()


def log_source(platform: Platform) -> LogSource:
    """The source for all who read this log now."""
    found = _sources.get(platform.log)
    if found is None:
        found = _sources[platform.log] = LogSource(platform.log, platform.settings.viewer_queue)
    return found
