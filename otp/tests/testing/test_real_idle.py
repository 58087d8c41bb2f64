"""`wait_all_idle` in real time: what it waits for, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.kernel.tables.scheduler import find_scheduler
from otp.testing import Scheduler, mailbox, wait_all_idle
from otp.testing.real_idle import RealIdle

FEW = 5
MORE_THAN_A_DRAIN = 3_000


class Relay(GenServer[Any]):
    """Sends on what it gets, until the number is used up."""

    @impl
    def init(self, arg: otp.Pid) -> Ok[otp.Pid]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: otp.Pid) -> Reply[Any]:
        return Reply(request, state)

    @impl
    async def handle_info(self, message: int, state: otp.Pid) -> NoReply[Any]:
        await asyncio.sleep(0)
        otp.send(otp.self() if message else state, message - 1)
        return NoReply(state)


def in_a_run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return otp.run(main)


def in_a_real_scheduler(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return Scheduler(seed=3, io="real").run(main)


real_time = pytest.mark.parametrize("run", [in_a_run, in_a_real_scheduler])


@real_time
@pytest.mark.parametrize("count", [0, FEW, MORE_THAN_A_DRAIN])
def test_all_that_can_run_has_run(run: Any, count: int) -> None:
    """In real time it raised `RuntimeError`."""

    async def main() -> list[Any]:
        otp.send(await Relay.start(otp.self()), count)
        await wait_all_idle()
        return mailbox()

    assert [-1] == run(main)


@real_time
def test_child_tasks_have_run_as_well(run: Any) -> None:
    async def main() -> list[Any]:
        me = otp.self()

        async def child(depth: int) -> None:
            if depth:
                await asyncio.create_task(child(depth - 1))
            otp.send(me, depth)

        task = asyncio.create_task(child(FEW))
        await wait_all_idle()
        assert task.done()
        return mailbox()

    assert [0, 1, 2, 3, 4, 5] == run(main)


@real_time
def test_a_timer_that_is_due_now_fires_first(run: Any) -> None:
    async def main() -> list[Any]:
        otp.send_after(0, otp.self(), "now")
        otp.send_after(3600, otp.self(), "later")
        await wait_all_idle()
        return mailbox()

    assert ["now"] == run(main)


@real_time
def test_those_who_wait_for_a_time_a_message_or_a_future_count_as_idle(run: Any) -> None:
    async def main() -> bool:
        sleeper = otp.spawn(asyncio.sleep, 3600)
        receiver = otp.spawn(otp.receive)
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(asyncio.wait([never]))
        await wait_all_idle()
        waiting.cancel()
        return otp.is_alive(sleeper) and otp.is_alive(receiver)

    assert run(main)


def test_what_is_ready_in_every_turn_does_not_keep_it_waiting() -> None:
    """A task that polls with `asyncio.sleep(0)` is such a thing."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        goes_on = True

        def again() -> None:
            if goes_on:
                loop.call_soon(again)

        again()
        await wait_all_idle()
        goes_on = False
        return True

    assert otp.run(main)


def test_all_who_wait_are_served_at_the_same_moment() -> None:
    async def main() -> list[Any]:
        me = otp.self()

        async def waits(name: str) -> None:
            await wait_all_idle()
            otp.send(me, (name, len(otp.process_info(me, "messages"))))

        async with asyncio.TaskGroup() as tasks:
            for name in "ab":
                tasks.create_task(waits(name))
                otp.spawn(waits, name)
        return [await otp.receive() for _ in range(4)]

    assert 4 == len(otp.run(main))


def test_it_works_beside_a_node_in_a_program_of_ones_own() -> None:
    async def main() -> tuple[bool, list[otp.Pid]]:
        async with otp.Node("shop") as node:
            pids = [node.spawn(asyncio.sleep, 0) for _ in range(FEW)]
            before = all(map(otp.is_alive, pids))
            await wait_all_idle()
            await wait_all_idle()
            return before, node.processes()

    assert (True, []) == asyncio.run(main())


class Unseen:
    """An object with other members than those that are hidden."""

    def __init__(self, shown: Any, **instead: Any) -> None:
        self.shown = shown
        vars(self).update(instead)

    def __getattr__(self, name: str) -> Any:
        if name == "_ready":
            raise AttributeError(name)
        return getattr(self.shown, name)


def test_a_loop_that_does_not_show_what_is_ready_works_too() -> None:
    """uvloop is one."""

    async def main() -> list[int]:
        seen: list[int] = []

        async def note(n: int) -> None:
            await asyncio.sleep(0)
            seen.append(n)

        for n in range(FEW):
            otp.spawn(note, n)
        s: Any = find_scheduler()
        await RealIdle(Unseen(s, loop=Unseen(s.loop))).wait()  # type: ignore[arg-type]
        return seen

    assert [0, 1, 2, 3, 4] == otp.run(main)
