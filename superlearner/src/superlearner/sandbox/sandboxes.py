"""The state that outlives the sandbox service."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import otp
from otp import Pid
from otp.peer.output import KEPT
from otp.redaction import without_secrets
from otp.standstill import Pulse
from superlearner.nodes.nodes import Absence
from superlearner.sandbox.fleet import Fleet
from superlearner.sandbox.ledger import SandboxLedger
from superlearner.sandbox.program import Launcher, SandboxProgram
from superlearner.sandbox.record import Sandbox, Wall

__all__ = ["LOOK_EVERY_S", "MOST_NOTICES", "FailedRuns", "RecentOutput", "SandboxNotice", "Sandboxes"]

LOOK_EVERY_S: Final = 5.0
"""Seconds between two checks for idle sandboxes."""

MOST_NOTICES: Final = 50
MOST_USERS: Final = 1000
"""The most users whose failed runs are kept."""

LOG: Final = logging.getLogger("superlearner.sandbox")


@dataclass(frozen=True, slots=True)
class SandboxNotice:
    """An event of a sandbox."""

    at: float
    text: str


class FailedRuns(NamedTuple):
    """The runs of a user that failed since the last one that worked: their number, and the newest."""

    runs: int
    why: str
    at: float


class RecentOutput(NamedTuple):
    """The latest output of all programs of a sandbox, without secrets, and the number of bytes they wrote."""

    text: str = ""
    total: int = 0
    cut: bool = False
    """True if older output is missing."""


def _nothing(level: str, text: str, sandbox: Sandbox) -> None:
    pass


@dataclass(slots=True)
class Sandboxes:
    """A plain object of the platform; the current service works on it.

    Args:
        launcher: starts programs.
        most: returns how many may run at the same time.
        tell: called with a level, a sentence and a sandbox for the page to show.
    """

    launcher: Launcher
    most: Callable[[], int] = lambda: 30
    tell: Callable[[str, str, Sandbox], object] = _nothing
    changed: Callable[[], object] = int
    """Called whenever a sandbox changes."""

    left: Callable[[str], bool] = lambda owner: False
    """Returns whether an owner has left, so that their sandboxes end."""

    ledger: SandboxLedger | None = None
    """The record for the next run of the platform; None keeps none."""

    fleet: Fleet = field(default_factory=Fleet)
    runners: dict[str, Pid] = field(default_factory=dict[str, Pid])
    programs: dict[str, SandboxProgram] = field(default_factory=dict[str, SandboxProgram])
    used: dict[str, float] = field(default_factory=dict[str, float])
    last_output: dict[str, RecentOutput] = field(default_factory=dict[str, RecentOutput])
    failed_runs: dict[str, FailedRuns] = field(default_factory=dict[str, FailedRuns])
    """The runs that failed, by user."""

    _walls: tuple[Wall, ...] | None = None
    _trying: asyncio.Future[tuple[Wall, ...]] | None = None
    _notices: dict[str, deque[SandboxNotice]] = field(default_factory=dict[str, "deque[SandboxNotice]"])
    pulse: Pulse = field(default_factory=lambda: Pulse(LOOK_EVERY_S))
    """The periodic checks for idle sandboxes; a late one shows that the machine was suspended or its clock set."""

    services: int = 0
    """Number of services so far, including the current one."""

    def find(self, id: str) -> Sandbox | None:
        """Return the sandbox with that id."""
        return self.fleet.sandboxes.get(id)

    def node_of(self, name: str) -> str:
        """Return the name of a sandbox's node from its id; keep any other name."""
        sandbox = self.find(name)
        return name if sandbox is None else sandbox.node

    def absence(self, node: str) -> Absence | None:
        """Return why there is no node of this name, if it was that of a sandbox that has ended."""
        for one in self.all():
            if one.node == node and not one.alive:
                hint = f"POST /api/v1/sandboxes/{one.id}/restart starts it again"
                return Absence(f"the sandbox {one.id} has ended: {one.reason}", hint)
        return None

    def all(self) -> list[Sandbox]:
        """Return all sandboxes, newest first."""
        return sorted(self.fleet.sandboxes.values(), key=lambda one: -one.created_at)

    def notices(self, id: str) -> list[SandboxNotice]:
        """Return the notices of a sandbox, newest last."""
        return list(self._notices.get(id, ()))

    def notice(self, id: str, text: str) -> None:
        """Add a notice."""
        self._notices.setdefault(id, deque(maxlen=MOST_NOTICES)).append(
            SandboxNotice(time.time(), without_secrets(text))
        )

    def note_run(self, user: str, why: str | None) -> None:
        """Note a run of code of a user: why it failed, or None if it worked."""
        before = self.failed_runs.pop(user, None)
        if why is None or self.left(user):
            return
        self.failed_runs[user] = FailedRuns(before.runs + 1 if before else 1, without_secrets(why), time.time())
        if len(self.failed_runs) > MOST_USERS:
            del self.failed_runs[next(iter(self.failed_runs))]

    def output(self, id: str) -> RecentOutput:
        """Return the latest output of all its programs."""
        before = self.last_output.get(id, RecentOutput())
        program = self.programs.get(id)
        if program is None:
            return before
        text, count = program.output()
        cut = count > KEPT
        if cut:  # its first line may begin with the end of a secret
            text = text.partition("\n")[2] or text.partition(" ")[2]
        shown = without_secrets(text if cut else before.text + text)
        return RecentOutput(shown[-KEPT:], before.total + count, cut or before.cut or len(shown) > KEPT)

    async def refresh(self, *ids: str, output: bool = False) -> dict[str, int]:
        """Fetch the memory of those on other members, and maybe their output; return the bytes of each running one."""
        there = {id: program for id, program in self.programs.items() if id in ids and self._is_elsewhere(id)}
        await asyncio.gather(*(program.refresh(output=output) for program in there.values()))
        return {id: program.memory for id, program in there.items() if program.memory}

    def _is_elsewhere(self, id: str) -> bool:
        sandbox = self.find(id)
        return sandbox is not None and sandbox.configuration.member is not None

    def ended(self, id: str) -> None:
        """Drop an ended program, but keep its output."""
        if id in self.programs:
            self.last_output[id] = self.output(id)
        self.runners.pop(id, None)
        self.programs.pop(id, None)

    def prepare(self) -> None:
        """Keep a program ready from now on: a sandbox may be created soon."""
        self.launcher.warm()

    async def walls(self) -> tuple[Wall, ...]:
        """Return the isolation measures of this machine, probed once.

        Raises `OSError` if they cannot be probed now.
        """
        if self._walls is not None:
            return self._walls
        if self._trying is None:
            self._trying = asyncio.ensure_future(otp.Task.run_blocking(self.launcher.walls))
            self._trying.add_done_callback(self._store_probed)
        return await asyncio.shield(self._trying)

    def _store_probed(self, trying: asyncio.Future[tuple[Wall, ...]]) -> None:
        self._trying = None
        if not trying.cancelled() and trying.exception() is None:
            self._walls = trying.result()

    def forget(self, id: str) -> None:
        """Drop everything about a removed sandbox."""
        for kept in (self._notices, self.used, self.programs, self.runners, self.last_output):
            kept.pop(id, None)

    def take_over(self) -> None:
        """Report and list the sandboxes of earlier runs."""
        if self.ledger is None:
            return
        try:
            found = self.ledger.take_over(time.time())
        except OSError as error:
            LOG.warning("cannot read the records of earlier sandboxes: %s", error)
            return
        for name in found.unreadable:
            LOG.warning("expected an entry of a sandbox, got something else in %s; remove it", name)
        for sandbox in found.sandboxes:
            self.fleet = self.fleet.put(sandbox)
        for sandbox, text in found.said:
            self.notice(sandbox.id, text)
            self.tell("bad", text, sandbox)

    def note(self, before: Mapping[str, Sandbox]) -> None:
        """Update the records: write the running ones, delete those that ended."""
        if self.ledger is None:
            return
        now = self.fleet.sandboxes
        try:
            for id in before.keys() | now.keys():
                old, new = before.get(id), now.get(id)
                if new is None or (not new.alive and old is not None and old.alive):
                    self.ledger.forget(id)
                elif new.os_pid is not None and (old is None or (old.os_pid, old.current) != (new.os_pid, new.current)):
                    program = self.programs.get(id)
                    self.ledger.write(new, None if program is None else program.facts.traces)
        except OSError as error:
            LOG.warning("cannot record some sandboxes for the next run: %s", error)

    def close(self) -> None:
        """Release the programs that are kept ready."""
        self.launcher.close()

    def touch(self, id: str) -> None:
        """Note the time of a request to a sandbox."""
        self.used[id] = time.time()
