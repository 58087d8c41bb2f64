"""The production drain: what ends a process on the stack, whose turn it is, what is counted and kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.kernel.steps.drain import POOL
from otp.kernel.tables.scheduler import BUDGET
from otp.testing import Scheduler, wait_all_idle
from task_functions import never

BATCH = 256
ROUND = 32


@pytest.fixture(params=["inline", "queued", "plain asyncio"])
def run(request: pytest.FixtureRequest) -> Any:
    """Run a program on the production drain: under virtual time, and in a loop of asyncio's own."""
    if request.param == "plain asyncio":
        return otp.run
    return Scheduler(inline=request.param == "inline").run


class Turns:
    """Counts work between two turns of the loop; `most` is the largest count."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.loop = asyncio.get_running_loop()
        self.handle = self.loop.call_soon(self.turn)

    def turn(self) -> None:
        """The loop serves other callbacks: count from zero again."""
        self.now = 0
        self.handle = self.loop.call_soon(self.turn)

    def work(self) -> None:
        """Count one message or resume."""
        self.now += 1
        self.most = max(self.most, self.now)


class Worker(GenServer[Turns]):
    @impl
    def init(self, arg: Turns) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Turns) -> Any:
        state.work()
        return NoReply(state)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Turns) -> Any:
        state.work()
        return Reply(None, state)


# Signals


def test_a_signal_in_the_last_step_decides_the_reason(run: Any) -> None:
    async def dies_last() -> None:
        otp.exit(otp.spawn_link(never), "boom")  # the link brings the signal back while this process is on the stack

    async def main() -> Any:
        return await otp.wait_down(otp.spawn(dies_last))

    assert run(main) == "boom"


def test_a_signal_during_a_step_interrupts_the_next_receive(run: Any) -> None:
    async def waits() -> None:
        otp.exit(otp.spawn_link(never), "boom")
        await otp.receive()

    async def main() -> Any:
        return await otp.wait_down(otp.spawn(waits), timeout=1)

    assert run(main) == "boom"


def test_a_cancellation_during_a_step_interrupts_the_next_receive(run: Any) -> None:
    async def waits() -> str:
        task: Any = asyncio.current_task()
        task.cancel()
        try:
            await otp.receive(timeout=1)
        except asyncio.CancelledError:
            raise otp.Exit("cancelled") from None
        return "not cancelled"

    async def main() -> Any:
        return await otp.wait_down(otp.spawn(waits))

    assert run(main) == "cancelled"


# Budgets


@pytest.mark.parametrize("waiting", [200, 2 * BATCH])
def test_servers_with_full_mailboxes_let_the_loop_serve_others(run: Any, waiting: int) -> None:
    async def main() -> int:
        turns = Turns()
        servers = [await Worker.start_link(turns) for _ in range(40)]
        for server in servers:
            for _ in range(waiting):
                GenServer.cast(server, "work")
        for server in servers:
            await GenServer.call(server, "last")
        turns.handle.cancel()
        return turns.most

    assert run(main) <= BUDGET + BATCH


async def take(turns: Turns, n: int) -> None:
    for _ in range(n):
        await otp.receive()
        turns.work()


@pytest.mark.parametrize(("processes", "waiting", "most"), [(4, 5_000, 2 * BUDGET + 2), (200, 10, BUDGET + 10 * ROUND)])
def test_processes_with_full_mailboxes_let_the_loop_serve_others(
    run: Any, processes: int, waiting: int, most: int
) -> None:
    async def main() -> int:
        turns = Turns()
        pids = [otp.spawn(take, turns, waiting) for _ in range(processes)]
        for pid in pids:
            for number in range(waiting):
                otp.send(pid, number)
        for pid in pids:
            await otp.wait_down(pid)
        turns.handle.cancel()
        return turns.most

    assert run(main) <= most


def test_a_process_that_calls_without_end_lets_the_loop_serve_others(run: Any) -> None:
    async def calls(turns: Turns, n: int) -> None:
        server = await Worker.start_link(turns)
        for _ in range(n):
            await GenServer.call(server, "work")

    async def main() -> int:
        turns = Turns()
        pid = otp.spawn(calls, turns, 5_000)
        await otp.wait_down(pid)
        turns.handle.cancel()
        return turns.most

    assert run(main) <= BUDGET + ROUND


@pytest.mark.parametrize("inline", [True, False])
def test_a_drain_ends_after_half_a_millisecond(inline: bool) -> None:
    async def slow(turns: Turns, loop: Any) -> None:
        for _ in range(300):
            other = await otp.receive()
            turns.work()
            loop.move_to(loop.now_ns + 1_000_000)  # each step takes a millisecond
            otp.send(other, otp.self())

    async def main() -> int:
        turns = Turns()
        one, other = (otp.spawn(slow, turns, asyncio.get_running_loop()) for _ in range(2))
        otp.send(one, other)
        await otp.wait_down(one)
        turns.handle.cancel()
        return turns.most

    assert Scheduler(inline=inline).run(main) <= 2 * ROUND


# What is counted, and kept


@pytest.mark.parametrize("inline", [True, False])
def test_the_time_that_drains_take_is_counted(inline: bool) -> None:
    async def slow(loop: Any, milliseconds: int) -> None:
        loop.move_to(loop.now_ns + milliseconds * 1_000_000)

    async def main() -> Any:
        node, loop = otp.trace.node_of(otp.self()), asyncio.get_running_loop()
        for milliseconds in (2, 30, 4):
            otp.spawn(slow, loop, milliseconds)
            await wait_all_idle()
        metrics = otp.observer.metrics(node)
        return metrics.busy, metrics.longest_drain

    assert (0.036, 0.03) == Scheduler(inline=inline).run(main)


def test_of_the_mailboxes_of_many_servers_few_are_kept_for_others(run: Any) -> None:
    async def main() -> int:
        turns = Turns()
        turns.handle.cancel()
        servers: list[Any] = [await Worker.start_link(turns) for _ in range(POOL + 500)]
        for server in servers:
            GenServer.cast(server, "work")
        await wait_all_idle()
        return len(servers[0].runtime.scheduler.pool)

    assert POOL == run(main)
