"""What an upgrade tells: who changed, who did not, why it was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from otp.kernel.pids import Pid

__all__ = ["RunningVersion", "UpgradeRefused", "UpgradeReport", "UpgradedServer"]


class UpgradeRefused(Exception):
    """An upgrade did not happen; classes, states and modules are what they were, and everybody goes on.

    `server` is who refused, or None if the new file cannot be used at all; then the error is the `__cause__`.
    `reason` is as a process would have ended: `Crash(term, stack)` for an exception of `code_change`, `"timeout"` for
    a server that did not stop in time, `("undef", name)` for a class that is gone.

    What could not be kept: `ended` says that the server has ended, and its state with it; its supervisor starts it with
    the old code. `reset` are servers that went back, after a trial, to their state from before the upgrade: what they
    did meanwhile is not in it.
    """

    def __init__(self, server: Pid | None, reason: Any, *, ended: bool = False, reset: tuple[Pid, ...] = ()) -> None:
        super().__init__(server, reason)
        self.server = server
        self.reason = reason
        self.ended = ended
        self.reset = reset

    def __str__(self) -> str:
        if self.ended:
            return f"upgrade refused, all went back to the old code: {self.server} ended: {self.reason!r:.500}"
        who = "the new module cannot be used" if self.server is None else f"{self.server} refused"
        return f"upgrade refused, nothing has changed: {who}: {self.reason!r:.500}"


class RunningVersion(NamedTuple):
    """A server and the version of its class that it runs."""

    pid: Pid
    cls: type
    vsn: Any


class UpgradedServer(NamedTuple):
    """A server that runs new code now."""

    pid: Pid
    cls: type
    old_vsn: Any
    new_vsn: Any


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """What `reload` did.

    `servers` are in order of their upgrade; `still_old` are coroutine processes that run a function of an older
    version of the module: they go on with it until they call or become `code.latest(fn)`.
    """

    module: str
    servers: tuple[UpgradedServer, ...]
    still_old: tuple[Pid, ...]
