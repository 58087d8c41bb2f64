"""A process reacts to `cancel` as a task does: once, where it waits or has yielded, and with the message.

anyio knows its own cancellations by the message of `cancel(msg)`.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import anyio
import pytest

import otp
from loops import LOOPS, REAL_LOOPS, turns
from otp.testing import wait_all_idle


@pytest.fixture(params=LOOPS)
def run_in_loop(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return LOOPS[request.param]


async def yields() -> None:
    while True:
        await asyncio.sleep(0)


async def yields_and_waits() -> None:
    while True:
        await asyncio.sleep(0)
        await asyncio.get_running_loop().create_future()


def test_a_scope_of_anyio_catches_its_own_cancellation_in_a_process_that_yields(run_in_loop: Any) -> None:
    async def main() -> list[Any]:
        caught: list[Any] = []
        for _ in range(20):
            with anyio.CancelScope() as scope:
                asyncio.get_running_loop().call_soon(scope.cancel)
                await yields()
            caught.append(scope.cancelled_caught)
        return [caught, asyncio.current_task().cancelling()]  # type: ignore[union-attr]

    assert [[True] * 20, 0] == run_in_loop(main)


@pytest.mark.parametrize("run_in_loop", REAL_LOOPS, indirect=True)
def test_a_scope_of_anyio_stops_a_process_that_reads_a_full_stream(run_in_loop: Any) -> None:
    async def main() -> list[bool]:
        caught: list[bool] = []
        for _ in range(20):
            send, receive = anyio.create_memory_object_stream[int](1)
            with send, receive, anyio.move_on_after(0.001) as scope:
                while True:
                    await send.send(1)
                    await receive.receive()
            caught.append(scope.cancelled_caught)
        return caught

    assert [True] * 20 == run_in_loop(main)


def test_a_scope_of_anyio_in_the_cleanup_of_a_process_that_yields_ends(run_in_loop: Any) -> None:
    async def main() -> Any:
        seen: list[Any] = []

        async def process() -> None:
            try:
                await otp.receive()
            finally:
                with anyio.CancelScope(shield=True) as scope:
                    asyncio.get_running_loop().call_soon(scope.cancel)
                    await yields()
                seen.append(scope.cancelled_caught)

        pid, ref = otp.spawn_monitor(process)
        await wait_all_idle()
        otp.exit(pid, "over")
        return (await otp.receive(ref)).reason, seen

    assert ("over", [True]) == run_in_loop(main)


async def waits() -> None:
    await asyncio.get_running_loop().create_future()


class Cancelled:
    """The cancellations that a task or process sees when it gets several in one step while it waits."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        self.wait = wait
        self.raised: list[tuple[Any, ...]] = []

    async def run(self) -> None:
        for wait in (self.wait, self._two_turns):
            try:
                await wait()
            except asyncio.CancelledError as cancelled:
                self.raised.append(cancelled.args)

    async def _two_turns(self) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def seen_by(self, task: Any, messages: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        await turns(5)
        for message in messages:
            task.cancel(message)
        ended = asyncio.Event()
        task.add_done_callback(lambda _: ended.set())
        await ended.wait()
        return self.raised


@pytest.mark.parametrize("messages", [("a",), (None,), ("a", "b"), ("a", None)])
@pytest.mark.parametrize("wait", [yields, yields_and_waits, waits])
def test_a_process_sees_of_a_cancellation_what_a_task_sees(
    run_in_loop: Any, wait: Any, messages: tuple[Any, ...]
) -> None:
    async def main() -> Any:
        in_task, in_process = Cancelled(wait), Cancelled(wait)
        expected = await in_task.seen_by(asyncio.ensure_future(in_task.run()), messages)
        return expected, await in_process.seen_by(otp.spawn(in_process.run), messages)

    expected, actual = run_in_loop(main)
    assert 1 == len(expected)
    assert expected == actual


@pytest.mark.parametrize(("messages", "expected"), [(("a",), ("a",)), ((None,), ()), (("a", "b"), ("b",))])
def test_a_receive_sees_one_cancellation_with_its_message(
    run_in_loop: Any, messages: tuple[Any, ...], expected: tuple[Any, ...]
) -> None:
    async def main() -> Any:
        seen = Cancelled(otp.receive)
        return await seen.seen_by(otp.spawn(seen.run), messages)

    assert [expected] == run_in_loop(main)


def test_a_process_that_has_not_started_is_cancelled_as_a_task_before_its_first_line(run_in_loop: Any) -> None:
    async def main() -> Any:
        ran: list[int] = []

        async def process() -> None:
            ran.append(1)

        pid, ref = otp.spawn_monitor(process)
        pid.cancel("early")  # type: ignore[attr-defined]
        reason = (await otp.receive(ref)).reason
        return reason[0].type_name, ran

    assert ("CancelledError", []) == run_in_loop(main)


def test_none_as_a_message_is_not_lost_to_a_cancellation_that_comes_with_it(run_in_loop: Any) -> None:
    async def main() -> Any:
        seen: list[Any] = []

        async def process() -> None:
            while len(seen) < 2:
                try:
                    seen.append(await otp.receive())
                except asyncio.CancelledError:
                    seen.append("cancelled")

        pid: Any = otp.spawn(process)
        await wait_all_idle()
        otp.send(pid, None)
        pid.cancel()
        await otp.wait_down(pid)
        return sorted(seen, key=str)

    assert [None, "cancelled"] == run_in_loop(main)


def test_a_process_has_the_name_and_the_stack_of_a_task(run_in_loop: Any) -> None:
    async def main() -> Any:
        me: Any = asyncio.current_task()
        before = me.get_name() == repr(me)
        me.set_name("worker")
        printed = io.StringIO()
        me.print_stack(file=printed)
        return before, me.get_name(), me.get_stack()[-1] is me.get_coro().cr_frame, "Stack for" in printed.getvalue()

    assert (True, "worker", True, True) == run_in_loop(main)
