"""Upgrades: all servers of a module change to its new version, or none does.

All servers are suspended between two messages, then asked; their new states are kept aside. When all have agreed,
classes and states are exchanged in one step without waiting, so a refusal has little to undo. In a trial they then
handle their waiting messages while their supervisors are still suspended: after a crash all go back, see `trial`.

Source: OTP's `release_handler_1.erl`, `suspend`, `load`, `code_change`, `resume`.
"""

# States and processes are terms of any type.

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otp._structure import module_of, name_of
from otp.behaviours.server.behaviour import Behaviour, MissingCallback, check_signatures
from otp.behaviours.server.child_spec import Startable
from otp.behaviours.server.newest import (
    claim,
    find_current_version,
    found_in_version,
    keep_previous,
    previous_version,
    release,
    show_version,
    version_names,
)
from otp.code.before import Before, is_supervisor
from otp.code.holders import Holders
from otp.code.loading import Versions, load
from otp.code.reports import RunningVersion, UpgradedServer, UpgradeRefused, UpgradeReport
from otp.code.trial import first_crash
from otp.kernel.ends.death import exit_signal
from otp.kernel.steps.calls import system_call
from otp.kernel.steps.system import LATE, Downgrade, Refused, install, resume_later
from otp.kernel.tables.scheduler import Scheduler, find_scheduler, nanoseconds
from otp.kernel.values.errors import BadArgument, CallExit
from otp.kernel.values.exception_reasons import reason_of
from otp.kernel.values.process import DEAD, EXITING, READY, SUSPENDED, Process
from otp.kernel.values.reasons import same

if TYPE_CHECKING:
    from otp.kernel.values.terms import Limit

__all__ = ["check", "reload", "rollback", "versions"]

GRACE_S: Final = 1.0
"""Extra time for a `code_change` that is still running after it was cancelled."""


async def reload(
    module: ModuleType | str, extra: Any = None, *, timeout: Limit = "infinity", trial: float = 0.0
) -> UpgradeReport:
    """Load the file of `module` again and upgrade all its servers in this event loop, or none.

    Each server is suspended, `code_change(old_vsn, state, extra)` of its new class returns the new state, then all go
    on. Messages that came before the upgrade are handled by the old code, later ones by the new. Supervisors apply the
    flags and specs that their new `init` returns, as with OTP's `code_change`; this starts or stops no child. From then
    on child specs that name a function of the module start its newest version.

    Args:
        module: an imported module, or its name.
        extra: passed to `code_change`.
        timeout: seconds that one `code_change` may wait; then it is cancelled and refuses with `"timeout"`.
        trial: seconds; each server has to handle its waiting messages, and if one crashes on them within this time, all
            go back to the old code.

    Raises `UpgradeRefused(server, reason)`: then everything is unchanged, except for what the error lists. The module's
    file is run before any server is suspended; if it does not compile or raises, the error is the cause of the refusal.
    A server that cannot be suspended within 5 s refuses with `"timeout"`; one that calls `reload` itself, with
    `"calling_self"`; one that ends in its `code_change`, with its exit reason.

    Difference from OTP: there two versions can run at once, and loading a third one kills processes that run the first;
    here any number can. A state that an old `code_change` changed in place is restored from a copy if the upgrade is
    refused.
    """
    shown = _claimed(module)
    limit = nanoseconds(timeout, "code.reload(timeout=…)", infinite=True)
    try:
        return await _change_to(load(shown), shown, extra, None if limit is None else limit / 1e9, trial)
    finally:
        release(shown)


async def rollback(
    module: ModuleType | str, extra: Any = None, *, timeout: Limit = "infinity", trial: float = 0.0
) -> UpgradeReport:
    """Go back to the version of `module` before its last `reload`: its old classes, not its old file.

    All servers change to it as with `reload`, or none. The running class converts the state, as in OTP:
    `code_change(("down", vsn), state, extra)`, where `vsn` is the target version; a class without `code_change` keeps
    the state. A module that has a class of that version (`from messages import Add`) has the current one again.

    One version is kept, until the next `reload` or `rollback`. The file is unchanged: a restart of the program, and the
    next `reload`, run it. Arguments are those of `reload`.

    Raises like `reload`, with the reason `"no_previous_version"` if no earlier version is kept.

    >>> import asyncio
    >>> from otp import code
    >>> asyncio.run(code.rollback("json"))
    Traceback (most recent call last):
        ...
    otp.code.reports.UpgradeRefused: upgrade refused, nothing has changed: ... 'no_previous_version'

    Source: OTP, `Module:code_change({down, Vsn}, State, Extra)`.
    """
    shown = _claimed(module)
    limit = nanoseconds(timeout, "code.rollback(timeout=…)", infinite=True)
    try:
        previous = previous_version(shown)
        if previous is None:
            raise UpgradeRefused(None, "no_previous_version")
        return await _change_to(previous, shown, extra, None if limit is None else limit / 1e9, trial, back=True)
    finally:
        release(shown)


async def check(module: ModuleType | str, extra: Any = None) -> UpgradeReport:
    """Try the new version of a module without installing it: report what `reload` would do, or its refusal.

    The file is run, all servers are suspended and asked (`code_change`), and everything is restored. Side effects of
    the file or a `code_change` remain; a state that was changed in place is restored.

    >>> import asyncio
    >>> from otp import code
    >>> asyncio.run(code.check("no_such_module"))
    Traceback (most recent call last):
        ...
    otp.kernel.values.errors.BadArgument: code.reload(module): expected an imported module, got 'no_such_module'

    Raises like `reload`. OTP has no such function.
    """
    shown = _claimed(module)
    try:
        fresh = load(shown)
        s = find_scheduler()
        if s is None:
            return await _with_holders(UpgradeReport(shown.__name__, (), ()), s, fresh)
        upgrade = _Upgrade(s, shown, fresh, extra, None)
        try:
            await upgrade.prepare()
            report = upgrade.would_be()
        finally:
            upgrade.go_back()
        return await _with_holders(report, s, fresh)
    finally:
        release(shown)


def _claimed(module: Any) -> ModuleType:
    """Claim the module of that name for one upgrade at a time, and return it."""
    shown = sys.modules.get(module) if isinstance(module, str) else module
    if not isinstance(shown, ModuleType) or sys.modules.get(shown.__name__) is not shown:
        raise BadArgument(f"code.reload(module): expected an imported module, got {module!r}; try `import` first")
    if not claim(shown):
        raise UpgradeRefused(None, "upgrade_in_progress")
    return shown


async def _change_to(
    fresh: ModuleType, shown: ModuleType, extra: Any, limit: float | None, trial: float, *, back: bool = False
) -> UpgradeReport:
    previous = None if back else find_current_version(shown)
    s = find_scheduler()
    if s is None:
        show_version(shown, fresh)
        keep_previous(shown, previous)
        return await _with_holders(UpgradeReport(shown.__name__, (), ()), s, fresh)
    upgrade = _Upgrade(s, shown, fresh, extra, limit, back=back)
    try:
        await upgrade.prepare()
    except BaseException:  # also if the caller itself is ended
        upgrade.go_back()
        raise
    report = upgrade.exchange()
    try:
        if trial > 0:
            await upgrade.try_out(trial)
    finally:
        upgrade.resume()
    keep_previous(shown, previous)
    return await _with_holders(report, s, fresh)


async def _with_holders(report: UpgradeReport, s: Scheduler | None, fresh: ModuleType) -> UpgradeReport:
    """Return the report with the holders of old objects of the module; the servers run again already."""
    holders = Holders(report.module, fresh)
    objects = () if s is None else holders.objects(_processes(s))
    return replace(report, old_references=await holders.references(), old_objects=objects)


def versions(module: ModuleType | str | None = None) -> tuple[RunningVersion, ...]:
    """Return the servers of the module, or of all modules, in this event loop, with their versions.

    >>> from otp import code
    >>> code.versions("a_module_without_servers")
    ()
    """
    s = find_scheduler()
    if s is None:
        return ()
    name = module.__name__ if isinstance(module, ModuleType) else module
    servers = [p for p in _processes(s) if p.callbacks is not None] if name is None else _servers(s, name)
    known = Versions()
    return tuple(RunningVersion(p, p.callbacks.cls, known.of(p.callbacks.cls)) for p in servers)


def _processes(s: Scheduler) -> Iterator[Process]:
    for same_name in list(s.nodes.values()):
        for node in same_name:
            for p in list(node.process_table.values()):
                if p.status != DEAD and p.status != EXITING:
                    yield p


def _servers(s: Scheduler, module: str) -> list[Process]:
    return [p for p in _processes(s) if p.callbacks is not None and same(module_of(p.callbacks.cls), module)]


class _Change(NamedTuple):
    """The new class and state to which a server has agreed."""

    pid: Process
    callbacks: Any
    state: Any


class _Upgrade:
    def __init__(
        self, s: Scheduler, shown: ModuleType, fresh: ModuleType, extra: Any, limit: float | None, *, back: bool = False
    ) -> None:
        self.s = s
        self.shown = shown
        self.before = find_current_version(shown)
        self.fresh = fresh
        self.extra = extra
        self.limit = limit
        self.back = back
        self.versions = Versions()
        self.stopped: dict[Process, bool] = {}  # suspended by hand before?
        self.stopping: Process | None = None  # asked, and has not answered yet
        self.changes: list[_Change] = []
        self.befores: dict[Process, Before] = {}

    # Forward

    async def prepare(self) -> None:
        """Suspend and ask all servers. Raises UpgradeRefused."""
        try:
            await self._prepare()
        except (UpgradeRefused, KeyboardInterrupt, GeneratorExit, CancelledError):
            raise
        except BaseException as error:  # from a class or value of the new module that raises when it is inspected
            raise UpgradeRefused(None, reason_of(error)) from error

    async def _prepare(self) -> None:
        for p in _servers(self.s, self.shown.__name__):
            self._successor(p)
        while True:
            servers = [p for p in _servers(self.s, self.shown.__name__) if p not in self.stopped]
            if not servers:
                break
            show_version(self.shown, self.before)  # servers that still run see the version that they know
            for p in servers:
                await self._stop(p)
            show_version(self.shown, self.fresh)
            for p in servers:
                if p.status != DEAD:
                    await self._change(p)
        for p in self.stopped:
            if p.status != DEAD and p.status != EXITING and not p.ensure_ext().suspended:
                raise UpgradeRefused(p, "resumed")  # by other code, with the old version

    def _successor(self, p: Process) -> Any:
        old: type = p.callbacks.cls
        found = found_in_version(self.fresh, name_of(old))
        if not isinstance(found, type) or not issubclass(found, Behaviour | Startable):
            raise UpgradeRefused(p, ("undef", f"{self.shown.__name__}.{name_of(old)}"))
        try:
            if issubclass(found, Behaviour):  # an Agent has no callbacks
                found.__handler__()
                check_signatures(found)
        except (MissingCallback, TypeError) as error:
            raise UpgradeRefused(p, reason_of(error)) from error
        return found

    async def _stop(self, p: Process) -> None:
        self.stopping = p
        try:
            answer = await system_call(p, ("hold",))
        except CallExit as failed:
            if p.status == DEAD or p.status == EXITING:
                return
            raise UpgradeRefused(p, failed.cause_reason) from None
        self.stopping = None
        self.stopped[p] = answer == "suspended"

    async def _change(self, p: Process) -> None:
        cls = self._successor(p)
        self.befores[p] = Before(p)
        self.versions.of(cls)  # this may run user code, which must not happen in `exchange`
        old_vsn = Downgrade(("down", self.versions.of(cls))) if self.back else self.versions.of(p.callbacks.cls)
        request = ("change_code", cls, old_vsn, self.extra, False, self.limit)
        try:
            answer = await system_call(p, request, "infinity" if self.limit is None else self.limit + GRACE_S)
        except CallExit as failed:
            if failed.cause_reason == LATE:
                raise UpgradeRefused(p, "timeout") from None
            exit_signal(p, p.runtime.outside, "kill", False)  # it has ended, or ignores the end of its time
            raise UpgradeRefused(p, failed.cause_reason, ended=True) from None
        if isinstance(answer, Refused):
            raise UpgradeRefused(p, reason_of(answer.error)) from answer.error
        callbacks, state = answer
        self.changes.append(_Change(p, callbacks, state))

    def exchange(self) -> UpgradeReport:
        """Exchange classes and states, without waiting or running user code; no server continues yet."""
        done: list[UpgradedServer] = []
        for p, callbacks, state in self.changes:
            if p.status == DEAD or p.status == EXITING:
                continue
            old, new = self.versions.of(p.callbacks.cls), self.versions.of(callbacks.cls)
            install(p, callbacks, state)
            done.append(UpgradedServer(p, callbacks.cls, old, new))
            self._emit(p, old, new)
        show_version(self.shown, self.fresh)
        self._renew_starts()
        lagging = tuple(p for p in _processes(self.s) if p.callbacks is None and self._runs_old_code(p))
        return UpgradeReport(self.shown.__name__, tuple(done), lagging)

    def _emit(self, p: Process, old: Any, new: Any) -> None:
        data = {"module": self.shown.__name__, "what": name_of(p.callbacks.cls), "old": old, "new": new}
        p.runtime.tracer.emit("code_changed", p, data)

    def would_be(self) -> UpgradeReport:
        """Return the report that `finish` would return."""
        servers = tuple(
            UpgradedServer(p, callbacks.cls, self.versions.of(p.callbacks.cls), self.versions.of(callbacks.cls))
            for p, callbacks, _ in self.changes
            if p.status != DEAD and p.status != EXITING
        )
        lagging = tuple(p for p in _processes(self.s) if p.callbacks is None and self._runs_old_code(p))
        return UpgradeReport(self.shown.__name__, servers, lagging)

    def _renew_starts(self) -> None:
        """Renew the prepared start functions of supervisors, which were made for another version."""
        for p in _processes(self.s):
            if is_supervisor(p):
                p.state.renew_starts()

    def _runs_old_code(self, p: Process) -> bool:
        frame: Any = None if p.coroutine is None else getattr(p.coroutine, "cr_frame", None)
        if frame is None:
            return False
        space = frame.f_globals
        return same(space.get("__name__"), self.shown.__name__) and space is not version_names(self.fresh)

    # Back

    def go_back(self) -> None:
        """Restore everything, without waiting."""
        show_version(self.shown, self.before)
        for before in reversed(self.befores.values()):
            before.bring_back()
        self._renew_starts()
        self.resume()
        if self.stopping is not None and self.stopping.status != DEAD:
            resume_later(self.stopping)

    def resume(self) -> None:
        """Resume all servers that were suspended for this and have not been resumed."""
        for p in list(self.stopped):
            self._let_go_on(p)

    def _let_go_on(self, p: Process) -> None:
        by_hand, x = self.stopped[p], p.ext
        if by_hand or x is None or not x.suspended:
            return
        x.suspended = False
        if p.status == SUSPENDED:
            p.status = READY
            p.runtime.scheduler.push(p)

    # On trial

    async def try_out(self, seconds: float) -> None:
        """Resume all but the supervisors for a trial; if one crashes, all go back."""
        alive = [p for p in self.befores if p.status != DEAD and p.status != EXITING and not self.stopped[p]]
        workers = [p for p in alive if not is_supervisor(p)]
        for p in workers:
            self.befores[p].note_state()
            self._let_go_on(p)
        crashed = await first_crash(workers, seconds)
        if crashed is None:
            return
        who, reason = crashed
        reset = await self._withdraw()
        raise UpgradeRefused(who, reason, ended=True, reset=reset)

    async def _withdraw(self) -> tuple[Process, ...]:
        """Go back after new code has run; return the servers that lost what they did with it."""
        for p in self.befores:
            if not await self._stops_again(p):
                exit_signal(p, p.runtime.outside, "kill", False)
        show_version(self.shown, self.before)
        reset: list[Process] = []
        for p, before in self.befores.items():
            if p.status == DEAD or p.status == EXITING:
                continue
            new = self.versions.of(p.callbacks.cls)
            if not before.withdraw():
                reset.append(p)
            self._emit(p, new, self.versions.of(p.callbacks.cls))
        self._renew_starts()
        for p in _servers(self.s, self.shown.__name__):
            if p not in self.befores:  # started in the meantime, and never had a state of old code
                exit_signal(p, p.runtime.outside, "kill", False)
        self.resume()
        return tuple(reset)

    async def _stops_again(self, p: Process) -> bool:
        try:
            await system_call(p, ("hold",))
        except CallExit:
            return p.status == DEAD or p.status == EXITING
        return True
