"""The end of a process, by a signal or by itself, frees the objects it held."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import otp
from loops import LOOPS, forever, turns
from otp import GenServer
from silent_server import Silent
from witnesses import Hold, exits, raises, receives, waits_for_a_future

# Ended by a signal while they wait


async def waits_with_a_limit(hold: Hold) -> None:
    held = hold()
    async with asyncio.timeout(60):
        await forever()
    del held


async def calls(hold: Hold) -> None:
    held = hold()
    await GenServer.call(await Silent.start(), held)


async def catches_the_end(hold: Hold) -> None:
    held = hold()
    try:
        await forever()
    except asyncio.CancelledError as error:
        held = hold()
        raise ValueError("instead") from error
    del held


async def waits_in_its_cleanup(hold: Hold) -> None:
    held = hold()
    try:
        await otp.receive()
    finally:
        await turns(2)
    del held


async def reads_a_generator(hold: Hold) -> None:
    async def numbers() -> AsyncIterator[int]:
        held = hold()
        try:
            await forever()
            yield 1
        finally:
            del held

    held = hold()
    async for _number in numbers():
        pass
    del held


async def has_a_group(hold: Hold) -> None:
    held = hold()
    async with asyncio.TaskGroup() as group:
        group.create_task(waits_for_a_future(hold))
        group.create_task(waits_in_its_cleanup_as_a_task(hold))
    del held


async def waits_in_an_empty_group(hold: Hold) -> None:
    held = hold()
    async with asyncio.TaskGroup():
        await forever()
    del held


async def raises_in_the_cleanup_of_a_group(hold: Hold) -> None:
    held = hold()
    async with asyncio.TaskGroup():
        try:
            await forever()
        finally:
            raise ValueError("instead") if held else ValueError


async def has_tasks(hold: Hold) -> None:
    tasks = [asyncio.create_task(waits_for_a_future(hold)), asyncio.create_task(waits_in_its_cleanup_as_a_task(hold))]
    held = hold()
    await otp.receive()
    del tasks, held


async def waits_in_its_cleanup_as_a_task(hold: Hold) -> None:
    held = hold()
    try:
        await forever()
    finally:
        await turns(2)
    del held


async def gathers(hold: Hold) -> None:
    held = hold()
    await asyncio.gather(waits_for_a_future(hold), waits_for_a_future(hold))
    del held


async def has_linked_processes(hold: Hold) -> None:
    held = hold()
    for _ in range(3):
        otp.spawn_link(receives, hold)
    await forever()
    del held


WAITING = [
    receives,
    waits_for_a_future,
    waits_with_a_limit,
    calls,
    catches_the_end,
    waits_in_its_cleanup,
    reads_a_generator,
    has_a_group,
    waits_in_an_empty_group,
    raises_in_the_cleanup_of_a_group,
    has_tasks,
    gathers,
    has_linked_processes,
]


@pytest.mark.parametrize("victim", WAITING)
@pytest.mark.parametrize("signal", ["kill", "shutdown", "boom"])
def test_a_signal_frees_what_its_process_held(left_of: Any, victim: Any, signal: str) -> None:
    async def life(hold: Hold) -> None:
        pid = otp.spawn(victim, hold)
        await turns()
        otp.exit(pid, signal)
        await turns(40)

    assert left_of(life) == {}


class Refuses(asyncio.Future[None]):
    """A future that takes no cancellation."""

    def cancel(self, msg: Any = None) -> bool:
        return False


@pytest.mark.parametrize("loop", LOOPS)
def test_a_future_that_goes_on_does_not_hold_the_process_that_awaited_it(loop: str) -> None:
    async def main() -> bool:
        future = Refuses()

        async def waits() -> None:
            await future

        pid = otp.spawn(waits)
        await turns()
        left = weakref.ref(pid)
        otp.exit(pid, "kill")
        del pid
        await turns()
        return left() is None and not future.done()

    assert LOOPS[loop](main)


# Ended by themselves


async def raises_from_another(hold: Hold) -> None:
    try:
        await raises(hold)
    except ValueError as error:
        raise KeyError("no") from error


def exits_as_a_plain_function(hold: Hold) -> None:
    held = hold()
    otp.exit("boom" if held else "normal")


async def exits_after_a_wait(hold: Hold) -> None:
    held = hold()
    await turns(1)
    otp.exit("shutdown" if held else "normal")


async def signals_itself(hold: Hold) -> None:
    held = hold()
    otp.exit(otp.self(), "boom")
    del held


async def signals_itself_in_a_group(hold: Hold) -> None:
    held = hold()
    async with asyncio.TaskGroup():
        otp.exit(otp.self(), "boom")
    del held


async def signals_itself_and_goes_on(hold: Hold) -> None:
    held = hold()
    try:
        otp.exit(otp.self(), "boom")
    except asyncio.CancelledError:  # hostile on purpose
        pass
    await otp.receive()
    del held


async def kills_itself(hold: Hold) -> None:
    held = hold()
    otp.exit(otp.self(), "kill")
    del held


async def waits_in_vain_for_a_message(hold: Hold) -> None:
    held = hold()
    await otp.receive(timeout=0.001)
    del held


async def is_cancelled(hold: Hold) -> None:
    held = hold()
    pid: Any = otp.self()
    pid.cancel("by asyncio, with a message")
    await forever()
    del held


async def awaits_what_asyncio_cannot_wait_for(hold: Hold) -> None:
    class Foreign:
        def __await__(self) -> Iterator[Any]:
            yield 17

    held = hold()
    await Foreign()  # type: ignore[misc]
    del held


async def has_a_task_that_raises(hold: Hold) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(raises(hold))
        group.create_task(waits_for_a_future(hold))


async def returns_while_a_task_is_left(hold: Hold) -> None:
    async def child() -> None:
        held = hold()
        otp.self()
        await forever()
        del held

    task = asyncio.create_task(child())
    await turns(2)
    del task


async def becomes_another(hold: Hold) -> None:
    held = hold()
    raise otp.Become(exits, hold) if held else ValueError


ENDING = [
    raises,
    raises_from_another,
    exits,
    exits_as_a_plain_function,
    exits_after_a_wait,
    signals_itself,
    signals_itself_in_a_group,
    signals_itself_and_goes_on,
    kills_itself,
    waits_in_vain_for_a_message,
    is_cancelled,
    awaits_what_asyncio_cannot_wait_for,
    has_a_task_that_raises,
    returns_while_a_task_is_left,
    becomes_another,
]


@pytest.mark.parametrize("victim", ENDING)
def test_a_process_that_ends_by_itself_frees_what_it_held(left_of: Any, victim: Any) -> None:
    async def life(hold: Hold) -> None:
        await otp.wait_down(otp.spawn(victim, hold))
        await turns(40)

    assert left_of(life) == {}
