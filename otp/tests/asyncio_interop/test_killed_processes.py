"""A killed process leaves nothing behind: no child task, no lost permit, no generator without its `finally`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

import otp
from loops import LOOPS, ONE_OF_EACH, turns
from otp import ChildSpec, GenServer, NoReply, Ok, Supervisor, impl
from otp.testing import Scheduler


def in_a_loop_of_asyncio(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run `main`, and check that the node left the task factory of the loop alone."""

    async def checked() -> Any:
        found = await main()
        assert asyncio.get_running_loop().get_task_factory() is None
        return found

    return LOOPS["asyncio.run"](checked)


@pytest.fixture(params=ONE_OF_EACH)
def run(request: pytest.FixtureRequest) -> Any:
    return in_a_loop_of_asyncio if request.param == "asyncio.run" else LOOPS[request.param]


class Children:
    """Child tasks that count how many of them live."""

    def __init__(self) -> None:
        self.living = 0

    async def child(self) -> None:
        self.living += 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.living -= 1


async def in_a_group(children: Children) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(children.child())


async def in_tasks(children: Children) -> None:
    tasks = [asyncio.create_task(children.child()) for _ in range(3)]
    await otp.receive()
    del tasks


async def in_tasks_of_a_task(children: Children) -> None:
    async def middle() -> None:
        tasks = [asyncio.create_task(children.child()) for _ in range(3)]
        await asyncio.get_running_loop().create_future()
        del tasks

    task = asyncio.create_task(middle())
    await otp.receive()
    del task


class Server(GenServer[Children]):
    @impl
    async def init(self, arg: Children) -> Any:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: Children) -> Any:
        await request(state)
        return NoReply(state)


@pytest.mark.parametrize("have_children", [in_a_group, in_tasks, in_tasks_of_a_task])
@pytest.mark.parametrize("reason", ["kill", "boom"])
def test_child_tasks_end_with_their_process(run: Any, have_children: Any, reason: str) -> None:
    async def main() -> Any:
        children = Children()
        pid = otp.spawn(have_children, children)
        await turns()
        living = children.living
        otp.exit(pid, reason)
        await turns(10)
        return living, children.living

    assert run(main) == (3, 0)


def test_a_loop_that_is_not_ours_gets_no_task_factory() -> None:
    in_a_loop_of_asyncio(lambda: turns())


def test_child_tasks_of_a_callback_end_with_a_brutal_kill(run: Any) -> None:
    async def main() -> Any:
        children = Children()
        spec = ChildSpec("server", start=(Server.start_link, children), shutdown="brutal_kill")
        sup = await Supervisor.start_link_children([spec])
        [child] = await Supervisor.which_children(sup)
        GenServer.cast(child.pid, in_a_group)
        await turns()
        living = children.living
        await Supervisor.terminate_child(sup, "server")
        await turns(10)
        return living, children.living

    assert run(main) == (3, 0)


def test_child_tasks_of_a_crashed_process_end(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, "otp")

    async def main() -> int:
        children = Children()

        async def crashes() -> None:
            tasks = [asyncio.create_task(children.child())]
            await turns()
            del tasks
            raise ValueError("boom")

        await otp.wait_down(otp.spawn(crashes))
        await turns(10)
        return children.living

    assert run(main) == 0


@pytest.mark.parametrize("reason", ["kill", "boom"])
@pytest.mark.parametrize("grouped", [True, False], ids=["group", "tasks"])
def test_one_seed_cancels_child_tasks_in_one_order(reason: str, grouped: bool) -> None:
    """Regression: a `WeakSet` kept them, in the order of addresses, so five runs gave five orders."""

    async def main() -> list[int]:
        order: list[int] = []

        async def child(n: int) -> None:
            otp.self()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                order.append(n)

        async def parent() -> None:
            if grouped:
                async with asyncio.TaskGroup() as group:
                    for n in range(12):
                        group.create_task(child(n))
            tasks = [asyncio.create_task(child(n)) for n in range(12)]
            await otp.receive()
            del tasks

        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, reason)
        await turns(10)
        return order

    orders = [Scheduler(seed=1).run(main) for _ in range(5)]
    assert len(orders[0]) == 12
    assert orders == [orders[0]] * 5


def test_a_child_task_cannot_send_after_the_kill(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        go = asyncio.Event()

        async def child() -> None:
            await go.wait()
            otp.send(me, "from the dead")

        async def parent() -> None:
            task = asyncio.create_task(child())
            await otp.receive()
            del task

        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, "kill")
        await turns()
        go.set()
        await turns()
        try:
            return await otp.receive(timeout=0)
        except otp.ReceiveTimeout:
            return "nothing"

    assert run(main) == "nothing"


def test_a_child_task_whose_cleanup_waits_is_abandoned(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    began: list[str] = []

    async def main() -> Any:
        async def child() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                began.append("cleanup")
                await asyncio.get_running_loop().create_future()
                began.append("never")

        async def parent() -> None:
            tasks.append(asyncio.create_task(child()))
            await otp.receive()

        tasks: list[asyncio.Task[None]] = []
        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, "kill")
        await turns(10)
        kinds = [event.kind for event in otp.trace.history(otp.trace.node_of(pid))]
        return tasks[0].done(), kinds.count("abandoned_cleanup")

    assert run(main) == (True, 1)
    assert began == ["cleanup"]
    assert "ended while one of its tasks tried to wait: abandoned at" in caplog.text


def test_a_task_made_by_the_cleanup_of_a_child_task_ends_too(caplog: pytest.LogCaptureFixture) -> None:
    """Only a loop that reports each task sees this one, because the process is dead by then."""

    async def main() -> Any:
        children = Children()

        async def child() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                made.append(asyncio.create_task(children.child()))

        async def parent() -> None:
            made.append(asyncio.create_task(child()))
            await otp.receive()

        made: list[asyncio.Task[None]] = []
        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, "kill")
        await turns(50)
        return len(made), [task.done() for task in made], children.living

    assert otp.run(main) == (2, [True, True], 0)


def test_a_child_task_that_swallows_every_cancellation_is_closed(run: Any) -> None:
    async def main() -> Any:
        async def immortal() -> None:
            while True:
                try:
                    await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:  # hostile on purpose
                    pass

        async def parent() -> None:
            tasks.append(asyncio.create_task(immortal()))
            await otp.receive()

        tasks: list[asyncio.Task[None]] = []
        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, "kill")
        await turns(50)
        return tasks[0].done()

    assert run(main) is True


def test_cleanup_of_a_child_task_has_five_seconds_after_another_end() -> None:
    cleaned: list[float] = []

    async def main() -> Any:
        async def child(seconds: float) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(seconds)
                cleaned.append(otp.monotonic())

        async def parent() -> None:
            tasks.extend(asyncio.create_task(child(seconds)) for seconds in (4, 6))
            await otp.receive()

        tasks: list[asyncio.Task[None]] = []
        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, "boom")
        await asyncio.wait(tasks)
        return otp.monotonic()

    assert Scheduler(inline=True).run(main) == 5.0
    assert cleaned == [4.0]


def test_a_process_that_returns_leaves_tasks_that_never_acted_for_it(run: Any) -> None:
    async def main() -> Any:
        go = asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def waits() -> str:
            await go.wait()
            return "ended by itself"

        async def returns() -> None:
            tasks.append(asyncio.create_task(waits()))
            await turns()

        await otp.wait_down(otp.spawn(returns))
        go.set()
        return await tasks[0]

    assert run(main) == "ended by itself"


@pytest.mark.parametrize("make", [asyncio.Lock, asyncio.Semaphore, asyncio.Condition])
def test_a_permit_granted_to_a_killed_process_goes_to_the_next(run: Any, make: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        lock = make()

        async def takes(name: str) -> None:
            async with lock:
                otp.send(me, name)

        await lock.acquire()
        first, _second = otp.spawn(takes, "first"), otp.spawn(takes, "second")
        await turns()
        lock.release()  # grants the permit to the first, which has not run yet
        otp.exit(first, "kill")
        return await otp.receive(timeout=1)

    assert run(main) == "second"


@pytest.mark.parametrize("waits_inside", [True, False], ids=["the generator waits", "its reader waits"])
def test_an_async_generator_of_a_killed_process_runs_its_finally(run: Any, waits_inside: bool) -> None:
    ran: list[str] = []

    async def main() -> None:
        async def numbers() -> AsyncIterator[int]:
            try:
                if waits_inside:
                    await asyncio.get_running_loop().create_future()
                yield 1
            finally:
                ran.append("begun")
                await asyncio.sleep(0)
                ran.append("ended")

        async def reads() -> None:
            async for _number in numbers():
                await asyncio.get_running_loop().create_future()

        pid = otp.spawn(reads)
        await turns()
        otp.exit(pid, "kill")
        await turns(10)

    run(main)
    assert ran == ["begun", "ended"]


def test_name_and_links_go_in_the_step_of_the_kill(run: Any) -> None:
    async def main() -> Any:
        async def child() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.get_running_loop().create_future()

        async def parent() -> None:
            otp.register("parent", otp.self())
            async with asyncio.TaskGroup() as group:
                group.create_task(child())

        otp.process_flag("trap_exit", True)
        pid = otp.spawn_link(parent)
        await turns()
        otp.exit(pid, "kill")
        return otp.whereis("parent"), otp.process_info(otp.self(), "links"), otp.is_alive(pid)

    assert run(main) == (None, (), False)


# httpx, whose pool is shared by processes


class Gate:
    """An HTTP server that holds its answers until a test opens it."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.headers = asyncio.Event()
        self.body = asyncio.Event()
        self.sent = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.arrived.set()
                await self.headers.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
                await writer.drain()
                self.sent.set()
                await self.body.wait()
                writer.write(b"ok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def before_headers(gate: Gate) -> None:
    await gate.arrived.wait()


async def before_the_body(gate: Gate) -> None:
    gate.headers.set()
    await gate.sent.wait()
    await turns(20)


@pytest.mark.parametrize("moment", [before_headers, before_the_body])
@pytest.mark.parametrize("end", ["task.cancel", "kill", "boom"])
def test_the_pool_of_httpx_serves_others_after_a_kill(moment: Any, end: str) -> None:
    """A killed process releases the only connection, as a task does that is cancelled."""

    async def main() -> str:
        gate = Gate()
        server = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        limits = httpx.Limits(max_connections=1)
        async with server, httpx.AsyncClient(limits=limits, timeout=10, trust_env=False) as client:

            async def get() -> None:
                await client.get(url)

            if end == "task.cancel":
                task = asyncio.create_task(get())
                await moment(gate)
                task.cancel()
            else:
                pid = otp.spawn(get)
                await moment(gate)
                otp.exit(pid, end)
            gate.headers.set()
            gate.body.set()
            return (await client.get(url)).text

    assert otp.run(main) == "ok"
