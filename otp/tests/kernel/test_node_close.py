"""The shutdown of a node: once, in its own task, and what a node that does not run refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

import otp
from otp import Application, Children, GenServer, NoReply, Ok, Supervisor, impl
from otp.kernel.tables.scheduler import find_scheduler


class Slow(GenServer[Any]):
    """Its `terminate` waits until it is let go."""

    @impl
    def init(self, arg: Any) -> Any:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        begun, go = state
        begun.set()
        await go.wait()


@asynccontextmanager
async def closing_node() -> AsyncIterator[tuple[otp.Node, asyncio.Task[None], asyncio.Event]]:
    """A node in the middle of its shutdown, the task that called `close`, and what lets the shutdown go on."""
    begun, go = asyncio.Event(), asyncio.Event()
    async with otp.Node("n") as node:
        await node.start(Slow, (begun, go))
        closer = asyncio.create_task(node.close())
        await begun.wait()
        try:
            yield node, closer, go
        finally:
            go.set()


def test_a_close_that_is_cancelled_does_not_stop_the_shutdown_and_the_next_one_waits_for_it() -> None:
    async def main() -> Any:
        async with closing_node() as (node, closer, go):
            closer.cancel()
            await asyncio.wait([closer])
            lives = len(node.processes())
            go.set()
            await node.close()
            return closer.cancelled(), lives, node.processes(), find_scheduler()

    assert asyncio.run(main()) == (True, 1, [], None)


def test_every_close_waits_for_the_one_shutdown() -> None:
    async def main() -> Any:
        async with closing_node() as (node, closer, go):
            second = asyncio.create_task(node.close())
            await asyncio.sleep(0)
            waits = not second.done()
            go.set()
            await second
            return waits, node.processes(), closer.done()

    assert asyncio.run(main()) == (True, [], True)


def test_a_shutdown_whose_own_task_is_cancelled_is_begun_again_by_the_next_close() -> None:
    async def main() -> Any:
        async with closing_node() as (node, closer, go):
            task = node.begin_close()
            assert task is not None
            task.cancel()
            await asyncio.wait([task, closer])
            go.set()
            await node.close()
            return task.cancelled(), node.processes(), find_scheduler()

    assert asyncio.run(main()) == (True, [], None)


async def wait_for_visitors(begun: asyncio.Event, go: asyncio.Event) -> None:
    begun.set()
    await go.wait()


def test_a_close_waits_also_while_a_door_of_the_node_waits_for_its_visitors() -> None:
    async def main() -> Any:
        begun, go = asyncio.Event(), asyncio.Event()
        async with otp.Node("n") as node:
            node.doors.append(partial(wait_for_visitors, begun, go))
            node.begin_close()
            await begun.wait()
            closer = asyncio.create_task(node.close())
            await asyncio.sleep(0)
            waits = not closer.done()
            go.set()
            await closer
            return waits, find_scheduler()

    assert asyncio.run(main()) == (True, None)


def test_a_node_has_gone_also_if_its_shutdown_is_cancelled_while_a_door_waits_for_its_visitors() -> None:
    async def main() -> Any:
        begun, go = asyncio.Event(), asyncio.Event()
        async with otp.Node("n") as node:
            node.doors.append(partial(wait_for_visitors, begun, go))
            task = node.begin_close()
            assert task is not None
            await begun.wait()
            task.cancel()
            await asyncio.wait([task])
            await node.close()
            return task.cancelled(), find_scheduler()

    assert asyncio.run(main()) == (True, None)


def test_a_server_that_closes_its_node_is_stopped_like_all_others() -> None:
    class Closer(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_cast(self, request: Any, state: None) -> Any:
            await otp.trace.node_of(otp.self()).close()
            return NoReply(state)

    class Tree(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return Children([Closer.child_spec(name="closer")])

    async def main() -> Any:
        async with otp.Node("n") as node:
            tree = await node.start(Tree)
            GenServer.cast(("closer", node), "close")
            reason = await otp.wait_down(tree)
            await node.close()
            return reason, node.processes(), find_scheduler()

    assert asyncio.run(asyncio.wait_for(main(), 20)) == ("shutdown", [], None)


def test_nothing_is_started_from_outside_on_a_node_that_closes_or_is_closed() -> None:
    async def main() -> None:
        async with closing_node() as (node, _closer, go):
            with pytest.raises(otp.BadArgument, match=r"node\.spawn\(fn\): node 'n' is closing"):
                node.spawn(otp.receive)
            with pytest.raises(otp.BadArgument, match=r"node\.start\(Slow\): node 'n' is closing"):
                await node.start(Slow)
            with pytest.raises(otp.BadArgument, match="is closing; try a new one"):
                await node.__aenter__()
            go.set()
        with pytest.raises(otp.BadArgument, match="node 'n' is closed"):
            node.spawn(otp.receive)
        with pytest.raises(otp.BadArgument, match="node 'n' is closed; try a new one"):
            await node.__aenter__()

    asyncio.run(main())


def test_a_node_is_entered_before_it_is_used_and_only_once() -> None:
    async def main() -> None:
        node = otp.Node("n")
        with pytest.raises(otp.BadArgument, match="is not running yet; enter it first"):
            node.spawn(otp.receive)
        with pytest.raises(otp.BadArgument, match="is not running yet"):
            node.subscribe(print)
        with pytest.raises(otp.BadArgument, match="is not running yet"):
            node.send_from_thread("a", 1)
        with pytest.raises(otp.BadArgument, match="is not running yet"):
            await node.start(Slow)
        async with node:
            with pytest.raises(otp.BadArgument, match="is already running"):
                await node.__aenter__()
        never = otp.Node("never")
        await never.close()
        with pytest.raises(otp.BadArgument, match="is closed"):
            await never.__aenter__()

    asyncio.run(main())


def test_a_filter_that_does_not_exist_is_an_error() -> None:
    async def main() -> None:
        async with otp.Node("n") as node:
            with pytest.raises(TypeError, match="kind"):
                node.subscribe(print, kind={"exited"})  # type: ignore[call-arg]

    asyncio.run(main())


def test_an_application_that_does_not_stop_in_time_is_killed() -> None:
    class Tree(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return Children([Slow.child_spec(arg, id="slow", shutdown="infinity")])

    class App(Application):
        @impl
        async def start(self, kind: Any, args: Any) -> Any:
            return await Tree.start_link(args)

    async def main() -> Any:
        never = (asyncio.Event(), asyncio.Event())
        started = asyncio.Event()

        async def first() -> None:
            await Application.start(App, args=never)
            started.set()

        async with otp.Node("n") as node:
            node.spawn(first)
            await started.wait()
            await node.close(timeout=0.01)
            return never[0].is_set(), node.processes()

    assert asyncio.run(asyncio.wait_for(main(), 20)) == (True, [])
