"""Streams of tasks: order, room, time limits, crashes, and that leaving one leaves nothing behind.

The rules are those of Elixir's `Task.async_stream`; "task_test" is its test/elixir/task_test.exs.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import otp
from otp import BadArgument, Exit, GenServer, NotAProcess, Ok, Reply, Tag, Task, TaskExit, TaskOk, impl, testing
from otp.testing import advance, wait_all_idle
from own_process import links, messages
from task_functions import nap, never
from task_streams import ROOMS, all_of, exits, first_of, oks


def others() -> list[otp.Pid]:
    """All processes but the one that asks."""
    return [pid for pid in otp.processes() if pid != otp.self()]


async def clean(test: Any) -> None:
    """Run a test; no message, link or process is left after it."""
    await test()
    await wait_all_idle()
    assert () == messages()
    assert () == links()
    assert [] == others()


@ROOMS
def test_results_come_in_the_order_of_the_items(run: Any, room: int) -> None:
    """task_test, "streams an enumerable with fun", "… with slowest first"."""

    async def main() -> None:
        assert oks(1, 2, 3, 4) == await all_of(Task.async_stream(range(1, 5), nap, max_concurrency=room))
        assert oks(4, 3, 2, 1) == await all_of(Task.async_stream((4, 3, 2, 1), nap, max_concurrency=room))

    run(clean, main)


def test_unordered_results_come_when_they_are_there(run: Any) -> None:
    """task_test, "streams an enumerable with ordered: false"."""

    async def main() -> None:
        stream = Task.async_stream((4, 3, 2, 1), nap, max_concurrency=1, ordered=False)
        assert oks(4, 3, 2, 1) == await all_of(stream)
        stream = Task.async_stream((4, 3, 2, 1), nap, max_concurrency=4, ordered=False)
        assert oks(1, 2, 3, 4) == await all_of(stream)

    run(clean, main)


def test_the_function_gets_the_item_and_the_arguments(run: Any) -> None:
    async def main() -> None:
        assert oks(3, 6) == await all_of(Task.async_stream([1, 2], int.__mul__, 3))
        assert [] == await all_of(Task.async_stream([], nap))

    run(clean, main)


def test_results_are_outcomes_made_for_match(run: Any) -> None:
    async def main() -> None:
        (result,) = await all_of(Task.async_stream("a", str.upper))
        match result:
            case TaskOk(value):
                assert "A" == value
            case TaskExit():
                pytest.fail("expected a value")

    run(clean, main)


def test_as_many_tasks_run_at_a_time_as_there_is_room(run: Any) -> None:
    async def main() -> None:
        assert oks(*[1] * 10) == await all_of(Task.async_stream([1] * 10, nap, max_concurrency=5))
        assert 2.0 == otp.monotonic()
        await all_of(Task.async_stream([1] * 9, nap))
        assert 4.0 == otp.monotonic(), "eight by default, on every machine"

    run(clean, main)


def test_items_are_taken_when_there_is_room_and_somebody_asks(run: Any) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        n = 0
        while True:
            taken.append(n)
            yield n
            n += 1

    async def main() -> None:
        taken.clear()
        async with Task.async_stream(endless(), nap, max_concurrency=3, timeout="infinity") as results:
            await wait_all_idle()
            assert [] == taken
            assert ("ok", 0) == await anext(results)
            assert [0, 1, 2] == taken
            await advance(60)
            assert [0, 1, 2] == taken, "a slow reader slows the source down"
            assert ("ok", 1) == await anext(results)
            assert [0, 1, 2, 3] == taken

    run(clean, main)


def test_a_slow_task_does_not_keep_others_from_being_started(run: Any) -> None:
    """Task.async_stream/5, `:ordered`: results are buffered to be emitted in the original order."""

    async def main() -> None:
        stream = Task.async_stream([4, 1, 1, 1, 1], nap, max_concurrency=2)
        assert oks(4, 1, 1, 1, 1) == await all_of(stream)
        assert 4.0 == otp.monotonic()

    run(clean, main)


def test_items_may_come_from_an_async_source(run: Any) -> None:
    async def source() -> AsyncIterator[int]:
        for n in (2, 1):
            await nap(0.5)
            yield n

    async def main() -> None:
        assert oks(2, 1) == await all_of(Task.async_stream(source(), nap))
        assert 2.5 == otp.monotonic()
        inner = Task.async_stream([1, 2], nap)
        assert oks(("ok", 1), ("ok", 2)) == await all_of(Task.async_stream(inner, lambda result: result))

    run(clean, main)


def test_an_async_source_may_receive_and_what_has_ended_is_read_before_it_is_asked(run: Any) -> None:
    async def source() -> AsyncIterator[Any]:
        while True:
            yield (await otp.receive(Tag("item")))[1]

    async def main() -> None:
        otp.send(otp.self(), ("item", 1))
        otp.send(otp.self(), "other")
        async with Task.async_stream(source(), lambda n: n, ordered=False) as results:
            otp.send_after(1, otp.self(), ("item", 2))
            otp.send_after(2, otp.self(), ("item", 3))
            assert ("ok", 1) == await anext(results)
            assert 1.0 == otp.monotonic()
        assert "other" == await otp.receive()
        await advance(1)
        assert ("item", 3) == await otp.receive()

    run(clean, main)


def test_a_source_that_raises_ends_the_stream_and_its_tasks(run: Any) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    async def main() -> None:
        with pytest.raises(ValueError, match="no more"):
            await all_of(Task.async_stream(broken(), never))

    run(clean, main)


# Crashes


def test_a_crash_ends_the_reader_with_its_reason(run: Any) -> None:
    """Task.async_stream/5: a failure in a task terminates the caller process."""

    async def reader() -> None:
        await all_of(Task.async_stream(["boom", None], lambda item: otp.exit(item) if item else never()))

    async def main() -> None:
        assert "boom" == await otp.wait_down(otp.spawn(reader))

    run(clean, main)


@ROOMS
def test_a_reader_that_traps_exits_gets_the_reasons(run: Any, room: int) -> None:
    """task_test, "streams an enumerable with exits", "with outer halt on failure"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        assert exits(1, 2, 3, 4) == await all_of(Task.async_stream(range(1, 5), otp.exit, max_concurrency=room))
        assert exits(1, 2) == await first_of(Task.async_stream(range(1, 5), otp.exit, max_concurrency=room), 2)

    run(clean, main)


def test_a_task_that_exits_normally_without_a_result_is_an_exit(run: Any) -> None:
    async def main() -> None:
        assert exits("normal") == await all_of(Task.async_stream(["normal"], otp.exit))

    run(clean, main)


def test_the_item_can_stand_beside_the_reason(run: Any) -> None:
    """task_test, "with timeout and :zip_input_on_exit", "with outer halt on failure and :zip_input_on_exit"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        stream = Task.async_stream([1, 100], nap, zip_input_on_exit=True, on_timeout="kill_task", timeout=50)
        assert [("ok", 1), ("exit", (100, "timeout"))] == await all_of(stream)
        stream = Task.async_stream([1, 2], otp.exit, zip_input_on_exit=True)
        assert exits((1, 1), (2, 2)) == await all_of(stream)

    run(clean, main)


def test_the_end_of_the_reader_ends_the_tasks(run: Any) -> None:
    """Task.async_stream/5: a failure in the caller process terminates all tasks."""

    async def main() -> None:
        for reason in ("boom", "kill"):
            pid = otp.spawn(all_of, Task.async_stream([1, 2], never))
            await wait_all_idle()
            assert 4 == len(others())
            otp.exit(pid, reason)
            await wait_all_idle()
            assert [] == others()

    run(clean, main)


@pytest.mark.parametrize("reason", ["normal", "boom"])
@pytest.mark.parametrize("traps", [False, True])
def test_the_end_of_a_reader_that_did_not_leave_its_stream_ends_the_tasks(run: Any, reason: str, traps: bool) -> None:
    async def reader(stream: Any) -> None:
        otp.process_flag("trap_exit", traps)
        await anext(stream)
        otp.exit(reason)

    async def main() -> None:
        stream = Task.async_stream([0, 60], nap)
        assert reason == await otp.wait_down(otp.spawn(reader, stream))
        await wait_all_idle()
        assert [] == others()
        del stream

    run(clean, main)


def test_the_tasks_hang_together_by_a_process_linked_to_the_reader(run: Any) -> None:
    """Task.async_stream/5: the tasks are linked to an intermediate process, that to the caller."""

    async def main() -> None:
        async with Task.async_stream([1, 2], nap, max_concurrency=2) as results:
            await anext(results)
            (between,) = links()
            assert "Task.async_stream" == otp.process_info(between, "initial_call")
            assert otp.self() == otp.process_info(between, "parent")
            me, task = otp.process_info(between, "links")
            assert otp.self() == me
            assert "nap" == otp.process_info(task, "initial_call")
            assert (between, otp.self()) == otp.process_info(task, "ancestors")
            assert (otp.self(),) == otp.process_info(task, "dictionary")["$callers"]

    run(clean, main)


def test_a_stream_whose_middle_process_is_killed_ends_its_reader(run: Any) -> None:
    """`stream_reduce`, on the DOWN of the monitor process."""

    async def reader(stream: Any) -> None:
        await all_of(stream)

    async def main() -> None:
        pid = otp.spawn(reader, Task.async_stream([1], never))
        await wait_all_idle()
        (between,) = otp.process_info(pid, "links")
        otp.exit(between, "kill")
        assert not otp.is_alive(pid)
        otp.process_flag("trap_exit", True)
        async with Task.async_stream([1, 2], nap, max_concurrency=2, ordered=False) as results:
            assert ("ok", 1) == await anext(results)
            otp.exit(links()[0], "kill")
            with pytest.raises(Exit) as broken:
                await anext(results)
            assert ("killed", ("Task", "async_stream", [5.0])) == broken.value.reason

    run(clean, main)


# Time


def test_a_task_that_takes_too_long_ends_the_wait_of_the_reader(run: Any) -> None:
    """task_test, "timeout"."""

    async def main() -> None:
        with pytest.raises(Exit) as late:
            await all_of(Task.async_stream([1, 6], nap))
        assert ("timeout", ("Task", "async_stream", [5.0])) == late.value.reason
        assert 5.0 == otp.monotonic()

    run(clean, main)


def test_what_is_there_is_read_before_the_time_out(run: Any) -> None:
    async def main() -> None:
        async with Task.async_stream([1, 6, 7], nap) as results:
            assert ("ok", 1) == await anext(results)
            with pytest.raises(Exit):
                await anext(results)
            with pytest.raises(StopAsyncIteration):
                await anext(results)

    run(clean, main)


@ROOMS
def test_a_task_that_takes_too_long_may_be_killed_alone(run: Any, room: int) -> None:
    """task_test, "with :on_timeout set to :kill_task"."""

    async def main() -> None:
        stream = Task.async_stream([100, 1, 100, 1], nap, max_concurrency=room, on_timeout="kill_task", timeout=50)
        assert [*exits("timeout"), *oks(1), *exits("timeout"), *oks(1)] == await all_of(stream)

    run(clean, main)


def test_the_time_counts_from_the_start_of_each_task(run: Any) -> None:
    async def main() -> None:
        stream = Task.async_stream([4, 4, 4], nap, max_concurrency=1)
        assert oks(4, 4, 4) == await all_of(stream)
        assert oks(60) == await all_of(Task.async_stream([60], nap, timeout="infinity"))

    run(clean, main)


def test_unordered_time_outs_come_when_they_are_there(run: Any) -> None:
    """task_test, "streams an enumerable with ordered: false, on_timeout: :kill_task"."""

    async def main() -> None:
        stream = Task.async_stream([100, 1, 100, 1], nap, ordered=False, on_timeout="kill_task", timeout=50)
        assert [*oks(1, 1), *exits("timeout", "timeout")] == await all_of(stream)

    run(clean, main)


# Leaving


@ROOMS
def test_leaving_kills_the_tasks_before_the_next_statement(run: Any, room: int) -> None:
    """task_test, "shuts down unused tasks", "… without leaking messages"."""

    async def main() -> None:
        async with Task.async_stream([0, 60, 60, 60], nap, max_concurrency=room) as results:
            assert ("ok", 0) == await anext(results)
            assert [] != others()
        assert [] == others()
        assert () == links()

    run(clean, main)


@ROOMS
def test_taking_some_leaves_the_rest(run: Any, room: int) -> None:
    """task_test, "with outer halt on success", "… and slowest first"."""

    async def main() -> None:
        assert oks(1, 2) == await first_of(Task.async_stream(range(1, 9), nap, max_concurrency=room), 2)
        stream = Task.async_stream(range(8, 0, -1), nap, max_concurrency=room, timeout=60)
        assert oks(8, 7) == await first_of(stream, 2)

    run(clean, main)


def test_an_error_in_the_body_leaves_the_stream(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="enough"):
            async with Task.async_stream([0, 60], nap) as results:
                async for _ in results:
                    raise ValueError("enough")
        assert [] == others()

    run(clean, main)


def test_a_stream_that_was_left_is_at_its_end(run: Any) -> None:
    async def main() -> None:
        stream = Task.async_stream([0, 1], nap)
        assert oks(0) == await first_of(stream, 1)
        assert [] == [result async for result in stream]

    run(clean, main)


def test_without_a_context_manager_the_tasks_end_when_the_iterator_is_dropped(run: Any) -> None:
    async def main() -> None:
        assert oks(1, 2) == [result async for result in Task.async_stream([1, 2], nap)]
        async for result in Task.async_stream([0, 60], nap):
            assert ("ok", 0) == result
            break
        gc.collect()
        await wait_all_idle()
        assert [] == others()

    run(clean, main)


def test_a_stream_that_nobody_reads_starts_nothing(run: Any) -> None:
    async def main() -> None:
        Task.async_stream([1], never)
        async with Task.async_stream([1], never):
            assert 1 == len(others())

    run(clean, main)


def test_a_wait_for_a_result_that_was_cancelled_can_be_repeated(run: Any) -> None:
    async def main() -> None:
        async with Task.async_stream([2], nap) as results:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await anext(results)
            assert ("ok", 2) == await anext(results)

    run(clean, main)


# Who reads


def test_the_process_that_asks_first_is_the_reader(run: Any) -> None:
    """task_test, "consuming from another process"."""

    async def main() -> None:
        me = otp.self()
        stream = Task.async_stream([1, 2, 3], lambda n: otp.send(me, n))
        await Task.start(all_of, stream)
        assert [1, 2, 3] == sorted([await otp.receive() for _ in range(3)])

    run(clean, main)


def test_a_child_task_of_a_process_may_read(run: Any) -> None:
    async def main() -> None:
        assert oks(1, 2) == await asyncio.create_task(all_of(Task.async_stream([1, 2], nap)))

    run(clean, main)


class Mapper(GenServer[None]):
    """Reads a stream in a callback."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(await all_of(Task.async_stream(request, nap)), state)


def test_a_server_may_read_a_stream_in_an_async_callback(run: Any) -> None:
    async def main() -> None:
        server = await Mapper.start_link()
        assert oks(2, 1) == await GenServer.call(server, [2, 1])
        assert (otp.self(),) == otp.process_info(server, "links")
        await GenServer.stop(server)

    run(clean, main)


def test_two_readers_at_a_time_are_refused(run: Any) -> None:
    async def main() -> None:
        async with Task.async_stream([1, 1], nap) as results:
            both = await asyncio.gather(anext(results), anext(results), return_exceptions=True)
            assert ("ok", 1) in both
            assert any(isinstance(error, RuntimeError) and "one reader at a time" in str(error) for error in both)

    run(main)


def test_outside_a_process_linked_tasks_have_nobody_to_be_linked_to() -> None:
    async def outside() -> None:
        async with otp.Node("shop"):
            with pytest.raises(NotAProcess, match="async_stream_nolink"):
                await all_of(Task.async_stream([1], nap))

    with asyncio.Runner() as runner:
        runner.run(outside())


# Wrong arguments


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_concurrency": 0}, "max_concurrency= an int of at least 1, got 0"),
        ({"max_concurrency": True}, "max_concurrency= an int of at least 1, got True"),
        ({"on_timeout": "unknown"}, "on_timeout= 'exit' or 'kill_task', got 'unknown'"),
        ({"timeout": "unknown"}, "timeout=.* got 'unknown'"),
    ],
)
def test_wrong_options_are_refused_at_once(options: Any, text: str) -> None:
    """task_test, "does not allow streaming with …"."""
    with pytest.raises(BadArgument, match=text):
        Task.async_stream([1], nap, **options)


def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match="expected an iterable, sync or async, got 3"):
        Task.async_stream(3, nap)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="expected a function, got 3"):
        Task.async_stream([], 3)  # type: ignore[call-overload]


def test_a_run_is_the_same_twice() -> None:
    def story(seed: int) -> list[Any]:
        events: list[Any] = []

        async def main() -> None:
            subscription = otp.trace.subscribe(
                testing_scheduler.node, lambda e: events.append((e.kind, str(e.pid), e.at)), kinds={"spawned", "exited"}
            )
            await all_of(Task.async_stream([3, 1, 2, 2, 1], nap, max_concurrency=2, ordered=False))
            subscription.close()

        testing_scheduler = testing.Scheduler(seed=seed)
        testing_scheduler.run(main)
        return events

    assert story(5) == story(5) != []
