"""A virtual run that would never end says who keeps it going; one that takes long and ends is left alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.testing import Livelock, Scheduler, advance, start_supervised, wait_all_idle


class Ticker(GenServer[int]):
    @impl
    def init(self, arg: Any) -> Any:
        otp.send_after(1, otp.self(), "tick")
        return Ok(0)

    @impl
    def handle_info(self, message: Any, count: int) -> Any:
        otp.send_after(1, otp.self(), "tick")
        return NoReply(count + 1)


def expect_livelock(test: Any, max_steps: int = 2_000) -> str:
    with pytest.raises(Livelock) as failed:
        Scheduler(max_steps=max_steps).run(test)
    return str(failed.value)


def test_a_wait_beside_a_server_that_ticks_ends_with_the_name_of_the_server() -> None:
    """Regression: the run went on for ever without a message."""

    async def waits() -> None:
        await start_supervised(Ticker.child_spec(None, name="clock"))
        await otp.receive()

    text = expect_livelock(waits)
    assert "clock (<0.4.0>), Ticker (100 % of the last steps)" in text
    assert "waits waited, from 0.0 s to 1" in text
    assert "max_steps=20_000" in text


def test_processes_that_never_rest_are_named_by_who_waits_for_idle() -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(0)

    async def waits() -> None:
        otp.spawn(busy)
        await wait_all_idle()

    assert "busy (100 % of the last steps); try: let it wait for a message" in expect_livelock(waits)


def test_messages_back_and_forth_for_ever_at_one_time_are_found_although_the_wait_has_a_time() -> None:
    async def pong() -> None:
        while True:
            otp.send(await otp.receive(), otp.self())

    async def waits() -> None:
        one, other = otp.spawn(pong), otp.spawn(pong)
        otp.send(one, other)
        await otp.receive(timeout=1)

    text = expect_livelock(waits, 100_000)
    assert "all at 0.0 s" in text
    assert text.count("pong") == 2


def test_tasks_that_are_no_processes_are_named_too() -> None:
    async def beat() -> None:
        while True:
            await asyncio.sleep(1)

    async def waits() -> None:
        otp.put("kept", asyncio.get_running_loop().create_task(beat(), name="heartbeat"))
        await otp.receive()

    assert "kept going by task heartbeat;" in expect_livelock(waits)


async def receives() -> Any:
    return await otp.receive(timeout=5_000)


async def under_a_timeout() -> Any:
    async with asyncio.timeout(5_000):
        return await otp.receive()


async def calls() -> Any:
    pid = otp.spawn(otp.receive, otp.Tag("never"))
    return await GenServer.call(pid, "anybody?", timeout=5_000)


@pytest.mark.parametrize(
    "wait", [lambda: advance(5_000), lambda: asyncio.sleep(5_000), receives, under_a_timeout, calls]
)
@pytest.mark.parametrize("inline", [None, True])
def test_a_wait_that_ends_by_itself_may_take_as_long_as_it_likes(wait: Any, inline: Any) -> None:
    async def waits() -> int:
        clock = await start_supervised(Ticker)
        try:
            await wait()
        except (TimeoutError, otp.CallTimeout):
            pass
        return await otp.sys.get_state(clock)

    assert 4_999 <= Scheduler(inline=inline, max_steps=1_000).run(waits) <= 5_000


def test_a_test_that_does_something_now_and_then_is_never_ended() -> None:
    async def works() -> float:
        await start_supervised(Ticker)
        for _ in range(100):
            otp.send_after(100, otp.self(), "done")
            await otp.receive()
        return otp.monotonic()

    assert Scheduler(max_steps=500).run(works) == 10_000


def test_without_a_limit_nobody_counts() -> None:
    async def waits() -> Any:
        ticker = await start_supervised(Ticker)
        otp.spawn(ends, ticker)
        return await otp.wait_down(ticker)

    async def ends(pid: otp.Pid) -> None:
        await asyncio.sleep(5_000)
        otp.exit(pid, "kill")

    assert Scheduler(max_steps="infinity").run(waits) == "killed"
    assert "Ticker" in expect_livelock(waits)


def test_a_session_that_runs_on_is_ended_too_and_single_steps_never_are() -> None:
    async def waits() -> None:
        await start_supervised(Ticker)
        await otp.receive()

    with Scheduler(max_steps=1_000).session(waits) as session:
        for _ in range(5):
            session.step(300)
        with pytest.raises(Livelock):
            session.run_until(lambda at: False)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, None, "many"])
def test_a_limit_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(otp.BadArgument, match="max_steps: expected a number of at least 1"):
        Scheduler(max_steps=wrong)
