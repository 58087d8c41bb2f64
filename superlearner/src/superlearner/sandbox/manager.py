"""The `sandbox_manager` service: orders events and carries out the actions.

sandboxes            a supervisor of runners, one per sandbox, each linked to an operating system process
sandbox_manager      this service. If it is killed, the runners continue, and the next service takes them over
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import otp
from otp import ChildSpec, Down, DynamicSupervisor, From, GenServer, NoReply, Ok, impl
from superlearner.control.reasons import tagged, text_of_reason
from superlearner.sandbox.fleet import after
from superlearner.sandbox.happenings import (
    Action,
    Change,
    Checked,
    Create,
    Destroy,
    FleetAnswer,
    FleetEvent,
    Forsaken,
    Kill,
    Launch,
    NotReloaded,
    NotStarted,
    ProgramEnded,
    Reload,
    Reloaded,
    Restart,
    Resumed,
    Started,
    StillThere,
    Stop,
    StopAll,
)
from superlearner.sandbox.messages import Report
from superlearner.sandbox.our_paths import without_our_paths
from superlearner.sandbox.record import Sandbox
from superlearner.sandbox.runner import Runner
from superlearner.sandbox.sandboxes import LOOK_EVERY_S, Sandboxes

__all__ = ["MANAGER", "RUNNERS", "Asked", "SandboxManager"]

MANAGER: Final = "sandbox_manager"
RUNNERS: Final = "sandboxes"

Asked = Create | Restart | Destroy | Reload | StopAll


class SandboxManager(GenServer[Sandboxes]):
    """Creates, restarts, changes and ends sandboxes."""

    @impl
    def init(self, sandboxes: Sandboxes) -> Ok[Sandboxes]:
        sandboxes.services += 1
        if sandboxes.services > 1:
            self._resume(sandboxes)
        else:
            sandboxes.take_over()
        otp.send_after(LOOK_EVERY_S, self.pid, ("look",))
        return Ok(sandboxes)

    @impl
    async def handle_call(self, request: Any, caller: From, sandboxes: Sandboxes) -> NoReply[Sandboxes]:
        if isinstance(request, Asked):
            await self._happen(sandboxes, replace(request, caller=caller))
        return NoReply(sandboxes)

    @impl
    async def handle_info(self, message: Any, sandboxes: Sandboxes) -> NoReply[Sandboxes]:
        if isinstance(message, Down):
            for id, runner in list(sandboxes.runners.items()):
                if runner is message.item:
                    await self._handle_runner_end(sandboxes, id, message.reason)
            return NoReply(sandboxes)
        match tagged(message):
            case "started", (id, run, runner, program):
                if sandboxes.runners.get(id) is runner:
                    sandboxes.programs[id] = program
                    await self._happen(sandboxes, Started(id, run, program.facts))
            case "still_there", (id, run):
                await self._happen(sandboxes, StillThere(id, run))
            case "notice", (id, _, words):
                sandboxes.notice(id, words)
                if (sandbox := sandboxes.find(id)) is not None:
                    sandboxes.tell("bad", f"sandbox {id}: {words}", sandbox)
                    sandboxes.changed()
            case "changed", (id, run, report, by):
                await self._happen(sandboxes, _changed(id, run, report, by))
            case "forsaken", (str(owner),):
                await self._happen(sandboxes, Forsaken(owner))
            case "look", ():
                otp.send_after(LOOK_EVERY_S, self.pid, ("look",))
                for owner in {one.owner for one in sandboxes.all() if sandboxes.left(one.owner)}:
                    await self._happen(sandboxes, Forsaken(owner))
                await self._happen(sandboxes, Checked(dict(sandboxes.used), sandboxes.pulse.stood_still(time.time())))
            case _:
                pass
        return NoReply(sandboxes)

    # Actions

    async def _happen(self, sandboxes: Sandboxes, event: FleetEvent) -> None:
        before = sandboxes.fleet.sandboxes
        fleet, actions = after(replace(sandboxes.fleet, most=sandboxes.most()), event, time.time())
        sandboxes.fleet = fleet
        sandboxes.note(before)
        if isinstance(event, Forsaken):
            sandboxes.failed_runs.pop(event.owner, None)
        for id in before.keys() - fleet.sandboxes.keys():
            sandboxes.forget(id)
        for action in actions:
            await self._do(sandboxes, action)
        if fleet.sandboxes != before:
            sandboxes.changed()

    async def _do(self, sandboxes: Sandboxes, action: Action) -> None:
        match action:
            case FleetAnswer(caller, answer):
                GenServer.reply(caller, answer)
            case Launch(sandbox):
                await self._launch(sandboxes, sandbox)
            case Stop(sandbox):
                self._cast(sandboxes, sandbox, ("stop",))
            case Change(sandbox, source, by):
                self._cast(sandboxes, sandbox, ("change", source.text, by))
            case Kill(sandbox, why):
                self._kill(sandboxes, sandbox, why)
            case _:
                sandboxes.tell(action.level, action.text, action.sandbox)
                sandboxes.notice(action.sandbox.id, action.text)

    async def _launch(self, sandboxes: Sandboxes, sandbox: Sandbox) -> None:
        sandboxes.programs.pop(sandbox.id, None)
        arg = (sandbox, sandboxes.launcher, MANAGER)
        spec = ChildSpec(sandbox.id, start=(Runner.start_link, arg), restart="temporary")
        try:
            runner = await DynamicSupervisor.start_child(RUNNERS, spec)
        except (otp.StartError, otp.Exit) as error:
            reason = error.cause_reason if isinstance(error, otp.CallExit) else getattr(error, "reason", error)
            why = f"the supervisor {RUNNERS} could not start its runner: {text_of_reason(reason)}"
            await self._happen(sandboxes, NotStarted(sandbox.id, sandbox.run, "service_unavailable", why))
            return
        sandboxes.runners[sandbox.id] = runner
        otp.monitor(runner)
        GenServer.cast(runner, ("launch",))  # only now: its end must not be missed

    def _cast(self, sandboxes: Sandboxes, sandbox: Sandbox, request: Any) -> None:
        """Send a cast to a sandbox's runner, if there is one."""
        if (runner := sandboxes.runners.get(sandbox.id)) is not None:
            GenServer.cast(runner, request)

    def _kill(self, sandboxes: Sandboxes, sandbox: Sandbox, why: str) -> None:
        if sandbox.id in sandboxes.programs:
            self._cast(sandboxes, sandbox, ("kill", why))
        elif (runner := sandboxes.runners.get(sandbox.id)) is not None:
            otp.exit(runner, "kill")  # it is still starting; the program it starts is linked to it

    async def _handle_runner_end(self, sandboxes: Sandboxes, id: str, reason: Any) -> None:
        program = sandboxes.programs.get(id)
        sandboxes.ended(id)
        sandbox = sandboxes.find(id)
        if sandbox is None:
            return
        if program is not None and not program.complete:
            sandboxes.notice(id, "it ended before it could report; restarts in its last second may be missing")
        tag, rest = tagged(reason)
        match rest[0] if tag == "shutdown" and len(rest) == 1 else reason:
            case ("peer", "unavailable", str(why)):
                await self._happen(sandboxes, NotStarted(id, sandbox.run, "service_unavailable", why))
            case ("ended", str(why)) | ("peer", _, str(why)):  # its program's process is linked, and may end first
                await self._happen(sandboxes, ProgramEnded(id, sandbox.run, _plain(why)))
            case ("not_started", str(code), str(why)):
                await self._happen(sandboxes, NotStarted(id, sandbox.run, code, _plain(why)))
            case _:
                why = f"its process in the platform ended: {text_of_reason(reason)}"
                await self._happen(sandboxes, ProgramEnded(id, sandbox.run, why))

    def _resume(self, sandboxes: Sandboxes) -> None:
        """Take over from the previous service, and end what was half done."""
        sandboxes.fleet, actions = after(sandboxes.fleet, Resumed(), time.time())
        for action in actions:
            if isinstance(action, Kill):
                self._kill(sandboxes, action.sandbox, action.why)
            elif not isinstance(action, FleetAnswer | Launch | Stop | Change):
                sandboxes.tell(action.level, action.text, action.sandbox)
        for sandbox in sandboxes.all():
            if sandbox.alive and sandbox.id not in sandboxes.runners:
                sandboxes.runners[sandbox.id] = otp.spawn(_end_at_once)
            if sandbox.alive:
                otp.monitor(sandboxes.runners[sandbox.id])
        kept = [one for one in sandboxes.all() if one.status == "running"]
        if kept:
            words = f"the sandbox service restarted; it took over {', '.join(one.id for one in kept)}"
            sandboxes.tell("info", words, kept[0])

    # The interface of the service

    @classmethod
    async def ask(cls, request: Asked, timeout: float = 25.0, *, node: otp.Node | None = None) -> Any:
        """Make a request and wait: for the sandbox, the ids of those that stop, a report, or `Refused`.

        Args:
            request: the request; its caller is filled in.
            timeout: seconds.
            node: the node of the service; by default that of the calling process.

        Raises:
            CallExit: the service ended meanwhile, or did not answer in time.
        """
        return await GenServer.call(MANAGER if node is None else (MANAGER, node), request, timeout)

    @classmethod
    def forsake(cls, node: otp.Node, owner: str) -> None:
        """Report that an owner is gone, with everything they own."""
        service = node.whereis(MANAGER)
        if service is not None:
            otp.send(service, ("forsaken", owner))


def _end_at_once() -> None:
    """Stand in for a runner that is not known: it ends immediately."""


def _plain(why: str) -> str:
    """Return a reason without our prefixes and paths."""
    return without_our_paths(why.removeprefix("could not start: ").removeprefix("StartError: "))


def _changed(id: str, run: int, report: Report, by: str) -> FleetEvent:
    if report.refused is not None:
        return NotReloaded(id, run, report.refused, report.ended)
    return Reloaded(id, run, by, report, tuple(report.warnings))
