"""Detection of processes that hang in `init`, with the user's line.

A supervisor starts no other child and answers nothing until the `init` of a child returns, so one that waits forever
makes the platform look idle. This concerns an `async` init; the watchdog covers one that blocks the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

import otp
from otp import observer, sentences
from otp.standstill import Pulse
from superlearner.base.terminal import complain
from superlearner.control.tree import what_of
from superlearner.observing.watchdog import AGAIN_AFTER_S, LIBRARY_FOLDERS

__all__ = ["Rescue", "SlowStarts", "starting"]

NEWEST: Final = 1000
"""Number of the newest processes to check; a hanging one is remembered."""
GRACE_S: Final = 0.5
NS: Final = 1_000_000_000
OWN: Final = "OwnPeer"
PEERS: Final = ("Peer", OWN)
"""Processes that wait on purpose, for a program with its own limit."""

log = logging.getLogger(__name__)


class SlowStarts:
    """The processes that wait in `init`, and when each was last reported.

    Args:
        node: the node whose processes are checked.
        after: seconds in `init` after which a process is reported.
        say: called with each sentence; by default it is printed on the terminal.
    """

    def __init__(self, node: otp.Node, after: float, say: Callable[[str], object] = complain) -> None:
        self._node = node
        self._after = after
        self._say = say
        self._said: dict[Any, float] = {}
        self._seen: list[Any] = []

    def look(self) -> None:
        """Report processes that wait too long; repeated every ten seconds."""
        found = starting(self._node, self._seen)
        self._seen = list(found)
        self._said = {pid: at for pid, at in self._said.items() if pid in found}
        now = otp.monotonic()
        for pid, seconds in found.items():
            if what_of(pid) in PEERS:
                continue
            if seconds >= self._after and now - self._said.get(pid, -AGAIN_AFTER_S) >= AGAIN_AFTER_S:
                self._said[pid] = now
                self._say(_sentence(self._node, pid, seconds))


def starting(node: otp.Node, also: list[Any] | None = None) -> dict[Any, float]:
    """Return the processes that wait in an `init`, with the seconds.

    It checks the newest processes and `also`.

    Supervisors that wait for such a process are left out.
    """
    now = otp.monotonic()
    looked_at: list[Any] = [*islice(reversed(node.process_table.values()), NEWEST), *(also or ())]
    found = {
        pid: max(0.0, now - pid.ext.begun / NS)
        for pid in looked_at
        if pid.callbacks is not None and pid.ext is not None and pid.ext.callback == "init" and otp.is_alive(pid)
    }
    parents = {pid.parent for pid in found}
    return {pid: seconds for pid, seconds in found.items() if pid not in parents}


class Rescue:
    """Kills processes that hang in `init` while the platform stops."""

    def __init__(self, node: otp.Node) -> None:
        self._node = node
        self._timer: asyncio.TimerHandle | None = None
        self._pulse = Pulse(GRACE_S / 2)
        self._goes_on = 0.0

    def begin(self) -> None:
        """Check now, and repeatedly until `end`; the time in which this program stood still does not count."""
        now = otp.monotonic()
        if self._pulse.stood_still(now):
            self._goes_on = now
        for pid, seconds in starting(self._node).items():
            if (
                min(seconds, now - self._goes_on) >= GRACE_S and what_of(pid) != OWN
            ):  # it gives up by itself, and ends its program first
                who = self._node.label(pid).rstrip(",")
                log.warning("%s is in its init while the platform stops, and is killed", who)
                otp.exit(pid, "kill")
        self._timer = asyncio.get_running_loop().call_later(GRACE_S / 2, self.begin)

    def end(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()


def _sentence(node: otp.Node, pid: Any, seconds: float) -> str:
    details = observer.process(node, pid, messages=0, length=80, exits=0)
    places = () if details is None else details.waiting_at
    own = [place for place in places if not place.file.startswith((*LIBRARY_FOLDERS, "<frozen"))]
    where = f" at {own[-1].file}:{own[-1].line}" if own else ""
    name = "" if details is None or details.name is None else f"{details.name} "
    return (
        f"{what_of(pid)}.init has been running for {sentences.elapsed(seconds)}{where} ({name}{pid}) "
        "and holds up its supervisor (try to return first, and continue in handle_continue)"
    )
