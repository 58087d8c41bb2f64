"""Host sandboxes of platforms on a member: start their programs, and end each one with the process that requested it.

A platform calls the service `SANDBOXES` of the member; `MemberLauncher` is the other end. Requests and answers are
tuples, with records in JSON. A platform learns of a loss from its own pending request; the member, from its monitor.
"""

# Requests are untyped.
from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

import otp
from otp import Down, From, GenServer, NoReply, Ok, Pid, impl
from otp.cluster import Busy
from otp.peer.meter import resident
from superlearner.control.reasons import text_of_reason
from superlearner.nodes.kinds import NodeKind
from superlearner.nodes.remote import Link, NodeGone, RemoteError
from superlearner.sandbox.peers import PeerLauncher
from superlearner.sandbox.program import NotLaunched, SandboxProgram, wait_for_previous
from superlearner.sandbox.record import Sandbox

__all__ = ["SANDBOXES", "SandboxHost"]

SANDBOXES: Final = "superlearner.sandboxes"
"""The service of a member that starts sandboxes for platforms."""
FETCH_S: Final = 3.0
"""Seconds for the platform to fetch the last restarts of a program before its end."""
log: Final = logging.getLogger(__name__)


class MakesPrograms(Protocol):
    """The part of a launcher that the service uses."""

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> SandboxProgram:
        """Start the program of a sandbox, linked to the caller. Raises NotLaunched."""
        ...

    def close(self) -> None:
        """Release the programs kept ready."""
        ...


@dataclass(slots=True, eq=False)
class HostedSandbox:
    """A sandbox on this member, as its launcher sees a node in the list of nodes."""

    runner: Pid
    """The process of the platform that requested it; when it ends, so does the program."""
    owner: Pid | None = None
    """The process here that is linked to the program."""
    program: SandboxProgram | None = None
    link: Link | None = None
    why: str | None = None
    """The reason for its end."""
    complete: bool = False
    on_use: Callable[[], object] = int
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is about to end, and when it has ended."""
    fetched: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fetch_last(self) -> bool:
        """Let the platform fetch its last restarts at each call; return whether it has."""
        async with self.turn:
            self.complete = False
            if self.why is None:
                self.fetched.clear()
                self.changed.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(FETCH_S):
                        await self.fetched.wait()
            return self.complete

    async def next_end(self) -> bool:
        """Wait until it is about to end, or has ended; return whether it has."""
        await self.changed.wait()
        if self.why is None:
            self.changed.clear()
        return self.why is not None

    def note_end(self, why: str) -> None:
        """Record its end."""
        self.why = why
        self.changed.set()
        self.fetched.set()


class HostedNodes:
    """Takes the links to programs from their launcher, instead of a list of nodes."""

    def __init__(self) -> None:
        self.expected: dict[str, HostedSandbox] = {}
        """By the name of the node."""

    async def attach_remote(self, name: str, link: Link, *, owner: str | None, kind: NodeKind) -> HostedSandbox:
        """Keep the link to a program for the platform, which attaches the node."""
        del owner, kind
        found = self.expected[name]
        found.link = link
        return found

    def detach(self, name: str, why: str) -> None:
        """Do nothing: the platform detaches the node."""


class _Hosting:
    """The state of the service."""

    def __init__(self, launcher: MakesPrograms | None) -> None:
        self.nodes = HostedNodes()
        self.launcher: MakesPrograms = launcher or PeerLauncher(self.nodes)
        self.hosted: dict[int, HostedSandbox] = {}
        self.watched: dict[otp.Ref, int] = {}
        """The number of each sandbox by the monitor of its runner."""
        self.starting: dict[otp.Ref, From] = {}
        """The callers that wait for the start of a program, by the monitor of its owner."""
        self.numbers = itertools.count(1)


class SandboxHost(GenServer[Any]):
    """Starts sandboxes for platforms; its argument is a launcher, by default one of isolated programs.

    `("launch", sandbox)`, `("ask", number, request)`, `("next", number)`, `("fetched", number, complete)`,
    `("reload", number, text)`, `("stop", number)`, `("kill", number, why)`, `("figures", number, known)`; a cast:
    `("send", number, request)`. No request crashes it, and it never blocks.
    """

    @impl
    def init(self, launcher: MakesPrograms | None) -> Ok[Any]:
        return Ok(_Hosting(launcher))

    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> NoReply[Any]:
        match request:
            case ("launch", bytes(order)):
                number = next(state.numbers)
                hosted = state.hosted[number] = HostedSandbox(caller.pid)
                state.watched[otp.monitor(caller.pid)] = number
                hosted.owner, started = otp.spawn_monitor(_own, state, number, hosted, order, caller)
                state.starting[started] = caller
            case (str(what), int(number), *rest):
                work = otp.spawn(_work, state.hosted.get(number), what, tuple(rest), caller)
                if what == "ask":
                    otp.spawn(_end_with, caller.pid, work)
            case _:
                GenServer.reply(caller, ("gone", "the member does not know this request; it may be an older version"))
        return NoReply(state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        match request:
            case ("send", int(number), bytes(question)) if (hosted := state.hosted.get(number)) is not None:
                if hosted.link is not None:
                    hosted.link.cast(question)
            case _:
                pass
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        if type(message) is Down and (caller := state.starting.pop(message.ref, None)) is not None:
            why = f"the process that started it ended: {text_of_reason(message.reason)}"  # nothing if it has answered
            GenServer.reply(caller, ("not_started", "start_failed", why[:500]))
        elif type(message) is Down and (number := state.watched.pop(message.ref, None)) is not None:
            otp.exit(state.hosted.pop(number).owner, "kill")  # its program is linked
        return NoReply(state)

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        state.launcher.close()


async def _own(state: _Hosting, number: int, hosted: HostedSandbox, order: bytes, caller: From) -> None:
    """Start a program, and stay linked to it until its end."""
    otp.process_flag("trap_exit", True)  # a failing program is linked: its exit signal must not precede its reason
    try:
        program = hosted.program = await _launch(state, hosted, order)
    except NotLaunched as error:
        GenServer.reply(caller, ("not_started", error.code, error.reason))
        return
    otp.process_flag("trap_exit", False)
    otp.spawn(_follow, hosted, program)
    GenServer.reply(caller, ("launched", number, msgspec.json.encode(program.facts)))
    await otp.receive(otp.Is("never"))


async def _launch(state: _Hosting, hosted: HostedSandbox, order: bytes) -> SandboxProgram:
    try:
        sandbox = msgspec.json.decode(order, type=Sandbox)
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotLaunched("start_failed", f"the member cannot read the request: {error}") from None
    before = state.nodes.expected.get(sandbox.node)
    if before is not None and before.owner is not None:
        if before.runner.node == hosted.runner.node:
            await wait_for_previous(before.owner)
        if otp.is_alive(before.owner):
            raise NotLaunched("conflict", f"{before.runner.node} already runs a sandbox {sandbox.id} there")
    expected = {name: one for name, one in state.nodes.expected.items() if one.owner and otp.is_alive(one.owner)}
    state.nodes.expected = {**expected, sandbox.node: hosted}

    def notice(words: str) -> None:
        with suppress(Busy):  # too much is queued for the platform, which then misses this one
            otp.send(hosted.runner, ("notice", words))

    return await state.launcher.launch(sandbox, notice)


async def _follow(hosted: HostedSandbox, program: SandboxProgram) -> None:
    hosted.note_end(await program.ended())


async def _work(hosted: HostedSandbox | None, what: str, rest: tuple[Any, ...], caller: From) -> None:
    """Answer one request about a sandbox."""
    try:
        answer = await _answer(hosted, what, rest)
    except RemoteError as error:
        answer = "gone" if isinstance(error, NodeGone) else "busy", str(error)
    except Exception as error:
        log.exception("a request was not answered; this is a bug in SuperLearner, please report it")
        answer = "gone", repr(error)[:500]
    GenServer.reply(caller, answer)


async def _end_with(asker: Pid, work: Pid) -> None:
    """End the work on a question whose asker has given up."""
    given_up, _ = otp.monitor(asker), otp.monitor(work)
    if (await otp.receive(otp.Is(Down))).ref is given_up:
        otp.exit(work, "kill")


async def _answer(hosted: HostedSandbox | None, what: str, rest: tuple[Any, ...]) -> tuple[Any, ...]:
    if hosted is None or hosted.program is None:
        return "gone", "it has ended"
    program, link = hosted.program, hosted.link
    match what, rest:
        case "ask", (bytes(question),) if link is not None:
            return "answer", await link.ask(question)
        case "next", ():
            return await _next_end(hosted, program)
        case "fetched", (bool(complete),):
            hosted.complete = complete
            hosted.fetched.set()
            return await _next_end(hosted, program)
        case "reload", (str(text),):
            return "report", msgspec.json.encode(await program.reload(text))
        case "stop", ():
            program.ask_to_stop()
            return ("done",)
        case "kill", (str(why),):
            await program.kill(why)
            return ("done",)
        case "figures", (int() | None as known,):
            return "figures", *await _figures(program, known)
        case _:
            return "gone", "the member does not know this request; it may be an older version"


async def _next_end(hosted: HostedSandbox, program: SandboxProgram) -> tuple[Any, ...]:
    return ("ended", hosted.why, *await _figures(program)) if await hosted.next_end() else ("ending",)


async def _figures(program: SandboxProgram, known: int | None = -1) -> tuple[str | None, int, int]:
    """Return the output of a program, the number of bytes in all, and its memory.

    `known` is the number of bytes that the platform has; the output is None if these are all, or if it asks for none.
    """
    memory = await otp.Task.run_blocking(resident, program.facts.os_pid)
    text, total = program.output()
    return None if known in (None, total) else text, total, memory
