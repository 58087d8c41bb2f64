"""The processes that start others, and the lines at which they do."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.observer.reading import waiting_at
from otp.observer.tree import find_requester
from otp.trace import Event
from otp.watchdog import outward
from superlearner.control.names import display_name
from superlearner.control.reasons import place_text
from superlearner.control.terms import plain_pid, safe_text
from superlearner.control.tree import what_of
from superlearner.observing.monitoring.code_places import NOT_THEIRS, find_running_code
from superlearner.observing.monitoring.facts import ProcessStarter

__all__ = ["Starters", "describe_starter"]

READ: Final = 200
"""Starts of which the line is read after each look: a program may start any number."""
KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Start:
    """The starter of a process, and the line if it is known; of a dynamic child, the process that requests it."""

    by: Pid | None
    place: str | None


class Starters:
    """The starts of processes on a node, by what they run and their parent; it outlives the service."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, Pid | None], Counter[Start]] = {}
        self._known: dict[tuple[str, Pid | None], Start] = {}
        self._subscription: Any = None

    def watch(self, node: Node) -> None:
        """Read the lines of the next starts."""
        self.close()
        self._subscription = otp.trace.subscribe(node, self._on_start, kinds=("spawned",), limit=READ)

    def look(self, node: Node) -> None:
        """Keep what was read since the last look, and read on."""
        for key, starts in self._newest.items():
            self._known.pop(key, None)
            self._known[key] = starts.most_common(1)[0][0]
        self._newest = {}
        for key in list(self._known)[:-KEPT]:
            del self._known[key]
        self.watch(node)

    def close(self) -> None:
        """Stop reading."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def find(self, pids: Sequence[Pid]) -> ProcessStarter | None:
        """Return the starter of most of these processes; None if none of them is alive."""
        living = [pid for pid in pids if otp.is_alive(pid)]
        if not living:
            return None
        what = Counter(map(what_of, living)).most_common(1)[0][0]
        alike: list[Any] = [pid for pid in living if what_of(pid) == what]
        starts = [self._known.get((what, pid.parent), Start(pid.parent, None)) for pid in alike]
        places = Counter(one.place for one in starts if one.place is not None).most_common(1)
        by, started = Counter(one.by for one in starts).most_common(1)[0]
        place = places[0][0] if places else None
        if by is None or 2 * started <= len(alike) or not otp.is_alive(by):
            return ProcessStarter(what, place=place)
        return ProcessStarter(what, plain_pid(by), display_name(by), place)

    def _on_start(self, event: Event) -> None:
        """Note the starter of a process: its line is running now, below this function on the stack."""
        process: Any = event.pid
        if process is None:
            return
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        requester, code = find_requester(outward(frame)), find_running_code(frame, None)
        place = code.place if code is not None else None if requester is None else _waits_at(requester)
        start = Start(requester or process.parent, place)
        self._newest.setdefault((what_of(process), process.parent), Counter())[start] += 1


def describe_starter(starter: ProcessStarter | None, *, over: bool = False) -> str:
    """Return the clause that names the starter of processes and its line; "" if neither is known."""
    if starter is None:
        return ""
    at = "" if starter.place is None else f" at {starter.place}"
    if starter.pid is not None:
        return f"; {starter.name or starter.pid} {'started' if over else 'starts'} them{at}"
    return f"; they {'were' if over else 'are'} started{at}" if at else ""


def _waits_at(pid: Any) -> str | None:
    """Return the user's line at which a process waits."""
    own = [(one.file, one.line, one.function) for one in waiting_at(pid) if not one.file.startswith(NOT_THEIRS)]
    return safe_text(place_text(own[-1])) if own else None
