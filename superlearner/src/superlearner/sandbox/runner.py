"""The process that owns a sandbox's program: one per run, linked to it.

It ends with `("shutdown", ("ended", why))` or `("shutdown", ("not_started", code, why))`; the service monitors it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import ExitSignal, GenServer, NoReply, Ok, Pid, Stop, impl
from superlearner.control.reasons import tagged
from superlearner.sandbox.program import Launcher, NotLaunched, SandboxProgram
from superlearner.sandbox.record import Sandbox

__all__ = ["STOP_S", "Runner"]

STOP_S: Final = 5.0
"""Seconds that a sandbox may take to shut down."""


@dataclass(slots=True)
class TreeRun:
    """The state of a runner."""

    sandbox: Sandbox
    launcher: Launcher
    service: Any
    """The pid or name that it reports to."""

    program: SandboxProgram | None = None


class Runner(GenServer[TreeRun]):
    """Casts: `("launch",)` first, `("stop",)`, `("kill", why)`, `("change", text, by)`.

    It reports events to the service, with its run.
    """

    @impl
    def init(self, arg: tuple[Sandbox, Launcher, Any]) -> Ok[TreeRun]:
        return Ok(TreeRun(*arg))

    @impl
    async def handle_cast(self, request: Any, run: TreeRun) -> NoReply[TreeRun] | Stop:
        program = run.program
        match tagged(request):
            case "launch", ():
                return await self._launch(run)
            case "stop", () if program is not None:
                program.ask_to_stop()
                otp.send_after(STOP_S, self.pid, ("still_there",))
            case "kill", (why,) if program is not None:
                otp.spawn_link(program.kill, why)
            case "change", (text, by) if program is not None:
                otp.spawn_link(_change, program, self.pid, text, by)
            case _:
                pass
        return NoReply(run)

    async def _launch(self, run: TreeRun) -> NoReply[TreeRun] | Stop:
        me = self.pid
        otp.process_flag("trap_exit", True)  # a program that fails is linked: its end must not come before its reason
        try:
            run.program = await run.launcher.launch(run.sandbox, lambda words: otp.send(me, ("notice", words)))
        except NotLaunched as error:
            return Stop(("shutdown", ("not_started", error.code, error.reason)), run)
        otp.process_flag("trap_exit", False)
        otp.spawn_link(_wait, run.program, me)
        _notify_service(run, "started", me, run.program)
        return NoReply(run)

    @impl
    def handle_info(self, message: Any, run: TreeRun) -> NoReply[TreeRun] | Stop:
        if type(message) is ExitSignal:  # from the time of the launch
            return Stop(message.reason, run)
        match tagged(message):
            case "ended", (why,):
                return Stop(("shutdown", ("ended", why)), run)
            case "still_there" | "notice" | "changed" as tag, rest:
                _notify_service(run, tag, *rest)
            case _:
                pass
        return NoReply(run)


def _notify_service(run: TreeRun, what: str, *more: Any) -> None:
    otp.send(run.service, (what, run.sandbox.id, run.sandbox.run, *more))


async def _wait(program: SandboxProgram, runner: Pid) -> None:
    otp.send(runner, ("ended", await program.ended()))


async def _change(program: SandboxProgram, runner: Pid, text: str, by: str) -> None:
    otp.send(runner, ("changed", await program.reload(text), by))
