"""Task groups inside a process: a failing child interrupts it, and no child is left behind.

Source: design part 11 §4, "asyncio interop".
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.testing import wait_all_idle


def test_a_task_group_gathers_its_results(run: Any) -> None:
    async def main() -> Any:
        async def work(n: int) -> int:
            await asyncio.sleep(n)
            return n * n

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(n)) for n in range(4)]
        return [task.result() for task in tasks], otp.monotonic()

    assert run(main) == ([0, 1, 4, 9], 3.0)


def test_a_failing_child_interrupts_whatever_its_process_waits_for(run: Any, wait: Any) -> None:
    async def main() -> Any:
        async def fails() -> None:
            await asyncio.sleep(1)
            raise ValueError("child")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                await wait()
        except* ValueError as errors:
            texts = [str(error) for error in errors.exceptions]
        otp.send(otp.self(), "alive")
        return texts, otp.monotonic(), await otp.receive()

    assert run(main) == (["child"], 1.0, "alive")


def test_a_child_that_exits_ends_the_process_with_that_reason(run: Any) -> None:
    """Design part 1 §2: a group whose leaves are all `Exit` with one reason unwraps to it."""

    async def main() -> Any:
        async def exits() -> None:
            await asyncio.sleep(1)
            otp.exit(("my", "reason"))

        async def process() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(exits())
                group.create_task(exits())
                await otp.receive()

        _, ref = otp.spawn_monitor(process)
        return (await otp.receive(ref)).reason

    assert run(main) == ("my", "reason")


@pytest.mark.parametrize("reason", ["boom", "shutdown"])
def test_a_process_that_ends_inside_a_task_group_ends_after_its_children(reason: str, run: Any) -> None:
    order: list[str] = []

    async def main() -> Any:
        async def child(name: str) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(1)
                order.append(name)

        async def process() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(child("one"))
                group.create_task(child("two"))
                await otp.receive()

        pid, ref = otp.spawn_monitor(process)
        await wait_all_idle()
        otp.exit(pid, reason)
        down = await otp.receive(ref)
        order.append("down")
        return down.reason, otp.monotonic()

    assert run(main) == (reason, 1.0)
    assert sorted(order[:2]) == ["one", "two"]
    assert order[2:] == ["down"]
