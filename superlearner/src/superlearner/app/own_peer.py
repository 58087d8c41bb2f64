"""The user's tree in a separate program, so that it can only end itself.

    playground
    └── Shop        a process of the platform: starts the program, attaches its node, ends with it
          ┊
        Shop@127.0.0.1, the node in the other program, with the tree on it

When the program or its tree ends, the playground restarts it after a pause, as any tree that gave up.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import otp
from otp import GenServer, Ok, StartError, Stop, impl, sentences
from otp.peer import Ended, Limits, Peer, Spares
from otp.peer import start as start_peer
from otp.redaction import without_secrets
from superlearner.app.hearing import Hearing, NodeHistory
from superlearner.app.running import Tree
from superlearner.base.loading import LoadError, TreeNotStarted, name_of
from superlearner.control.clock import Clock
from superlearner.control.protection import protection_of
from superlearner.control.reasons import tagged
from superlearner.control.terms import plain_pid
from superlearner.nodes.kinds import TREE
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import NodeGone, RemoteError, RemoteNode
from superlearner.operations.builtin.restarts import ProgramEnd, describe_program_end
from superlearner.sandbox.line import SANDBOX, SandboxConnection
from superlearner.sandbox.peer_link import PeerLink
from superlearner.settings.settings import Settings
from superlearner.web.platform import Platform

__all__ = ["OwnProgram", "program_of"]

BOOT: Final = "superlearner.backend.own:boot"
STOP_S: Final = 3.0
BEGIN_S: Final = 10.0
LAST_WORDS_S: Final = 1.0
START_S: Final = 60.0
ANSWER_S: Final = 1.0
MOST_WORDS: Final = 240


def program_of(platform: Platform, target: str, args: tuple[Any, ...], spares: Spares) -> OwnProgram:
    """Return the program of the tree `target`, the only one of the playground; its node becomes the default."""
    remembered = NodeHistory(platform.analytics.hand_on, platform.log.take)
    program = OwnProgram(target, args, spares, platform.nodes, lambda: platform.settings, remembered)
    platform.nodes.default = program.node
    logging.getLogger("otp").addFilter(_is_no_end_of_it)
    return program


def _is_no_end_of_it(record: logging.LogRecord) -> bool:
    """Leave out the report about the peer, which repeats that of its tree."""
    above: list[str] = getattr(record, "otp_ancestors", [])
    return getattr(record, "otp_what", None) != "Peer" or not any(one.startswith("playground ") for one in above)


@dataclass(eq=False)
class OwnProgram:
    """The user's tree and the program it runs in, across all restarts.

    Args:
        target: `FILE.py:Name`.
        args: the argument of the tree, if any, in plain terms.
        spares: the pool that provides the first program.
        nodes: the list that its node is added to.
        settings: returns the values in effect.
        remembered: the history of its programs.
        rests: called with the reason of an end, before its process in the playground ends.
        runs_again: called with that end when the tree runs again.
    """

    target: str
    args: tuple[Any, ...]
    spares: Spares
    nodes: Nodes
    settings: Callable[[], Settings]
    remembered: NodeHistory
    rests: Callable[[str], object] = field(default=str)
    runs_again: Callable[[ProgramEnd], object] = field(default=repr)
    first: bool = True
    ended: tuple[str, float] | None = None
    """The reason and time (seconds since 1970) of the end of the last program, until the tree runs again."""
    run: _Run | None = None
    """The current program."""

    @property
    def name(self) -> str:
        """Return the name of the tree in the playground."""
        return name_of(self.target)

    @property
    def tree(self) -> Tree:
        """Return the tree that represents it in the playground."""
        return Tree(self.name, self.start, own=True)

    @property
    def node(self) -> str:
        """Return the name of its node."""
        return f"{Path(self.name).stem}@127.0.0.1"

    @property
    def limits(self) -> Limits:
        """Return the limits for a program that starts now."""
        return Limits(hold_s=self.settings().playground_hold or None, start_s=START_S)

    async def answers(self) -> bool:
        """Return whether its tree runs and its node answers within a second."""
        node = self.nodes.find(self.node)
        if self.run is None or not self.run.started or not isinstance(node, RemoteNode):
            return False
        try:
            await node.facts(ANSWER_S)
        except RemoteError:
            return False
        return True

    def note_end(self, reason: str) -> None:
        """Note that its program has ended, or its tree: the next one says so, and the restart is recorded."""
        reason = without_secrets(reason, MOST_WORDS)
        self.ended = self.ended or (reason, Clock().now())
        self.remembered.ended_at = self.ended[1]
        self.remembered.ended = sentences.story(describe_program_end(self.name, reason), "playground starts it again")

    def note_start(self, pid: otp.Pid) -> None:
        """Note that its tree runs, represented by a process."""
        if self.ended is not None:
            (reason, at), self.ended = self.ended, None
            took = max(0.0, Clock().now() - at)
            self.runs_again(ProgramEnd(self.name, reason, at, took, "playground", plain_pid(pid)))

    def give_up(self) -> None:
        """Stop a program whose tree is starting; in order if the start is soon over, so that its servers clean up."""
        if self.run is not None and not self.run.started:
            otp.spawn(self.run.peer.stop, STOP_S)

    async def start(self) -> Any:
        """Start it, linked to the calling process.

        Raises:
            LoadError: the file has no such tree.
            NotStarted: the tree, or the program, does not start.
        """
        try:
            found = await OwnPeer.start_link(self)
        except StartError as error:
            match tagged(error.reason):
                case "load", (str(message), str(hint)):
                    raise LoadError(message, hint) from None
                case "not_started", (str(words),):
                    raise TreeNotStarted(words) from None
                case _:
                    raise
        self.first = False
        return found


class OwnPeer(GenServer[Any]):
    """The playground process that represents an `OwnProgram`."""

    @impl
    async def init(self, program: OwnProgram) -> Any:
        otp.process_flag("trap_exit", True)
        if (protection := protection_of(otp.node())) is not None:
            protection.close(otp.self())
        if program.run is not None:  # its process was killed, so its node is still attached
            program.note_end("its process in playground was killed")
            await program.run.leave("its process was killed; the playground restarts it")
        try:
            peer = await start_peer(
                program.node,
                BOOT,
                _make_order(program),
                limits=program.limits,
                env=dict(os.environ),
                cwd=os.getcwd(),
                spares=program.spares,
                link=True,
                ours=True,
            )
        except StartError as error:
            return Stop(("not_started", _why(error)))
        line = SandboxConnection(_link_of(peer), lambda why: otp.spawn(peer.kill, why))
        await line.open()
        run = program.run = _Run(program, peer, line)
        try:
            await run.look()  # before its tree starts, so that no event is missed
            failed = await _request(line, "start")
        except NodeGone:  # it has ended and reports the reason itself
            return await run.failed("not_started", _words(await peer.ended()))
        except (RemoteError, ValueError) as error:
            return await run.failed("not_started", str(await peer.kill(str(error))))
        if failed is not None:
            what, *words = failed
            return await run.failed("load" if what == "load" else "not_started", *words)
        run.started = True
        me = self.pid
        program.note_start(me)
        otp.spawn_link(_watch_program, peer, me)
        otp.spawn_link(_watch_tree, line, me)
        return Ok(run)

    @impl
    async def handle_info(self, message: Any, run: Any) -> Any:
        match message:
            case ("program", Ended() as ended):
                return await run.over(words := _words(ended), words)
            case ("tree", str(words)):
                await run.fetch_last_entries()
                return await run.over(words, f"{run.program.name} {words}")
            case otp.ExitSignal(reason=reason) if reason != "normal" and not isinstance(reason, tuple):
                return Stop(reason, run)
            case _:
                return otp.NoReply(run)

    @impl
    async def terminate(self, reason: Any, run: Any) -> None:
        """Shut the program down, from the leaves to the root."""
        await run.fetch_last_entries()
        await run.peer.stop(STOP_S)
        await run.leave("it is stopped")


class _Run:
    """The state of the process: the running program."""

    __slots__ = ("hearing", "line", "peer", "program", "started")

    def __init__(self, program: OwnProgram, peer: Peer, line: SandboxConnection) -> None:
        self.program = program
        self.peer = peer
        self.line = line
        self.hearing: tuple[Hearing, otp.Pid] | None = None
        self.started = False

    async def look(self) -> None:
        """Attach its node, and start to fetch its history. Raises RemoteError, ValueError."""
        program = self.program
        link = PeerLink(self.line, self.peer, program.node)
        hearing = Hearing(await program.nodes.attach_remote(program.node, link, kind=TREE), program.remembered)
        await hearing.begin(BEGIN_S)
        self.hearing = hearing, otp.spawn_monitor(hearing.live)[0]

    async def failed(self, what: str, *words: str) -> Stop:
        """Stop: the program or its tree has not started."""
        await self.leave(f"it failed to start: {' '.join(words)}")
        return Stop((what, *words))

    async def over(self, words: str, reason: str) -> Stop:
        """Stop: the program or its tree has ended; `words` say how the tree ended, `reason` its program."""
        self.program.note_end(reason)
        await self.leave(f"{words}; the playground restarts it")
        self.program.rests(words)
        return Stop(("shutdown", ("ended", words)), self)

    async def fetch_last_entries(self) -> None:
        """Fetch its last entries while it is still running."""
        if self.hearing is not None:
            hearing, listening = self.hearing
            otp.exit(listening, "kill")
            await hearing.catch_up()
            await hearing.remote.fetch_last()

    async def leave(self, why: str) -> None:
        """End the program if it is still running, read what it has sent, and detach its node."""
        await self.peer.kill(why)
        if self.hearing is not None:
            with contextlib.suppress(TimeoutError):
                await otp.wait_down(self.hearing[1], LAST_WORDS_S)
        self.line.close(why)
        self.program.nodes.detach(self.program.node, why)
        self.program.run = None


async def _request(line: SandboxConnection, question: str) -> Any:
    return json.loads(await line.ask(SANDBOX, json.dumps([question]).encode()))


async def _watch_program(peer: Peer, me: otp.Pid) -> None:
    otp.send(me, ("program", await peer.ended()))


async def _watch_tree(line: SandboxConnection, me: otp.Pid) -> None:
    try:
        words = await _request(line, "ended")
    except (NodeGone, ValueError):
        return  # the program is ending
    otp.send(me, ("tree", words))


def _words(ended: Ended) -> str:
    """Return the reason of its end, with the setting that allows more time."""
    return f"{ended} (setting playground_hold)" if ended.kind == "held" else str(ended)


def _link_of(peer: Peer) -> Any:
    assert peer.link is not None
    return peer.link


def _make_order(program: OwnProgram) -> dict[str, Any]:
    settings = program.settings()
    return {
        "target": program.target,
        "args": program.args,
        "first": program.first,
        "path": list(sys.path),
        "argv": list(sys.argv),
        "log_level": settings.log_level,
        "log_format": settings.log_format,
        "allow_eval": settings.allow_eval,
        "data_dir": None if settings.data_dir is None else str(settings.data_dir.absolute()),
    }


def _why(error: StartError) -> str:
    match tagged(error.reason):
        case "peer", (_, str(words)):
            return words
        case _:
            return str(error)
