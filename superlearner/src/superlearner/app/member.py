"""The program `superlearner node NAME`: a node that is a member of the cluster, with its tree if it has one.

Exit codes: 0 it was asked to end and left · 1 the cluster refused it, or its tree gave up · 2 an argument is wrong ·
3 no member answered at the given addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import Node
from otp.cluster import Cluster, JoinRefused, NotMember
from otp.distribution import IncarnationError
from superlearner import __version__
from superlearner.backend.boot import serve
from superlearner.backend.own import start_tree
from superlearner.base.data_dir import command_with, in_data_dir, provide_temporary_folder
from superlearner.base.descriptors import too_few_descriptors
from superlearner.base.loading import Loaded, LoadError, load
from superlearner.base.terminal import complain, print_line, stop_signals, unwritable
from superlearner.cluster.cookie import CookieError
from superlearner.cluster.hosting import SANDBOXES, SandboxHost
from superlearner.cluster.readiness import notify_ready
from superlearner.cluster.serving import control_of
from superlearner.cluster.ways import BACKEND, BadWay, Way, member_name, unreachable_host
from superlearner.control.failures import explain_start
from superlearner.control.reasons import text_of_reason
from superlearner.demo.counters import DemoCounter
from superlearner.demo.home import Playground
from superlearner.nodes.kinds import MEMBER
from superlearner.observing.logs import TerminalLog, explained_once
from superlearner.settings.settings import Settings

__all__ = ["MemberProgram", "ready_lines", "run_member"]

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOBODY: Final = 3
CODES: Final = {"unreachable": NOBODY, "bad_address": USAGE, "tls_required": USAGE}
"""The exit codes of refusals that are not `FAILED`."""
LEVEL: Final = "warning"
LONGEST_S: Final = 1e9
CALM_S: Final = 0.8
"""Seconds of joining after which it says what it waits for; alone in its cluster, a member waits for half a second."""


@dataclass(frozen=True, slots=True)
class MemberProgram:
    """The program of `superlearner node`: the name of its member, its way to join, and its tree.

    The tree is `app`, as `FILE.py:Name`, else the shop and the counters; none if the member is `empty`.
    """

    name: str
    way: Way
    app: str | None = None
    empty: bool = False


def run_member(program: MemberProgram) -> int:
    """Run a member until it is asked to end; return the exit code."""
    settings: Any = Settings(browser=False, log_level=LEVEL)  # pyright: ignore[reportCallIssue]
    terminal = TerminalLog(lambda: settings)
    terminal.open()
    if (problem := too_few_descriptors()) is not None:
        complain(problem)
        return FAILED
    try:
        provide_temporary_folder(program.way.folder)
        name = member_name(program.name)
        if (warning := unreachable_host(name, program.way)) is not None:
            complain(f"warning: {warning}")
        arguments = program.way.arguments(name)
        if program.app is None and not program.empty:
            arguments["allow"] = (*arguments["allow"], DemoCounter)
        loaded = None if program.app is None else load(program.app)
    except BadWay as error:
        complain(str(error))
        return USAGE
    except (CookieError, LoadError) as error:
        complain(in_data_dir(str(error), program.way.folder))
        return FAILED
    except OSError as error:
        complain(unwritable(error))
        return FAILED
    try:
        return otp.run(_live, program, name, arguments, loaded) or DONE
    except KeyboardInterrupt:
        return DONE
    finally:
        terminal.close()


async def _live(program: MemberProgram, name: str, arguments: dict[str, Any], loaded: Loaded | None) -> int:
    """Run the first process: join, start the tree, wait for the end.

    It is on another node than the member, so that nothing that a person ends there can interrupt it.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in stop_signals():
        loop.add_signal_handler(one, asked.set)
    async with Node(f"backend.{name}", hidden=True) as hidden, Node(name) as node:
        node.on_shutdown = otp.node().on_shutdown
        backend = await serve(hidden, node, kind=MEMBER)

        async def joined(_timeout: float) -> Cluster:
            return cluster

        cluster: Any = None
        try:
            meta = {"kind": "node", "os_pid": os.getpid(), "version": __version__}
            control = control_of(program.way.folder, node.name, joined)
            services = {BACKEND: backend, SANDBOXES: await hidden.start(SandboxHost, None)}
            with explained_once(LEVEL), _progress(f"{node.name} waits for {_awaited(program.way)}"):
                joining = Cluster.join(node, **arguments, services=services, meta=meta)
                cluster = await _unless(asked, joining)
            if cluster is None:
                return DONE
            await control.open()
        except JoinRefused as error:
            complain(f"{node.name} is not admitted: {error}")
            return CODES.get(error.reason[0], FAILED)
        except (otp.BadArgument, IncarnationError, OSError) as error:
            complain(unwritable(error) if isinstance(error, OSError) else str(error))
            if cluster is not None:
                await cluster.leave()
            return FAILED
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(control.close)
            try:
                tree = await _tree(program, node, loaded)
            except otp.StartError as error:
                complain(
                    f"{'the demo' if loaded is None else loaded.name} does not start\n  {explain_start(error.reason)}"
                )
                await cluster.leave()
                return FAILED
            for line in ready_lines(node.name, len(cluster.members()), program.way):
                print_line(line)
            notify_ready()
            ended = asyncio.ensure_future(_ended(cluster, tree))
            waiting = asyncio.ensure_future(asked.wait())
            await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            code = DONE
            if not asked.is_set():
                complain(f"{node.name} ends: {ended.result()}")
                code = FAILED
            ended.cancel()
            await cluster.leave()
    return code


async def _tree(program: MemberProgram, node: Node, loaded: Loaded | None) -> otp.Pid | None:
    """Start the tree of the member, if it has one; return its top."""
    if loaded is not None:
        return await start_tree(node, loaded)
    return None if program.empty else await node.start(Playground, None, name="playground")


def ready_lines(name: str, size: int, way: Way) -> Iterator[str]:
    """Yield what a member prints once it is ready; alone, where it looked for others."""
    yield f"member {name} ready, {size} member{'' if size == 1 else 's'}, process {os.getpid()}"
    if size == 1 and way.discovery == "local":
        run = command_with("run", way.folder)
        yield f"  no other member in {way.folder}; try `{run}`, or the --data-dir of the others"


def _awaited(way: Way) -> str:
    return f"an answer from {' or '.join(way.connect)}" if way.connect else f"the members of {way.folder}"


@contextlib.contextmanager
def _progress(words: str) -> Generator[None]:
    """Print a line if this takes long."""
    timer = asyncio.get_running_loop().call_later(CALM_S, complain, f"{words} …")
    try:
        yield
    finally:
        timer.cancel()


async def _unless(asked: asyncio.Event, joining: Coroutine[Any, Any, Cluster]) -> Cluster | None:
    """Return the cluster once it is joined; None if the program was asked to end before."""
    joined, waiting = asyncio.ensure_future(joining), asyncio.ensure_future(asked.wait())
    try:
        await asyncio.wait({joined, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if joined.done():
            return joined.result()
        joined.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await joined).leave()  # it was too late to cancel
        return None
    finally:
        waiting.cancel()


async def _ended(cluster: Cluster, tree: otp.Pid | None) -> str:
    """Return why the member cannot go on: its tree gave up, or the others no longer admit it."""
    over = asyncio.ensure_future(_evicted(cluster))
    if tree is None:
        return await over
    try:
        reason = await otp.wait_down(tree)
    finally:
        over.cancel()
    return f"its tree ended ({text_of_reason(reason)})"


async def _evicted(cluster: Cluster) -> str:
    try:
        await cluster.wait_size(sys.maxsize, timeout=LONGEST_S)
    except NotMember:
        pass
    return "its name is taken by another member now"
