"""The `async def` callbacks of a node that run, and the long ones that have ended lately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import otp
from otp import Node, Pid, observer, sentences
from otp.observer.reading import waiting_at
from otp.observer.scanning import Busy, find_end
from superlearner.control.clock import Clock
from superlearner.control.look import doing
from superlearner.control.names import display_name, is_critical
from superlearner.control.terms import is_remote, plain_pid, safe_text
from superlearner.control.tree import supervisor_state, what_of
from superlearner.observing.monitoring.code_places import find_code_of_wait
from superlearner.observing.monitoring.facts import Awaited, PendingCallback
from superlearner.observing.monitoring.stops import Stops
from superlearner.settings.settings import Settings

__all__ = ["Callbacks"]

NS: Final = 1_000_000_000
MOST: Final = 100


class Callbacks:
    """The callbacks that a monitor follows from one look to the next, to learn when they really ended."""

    def __init__(self) -> None:
        self._running: dict[Pid, tuple[Busy, PendingCallback]] = {}
        self._ended: list[PendingCallback] = []

    def note_exit(self, pid: Pid, at: float) -> None:
        """Note the end of a process (wall clock), with which its callback ended."""
        if (known := self._running.pop(pid, None)) is not None:
            self._ended.append(replace(known[1], ended=at))

    def look(self, node: Node, found: Iterable[Busy], clock: Clock, stops: Stops, limits: Settings) -> None:
        """Read the callbacks that a scan has found; those of the last look that do not run any more have ended."""
        now = clock.now()
        running: dict[Pid, tuple[Busy, PendingCallback]] = {}
        ours = sorted((one for one in found if not is_critical(one.pid)), key=lambda one: one.begun)[:MOST]
        awaited = {**_find_awaited(node, [one.pid for one in ours]), **_find_children(ours)}
        for busy in ours:
            pid: Any = busy.pid
            extra = pid.ext
            if not otp.is_alive(pid) or extra is None or extra.begun != round(busy.begun * NS):
                continue  # it has returned since
            waiting = otp.process_info(pid, "message_queue_len") or 0
            place = doing(busy.callback, waiting_at(pid)).partition(" at ")[2] or None
            began = clock.wall(extra.begun)
            code = find_code_of_wait(node, pid) if now - began >= limits.anomaly_callback else None
            running[pid] = busy, PendingCallback(
                plain_pid(pid), display_name(pid), what_of(pid), busy.callback, began, waiting, place,
                stops.within(began, now), code, awaited=awaited.get(pid),
            )  # fmt: skip
        for pid, (busy, one) in self._running.items():
            goes_on = pid in running and running[pid][0].begun == busy.begun
            if not goes_on and (end := find_end(busy)) is not None:
                self._ended.append(replace(one, ended=clock.wall(round(end * NS))))
        self._running = running
        long = [
            replace(one, stopped=stops.within(one.began, one.ended))
            for one in self._ended
            if one.ended is not None and one.ended >= now - limits.anomaly_window
        ]
        self._ended = [one for one in long if one.seconds(now) >= limits.anomaly_callback]

    @property
    def running(self) -> list[PendingCallback]:
        """The callbacks that ran at the last look, the longest first."""
        return [one for _, one in self._running.values()]

    @property
    def ended(self) -> list[PendingCallback]:
        """The long callbacks that have ended within the window of the detectors, oldest first."""
        return list(self._ended)


def _find_children(running: list[Busy]) -> dict[Pid, Awaited]:
    """Return the children in `init`, by the processes that wait for their starts, and those in `terminate`.

    A busy supervisor waits for the end of such a child; other parents do not.
    """
    found: dict[Pid, Awaited] = {}
    for one in running:
        child: Any = one.pid
        if child.parent is None or not otp.is_alive(child):
            continue
        if one.callback == "init":
            found.setdefault(child.parent, Awaited(plain_pid(child), _name(child), None, "start"))
        elif one.callback == "terminate" and supervisor_state(child.parent) is not None:
            found.setdefault(child.parent, Awaited(plain_pid(child), _name(child), None, "end"))
    return found


def _find_awaited(node: Node, pids: list[Pid]) -> dict[Pid, Awaited]:
    """Return the processes that these have called and wait for; nothing but the pid is known of another node's."""
    found: dict[Pid, Awaited] = {}
    for wait in observer.waits(node, pids=pids):
        if wait.kind != "call":
            continue
        pid = plain_pid(wait.target)
        if is_remote(wait.target):
            who = f"process {wait.target}"
        elif otp.is_alive(wait.target):
            who = _name(wait.target)
        else:
            continue
        found[wait.source] = Awaited(pid, who, None if wait.request is None else safe_text(wait.request))
    return found


def _name(pid: Pid) -> str:
    return display_name(pid) or sentences.process_text(what_of(pid), plain_pid(pid))
