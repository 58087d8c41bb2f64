"""The person's tree in a program of its own: an endless loop, a leak or `os._exit` in it ends that program alone.

    playground
    └── Shop        a process of the platform: starts the program, attaches its node, ends with it
          ┊
        Shop@127.0.0.1, the node in the other program, with the tree on it

When the program or its tree ends, the playground lets it rest and starts it again, as any tree that gave up.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import otp
from otp import GenServer, Ok, StartError, Stop, impl
from otp.peer import Ended, Limits, Peer, Spares
from otp.peer import start as start_peer
from superlearner.control.reasons import tagged
from superlearner.loading import LoadError, NotStarted, name_of
from superlearner.nodes import Nodes
from superlearner.remote import NodeGone, RemoteError
from superlearner.running import Platform, Tree
from superlearner.sandbox.line import BACKEND, SANDBOX, Line
from superlearner.settings import Settings

__all__ = ["HOLD_S", "OwnProgram", "run_in_peer"]

BOOT: Final = "superlearner.backend.own:boot"
HOLD_S: Final = 10.0
"""Seconds that a callback, or an import, may hold the program's loop before it is ended and started again."""

STOP_S: Final = 3.0
LIMITS: Final = Limits(hold_s=HOLD_S, start_s=60.0)


def run_in_peer(platform: Platform, target: str, args: tuple[Any, ...], spares: Spares) -> None:
    """Let the tree `target` be what lives in the playground of a platform that has not started yet."""
    program = OwnProgram(target, args, spares, platform.nodes, lambda: platform.settings)
    keeper = platform.keeper
    program.rests = lambda words: keeper.rest(keeper.kept["playground", program.name], words)
    platform.trees = (Tree(program.name, program.start),)
    platform.own_node = program.node


@dataclass(eq=False)
class OwnProgram:
    """What is started, again and again.

    Args:
        target: `FILE.py:Name`.
        args: the argument of the tree, if any, in plain terms.
        spares: where the first program is taken from.
        nodes: where its node is attached.
        settings: answers the values in effect.
        rests: called with why it ended, before the process of it ends.
    """

    target: str
    args: tuple[Any, ...]
    spares: Spares
    nodes: Nodes
    settings: Callable[[], Settings]
    rests: Callable[[str], object] = field(default=str)
    first: bool = True

    @property
    def name(self) -> str:
        """How it is called in the playground."""
        return name_of(self.target)

    @property
    def node(self) -> str:
        """How its node is called."""
        return f"{Path(self.name).stem}@127.0.0.1"

    async def start(self) -> Any:
        """Start it, linked with the calling process.

        Raises:
            LoadError: there is no such tree in the file.
            NotStarted: the tree, or the program, does not start.
        """
        try:
            found = await OwnPeer.start_link(self)
        except StartError as error:
            match tagged(error.reason):
                case "load", (str(message), str(hint)):
                    raise LoadError(message, hint) from None
                case "not_started", (str(words),):
                    raise NotStarted(words) from None
                case _:
                    raise
        self.first = False
        return found


class OwnPeer(GenServer[Any]):
    """The process of the playground that stands for the program; its argument is an `OwnProgram`."""

    @impl
    async def init(self, program: OwnProgram) -> Any:
        otp.process_flag("trap_exit", True)
        try:
            peer = await start_peer(program.node, BOOT, _wanted(program), limits=LIMITS, env=dict(os.environ),
                                    cwd=os.getcwd(), spares=program.spares, link=True, ours=True)  # fmt: skip
        except StartError as error:
            return Stop(("not_started", _why(error)))
        line = Line(_link_of(peer), lambda why: otp.spawn(peer.kill, why))
        await line.open()
        try:
            failed = await _asked(line, "start")
            if failed is None:
                await program.nodes.attach_remote(program.node, _Link(line))
        except NodeGone:  # it ends, and has its own word on why
            return Stop(("not_started", str(await peer.ended())))
        except (RemoteError, ValueError) as error:
            return Stop(("not_started", str(await peer.kill(str(error)))))
        if failed is not None:
            await peer.kill("its tree does not start")
            what, *words = failed
            return Stop(("load", *words) if what == "load" else ("not_started", *words))
        run = _Run(program, peer, line)
        me = self.pid
        otp.spawn_link(_watch_program, peer, me)
        otp.spawn_link(_watch_tree, line, me)
        return Ok(run)

    @impl
    async def handle_info(self, message: Any, run: Any) -> Any:
        match message:
            case ("program", Ended() as ended):
                return run.over(str(ended))
            case ("tree", str(words)):
                await run.peer.kill(words)
                return run.over(words)
            case otp.ExitSignal(reason=reason) if reason != "normal" and not isinstance(reason, tuple):
                return Stop(reason, run)
            case _:
                return otp.NoReply(run)

    @impl
    async def terminate(self, reason: Any, run: Any) -> None:
        """Stop the program in order, leaves to root."""
        run.leave("it is stopped")
        await run.peer.stop(STOP_S)


class _Run:
    """Of the process: the program that runs."""

    __slots__ = ("line", "peer", "program")

    def __init__(self, program: OwnProgram, peer: Peer, line: Line) -> None:
        self.program = program
        self.peer = peer
        self.line = line

    def over(self, words: str) -> Stop:
        """It has ended, says `words`."""
        self.leave(f"{words}; the playground starts it again")
        self.program.rests(words)
        return Stop(("shutdown", ("ended", words)), self)

    def leave(self, why: str) -> None:
        """Look no more into its node."""
        self.line.close(why)
        self.program.nodes.detach(self.program.node, why)


class _Link:
    """The backend's channel of a line, as `RemoteNode` asks over it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def ask(self, request: bytes) -> object:
        return await self._line.ask(BACKEND, request)

    def tell(self, request: bytes) -> None:
        self._line.tell(BACKEND, request)


async def _asked(line: Line, question: str) -> Any:
    return json.loads(await line.ask(SANDBOX, json.dumps([question]).encode()))


async def _watch_program(peer: Peer, me: otp.Pid) -> None:
    otp.send(me, ("program", await peer.ended()))


async def _watch_tree(line: Line, me: otp.Pid) -> None:
    try:
        words = await _asked(line, "ended")
    except (NodeGone, ValueError):
        return  # the program ends
    otp.send(me, ("tree", words))


def _link_of(peer: Peer) -> Any:
    assert peer.link is not None
    return peer.link


def _wanted(program: OwnProgram) -> dict[str, Any]:
    settings = program.settings()
    return {
        "target": program.target,
        "args": program.args,
        "first": program.first,
        "path": list(sys.path),
        "argv": list(sys.argv),
        "log_level": settings.log_level,
        "log_format": settings.log_format,
    }


def _why(error: StartError) -> str:
    match tagged(error.reason):
        case "peer", (_, str(words)):
            return words
        case _:
            return str(error)
