"""Streams of tasks under a supervisor: order, crashes, room, and nothing left when a stream is left.

The rules are those of Elixir's `Task.Supervisor`; "supervisor_test" is its test/elixir/task/supervisor_test.exs.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import BadArgument, DynamicSupervisor, StartError, Supervisor, TaskSupervisor, sys
from otp.testing import advance, wait_all_idle
from own_process import links, messages
from task_functions import nap, never
from task_streams import SUPERVISED, all_of


async def first_of(stream: Any) -> Any:
    async with stream as results:
        return await anext(results)


@SUPERVISED
def test_a_task_of_a_stream_that_was_left_is_not_started(run: Any, stream: Any) -> None:
    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        await sys.suspend(sup)
        async with stream(sup, [1], never) as results:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await anext(results)
        await sys.resume(sup)
        assert [] == await TaskSupervisor.children(sup)
        assert (sup,) == links()
        assert () == messages()

    run(main)


@SUPERVISED
def test_the_tasks_of_a_stream_are_children_of_the_supervisor(run: Any, stream: Any) -> None:
    """supervisor_test, "streams an enumerable with fun", "… with slowest first", "… without leaking tasks"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link(name="tasks")
        assert [("ok", n) for n in (4, 1, 3)] == await all_of(stream("tasks", [4, 1, 3], nap, max_concurrency=2))
        assert [("ok", n) for n in (1, 3, 4)] == await all_of(stream(sup, [4, 1, 3], nap, ordered=False))
        async with stream(sup, [0, 9], nap) as results:
            await anext(results)
            (child,) = await TaskSupervisor.children(sup)
            assert (sup, otp.self()) == otp.process_info(child, "ancestors")
            assert (otp.self(),) == otp.process_info(child, "dictionary")["$callers"]
        await wait_all_idle()
        assert () == messages()

    run(main)


@SUPERVISED
def test_leaving_a_supervised_stream_kills_its_tasks(run: Any, stream: Any) -> None:
    """supervisor_test, "shuts down unused tasks", "… without leaking messages"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        async with stream(sup, [0, 60, 60, 60], nap) as results:
            assert ("ok", 0) == await anext(results)
            tasks = await TaskSupervisor.children(sup)
            assert 3 == len(tasks)
        assert [False] * 3 == [otp.is_alive(pid) for pid in tasks]
        assert (sup,) == links()
        assert [] == await TaskSupervisor.children(sup)
        assert () == messages()

    run(main)


def test_a_crash_in_a_linked_stream_ends_the_reader_with_its_reason(run: Any) -> None:
    """13-api: a worker's crash ends the caller of a linked one with its reason."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        reader = otp.spawn(all_of, TaskSupervisor.async_stream(sup, ["boom"], otp.exit))
        assert "boom" == await otp.wait_down(reader)
        otp.process_flag("trap_exit", True)
        stream = TaskSupervisor.async_stream(sup, ["1", "2"], otp.exit)
        assert [("exit", "1"), ("exit", "2")] == await all_of(stream)
        assert () == messages()
        assert (sup,) == links()

    run(main)


def test_a_crash_in_a_nolink_stream_is_a_result(run: Any) -> None:
    """supervisor_test, async_stream_nolink, "streams an enumerable with exits"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        stream = TaskSupervisor.async_stream_nolink(sup, range(4), otp.exit, max_concurrency=2)
        assert [("exit", n) for n in range(4)] == await all_of(stream)
        assert (sup,) == links()

    run(main)


@SUPERVISED
def test_a_supervised_task_that_takes_too_long(run: Any, stream: Any) -> None:
    """supervisor_test, "with timeout and :zip_input_on_exit set to true"; 13-api: on_timeout="exit"."""

    async def reader(sup: Any) -> None:
        await all_of(stream(sup, [1, 100], nap, timeout=50))

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        late = stream(sup, [1, 100], nap, timeout=50, on_timeout="kill_task", zip_input_on_exit=True)
        assert [("ok", 1), ("exit", (100, "timeout"))] == await all_of(late)
        reason = await otp.wait_down(otp.spawn(reader, sup))
        assert ("timeout", ("Task", "async_stream", [50])) == reason
        assert [] == await TaskSupervisor.children(sup)
        assert () == messages()

    run(main)


@SUPERVISED
def test_a_stream_that_finds_no_room_is_shut_down(run: Any, stream: Any) -> None:
    """supervisor_test, "raises an error if :max_children is reached with clean stream shutdown"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link(max_children=1)
        with pytest.raises(StartError, match="max_children"):
            await all_of(stream(sup, [60, 60, 60], nap, max_concurrency=2))
        await wait_all_idle()
        assert [] == await TaskSupervisor.children(sup)
        assert (sup,) == links()
        assert () == messages()

    run(main)


def test_the_end_of_the_supervisor_ends_the_reader_of_a_linked_stream(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_child(await DynamicSupervisor.start_link(), TaskSupervisor)
        linked = otp.spawn(all_of, TaskSupervisor.async_stream(sup, [1], never))
        alone = otp.spawn_monitor(all_of, TaskSupervisor.async_stream_nolink(sup, [1, 2], never, max_concurrency=1))
        await wait_all_idle()
        await Supervisor.stop(sup, "shutdown")
        await wait_all_idle()
        assert not otp.is_alive(linked)
        assert "noproc" == (await otp.receive(alone[1])).reason[0], "its next task has no supervisor"

    run(main)


def test_a_reader_that_is_killed_leaves_no_task_of_a_nolink_stream(run: Any) -> None:
    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        for reason in ("boom", "kill"):
            reader = otp.spawn(all_of, TaskSupervisor.async_stream_nolink(sup, [1, 2], never))
            await wait_all_idle()
            assert 2 == len(await TaskSupervisor.children(sup))
            otp.exit(reader, reason)
            await wait_all_idle()
            assert [] == await TaskSupervisor.children(sup)

    run(main)


def test_a_nolink_stream_is_read_outside_a_process_too() -> None:
    async def outside() -> None:
        async with otp.Node("shop") as node:
            sup = await node.start(TaskSupervisor)
            results = await all_of(TaskSupervisor.async_stream_nolink(sup, ["a", "b"], str.upper))
            assert [("ok", "A"), ("ok", "B")] == results
            assert [sup] == node.processes()

    with asyncio.Runner() as runner:
        runner.run(outside())


@SUPERVISED
def test_a_wrong_shutdown_is_refused_at_once(stream: Any) -> None:
    """supervisor_test, "does not allow streaming with invalid :shutdown"."""
    with pytest.raises(BadArgument, match=r"shutdown=.*got 'unknown'"):
        stream("tasks", [], nap, shutdown="unknown")


def test_a_first_result_of_many_needs_no_supervision_of_the_rest(run: Any) -> None:
    """Task.Supervisor.async_stream_nolink/4: the first tasks to succeed; ongoing tasks are shut down."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        assert ("ok", 1) == await first_of(TaskSupervisor.async_stream_nolink(sup, [3, 2, 1], nap, ordered=False))
        await advance(5)
        assert [] == await TaskSupervisor.children(sup)

    run(main)
