"""No awaitable completes for ever without letting others run, wherever it is awaited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import Agent, Application, GenServer, Ignore, Ok, Stop, Supervisor, Task, impl
from otp.kernel.tables.scheduler import BUDGET
from otp.testing import Scheduler

Attempt = Callable[[Any], Awaitable[Any]]


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        if arg == "crash":
            raise ValueError("boom")
        return {"ignore": Ignore(), "stop": Stop("no")}.get(arg, Ok(arg))


async def start_and_kill(_dead: Any) -> None:
    otp.exit(await Server.start("ok"), "kill")


FAILING: dict[str, Attempt] = {
    "call to a free name": lambda dead: GenServer.call("nobody", "x"),
    "call to the dead": lambda dead: GenServer.call(dead, "x"),
    "call with no time": lambda dead: GenServer.call("busy", "x", timeout=0),
    "stop of a free name": lambda dead: GenServer.stop("nobody"),
    "stop of the dead": lambda dead: GenServer.stop(dead),
    "multi_call to nobody": lambda dead: GenServer.multi_call("nobody", "x"),
    "sys.get_state": lambda dead: otp.sys.get_state("nobody"),
    "wait_down": lambda dead: otp.wait_down(dead),
    "wait_registered": lambda dead: otp.node().wait_registered("busy"),
    "which_children": lambda dead: Supervisor.which_children("nobody"),
    "start that crashes": lambda dead: Server.start("crash"),
    "start that stops": lambda dead: Server.start("stop"),
    "start that is ignored": lambda dead: Server.start("ignore"),
    "start under a taken name": lambda dead: Server.start("ok", name="busy"),
    "start and kill": start_and_kill,
    "task under a taken name": lambda dead: Task.start(print, name="busy"),
    "agent under a taken name": lambda dead: Agent.start(dict, name="busy"),
    "stop of an application": lambda dead: Application.stop("nothing"),
}
INSIDE: dict[str, Attempt] = {
    "receive with no time": lambda dead: otp.receive(timeout=0),
    "selective receive with no time": lambda dead: otp.receive(otp.Tag("x"), timeout=0),
    "call to itself": lambda dead: GenServer.call(otp.self(), "x"),
    "start_link under a taken name": lambda dead: Server.start_link("ok", name="busy"),
}
LOOPS = {"otp.run": otp.run, "seeded": lambda main: Scheduler(seed=2).run(main)}
TIMES = 2_500


async def tries(attempt: Attempt, dead: Any) -> int:
    """Try again and again; returns the most attempts between two turns of the loop."""
    now = most = 0
    loop = asyncio.get_running_loop()

    def turn() -> None:
        nonlocal now, handle
        now = 0
        handle = loop.call_soon(turn)

    handle = loop.call_soon(turn)
    for _ in range(TIMES):
        try:
            await attempt(dead)
        except (otp.Exit, otp.StartError, otp.BadArgument, TimeoutError):
            pass
        now += 1
        most = max(most, now)
    handle.cancel()
    return most


async def busy() -> None:
    otp.register("busy", otp.self())
    await asyncio.get_running_loop().create_future()


async def in_a_process(attempt: Attempt, dead: Any) -> int:
    return await Task.await_(Task.async_(tries, attempt, dead), "infinity")


async def in_a_child_task(attempt: Attempt, dead: Any) -> int:
    return await asyncio.create_task(tries(attempt, dead))


async def outside(attempt: Attempt, dead: Any) -> int:
    from contextvars import Context

    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    loop.call_soon(lambda: done.set_result(loop.create_task(tries(attempt, dead))), context=Context())
    return await (await done)


def most_attempts(run: Any, where: Any, attempt: Attempt) -> int:
    async def main() -> int:
        otp.spawn(busy)
        await otp.node().wait_registered("busy")
        dead = otp.spawn(lambda: None)
        await otp.wait_down(dead)
        return await where(attempt, dead)

    return run(main)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, "otp")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("where", [in_a_process, in_a_child_task, outside])
@pytest.mark.parametrize("attempt", FAILING)
def test_what_ends_at_once_gives_way_in_the_end(loop: str, where: Any, attempt: str) -> None:
    """`while True: try: return await GenServer.call("db", x) except CallExit: pass` froze the program."""
    assert most_attempts(LOOPS[loop], where, FAILING[attempt]) <= 2 * BUDGET + 1


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("attempt", INSIDE)
def test_what_a_process_may_ask_for_gives_way_in_the_end(loop: str, attempt: str) -> None:
    assert most_attempts(LOOPS[loop], in_a_process, INSIDE[attempt]) <= 2 * BUDGET + 1


def test_plain_asyncio_code_gives_way_once_in_a_while_and_not_at_each_attempt() -> None:
    async def main() -> int:
        turned = 0
        loop = asyncio.get_running_loop()

        def turn() -> None:
            nonlocal turned, handle
            turned += 1
            handle = loop.call_soon(turn)

        async with otp.Node("embedded"):
            handle = loop.call_soon(turn)
            for _ in range(10 * BUDGET):
                with pytest.raises(otp.NoProcess):
                    await GenServer.call("nobody", "x")
            handle.cancel()
        return turned

    assert 5 <= asyncio.run(main()) <= 15


def test_a_caller_that_tries_for_ever_reaches_a_server_that_is_restarted() -> None:
    async def retries() -> Any:
        while True:
            try:
                return await GenServer.call("db", "x")
            except otp.CallExit:
                pass

    class Db(GenServer[None]):
        @impl
        async def init(self, arg: Any) -> Any:
            await asyncio.sleep(0)
            return Ok(None)

        @impl
        def handle_call(self, request: Any, caller: Any, state: None) -> Any:
            return otp.Reply("answer", state)

    async def main() -> Any:
        await Supervisor.start_link_children([Db.child_spec(None, name="db")])
        otp.exit("db", "kill")
        return await retries()

    assert otp.run(main) == "answer"
