"""Child tasks and task groups end with their process, before its Down arrives.

Source: design part 1 §3, "Dying".
"""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp.testing import wait_all_idle


def test_child_tasks_that_are_awaited_end_before_the_down(run: Any) -> None:
    """As with `Task.cancel`, a process ends after the task that it awaits."""
    order: list[str] = []

    async def main() -> Any:
        async def child(n: int) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(n)
                order.append(f"child {n}")

        async def one() -> None:
            await asyncio.create_task(child(1))

        async def group() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(child(1))
                tasks.create_task(child(3))

        for fn in (one, group):
            pid, ref = otp.spawn_monitor(fn)
            await wait_all_idle()
            otp.exit(pid, "boom")
            assert not otp.is_alive(pid)
            order.append((await otp.receive(ref)).reason)

    run(main)
    assert order == ["child 1", "boom", "child 1", "child 3", "boom"]


def test_kill_inside_a_task_group_cancels_the_children(run: Any) -> None:
    cancelled: list[int] = []

    async def main() -> Any:
        async def child(n: int) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(n)
                raise

        async def victim() -> None:
            async with asyncio.TaskGroup() as tasks:
                for n in range(3):
                    tasks.create_task(child(n))

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")
        alive = otp.is_alive(pid)
        reason = (await otp.receive(ref)).reason
        await wait_all_idle()
        kinds = {event.kind for event in otp.trace.history(otp.node())}
        return alive, reason, otp.monotonic(), "abandoned_cleanup" in kinds

    assert run(main) == (False, "killed", 0.0, False)
    assert sorted(cancelled) == [0, 1, 2]  # a task group holds a set


def test_exit_inside_a_task_group_ends_the_process_with_that_reason(run: Any) -> None:
    async def main() -> Any:
        async def victim(how: str) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.sleep(60))
                if how == "raise":
                    otp.exit("boom")
                otp.exit(otp.self(), "boom")

        reasons = []
        for how in ("raise", "signal"):
            _, ref = otp.spawn_monitor(victim, how)
            reasons.append((await otp.receive(ref)).reason)
        return reasons

    assert run(main) == ["boom", "boom"]


def test_a_signal_in_the_turn_in_which_a_timeout_expires_ends_the_process(run: Any) -> None:
    """Regression: `asyncio.timeout` took the cancellation for its own; the loop around it ran for five more seconds."""

    async def main() -> Any:
        rounds: list[int] = []

        async def polls() -> None:
            while True:
                try:
                    async with asyncio.timeout(1):
                        await asyncio.get_running_loop().create_future()
                except TimeoutError:
                    rounds.append(1)

        pid, ref = otp.spawn_monitor(polls)
        await wait_all_idle()
        task = otp.process_info(pid, "status")
        asyncio.get_running_loop().call_at(1.0, otp.exit, pid, "boom")
        down = await otp.receive(ref)
        return task, down.reason, otp.monotonic(), len(rounds)

    assert run(main) in (("awaiting", "boom", 1.0, 0), ("awaiting", "boom", 1.0, 1))
