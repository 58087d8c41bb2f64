"""Programs of sandboxes as processes of the operating system, behind walls, each with a line to what runs in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import otp
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
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import NodeBusy, NodeGone, RemoteError
from superlearner.sandbox.line import Line
from superlearner.sandbox.our_paths import without_our_paths
from superlearner.sandbox.peer_link import PeerLink
from superlearner.sandbox.program import NotLaunched
from superlearner.sandbox.record import Facts, Sandbox, Wall
from superlearner.sandbox.source import Source
from superlearner.sandbox.syntax import FILE
from superlearner.sandbox.told import Report, Told
from superlearner.sandbox.traces import traces_of
from superlearner.sandbox.turns import Turns
from superlearner.sandbox.watching import GRACE_S, Watched, ask, beat, listen

__all__ = ["PeerLauncher", "PeerProgram"]

BOOT: Final = "superlearner.backend.sandbox:boot"
PRELOAD: Final = ("superlearner.backend.sandbox", "superlearner.backend.headless")
FACTS_S: Final = 5.0
RELOAD_S: Final = 20.0
AFTER_HELD_S: Final = 3.0
"""A callback that cannot be ended from inside holds the loop so much longer before the whole program is ended."""

LONGEST: Final = 1000
LEFT_S: Final = 10.0
"""Seconds for which a program waits for the end of the one before it, whose node has its name."""

AT_ONCE: Final = os.cpu_count() or 1
"""Programs that start at one time: more would make none of them sooner."""

TURN_S: Final = 1.0
"""Seconds for which one that starts keeps others waiting, at most; most need a tenth of that."""


class Written:
    """Counts what a program writes."""

    def __init__(self) -> None:
        self.total = 0

    def take(self, data: bytes) -> None:
        """It wrote this."""
        self.total += len(data)


class PeerProgram:
    """One of them, as the runner has it."""

    def __init__(self, peer: Peer, line: Line, facts: Facts, written: Written, watched: Watched) -> None:
        self._peer = peer
        self._line = line
        self._written = written
        self._watched = watched
        self.facts = facts

    async def ended(self) -> str:
        """Wait for its end; why, in words."""
        return str(await self._peer.ended())

    async def reload(self, text: str) -> Report:
        """Put another source in; what it answered, or why it could not be asked."""
        seconds = RELOAD_S + self._watched.held_s
        self._watched.changing = True
        try:
            async with asyncio.timeout(seconds):
                report = await ask(self._line, Report, "reload", text)
        except TimeoutError:
            return Report(f"the sandbox has not answered for {seconds:g} s; what it did is not known")
        except NodeGone as gone:
            return Report(f"the sandbox is gone: {await _end_of(self._peer) or gone}")
        except NodeBusy as busy:
            return Report(str(busy))
        except ValueError as error:
            why = f"it does not keep to the protocol: its answer to a reload is none: {printable(str(error))}"
            await self._peer.kill(clip(why, LONGEST))
            return Report(f"the sandbox is ended: {why}")
        finally:
            self._watched.changing = False
        if report is None:
            return Report("what answers in the sandbox for its tree has ended")
        if report.refused is not None:
            report.refused = without_our_paths(printable_lines(report.refused))
        return report

    def ask_to_stop(self) -> None:
        """Ask it to end in order."""
        self._watched.stopping = True
        otp.spawn(self._peer.stop, 3600.0)  # when it has not, somebody decides

    async def kill(self, why: str) -> None:
        """End its whole process group, and wait for that."""
        await self._peer.kill(why)

    def output(self) -> tuple[str, int]:
        """The newest of what it wrote."""
        return self._peer.output(), self._written.total


class PeerLauncher:
    """Starts programs in peers.

    Args:
        nodes: where their nodes are looked into.
        used: called with the id of a sandbox whenever its node is asked something.
        weak: whether to start them also where a required wall does not stand.
        spares: how many are kept warm.
    """

    def __init__(
        self, nodes: Nodes, used: Callable[[str], object] = str, *, weak: bool = False, spares: int = 1
    ) -> None:
        self._nodes = nodes
        self._used = used
        self._walls = Walls(required=frozenset()) if weak else Walls()
        self._count = spares
        self._spares: Spares | None = None
        self._turns = Turns(AT_ONCE, TURN_S)
        self._followers: dict[str, otp.Pid] = {}

    def warm(self) -> None:
        """Keep programs ready; they import while others work."""
        if self._spares is None:
            self._spares = Spares(self._count, PRELOAD)

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> PeerProgram:
        """Start the program of a sandbox, linked with the calling process. Raises NotLaunched."""
        self.warm()
        before = self._followers.get(sandbox.node)
        if before is not None:  # its runner may have ended sooner than the program itself
            with suppress(TimeoutError):
                await otp.wait_down(before, LEFT_S)
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
                _wanted(sandbox),
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
            raise NotLaunched("start_failed", _why(error)) from None
        try:
            return await self._connect(sandbox, peer, written, notice)
        except (RemoteError, OSError, ValueError) as error:
            ended = await _end_of(peer) if isinstance(error, NodeGone) else None
            if ended is not None:
                raise NotLaunched("start_failed", clip(ended, LONGEST)) from None
            lacking = shortage_of(error)
            code = "start_failed" if lacking is None else "service_unavailable"
            said = "it did not answer at its start" if lacking is None else f"this machine has not enough {lacking}"
            why = clip(printable(f"{said}: {error}".removesuffix(": ")), LONGEST)
            otp.unlink(peer.pid)  # its end would end us before we have said why
            raise NotLaunched(code, clip(str(await peer.kill(why)), LONGEST)) from None

    def walls(self) -> tuple[Wall, ...]:
        """The walls that this machine has; trying them takes a tenth of a second, which blocks."""
        return tuple(_wall(one) for one in probe().walls.values())

    def close(self) -> None:
        """End those that were kept ready."""
        if self._spares is not None:
            self._spares.close()

    async def _connect(
        self, sandbox: Sandbox, peer: Peer, written: Written, notice: Callable[[str], object]
    ) -> PeerProgram:
        def broken(why: str) -> None:
            otp.spawn(peer.kill, f"it does not keep to the protocol: {why}")

        assert peer.link is not None
        line = Line(peer.link, broken)
        await line.open()
        async with asyncio.timeout(FACTS_S):
            told = await ask(line, Told, "facts")
        if told is None:
            raise ValueError("what answers in it for its tree has ended")
        walls = tuple(_wall(one) for one in peer.walls.values())
        source = None if told.source is None else Source(told.source, _class_of(sandbox))
        traces = None if peer.os_pid is None else traces_of(peer.os_pid, peer.folder_outside)
        facts = Facts(peer.os_pid or 0, told.supervisor_pid, walls, source, traces)
        watched = Watched(
            peer, line, lambda words: notice(without_our_paths(words)), sandbox.configuration.limits.held_s
        )
        link = PeerLink(line, peer, sandbox.node, lambda: self._used(sandbox.id))
        await self._nodes.attach_remote(sandbox.node, link, owner=sandbox.owner)
        self._followers[sandbox.node], _ = otp.spawn_monitor(self._follow, sandbox.node, peer, line, watched)
        return PeerProgram(peer, line, facts, written, watched)

    async def _follow(self, node: str, peer: Peer, line: Line, watched: Watched) -> None:
        """Hear what happens inside until it ends; then its node is left."""
        hearing = [otp.spawn_monitor(work, watched)[0] for work in (listen, beat)]
        ended = await peer.ended()
        for one in hearing:
            otp.exit(one, "kill")
        line.close(str(ended))
        self._nodes.detach(node, str(ended))
        del self._followers[node]


async def _end_of(peer: Peer) -> str | None:
    """Why a program whose line has ended did so itself, as by `os._exit`; None of one that goes on without its line."""
    try:
        return str(await peer.ended(GRACE_S))
    except otp.CallExit:
        return None


def _wall(wall: PeerWall) -> Wall:
    says = f"{WALLS[wall.name]} ({', '.join(wall.by)})" if wall.up else wall.why_not
    return Wall(wall.name, wall.up, wall.name in REQUIRED, clip(says, LONGEST))


def _wanted(sandbox: Sandbox) -> dict[str, Any]:
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


def _why(error: otp.StartError) -> str:
    match tagged(error.reason):
        case "peer", (_, str(words)):
            return clip(words, LONGEST)
        case _:
            return text_of_reason(error.reason, LONGEST)
