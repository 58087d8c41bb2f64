"""`Task.run_blocking`: a thread blocks while the processes go on; real threads, real time, and events say when."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import otp
from otp import Exit, NotAProcess, Task, testing
from task_functions import fail, never


def test_while_a_thread_blocks_the_others_go_on() -> None:
    async def main() -> Any:
        may_end = threading.Event()
        task = Task.async_(Task.run_blocking, may_end.wait)
        echo = otp.spawn(lambda: None)
        assert "normal" == await otp.wait_down(echo)
        assert await Task.yield_(task, 0) is None
        may_end.set()
        return await Task.await_(task), threading.current_thread() is not await Task.run_blocking(
            threading.current_thread
        )

    assert (True, True) == otp.run(main)


def test_what_the_blocking_function_raises_is_raised_here() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            await Task.run_blocking(fail, ValueError("no"))
        with pytest.raises(Exit):
            await Task.run_blocking(otp.exit, "shutdown")

    otp.run(main)


def test_a_process_that_ends_while_its_thread_blocks_ends_at_once_and_the_function_runs_on() -> None:
    async def main() -> str:
        began, may_end, ended = threading.Event(), threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            began.set()
            may_end.wait()
            loop.call_soon_threadsafe(ended.set)

        pid = otp.spawn(Task.run_blocking, work)
        await Task.run_blocking(began.wait)
        otp.exit(pid, "boom")
        reason = await otp.wait_down(pid) if otp.is_alive(pid) else "gone"
        may_end.set()
        await ended.wait()
        return reason

    assert "gone" == otp.run(main)


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (Exit("boom"), "boom"),
        (otp.Error("bad"), otp.Crash("bad")),
        (ValueError("no"), otp.Crash(otp.ExceptionTerm("ValueError", ("no",), "no"))),
    ],
)
def test_what_the_blocking_function_raises_is_the_exit_reason_of_who_does_not_catch_it(
    raised: Exception, reason: Any
) -> None:
    async def main() -> Any:
        _pid, ref = otp.spawn_monitor(Task.run_blocking, fail, raised)
        return (await otp.receive(ref)).reason

    assert reason == otp.run(main)


def test_a_blocking_function_that_raises_stop_iteration_does_not_leave_its_caller_waiting() -> None:
    """Before Python 3.13 no future accepts one: its waiter waited for ever."""

    async def main() -> None:
        with pytest.raises(RuntimeError, match="next raised StopIteration"):
            await Task.run_blocking(next, iter(()))

    otp.run(main)


def test_a_time_out_ends_the_wait_at_once_and_drops_the_result() -> None:
    async def main() -> Any:
        may_end = threading.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Task.run_blocking(may_end.wait)
        may_end.set()
        return await Task.run_blocking(sum, [1, 2]), otp.process_info(otp.self(), "messages")

    assert (3, ()) == otp.run(main)


def test_a_server_is_busy_while_its_callback_blocks_and_can_be_killed() -> None:
    class Slow(otp.GenServer[Any]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(arg)

        @otp.impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return otp.Reply(await Task.run_blocking(request), state)

    async def main() -> Any:
        began, may_end = threading.Event(), threading.Event()
        slow = await Slow.start(None)
        assert 3 == await Slow.call(slow, lambda: 3)
        call = asyncio.create_task(Slow.call(slow, lambda: began.set() or may_end.wait()))
        await Task.run_blocking(began.wait)
        try:
            with pytest.raises(otp.CallTimeout):
                await Slow.call(slow, lambda: 3, 0.01)
            otp.exit(slow, "kill")
            with pytest.raises(otp.ServerDown) as failed:
                await call
        finally:
            may_end.set()
        return failed.value.cause_reason

    assert "killed" == otp.run(main)


def test_an_async_function_does_not_block() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="expected a plain function, got the async never"):
            await Task.run_blocking(never)

    otp.run(main)


def test_inside_the_thread_there_is_no_process() -> None:
    async def main() -> None:
        with pytest.raises(NotAProcess):
            await Task.run_blocking(otp.self)

    otp.run(main)


def test_virtual_time_runs_the_function_at_once() -> None:
    """A program with `run_blocking` in it could not be tested in virtual time."""

    async def main() -> None:
        assert 3 == await Task.run_blocking(sum, [1, 2])
        assert await Task.run_blocking(threading.current_thread) is threading.current_thread()
        with pytest.raises(ValueError, match="no"):
            await Task.run_blocking(fail, ValueError("no"))
        with pytest.raises(RuntimeError, match="next raised StopIteration"):
            await Task.run_blocking(next, iter(()))
        with pytest.raises(TypeError, match="expected a plain function, got the async never"):
            await Task.run_blocking(never)
        assert 0 == otp.monotonic()

    testing.Scheduler().run(main)


def test_in_virtual_time_the_function_finds_no_process_and_no_loop_as_in_a_thread() -> None:
    async def main() -> None:
        for call in (otp.self, otp.node, asyncio.get_running_loop):
            with pytest.raises((NotAProcess, otp.BadArgument, RuntimeError)):
                await Task.run_blocking(call)
        me = otp.self()
        assert me == await asyncio.create_task(_self_after(Task.run_blocking(sum, [1])))
        assert me == otp.self()

    async def _self_after(awaitable: Any) -> otp.Pid:
        await awaitable
        return otp.self()

    testing.Scheduler().run(main)


@pytest.mark.parametrize("inline", [None, True, False])
def test_in_virtual_time_others_may_run_before_the_result_is_there(inline: bool | None) -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        otp.spawn(seen.append, "other")
        await Task.run_blocking(seen.append, "function")
        seen.append("result")
        await testing.wait_all_idle()
        return seen

    orders = {tuple(testing.Scheduler(seed, inline=inline).run(main)) for seed in range(10)}
    first = ("function", "other", "result")
    assert orders == ({first, ("function", "result", "other")} if inline is None else {first})


def test_in_virtual_time_the_function_reaches_the_node_as_from_a_thread() -> None:
    async def main() -> Any:
        node, me = otp.node(), otp.self()

        def work() -> None:
            node.send_from_thread(me, "half")
            node.cast_from_thread(me, "done")
            with pytest.raises(otp.BadArgument, match=r"virtual time .* would wait for itself"):
                node.call_from_thread(otp.GenServer.call(me, "request"))

        await Task.run_blocking(work)
        await testing.wait_all_idle()
        return testing.mailbox()

    assert ["half", ("$gen_cast", "done")] == testing.Scheduler().run(main)


def test_in_virtual_time_a_process_that_is_killed_drops_the_result() -> None:
    async def main() -> tuple[Any, list[str]]:
        seen: list[str] = []

        async def work() -> None:
            await Task.run_blocking(seen.append, "ran")
            seen.append("went on")

        pid = otp.spawn(work)
        await asyncio.sleep(0)  # the oldest runs first: the worker has run as far as it can
        otp.exit(pid, "kill")
        return await otp.wait_down(pid), seen

    assert ("noproc", ["ran"]) == testing.Scheduler(inline=True).run(main)
