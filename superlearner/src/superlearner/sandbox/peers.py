"""Programs of sandboxes as isolated operating system processes."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import otp
from otp import standstill
from otp.peer import Limits as PeerLimits
from otp.peer import Peer, Spares, WallMissing, Walls, probe
from otp.peer import start as start_peer
from otp.peer.walls import REQUIRED
from otp.peer.walls import Wall as PeerWall
from otp.peer.walls.plan import WALLS
from superlearner.base.printable import printable, printable_lines
from superlearner.base.shortage import shortage_of
from superlearner.control.reasons import tagged, text_of_reason
from superlearner.control.terms import clip
from superlearner.nodes.kinds import SANDBOX, NodeKind
from superlearner.nodes.remote import Link, NodeBusy, NodeGone, RemoteError
from superlearner.sandbox.line import SandboxConnection
from superlearner.sandbox.messages import Report, SandboxFacts, SourceWarning
from superlearner.sandbox.our_paths import without_our_paths
from superlearner.sandbox.peer_link import PeerLink
from superlearner.sandbox.program import NotLaunched, wait_for_previous
from superlearner.sandbox.record import ProgramFacts, Sandbox, Wall
from superlearner.sandbox.source import Source
from superlearner.sandbox.syntax import FILE
from superlearner.sandbox.traces import traces_of
from superlearner.sandbox.turns import Turns
from superlearner.sandbox.watching import GRACE_S, Watched, ask, beat, listen

__all__ = ["PeerLauncher", "PeerProgram"]

BOOT: Final = "superlearner.backend.sandbox:boot"
PRELOAD: Final = ("superlearner.backend.sandbox", "superlearner.backend.headless")
FACTS_S: Final = 5.0
RELOAD_S: Final = 20.0
AFTER_HELD_S: Final = 3.0
"""Extra time to hold the loop, after which the whole program is ended."""

LONGEST: Final = 1000

HELD: Final = re.compile(r"did not answer for (\S+) s: its loop is held at (\S+:\d+) (\S+)")
"""The end of a peer whose code did not come back to the loop."""

LEFT: Final = "ended the interpreter with sys.exit("
AT_ONCE: Final = os.cpu_count() or 1
"""Programs that start at the same time; more would not be faster."""

TURN_S: Final = 1.0
"""Maximum time that a starting program makes others wait; most need a tenth of it."""


class Written:
    """A counter of bytes written by a program."""

    def __init__(self) -> None:
        self.total = 0

    def take(self, data: bytes) -> None:
        """Count these bytes."""
        self.total += len(data)


class PeerProgram:
    """A program of a sandbox, as its runner uses it."""

    def __init__(
        self, peer: Peer, line: SandboxConnection, facts: ProgramFacts, written: Written, watched: Watched
    ) -> None:
        self._peer = peer
        self._line = line
        self._written = written
        self._watched = watched
        self.facts = facts

    async def ended(self) -> str:
        """Wait for its end and return the reason, in words."""
        return _explain_hold(str(await self._peer.ended()))

    async def reload(self, text: str) -> Report:
        """Load another source; return the report, or the reason there is none."""
        seconds = RELOAD_S + self._watched.held_s
        self._watched.changing = True
        try:
            async with standstill.timeout(seconds):
                report = await ask(self._line, Report, "reload", text)
        except TimeoutError:
            return Report(f"the sandbox has not answered for {seconds:g} s; the result is unknown")
        except NodeGone as gone:
            return Report(f"the sandbox is gone: {await _end_of(self._peer) or gone}", ended=True)
        except NodeBusy as busy:
            return Report(str(busy))
        except ValueError as error:
            why = f"it violates the protocol: its answer to a reload is malformed: {printable(str(error))}"
            await self._peer.kill(clip(why, LONGEST))
            return Report(f"the sandbox is ended: {why}")
        finally:
            self._watched.changing = False
        if report is None:
            return Report("the process that answers for its tree has ended", ended=True)
        if report.refused is not None:
            report.refused = without_our_paths(printable_lines(report.refused))
        report.warnings = _printable(report.warnings)
        return report

    def ask_to_stop(self) -> None:
        """Request an orderly end."""
        self._watched.stopping = True
        otp.spawn(self._stop)

    async def _stop(self) -> None:
        await self._watched.prepare_end()
        await self._peer.stop(3600.0)  # if it does not end in time, the service decides

    async def kill(self, why: str) -> None:
        """End its whole process group, and wait for that."""
        self._watched.complete = False  # it may have gone on after it was asked to stop
        await self._watched.prepare_end()
        await self._peer.kill(why)

    @property
    def complete(self) -> bool:
        """True if its last restarts were fetched before its end."""
        return self._watched.complete

    def output(self) -> tuple[str, int]:
        """Return its latest output and the number of bytes in all."""
        return self._peer.output(), self._written.total

    async def refresh(self, *, output: bool) -> None:
        """Do nothing: the program is on this machine."""

    @property
    def memory(self) -> None:
        """None: the operating system reports it."""


class AttachedNode(Protocol):
    """The part of a node in the list that its launcher uses."""

    on_use: Callable[[], object]

    @property
    def fetch_last(self) -> Callable[[], Awaitable[bool]]:
        """Fetches its last restarts; returns whether it answered."""
        ...


class NodeLinks(Protocol):
    """The list that nodes of sandboxes are added to: `Nodes`, or on a member an object that passes on their links."""

    async def attach_remote(self, name: str, link: Link, *, owner: str | None, kind: NodeKind) -> AttachedNode:
        """Add a node. Raises RemoteError if it does not answer as expected, NameTaken."""
        ...

    def detach(self, name: str, why: str) -> None:
        """Remove a node."""
        ...


class PeerLauncher:
    """Starts programs in peers.

    Args:
        nodes: the list that their nodes are added to.
        used: called with the id of a sandbox at every request to its node.
        weak: start sandboxes even if a required isolation measure is not available.
        spares: number of programs kept ready.
    """

    def __init__(
        self, nodes: NodeLinks, used: Callable[[str], object] = str, *, weak: bool = False, spares: int = 1
    ) -> None:
        self._nodes = nodes
        self._used = used
        self._walls = Walls(required=frozenset()) if weak else Walls()
        self._count = spares
        self._spares: Spares | None = None
        self._turns = Turns(AT_ONCE, TURN_S)
        self._followers: dict[str, otp.Pid] = {}

    def warm(self) -> None:
        """Keep programs ready; they import modules in the background."""
        if self._spares is None:
            self._spares = Spares(self._count, PRELOAD)

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> PeerProgram:
        """Start the program of a sandbox, linked to the caller. Raises NotLaunched."""
        self.warm()
        before = self._followers.get(sandbox.node)
        if before is not None:
            await wait_for_previous(before)
        over = await self._turns.begin()
        try:
            return await self._launch(sandbox, notice)
        finally:
            over()

    async def _launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> PeerProgram:
        written = Written()
        try:
            peer = await start_peer(
                sandbox.node,
                BOOT,
                _make_order(sandbox),
                walls=self._walls,
                limits=_limits(sandbox),
                files={} if sandbox.source is None else {FILE: sandbox.source.text},
                spares=self._spares,
                on_output=written.take,
                link=True,
            )
        except WallMissing as error:
            raise NotLaunched("service_unavailable", str(error)) from None
        except otp.StartError as error:
            raise NotLaunched(*_why(error)) from None
        try:
            return await self._connect(sandbox, peer, written, notice)
        except (RemoteError, OSError, ValueError) as error:
            ended = await _end_of(peer) if isinstance(error, NodeGone) else None
            if ended is not None:
                raise NotLaunched("start_failed", clip(ended, LONGEST)) from None
            lacking = shortage_of(error)
            code = "start_failed" if lacking is None else "service_unavailable"
            said = (
                "it did not answer at its start" if lacking is None else f"this machine does not have enough {lacking}"
            )
            why = clip(printable(f"{said}: {error}".removesuffix(": ")), LONGEST)
            otp.unlink(peer.pid)  # its end would end this process before it can report why
            raise NotLaunched(code, clip(str(await peer.kill(why)), LONGEST)) from None

    def walls(self) -> tuple[Wall, ...]:
        """Return the isolation measures of this machine; blocks for 0.1 s."""
        return tuple(_wall(one) for one in probe().walls.values())

    def close(self) -> None:
        """End the programs that were kept ready."""
        if self._spares is not None:
            self._spares.close()

    async def _connect(
        self, sandbox: Sandbox, peer: Peer, written: Written, notice: Callable[[str], object]
    ) -> PeerProgram:
        def broken(why: str) -> None:
            otp.spawn(peer.kill, f"it violates the protocol: {why}")

        assert peer.link is not None
        line = SandboxConnection(peer.link, broken)
        await line.open()
        async with standstill.timeout(FACTS_S):
            told = await ask(line, SandboxFacts, "facts")
        if told is None:
            raise ValueError("the process that answers for its tree has ended")
        walls = tuple(_wall(one) for one in peer.walls.values())
        source = None if told.source is None else Source(told.source, _class_of(sandbox))
        traces = None if peer.os_pid is None else traces_of(peer.os_pid, peer.folder_outside)
        facts = ProgramFacts(
            peer.os_pid or 0, told.supervisor_pid, walls, source, tuple(_printable(told.warnings)), traces
        )
        watched = Watched(
            peer, line, lambda words: notice(without_our_paths(words)), sandbox.configuration.limits.held_s
        )
        link = PeerLink(line, peer, sandbox.node)
        remote = await self._nodes.attach_remote(sandbox.node, link, owner=sandbox.owner, kind=SANDBOX)
        remote.on_use = lambda: self._used(sandbox.id)
        watched.fetch_last = remote.fetch_last
        self._followers[sandbox.node], _ = otp.spawn_monitor(self._follow, sandbox.node, peer, line, watched)
        return PeerProgram(peer, line, facts, written, watched)

    async def _follow(self, node: str, peer: Peer, line: SandboxConnection, watched: Watched) -> None:
        """Follow a program until it ends; then detach its node."""
        followers = [otp.spawn_monitor(work, watched)[0] for work in (listen, beat)]
        ended = await peer.ended()
        for one in followers:
            otp.exit(one, "kill")
        await line.read_rest()
        line.close(str(ended))
        self._nodes.detach(node, str(ended))
        del self._followers[node]


async def _end_of(peer: Peer) -> str | None:
    """Return why a program whose connection closed has ended; None if it runs."""
    try:
        return str(await peer.ended(GRACE_S))
    except otp.CallExit:
        return None


def _wall(wall: PeerWall) -> Wall:
    says = f"{WALLS[wall.name]} ({', '.join(wall.by)})" if wall.up else wall.why_not
    return Wall(wall.name, wall.up, wall.name in REQUIRED, clip(says, LONGEST))


def _make_order(sandbox: Sandbox) -> dict[str, Any]:
    wanted = sandbox.configuration
    text = sandbox.source.text if wanted.module is not None and sandbox.source is not None else None
    return {
        "starts": None if sandbox.source is None else sandbox.source.starts,
        "module": wanted.module,
        "text": text if sandbox.current > 1 else None,
        "strategy": wanted.strategy,
        "max_restarts": wanted.max_restarts,
        "max_seconds": wanted.max_seconds,
        "custom_config": wanted.custom_config,
        "held_s": wanted.limits.held_s,
    }


def _class_of(sandbox: Sandbox) -> str:
    if sandbox.source is not None:
        return sandbox.source.starts
    return (sandbox.configuration.module or "").rpartition(":")[2]


def _limits(sandbox: Sandbox) -> PeerLimits:
    wanted = sandbox.configuration.limits
    return PeerLimits(
        memory_mb=wanted.memory_mb,
        processes=wanted.processes,
        cpu_s=wanted.cpu_s,
        output_kb=wanted.output_kb,
        hold_s=wanted.held_s + AFTER_HELD_S,
    )


def _why(error: otp.StartError) -> tuple[str, str]:
    """Return the code and the reason of a failed start."""
    match tagged(error.reason):
        case "peer", (str(kind), str(words)):
            return "service_unavailable" if kind == "unavailable" else "start_failed", clip(
                _explain_hold(words), LONGEST
            )
        case _:
            return "start_failed", text_of_reason(error.reason, LONGEST)


def _explain_hold(reason: str) -> str:
    """Return the reason of an end in the words of a beginner, if a loop did not end, or the source ended itself.

    >>> _explain_hold("did not answer for 5 s: its loop is held at main.py:8 Till.init")
    'Till.init did not return for 5 s: end the loop, or the wait, in it: main.py:8'
    """
    if reason.startswith(LEFT):
        return f"this code {reason}: leave that out"
    found = HELD.search(reason)
    if found is None:
        return reason
    seconds, place, function = found.groups()
    who = "this code" if function == "<module>" else function
    return f"{who} did not return for {seconds} s: end the loop, or the wait, in it: {place}"


def _printable(warnings: Sequence[SourceWarning]) -> list[SourceWarning]:
    return [SourceWarning(one.line, without_our_paths(printable(one.text))) for one in warnings]
