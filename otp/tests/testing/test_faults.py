"""Faults on purpose, the sequencer, and the standard library inside a run."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import otp
from echo_server import Echo
from otp import CallTimeout, GenServer
from otp.testing import RealIONotSimulated, Scheduler, Sequencer, crash, delay, drop, mailbox, partition, wait_all_idle


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return Scheduler(seed=3, inline=request.param).run


def test_drop_loses_so_many_messages_that_match(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        with drop(to=me, matching=int, times=2) as fault:
            otp.spawn(lambda: [otp.send(me, message) for message in (1, "a", 2, 3)])
            await wait_all_idle()
            return mailbox(), fault.hits

    assert run(main) == (["a", 3], 2)


def test_a_lost_call_times_out(run: Any) -> None:
    async def main() -> Any:
        echo = await Echo.start_link(None, name="echo")
        with drop(to="echo"), pytest.raises(CallTimeout):
            await GenServer.call(echo, 1)
        return await GenServer.call(echo, 2), otp.monotonic()

    assert run(main) == (2, 5.0)


def test_delay_lets_messages_arrive_later(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        delay(2, to=me, matching="slow", times=1)
        otp.spawn(lambda: [otp.send(me, "slow"), otp.send(me, "fast")])
        return await otp.receive(), await otp.receive(), otp.monotonic()

    assert run(main) == ("fast", "slow", 2.0)


def test_crash_ends_the_receiver(run: Any) -> None:
    async def main() -> Any:
        pid, ref = otp.spawn_monitor(otp.receive)
        crash(pid, reason="fire")
        otp.send(pid, "anything")
        return (await otp.receive(ref)).reason

    assert run(main) == "fire"


def test_partition_cuts_both_directions_until_it_is_healed(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()

        async def other() -> None:
            while True:
                otp.send(me, await otp.receive())

        pid = otp.spawn(other)
        await wait_all_idle()
        cut = partition(me, [pid])
        otp.send(pid, 1)
        await wait_all_idle()
        cut.heal()
        otp.send(pid, 2)
        await wait_all_idle()
        return mailbox(), cut.hits

    assert run(main) == ([2], 1)


def test_the_sequencer_orders_blocks(run: Any) -> None:
    async def main() -> list[int]:
        order, seen = Sequencer(), []

        async def worker(numbers: tuple[int, ...]) -> None:
            for n in numbers:
                async with order(n):
                    seen.append(n)

        for numbers in ((1, 4), (0, 3), (2, 5)):
            otp.spawn(worker, numbers)
        async with order(6):
            return seen

    assert run(main) == [0, 1, 2, 3, 4, 5]


def test_a_number_of_the_sequencer_is_used_once(run: Any) -> None:
    async def main() -> None:
        order = Sequencer()
        async with order(0):
            pass
        async with order(0):
            pass

    with pytest.raises(RuntimeError, match="each number once"):
        run(main)


def test_a_cancelled_wait_breaks_the_sequence(run: Any) -> None:
    async def main() -> None:
        order = Sequencer()

        async def wait() -> None:
            async with order(1):
                pass

        task = asyncio.ensure_future(wait())
        await wait_all_idle()
        task.cancel()
        await wait_all_idle()
        async with order(2):
            pass

    with pytest.raises(RuntimeError, match="can never come"):
        run(main)


def test_clocks_and_random_sources_of_the_standard_library_follow_the_run() -> None:
    async def main() -> Any:
        before = time.time(), time.monotonic(), time.perf_counter_ns()
        await asyncio.sleep(90)
        after = time.time() - before[0], time.monotonic(), time.perf_counter_ns()
        return after, random.random(), uuid.uuid4(), os.urandom(4), secrets.token_hex(4)

    state, real = random.getstate(), time.time
    first = Scheduler(1).run(main)
    assert first[0] == (90.0, 90.0, 90_000_000_000)
    assert Scheduler(1).run(main) == first
    assert Scheduler(2).run(main)[1:] != first[1:]
    assert (random.getstate(), time.time) == (state, real)


def test_other_threads_keep_the_real_library() -> None:
    seen: list[float] = []
    inside, looked = threading.Event(), threading.Event()

    def look() -> None:
        inside.wait()
        seen.append(time.monotonic())
        looked.set()

    async def main() -> None:
        inside.set()
        looked.wait()

    before = time.monotonic()
    thread = threading.Thread(target=look)
    thread.start()
    Scheduler().run(main)
    thread.join()
    assert seen[0] >= before


@pytest.mark.parametrize(
    ("call", "use"),
    [
        ("time.sleep", lambda: getattr(time, "sleep")(0)),
        ("threading.Thread.start", lambda: threading.Thread(target=print).start()),
        ("socket.socket", lambda: socket.socket()),
        ("subprocess.Popen", lambda: subprocess.run([sys.executable], check=False)),
        ("os.system", lambda: os.system("true")),
    ],
)
def test_what_touches_the_world_is_refused_even_if_somebody_swallows_it(call: str, use: Any) -> None:
    async def main() -> None:
        try:
            use()
        except Exception:  # as a library would
            pass

    with pytest.raises(RealIONotSimulated, match=rf"{call}: expected only simulated I/O .* try "):
        Scheduler().run(main)


def test_in_real_time_nothing_is_refused() -> None:
    async def main() -> Any:
        return await asyncio.to_thread(len, "abc"), time.monotonic() > 0

    assert Scheduler(io="real").run(main) == (3, True)
