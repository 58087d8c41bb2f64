"""Timers and time-outs follow the clock of the loop, as those of asyncio do, however a test changes it."""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import time_machine
import uvloop
from freezegun import freeze_time

import otp
from otp import GenServer, NoReply, Ok, Reply, Supervisor, impl
from stopped_programs import pass_time


class Silent(GenServer[Any]):
    """A server that answers no call and reports its time-out."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg, timeout=0.02)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        otp.send(state, message)
        return NoReply(state)


async def all_time_outs(unit: float = 0.01) -> list[str]:
    """Wait for one time-out of each kind; return those that came."""
    came: list[str] = []
    server = await Silent.start(otp.self())
    assert await otp.receive() == otp.Timeout()
    came.append("timeout= of a result")
    try:
        await otp.receive(timeout=unit)
    except otp.ReceiveTimeout:
        came.append("receive")
    otp.send_after(unit, otp.self(), "sent")
    came.append(await otp.receive())
    for seconds in (unit, 30 * unit):  # with a timer of its own, and in the wheel
        try:
            await GenServer.call(server, "question", timeout=seconds)
        except otp.CallTimeout:
            came.append("call")
    try:
        await otp.wait_down(server, timeout=unit)
    except TimeoutError:
        came.append("wait_down")
    return came


ALL = ["timeout= of a result", "receive", "sent", "call", "call", "wait_down"]


class Runs(GenServer[Any]):
    """A process that runs a function."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        return Reply(await state(), state)


def run_on(loop: asyncio.AbstractEventLoop, fn: Callable[[], Awaitable[Any]]) -> Any:
    """Run a function as a process of a node on this loop, and close it."""

    async def main() -> Any:
        async with otp.Node("test") as node:
            return await GenServer.call(await node.start(Runs, fn), "run", timeout=None)

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def test_all_time_outs_come_while_a_test_has_frozen_the_time_but_not_asyncio() -> None:
    """Regression: the loop's timer came, the frozen clock said that nothing was due, and it was set again, for ever."""
    with freeze_time("2026-01-01", real_asyncio=True):
        frozen = time.monotonic()
        assert ALL == otp.run(all_time_outs)
        assert frozen == time.monotonic()


def test_time_that_is_frozen_within_a_run_stops_no_time_out() -> None:
    async def main() -> Any:
        before = await all_time_outs()
        with freeze_time("2026-01-01", real_asyncio=True):
            return before, await all_time_outs()

    assert (ALL, ALL) == otp.run(main)


@pytest.mark.asyncio_loop
def test_frozen_time_moves_timers_as_it_moves_those_of_asyncio() -> None:
    async def main() -> Any:
        with freeze_time("2026-01-01") as frozen:
            await Silent.start(otp.self())

            timer = otp.send_after(3600, otp.self(), "an hour later")
            left = otp.read_timer(timer)
            frozen.tick(3601)
            return left, [await otp.receive(), await otp.receive()]

    left, got = otp.run(main)
    assert (3600, {otp.Timeout(), "an hour later"}) == (left, set(got))


@pytest.mark.parametrize("tick", [True, False])
def test_all_time_outs_come_on_another_day(tick: bool) -> None:
    with time_machine.travel("1999-12-31", tick=tick):
        assert ALL == otp.run(all_time_outs)


class Scaled(asyncio.SelectorEventLoop):
    """A loop on which a second takes a millisecond."""

    def __init__(self) -> None:
        super().__init__(Hasty())

    def time(self) -> float:
        return super().time() * 1000


class Hasty(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(None if timeout is None else timeout / 1000)


def test_on_a_scaled_loop_all_times_are_scaled() -> None:
    async def main() -> Any:
        began, really = otp.monotonic(), time.monotonic()
        came = await all_time_outs(1)
        return came, otp.monotonic() - began >= 34, time.monotonic() - really < 20

    assert (ALL, True, True) == run_on(Scaled(), main)


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose clock a test puts forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def test_a_clock_that_jumps_brings_what_is_due() -> None:
    loop = Jumping()

    async def main() -> Any:
        otp.send_after(86_400, otp.self(), "tomorrow")
        loop.ahead += 86_401
        return await otp.receive()

    assert "tomorrow" == run_on(loop, main)


@pytest.mark.asyncio_loop
def test_a_patched_clock_brings_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        now = loop.time()
        otp.send_after(86_400, otp.self(), "tomorrow")
        monkeypatch.setattr(loop, "time", lambda: now + 86_401)
        try:
            return await otp.receive()
        finally:
            monkeypatch.undo()

    assert "tomorrow" == otp.run(main)


@pytest.mark.asyncio_loop
def test_a_timer_that_a_test_fires_by_hand_is_due() -> None:
    """The tests of Home Assistant run the handles of a loop before their time."""

    async def main() -> Any:
        async with otp.Node("test") as node:
            loop: Any = asyncio.get_running_loop()
            pid = node.spawn(otp.receive)
            otp.send_after(3600, pid, "an hour later")
            otp.send_after(7200, pid, "two hours later")
            (handle,) = [one for one in loop._scheduled if loop.time() < one.when() <= loop.time() + 3600]
            handle._run()
            handle.cancel()
            return await otp.wait_down(pid)

    assert "normal" == asyncio.run(main())


def test_the_window_of_restarts_follows_the_clock() -> None:
    loop = Jumping()

    async def main() -> Any:
        child = Silent.child_spec(otp.self(), id="one")
        top = await Supervisor.start_link_children([child], max_restarts=1, max_seconds=5)
        for _ in range(3):
            (child,) = await Supervisor.which_children(top)
            assert child.pid is not None and child.pid != "restarting"
            otp.exit(child.pid, "kill")
            await otp.wait_down(child.pid)
            await Supervisor.which_children(top)
            loop.ahead += 10
        return otp.is_alive(top)

    assert run_on(loop, main)


def test_under_uvloop_a_limit_begins_when_it_is_set() -> None:
    """Its clock stands still during a callback."""

    async def main() -> Any:
        came = await all_time_outs()
        pass_time(0.3)
        really = time.monotonic()
        try:
            await otp.receive(timeout=0.2)
        except otp.ReceiveTimeout:
            return came, time.monotonic() - really

    came, took = run_on(uvloop.new_event_loop(), main)
    assert ALL == came
    assert took > 0.19


class Reader(GenServer[Any]):
    """A server that answers with the bytes that come over a connection."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        reader, writer = await asyncio.open_connection(sock=state)
        try:
            return Reply(await reader.readexactly(5), state)
        finally:
            writer.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("seconds", [0.1, 0.3], ids=["own timer", "wheel"])
def test_an_answer_that_arrived_while_the_program_stood_still_comes_before_the_time_out(
    new_loop: Callable[[], asyncio.AbstractEventLoop], seconds: float
) -> None:
    """Regression: the timers came first, and the call failed with its answer in the mailbox."""

    async def main() -> Any:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)

        def stand_still() -> None:
            pass_time(seconds + 0.2)
            theirs.send(b"hello")

        asyncio.get_running_loop().call_later(0.02, stand_still)
        with theirs:
            return await GenServer.call(await Reader.start(ours), "read", timeout=seconds)

    assert b"hello" == run_on(new_loop(), main)
