"""Five philosophers and five forks: with one order for all, none starves; without it, the schedule decides."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import Down, GenServer, NoReply, Ok, Reply, impl
from otp.testing import Deadlock, Scheduler, start_supervised, wait_all_idle


class Fork(GenServer[tuple[Any, ...]]):
    """Its state: who waits for it, the holder first."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(())

    @impl
    def handle_call(self, request: Any, caller: otp.From, queue: tuple[otp.From, ...]) -> Any:
        match request:
            case "take" if not queue:
                otp.monitor(caller.pid)
                return Reply("taken", (caller,))
            case "take":
                otp.monitor(caller.pid)
                return NoReply((*queue, caller))
            case "put down":
                return Reply("free", self.passed_on(queue))

    @impl
    def handle_info(self, message: Any, queue: tuple[otp.From, ...]) -> Any:
        match message:
            case Down(item=pid) if queue and queue[0].pid == pid:
                return NoReply(self.passed_on(queue))
            case Down(item=pid):
                return NoReply(tuple(caller for caller in queue if caller.pid != pid))

    def passed_on(self, queue: tuple[otp.From, ...]) -> tuple[otp.From, ...]:
        rest = queue[1:]
        if rest:
            GenServer.reply(rest[0], "taken")
        return rest


async def philosopher(forks: tuple[int, int], meals: int, guest_of: otp.Pid) -> None:
    for _ in range(meals):
        for fork in forks:
            await GenServer.call(("fork", fork), "take", timeout="infinity")
        for fork in forks:
            await GenServer.call(("fork", fork), "put down", timeout="infinity")
    otp.send(guest_of, ("full", otp.self()))


async def dinner(in_order: bool, meals: int = 3) -> int:
    for n in range(5):
        await start_supervised(Fork.child_spec(name=("fork", n), id=n))
    for n in range(5):
        left, right = n, (n + 1) % 5
        forks = (min(left, right), max(left, right)) if in_order else (left, right)
        otp.spawn_link(philosopher, forks, meals, otp.self())
    return len([await otp.receive(otp.Tag("full")) for _ in range(5)])


@pytest.mark.otp(seed=range(10))
async def test_with_one_order_of_forks_everybody_gets_full() -> None:
    assert await dinner(in_order=True) == 5


@pytest.mark.otp(seed=range(5))
async def test_the_fork_of_a_philosopher_that_dies_goes_to_the_next() -> None:
    await start_supervised(Fork.child_spec(name=("fork", 0), id=0))
    holder = otp.spawn(philosopher, (0, 0), 1, otp.self())  # takes the fork and waits for it
    await wait_all_idle()
    heir = otp.Task.async_(GenServer.call, ("fork", 0), "take")
    await wait_all_idle()
    otp.exit(holder, "kill")
    assert await otp.Task.await_(heir) == "taken"


def test_without_it_some_schedule_ends_in_a_deadlock_that_is_found_and_repeated() -> None:
    def ends(seed: int) -> bool:
        try:
            return Scheduler(seed, inline=None).run(dinner, False, 1) == 5
        except Deadlock:
            return False

    seeds = [seed for seed in range(200) if not ends(seed)]
    assert seeds != []
    assert not ends(seeds[0])
