"""Programs of sandboxes on a chosen member of the cluster; `SandboxHost` on that member is the other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import msgspec

import otp
from otp import GenServer
from superlearner.base.commands import command
from superlearner.base.printable import printable
from superlearner.cluster.hosting import SANDBOXES
from superlearner.cluster.line import MemberLink
from superlearner.control.reasons import text_of_reason
from superlearner.control.terms import clip
from superlearner.nodes.kinds import SANDBOX
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import NodeBusy, NodeGone, RemoteError, RemoteNode
from superlearner.sandbox.messages import Report
from superlearner.sandbox.peers import PeerLauncher, PeerProgram
from superlearner.sandbox.program import NotLaunched, wait_for_previous
from superlearner.sandbox.record import ProgramFacts, Sandbox, Wall

__all__ = ["MemberLauncher", "MemberProgram"]

FIGURES_S: Final = 2.0
LONGEST: Final = 1000
CODES: Final = ("start_failed", "service_unavailable", "conflict")
"""The codes that a member may give."""
Loss = Callable[[str], str]


class SandboxLink(MemberLink):
    """The connection to the backend of a sandbox on a member."""

    def __init__(self, node: otp.Node, member: str, number: int) -> None:
        super().__init__(node, member, SANDBOXES)
        self._number = number

    async def ask(self, request: object) -> object:
        """Send a request and return its answer. Raises NodeGone, NodeBusy."""
        answer: Any = await super().ask(("ask", self._number, request))
        match answer:
            case ("answer", bytes(content)):
                return content
            case ("busy", str(why)):
                raise NodeBusy(why)
            case (_, str(why)):
                raise NodeGone(why)
            case _:
                return None  # not bytes: a bad answer

    def cast(self, request: object) -> None:
        """Send a request and ignore its answer."""
        super().cast(("send", self._number, request))


class MemberProgram:
    """A program of a sandbox on a member, as its runner uses it."""

    def __init__(self, member: str, number: int, facts: ProgramFacts) -> None:
        self.facts = facts
        self.complete = False
        self.memory: int | None = None
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._service = SANDBOXES, member
        self.number = number
        self._output = "", 0

    async def ended(self) -> str:
        """Wait for its end and return the reason, in words."""
        return await asyncio.shield(self.end)

    async def reload(self, text: str) -> Report:
        """Load another source and return the report, which says why if it failed."""
        try:
            match await self.request("reload", text):
                case ("report", bytes(report)):
                    return msgspec.json.decode(report, type=Report)
                case (_, str(why)):
                    return Report(f"the sandbox is gone: {clip(printable(why), LONGEST)}", ended=True)
                case _:
                    return Report("the member sent no report; the result is unknown")
        except otp.CallExit:
            return Report(f"the sandbox is gone: {await self.ended()}", ended=True)
        except (msgspec.MsgspecError, ValueError) as error:
            return Report(f"the report of the member is malformed: {clip(printable(str(error)), LONGEST)}")

    def ask_to_stop(self) -> None:
        """Request an orderly end."""
        otp.spawn(self._stop)

    async def _stop(self) -> None:
        with suppress(otp.CallExit):
            await self.request("stop")

    async def kill(self, why: str) -> None:
        """End it, and wait until it has ended."""
        with suppress(otp.CallExit):
            await self.request("kill", why)

    def output(self) -> tuple[str, int]:
        """Return its output and the number of bytes in all, as of the last `refresh`."""
        return self._output

    async def refresh(self, *, output: bool) -> None:
        """Fetch its memory and, if asked, its output; keep the earlier values if the member does not answer."""
        known = self._output[1] if output else None
        with suppress(otp.CallExit):
            self._keep(await self.request("figures", known, timeout=FIGURES_S))

    async def last_words(self, remote: RemoteNode) -> str:
        """Wait for its end, and fetch its last restarts whenever it is about to end; return the reason."""
        answer = await self.request("next")
        while answer == ("ending",):
            self.complete = await remote.fetch_last()
            answer = await self.request("fetched", self.complete)
        match answer:
            case ("ended", str(why), *figures):
                self._keep(("figures", *figures))
                return why
            case _:
                return "the member does not report its end"

    async def request(self, what: str, *rest: Any, timeout: float | None = None) -> Any:
        """Ask the member. Raises CallExit."""
        return await GenServer.call(self._service, (what, self.number, *rest), timeout)

    def _keep(self, answer: object) -> None:
        match answer:
            case ("figures", str() | None as text, int(total), int(memory)):
                self.memory = memory
                if text is not None:
                    self._output = text, total
            case _:
                pass


class MemberLauncher:
    """Starts programs on the member that a sandbox names, or else on this machine.

    Args:
        here: starts those of this machine.
        nodes: the list that their nodes are added to.
        node: returns the platform's node.
        used: called with the id of a sandbox at every request to its node.
        loss_of: returns how a member ended, such as `was lost`.
    """

    def __init__(
        self,
        here: PeerLauncher,
        nodes: Nodes,
        node: Callable[[], otp.Node],
        used: Callable[[str], object],
        loss_of: Loss,
    ) -> None:
        self._here = here
        self._nodes = nodes
        self._node = node
        self._used = used
        self._loss_of = loss_of
        self._followers: dict[str, otp.Pid] = {}

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> PeerProgram | MemberProgram:
        """Start the program of a sandbox, which ends with the caller. Raises NotLaunched."""
        member = sandbox.configuration.member
        if member is None:
            return await self._here.launch(sandbox, notice)
        before = self._followers.get(sandbox.node)
        if before is not None:
            await wait_for_previous(before)
        program = await self._launch(sandbox, member)
        number = program.number
        try:
            link = SandboxLink(self._node(), member, number)
            remote = await self._nodes.attach_remote(sandbox.node, link, owner=sandbox.owner, kind=SANDBOX)
        except (RemoteError, ValueError) as error:
            why = clip(printable(f"it did not answer at its start on {member}: {error}"), LONGEST)
            await program.kill(why)
            raise NotLaunched("start_failed", why) from None
        remote.on_use = lambda: self._used(sandbox.id)
        self._followers[sandbox.node], _ = otp.spawn_monitor(self._follow, sandbox, member, program, remote)
        return program

    def warm(self) -> None:
        """Keep programs ready on this machine."""
        self._here.warm()

    def walls(self) -> tuple[Wall, ...]:
        """Return the isolation measures of this machine; blocks for 0.1 s."""
        return self._here.walls()

    def close(self) -> None:
        """End the programs that were kept ready."""
        self._here.close()

    async def _launch(self, sandbox: Sandbox, member: str) -> MemberProgram:
        running = tuple(one for one in sandbox.versions if one.number == sandbox.current)
        order = msgspec.json.encode(replace(sandbox, waiting=(), versions=running, changing=None))
        try:
            answer = await GenServer.call((SANDBOXES, member), ("launch", order), None)
        except otp.CallExit as failed:
            raise NotLaunched("service_unavailable", self._why_not(sandbox, member, failed.cause_reason)) from None
        match answer:
            case ("launched", int(number), bytes(facts)):
                try:
                    known = msgspec.json.decode(facts, type=ProgramFacts)
                    return MemberProgram(member, number, replace(known, traces=None))  # those of another machine
                except (msgspec.MsgspecError, ValueError) as error:
                    raise NotLaunched("start_failed", f"the answer of {member} is malformed: {error}") from None
            case ("not_started", str(code), str(why)):
                if code != "start_failed":
                    why = f"on {member}: {why}"
                raise NotLaunched(code if code in CODES else "start_failed", clip(why, LONGEST))
            case _:
                raise NotLaunched("service_unavailable", f"{member} runs another version, which cannot start sandboxes")

    def _why_not(self, sandbox: Sandbox, member: str, reason: Any) -> str:
        match reason:
            case "noproc":
                return f"{member} starts no sandboxes; choose a member that was started by `{command('node')}`"
            case ("nodedown", _):
                return f"{member} {self._loss_of(member)} while {sandbox.id} was starting on it"
            case _:
                return f"{member} could not start {sandbox.id}: {text_of_reason(reason)}"

    async def _follow(self, sandbox: Sandbox, member: str, program: MemberProgram, remote: RemoteNode) -> None:
        """Follow a program until it ends; then detach its node."""
        why = None
        try:
            why = await program.last_words(remote)
        except otp.CallExit:
            pass
        finally:
            why = why or f"{member} {self._loss_of(member)}, and {sandbox.id} with it"
            self._nodes.detach(sandbox.node, why)
            self._followers.pop(sandbox.node, None)
            program.end.set_result(why)
