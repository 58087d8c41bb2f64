"""Reports of upgrades: the servers that changed, those that did not, and the reason for a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from otp.kernel.values.pids import Pid

__all__ = ["OldObject", "OldReference", "RunningVersion", "UpgradeRefused", "UpgradeReport", "UpgradedServer"]


class UpgradeRefused(Exception):
    """A refused upgrade.

    Classes, states and modules are unchanged, and all servers continue. `server` is the one that refused, or None if
    the new file cannot be used at all; then the error is the `__cause__`. `reason` has the form of an exit reason:
    `Crash(term, stack)` for an exception of `code_change`, `"timeout"` for a server that was not suspended in time,
    `("undef", name)` for a missing class.

    Some state may be lost: `ended` says that the server has ended, and its state with it; its supervisor restarts it
    with the old code. `reset` are servers that returned, after a trial, to their state from before the upgrade, which
    lacks what they did in between.
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
    """A server that now runs new code."""

    pid: Pid
    cls: type
    old_vsn: Any
    new_vsn: Any


class OldReference(NamedTuple):
    """A name in another module that still stands for an old class or function, or for an old object.

    `module` and `name` say where: `name` is `"Add"` after `from messages import Add`, `"Server.Message"` for a member
    of a class, `"Big(Add)"` for a class that inherits. `what` is the name in the reloaded module.
    """

    module: str
    name: str
    what: str


class OldObject(NamedTuple):
    """A process with an object of the old class `what` in its state or in a waiting message."""

    pid: Pid
    where: Literal["state", "mailbox"]
    what: str


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """The result of a `reload` or `rollback`, or the preview of one by `check`.

    `servers` are in order of their upgrade; `still_old` are coroutine processes that run a function of an older
    version, until they call or become `code.latest(fn)`.

    `old_references` are names in other modules that stand for old classes and functions: a message created through
    `from messages import Add` matches no `case Add()` of the new code. Reload those modules too, write `import
    messages` and `messages.Add` there, or go back with `rollback`. `old_objects` are processes that hold objects of old
    classes, as far as a bounded search of states and mailboxes finds them.
    """

    module: str
    servers: tuple[UpgradedServer, ...]
    still_old: tuple[Pid, ...]
    old_references: tuple[OldReference, ...] = ()
    old_objects: tuple[OldObject, ...] = ()
