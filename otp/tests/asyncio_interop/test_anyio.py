"""Scopes, groups and streams of anyio work inside a process.

Source: design part 11 §4, "asyncio interop".
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

import otp
from otp.testing import wait_all_idle


def test_anyio_cancel_scopes_end_every_kind_of_wait(run: Any, wait: Any) -> None:
    async def main() -> Any:
        with anyio.move_on_after(1) as scope:
            await wait()
        with pytest.raises(TimeoutError):
            with anyio.fail_after(1):
                await wait()
        otp.send(otp.self(), "alive")
        return scope.cancelled_caught, otp.monotonic(), await otp.receive()

    assert run(main) == (True, 2.0, "alive")


def test_anyio_task_groups_streams_and_events(run: Any) -> None:
    async def main() -> Any:
        send, receive = anyio.create_memory_object_stream[int](0)
        event = anyio.Event()

        async def producer() -> None:
            async with send:
                for n in range(5):
                    await send.send(n)
            event.set()

        async with anyio.create_task_group() as group:
            group.start_soon(producer)
            async with receive:
                got = [n async for n in receive]
            await event.wait()
        return got

    assert run(main) == [0, 1, 2, 3, 4]


def test_an_anyio_task_group_is_cancelled_as_a_whole(run: Any) -> None:
    cancelled: list[int] = []

    async def main() -> Any:
        async def child(n: int) -> None:
            try:
                await anyio.Event().wait()
            except BaseException:
                cancelled.append(n)
                raise

        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(child, n)
            await asyncio.sleep(1)
            group.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint()
        return otp.monotonic(), asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert run(main) == (1.0, 0)
    assert sorted(cancelled) == [0, 1, 2]


def test_a_failing_child_of_an_anyio_group_interrupts_a_receive(run: Any) -> None:
    async def main() -> Any:
        async def fails() -> None:
            await asyncio.sleep(1)
            raise ValueError("child")

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(fails)
                await otp.receive()
        except* ValueError as errors:
            texts = [str(error) for error in errors.exceptions]
        otp.send(otp.self(), "alive")
        return texts, await otp.receive()

    assert run(main) == (["child"], "alive")


@pytest.mark.parametrize("reason", ["boom", "kill"])
def test_a_signal_ends_a_process_inside_an_anyio_task_group(reason: str, run: Any) -> None:
    cancelled: list[int] = []

    async def main() -> Any:
        async def child() -> None:
            try:
                await anyio.Event().wait()
            except BaseException:
                cancelled.append(1)
                raise

        async def process() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(child)
                await otp.receive()

        pid, ref = otp.spawn_monitor(process)
        await wait_all_idle()
        otp.exit(pid, reason)
        down = (await otp.receive(ref)).reason
        await wait_all_idle()
        return down

    assert run(main) == ("killed" if reason == "kill" else reason)
    assert cancelled == [1]


def test_anyio_threads_run_beside_the_loop() -> None:
    async def main() -> Any:
        with anyio.fail_after(5):
            return await anyio.to_thread.run_sync(len, "abc")

    assert otp.run(main) == 3
