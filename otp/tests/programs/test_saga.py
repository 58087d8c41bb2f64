"""A journey is booked whole or not at all: what was done is undone in reverse when a later step fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Request, impl
from otp.testing import assert_receive, start_supervised, wait_all_idle


class Book(Request[int]):
    """A place, by number; the caller's call fails if there is none."""


class Cancel(Request[None]):
    number: int


class Provider(GenServer[frozenset[int]]):
    """Hotels, airlines: places that are free."""

    @impl
    def init(self, places: int) -> Any:
        return Ok(frozenset(range(1, places + 1)))

    @impl
    def handle_call(self, request: Any, caller: Any, free: frozenset[int]) -> Any:
        match request:
            case Book() if free:
                return Reply(min(free), free - {min(free)})
            case Book():
                return NoReply(free)  # an overloaded provider that does not answer
            case Cancel(number):
                return Reply(None, free | {number})
            case "free":
                return Reply(len(free), free)


class Step(NamedTuple):
    do: Callable[[], Awaitable[Any]]
    undo: Callable[[Any], Awaitable[Any]]


async def saga(*steps: Step) -> list[Any]:
    """Do all steps and return their results; undo those that were done and raise if one fails."""
    done: list[tuple[Step, Any]] = []
    try:
        for step in steps:
            done.append((step, await step.do()))
    except BaseException:
        await otp.wait_down(otp.spawn(undo, done))  # a process of its own: this one may be ending, and calls nobody
        raise
    return [result for _, result in done]


async def undo(done: list[tuple[Step, Any]]) -> None:
    for step, result in reversed(done):
        await step.undo(result)


def booking(provider: str) -> Step:
    return Step(
        lambda: GenServer.call(provider, Book(), timeout=2), lambda number: GenServer.call(provider, Cancel(number))
    )


async def free() -> list[int]:
    return [await GenServer.call(provider, "free") for provider in ("flight", "hotel", "car")]


async def providers(**places: int) -> None:
    for name, number in places.items():
        await start_supervised(Provider.child_spec(number, name=name, id=name))


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_journey_is_booked_whole() -> None:
    await providers(flight=2, hotel=1, car=1)
    assert await saga(booking("flight"), booking("hotel"), booking("car")) == [1, 1, 1]
    assert await free() == [1, 0, 0]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_when_the_last_step_times_out_the_others_are_undone() -> None:
    await providers(flight=2, hotel=1, car=0)
    with pytest.raises(otp.CallTimeout) as failed:
        await saga(booking("flight"), booking("hotel"), booking("car"))
    assert failed.value.dest == "car"
    assert await free() == [2, 1, 0]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_journeys_at_the_same_time_book_each_place_once() -> None:
    await providers(flight=3, hotel=2, car=3)

    async def journey() -> Any:
        try:
            return tuple(await saga(booking("flight"), booking("hotel"), booking("car")))
        except otp.CallTimeout:
            return "no room"

    async with otp.Task.async_stream(range(3), lambda _: journey(), ordered=False, timeout=60) as journeys:
        results = [outcome.value async for outcome in journeys]
    booked = [result for result in results if result != "no room"]
    assert len(booked) == 2
    assert sorted(hotel for _, hotel, _ in booked) == [1, 2]
    assert await free() == [1, 0, 1]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_journey_that_is_cancelled_from_outside_is_undone_too() -> None:
    await providers(flight=1, hotel=0, car=0)

    async def traveller() -> None:
        await saga(booking("flight"), booking("hotel"))

    pid, ref = otp.spawn_monitor(traveller)
    await wait_all_idle()
    assert await GenServer.call("flight", "free") == 0
    otp.exit(pid, "changed my mind")
    assert (await assert_receive(ref)).reason == "changed my mind"
    assert await GenServer.call("flight", "free") == 1
