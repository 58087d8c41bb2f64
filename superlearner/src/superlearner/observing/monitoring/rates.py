"""Message rates of processes and their time in callbacks, while watched.

The runtime keeps no message counter, because it would slow every message. Instead, messages are traced in windows: a
window starts at each reading and ends at the next one, or after enough events. The values are the mean of the last
windows. However busy a node is, a window costs a few milliseconds; on a quiet node all messages are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.trace import Event

__all__ = ["ENOUGH", "Rates"]

KINDS: Final = ("received", "callback_begun", "callback_ended")
ENOUGH: Final = 2_000
"""Events of a window: about a hundredth of a second of work."""

WINDOWS: Final = 6
"""Windows that count: the last three seconds at two readings per second."""

LEAST_S: Final = 2.0
"""Seconds of all windows after which a process without a message has handled none: one busy process can cut them."""

NS: Final = 1_000_000_000


class Rates:
    """The windows of a node; `now` is a monotonic clock, in seconds.

    >>> rates = Rates(None)
    >>> rates.of(None)
    (0.0, 0.0)
    """

    def __init__(self, node: Node | None, now: Callable[[], float] = otp.monotonic) -> None:
        self._node = node
        self._now = now
        self._windows: deque[tuple[float, dict[Pid, list[int]], frozenset[Pid] | None]] = deque(maxlen=WINDOWS)
        self._sums: dict[Pid, list[int]] = {}
        self._seconds = 0.0
        self._seen: dict[Pid, list[int]] = {}
        self._begun: dict[Pid, int] = {}
        self._since = 0.0
        self._until: float | None = None
        self._left = ENOUGH
        self._subscription: Any = None
        self._pids: frozenset[Pid] | None = frozenset()

    @property
    def seconds(self) -> float:
        """The measured time; 0 before the first window ends."""
        return self._seconds

    @property
    def watches(self) -> bool:
        """True while processes are traced."""
        return self._subscription is not None

    def turn(self, pids: Collection[Pid] | None) -> None:
        """End the current window and start the next, which traces these processes.

        None traces all of them, which slows them down slightly.
        """
        self._end_window()
        chosen = None if pids is None else frozenset(pids)
        if (chosen is None) != (self._pids is None):
            self._forget()
        self._pids = chosen
        if self._node is None or (chosen is not None and not chosen):
            return
        self._seen, self._begun, self._left = {}, {}, ENOUGH
        self._since, self._until = self._now(), None
        focus: dict[str, Any] = {} if chosen is None else {"pids": chosen, "focus": True}
        self._subscription = otp.trace.subscribe(self._node, self._on_event, kinds=KINDS, limit=ENOUGH, **focus)

    def end(self) -> None:
        """Stop measuring."""
        self._close()
        self._forget()
        self._pids = frozenset()

    def of(self, pid: Any) -> tuple[float, float]:
        """Return messages per second and percent of the time in callbacks."""
        if self._pids is None:
            return _rate(self._sums.get(pid), self._seconds)
        looked = [window for window in self._windows if window[2] is not None and pid in window[2]]
        did = [seen[pid] for _, seen, _ in looked if pid in seen]
        return _rate([sum(one[0] for one in did), sum(one[1] for one in did)], sum(seconds for seconds, _, _ in looked))

    def handled(self, pid: Any) -> float | None:
        """Return messages per second; None if the windows of the process are too short to say that it handled none."""
        seconds = sum(window[0] for window in self._windows if window[2] is not None and pid in window[2])
        found = self.of(pid)[0]
        return found if found or seconds >= LEAST_S else None

    def busy(self) -> Iterable[Pid]:
        """Return the processes that were active in the windows that count."""
        return list(self._sums)

    def _on_event(self, event: Event) -> None:
        self._left -= 1
        if self._left == 0:
            self._until = self._now()
        pid = event.pid
        if pid is None:
            return
        did = self._seen.get(pid)
        if did is None:
            did = self._seen[pid] = [0, 0]
        if event.kind == "received":
            did[0] += 1
        elif event.kind == "callback_begun":
            self._begun[pid] = event.at
        elif (begun := self._begun.pop(pid, None)) is not None:
            did[1] += event.at - begun

    def _end_window(self) -> None:
        if self._subscription is None:
            return
        self._close()
        seconds = (self._now() if self._until is None else self._until) - self._since
        if seconds <= 0:
            return
        if len(self._windows) == WINDOWS:
            self._add(*self._windows[0][:2], -1)
        self._windows.append((seconds, self._seen, self._pids))
        self._add(seconds, self._seen, 1)

    def _add(self, seconds: float, seen: dict[Pid, list[int]], sign: int) -> None:
        self._seconds += sign * seconds
        for pid, (messages, time) in seen.items():
            did = self._sums.setdefault(pid, [0, 0])
            did[0] += sign * messages
            did[1] += sign * time
            if not did[0] and not did[1]:
                del self._sums[pid]

    def _close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _forget(self) -> None:
        self._windows.clear()
        self._sums.clear()
        self._seconds = 0.0


def _rate(did: list[int] | None, seconds: float) -> tuple[float, float]:
    if did is None or seconds <= 0:
        return 0.0, 0.0
    return did[0] / seconds, min(100.0, did[1] / NS / seconds * 100)
