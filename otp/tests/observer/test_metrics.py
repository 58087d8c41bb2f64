"""Each message that a process handles counts once, on every path; for a coroutine, what resumes it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
import otp.testing
from otp import Continue, GenServer, NoReply, Ok, Reply, Stop, impl
from otp.kernel.steps.callbacks import BATCH
from otp.testing import Scheduler


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    async def handle_info(self, message: Any, state: Any) -> Any:
        if message == "wait":
            await otp.receive(otp.Is("go"))
        return NoReply(state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        match request:
            case "stop":
                return Stop("normal", state)
            case "then":
                return NoReply(state, then=Continue("more"))
            case "soon":
                return NoReply(state, timeout=1000.0)
            case _:
                return NoReply(state)

    @impl
    def handle_continue(self, term: Any, state: Any) -> Any:
        return NoReply(state)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)


async def the_loop_has_turned() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(20):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


async def casts(server: otp.Pid) -> int:
    for number in range(3 * BATCH + 5):
        GenServer.cast(server, number)
    return 3 * BATCH + 5


async def calls(server: otp.Pid) -> int:
    for number in range(7):
        await GenServer.call(server, number)
    return 7


async def calls_of_a_server_that_is_busy(server: otp.Pid) -> int:
    for number in range(7):
        GenServer.cast(server, number)
        await GenServer.call(server, number)
    return 21  # with the replies, because the caller had to wait


async def a_batch_that_is_interrupted_again_and_again(server: otp.Pid) -> int:
    for number in range(5):
        for request in ("then", "soon", number):
            GenServer.cast(server, request)
        otp.send(server, "a coroutine handles it")
    otp.send(server, "wait")
    otp.send(server, "go")
    return 22


async def a_batch_of_which_a_part_is_never_handled(server: otp.Pid) -> int:
    for request in [*range(BATCH), "stop", *range(BATCH)]:
        GenServer.cast(server, request)
    await otp.wait_down(server)
    return BATCH + 1


async def a_message_that_is_handed_over(server: otp.Pid) -> int:
    waiting = otp.spawn(otp.receive)
    picky = otp.spawn(otp.receive, otp.Is("that"))
    await the_loop_has_turned()
    otp.send(waiting, "this")
    otp.send(picky, "not this")
    otp.send(picky, "that")
    return 4  # with the starts of both


async def messages_that_lie_there(server: otp.Pid) -> int:
    me = otp.self()
    for number in range(5):
        otp.send(me, number)
    await otp.receive()
    await otp.receive(otp.Is(3))
    return 2


async def a_message_that_does_not_come(server: otp.Pid) -> int:
    for timeout in (0, 0.001):
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(otp.Is("nobody sends it"), timeout=timeout)
    return 1  # the time-out


async def calls_that_fail_at_once(server: otp.Pid) -> int:
    for number in range(7):
        with pytest.raises(otp.NoProcess):
            await GenServer.call("nobody", number)
    return 0


async def count_handled_with_reader(server: otp.Pid, **whom: Any) -> int:
    node = otp.trace.node_of(server)
    await GenServer.call(server, "unseen")
    reading = otp.trace.subscribe(node, lambda event: None, kinds={"sent", "received"}, **whom)
    for number in range(BATCH + 5):
        GenServer.cast(server, number)
    await GenServer.call(server, "seen")
    reading.close()
    await GenServer.call(server, "unseen")
    return BATCH + (9 if whom else 10)  # with the replies: no call runs inline meanwhile


async def count_handled_with_one_reader(server: otp.Pid) -> int:
    return await count_handled_with_reader(server, pids=[server], focus=True)


WAYS = [
    casts, calls, calls_of_a_server_that_is_busy, a_batch_that_is_interrupted_again_and_again,
    a_batch_of_which_a_part_is_never_handled, a_message_that_is_handed_over, messages_that_lie_there,
    a_message_that_does_not_come, calls_that_fail_at_once, count_handled_with_reader,
    count_handled_with_one_reader,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_reaches_a_process_is_counted(way: Callable[[otp.Pid], Any]) -> None:
    async def main() -> None:
        server = await Server.start(None)
        node = otp.trace.node_of(server)
        await the_loop_has_turned()
        before = otp.observer.metrics(node).handled
        expected = await way(server)
        await the_loop_has_turned()
        assert expected == otp.observer.metrics(node).handled - before

    otp.run(main)


def test_calls_of_plain_asyncio_code_that_fail_at_once_do_not_count() -> None:
    async def main() -> int:
        async with otp.Node("embedded") as node:
            server = await node.start(Server, None)
            await the_loop_has_turned()
            before = otp.observer.metrics(node).handled
            expected = await calls_that_fail_at_once(server)
            await the_loop_has_turned()
            return otp.observer.metrics(node).handled - before - expected

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_deterministic_run_too(seed: int) -> None:
    async def main() -> None:
        server = await Server.start(None)
        node = otp.trace.node_of(server)
        before = otp.observer.metrics(node).handled
        expected = await casts(server)
        await otp.testing.wait_all_idle()
        assert expected <= otp.observer.metrics(node).handled - before <= expected + 2  # this process waited, too

    Scheduler(seed=seed).run(main)
