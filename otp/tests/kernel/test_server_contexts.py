"""The context variables of a server: those of the process that starts it, never of a task or a request."""

from __future__ import annotations

import asyncio
import threading
from contextvars import Context, ContextVar
from typing import Any

import pytest

import otp
from otp import Agent, Children, DynamicSupervisor, GenServer, Ok, Reply, Supervisor, Task, TaskSupervisor, impl
from otp.testing import Scheduler, wait_all_idle

REQUEST: ContextVar[str] = ContextVar("request", default="none")


class Seen(GenServer[str]):
    """Replies with the variable as `init` saw it, and as it is now."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(REQUEST.get())

    @impl
    def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        return Reply((state, REQUEST.get()), state)


class SlowlySeen(GenServer[str]):
    @impl
    async def init(self, arg: Any) -> Any:
        await asyncio.sleep(0)
        return Ok(REQUEST.get())

    @impl
    async def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        await asyncio.sleep(0)
        return Reply((state, REQUEST.get()), state)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return Children([])


async def seen(pid: Any) -> Any:
    return await GenServer.call(pid, "seen")


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Any:
    return Scheduler(seed=5, inline=request.param).run


@pytest.mark.parametrize("server", [Seen, SlowlySeen])
@pytest.mark.parametrize("handler", ["task", "eager task", "process"])
def test_a_child_has_the_context_of_its_supervisor_after_restarts_too(run: Any, server: Any, handler: str) -> None:
    async def main() -> Any:
        REQUEST.set("boot")
        await Shop.start_link(None, name="shop")
        await DynamicSupervisor.start_link(name="carts")
        pids: list[Any] = []

        async def handle() -> None:
            REQUEST.set("r1")
            pids.append(await Supervisor.start_child("shop", server))
            pids.append(await DynamicSupervisor.start_child("carts", server))

        await _in_a(handler, handle)
        found = [await seen(pid) for pid in pids]
        for pid in pids:
            otp.exit(pid, "kill")
        await wait_all_idle()
        for sup in ("shop", "carts"):
            (child,) = await Supervisor.which_children(sup)
            assert child.pid not in pids
            found.append(await seen(child.pid))
        return found

    assert run(main) == [("boot", "boot")] * 4


@pytest.mark.parametrize("handler", ["task", "eager task"])
@pytest.mark.parametrize(
    "start",
    [
        lambda: Seen.start(None),
        lambda: SlowlySeen.start(None),
        lambda: Seen.start_link(None),
        lambda: Seen.start_monitor(None),
        lambda: otp.node().start(Seen, None),
    ],
    ids=["start", "start of an async init", "start_link", "start_monitor", "node.start"],
)
def test_a_server_started_by_a_task_has_the_context_of_its_process(run: Any, start: Any, handler: str) -> None:
    async def main() -> Any:
        REQUEST.set("process")
        pids: list[Any] = []

        async def handle() -> None:
            REQUEST.set("r1")
            started = await start()
            pids.append(started[0] if isinstance(started, tuple) else started)

        await _in_a(handler, handle)
        return await seen(pids[0])

    assert run(main) == ("process", "process")


def test_a_server_started_outside_processes_has_the_context_of_its_node() -> None:
    async def main() -> Any:
        REQUEST.set("lifespan")
        async with otp.Node("web") as node:
            shop = await node.start(Shop, None)

            async def request() -> Any:
                REQUEST.set("r1")
                agent = await Agent.start(REQUEST.get)
                return [
                    await seen(await node.start(Seen)),
                    await seen(await Seen.start(None)),
                    await seen(await Supervisor.start_child(shop, Seen)),
                    await Agent.get(agent, lambda state: (state, REQUEST.get())),
                ]

            return await asyncio.create_task(request())

    assert asyncio.run(main()) == [("lifespan", "lifespan")] * 4


def test_a_server_started_from_a_thread_has_the_context_of_its_node() -> None:
    async def main() -> Any:
        async with otp.Node("web") as node:

            def request() -> Any:
                REQUEST.set("r1")
                return node.call_from_thread(seen(node.call_from_thread(Seen.start(None))))

            result: list[Any] = []
            thread = threading.Thread(target=lambda: result.append(request()))
            thread.start()
            await asyncio.to_thread(thread.join)
            return result

    assert asyncio.run(main()) == [("none", "none")]


def test_a_node_inside_a_process_does_not_make_its_servers_part_of_that_process() -> None:
    async def main() -> Any:
        REQUEST.set("outer")
        async with otp.Node("inner") as node:
            pid = await asyncio.create_task(node.start(Owned), context=Context())
            return await GenServer.call(pid, "owner") == pid

    class Owned(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: None) -> Any:
            async def who() -> Any:
                return otp.self()

            return Reply(await asyncio.create_task(who()), state)

    assert otp.run(main)


def test_a_process_that_only_works_for_its_starter_has_the_context_of_the_starter(run: Any) -> None:
    """As a task of asyncio; tasks below a supervisor are its children, and have its context."""

    async def main() -> Any:
        REQUEST.set("boot")
        tasks = await TaskSupervisor.start_link()
        REQUEST.set("r1")
        me = otp.self()
        otp.spawn(lambda: otp.send(me, REQUEST.get()))
        spawned = await otp.receive()
        linked = await Task.await_(Task.async_(REQUEST.get))
        return spawned, linked, await Task.await_(await TaskSupervisor.async_nolink(tasks, REQUEST.get))

    assert run(main) == ("r1", "r1", "boot")


def test_a_server_started_by_a_process_itself_has_its_context(run: Any) -> None:
    async def main() -> Any:
        REQUEST.set("session")
        pids = [await Seen.start(None), await SlowlySeen.start_link(None)]
        REQUEST.set("later")
        return [await seen(pid) for pid in pids]

    assert run(main) == [("session", "session")] * 2


async def _in_a(handler: str, function: Any) -> None:
    """Run a function as a handler of requests would: in a child task, in one that begins at once, or in a process."""
    if handler == "process":
        assert await otp.wait_down(otp.spawn(function)) == "normal"
    elif handler == "eager task" and hasattr(asyncio, "eager_task_factory"):
        await asyncio.eager_task_factory(asyncio.get_running_loop(), function())
    else:
        await asyncio.create_task(function())
