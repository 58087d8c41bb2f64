"""`asyncio.timeout` and `wait_for` work inside a process around every kind of wait, and lose nothing.

Source: design part 11 §4, "asyncio interop".
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer
from otp.testing import advance, wait_all_idle
from who_asked import Server


def test_asyncio_timeout_works_around_every_kind_of_wait(run: Any, wait: Any) -> None:
    async def main() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await wait()
        when = otp.monotonic()
        otp.send(otp.self(), "alive")
        return when, await otp.receive(), asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert run(main) == (2.0, "alive", 0)


def test_nested_time_outs_end_at_the_inner_one(run: Any, wait: Any) -> None:
    async def main() -> Any:
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await wait()
            await asyncio.sleep(1)
        return otp.monotonic()

    assert run(main) == 2.0


def test_a_message_that_comes_with_the_time_out_is_not_lost(run: Any) -> None:
    async def main() -> Any:
        got = []
        for n in range(20):
            otp.send_after(1, otp.self(), n)
            try:
                async with asyncio.timeout(1):
                    got.append(await otp.receive())
            except TimeoutError:
                got.append(await otp.receive())
        return got

    assert run(main) == list(range(20))


def test_a_future_that_is_done_with_the_time_out_leaves_no_cancellation_behind(run: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        for _ in range(5):
            future = loop.create_future()
            loop.call_later(1, future.set_result, "done")
            try:
                async with asyncio.timeout(1):
                    await future
            except TimeoutError:
                pass
            await advance(1)
        return asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert run(main) == 0


def test_a_cancellation_after_the_future_was_done_is_raised_where_it_was_awaited(run: Any) -> None:
    async def main() -> Any:
        async def process() -> None:
            try:
                await future
            except asyncio.CancelledError:
                otp.send(me, "cancelled")

        me = otp.self()
        future = asyncio.get_running_loop().create_future()
        pid: Any = otp.spawn(process)
        await wait_all_idle()
        future.set_result("done")
        pid.cancel()
        return await otp.receive(timeout=1)

    assert run(main) == "cancelled"


def test_wait_for_around_sleeping_and_calling(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(60), 1)
        answer = await asyncio.wait_for(GenServer.call(server, "x"), 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(GenServer.call(server, "never"), 1)
        return answer[0], otp.monotonic()

    assert run(main) == ("x", 2.0)


def test_an_uncaught_cancellation_that_no_signal_caused_is_a_crash(run: Any) -> None:
    async def main() -> Any:
        async def process() -> None:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await otp.receive()

        _, ref = otp.spawn_monitor(process)
        return (await otp.receive(ref)).reason.term.type_name

    assert run(main) == "CancelledError"
