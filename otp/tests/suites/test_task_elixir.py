"""Cases of Elixir's task_test.exs and task/supervisor_test.exs that no other test of tasks holds.

docs/conformance.md lists all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import otp
from otp import AlreadyStarted, Crash, Down, Exit, Supervisor, Task, TaskSupervisor, Throw
from otp.testing import wait_all_idle
from task_functions import fail, nap, never
from task_streams import ROOMS, SUPERVISED, all_of, exits, first_of, oks


def callers() -> Any:
    return otp.process_info(otp.self(), "dictionary")["$callers"]


# Who asked


def test_who_asked_for_a_task_is_known_however_deep(run: Any) -> None:
    """start_link with $callers, start_child/1 with $callers, async_stream with $callers."""

    async def start_link(fn: Any, *args: Any) -> None:
        await Task.start_link(fn, *args)

    async def start_child(fn: Any, *args: Any) -> None:
        await TaskSupervisor.start_child("tasks", fn, *args)

    async def stream(fn: Any, *args: Any) -> None:
        await all_of(Task.async_stream([fn], _called, *args))

    async def supervised(fn: Any, *args: Any) -> None:
        await all_of(TaskSupervisor.async_stream("tasks", [fn], _called, *args))

    async def _called(fn: Any, *args: Any) -> None:
        await fn(*args)

    async def outer(start: Any, who: Any) -> None:
        otp.send(who, ("outer", otp.self(), callers()))
        await start(inner, who)

    async def inner(who: Any) -> None:
        otp.send(who, ("inner", otp.self(), callers()))

    async def main() -> None:
        await TaskSupervisor.start_link(name="tasks")
        me = otp.self()
        for start in (start_link, start_child, stream, supervised):
            await start(outer, start, me)
            _, parent, seen = await otp.receive(otp.Tag("outer"))
            assert (me,) == seen
            assert (parent, me) == (await otp.receive(otp.Tag("inner")))[2]

    run(main)


# Waiting


def test_after_ignore_there_is_nothing_to_wait_for(run: Any) -> None:
    """ignore/1, all cases: a later wait times out."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        early, failed = Task.async_(lambda: "ok"), Task.async_(otp.exit, "oops")
        await wait_all_idle()
        late = Task.async_(never)
        for task in (early, failed, late):
            Task.ignore(task)
            with pytest.raises(Exit) as gone:
                await Task.await_(task, 0)
            assert ("timeout", ("Task", "await", [task, 0])) == gone.value.reason

    run(main)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Throw("unknown"), Crash(("nocatch", "unknown"))), (otp.Error("oops"), Crash("oops")), (Exit("away"), "away")],
    ids=["throws", "error", "crashes"],
)
def test_await_many_fails_at_once_with_the_reason_of_the_task(run: Any, error: Exception, reason: Any) -> None:
    """await_many/2, exits immediately when any task throws, on any task error."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        tasks = [Task.async_(never), Task.async_(fail, error)]
        with pytest.raises(Exit) as ended:
            await Task.await_many(tasks)
        assert (reason, ("Task", "await_many", [tasks, 5])) == ended.value.reason
        assert 0.0 == otp.monotonic()

    run(main)


def test_what_does_not_exist_ends_the_wait_as_any_exception_does(run: Any) -> None:
    """await/2, exits on task undef module error, exits on task undef function error."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for fn, name in (
            (lambda: __import__("no_such_module"), "ModuleNotFoundError"),
            (lambda: otp.no_such, "AttributeError"),  # type: ignore[attr-defined]
        ):
            task = Task.async_(fn)
            with pytest.raises(Exit) as ended:
                await Task.await_(task)
            crash, where = ended.value.reason
            assert (name, ("Task", "await", [task, 5])) == (crash.term.type_name, where)

    run(main)


def test_a_task_that_crashes_is_reported_with_what_it_ran(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """default :logger reporter, logs a terminated task."""

    async def main() -> None:
        pid = await Task.start(fail, ValueError("oops"))
        await otp.wait_down(pid)
        (report,) = [record for record in caplog.records if record.levelname == "ERROR"]
        text = report.getMessage()
        assert all(word in text for word in (str(pid), "fail", "oops"))
        caplog.clear()

    run(main)


# Streams


@ROOMS
def test_a_source_that_ends_early_is_all_there_is(run: Any, room: int) -> None:
    """async_stream with inner halt on success, on failure, and slowest first; wrapping a flat_map/concat."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        four = itertools.islice(range(1, 9), 4)
        assert oks(1, 2, 3, 4) == await all_of(Task.async_stream(four, nap, max_concurrency=room))
        four = itertools.islice(range(8, 0, -1), 4)
        stream = Task.async_stream(four, nap, max_concurrency=room, timeout=60)
        assert oks(8, 7, 6, 5) == await all_of(stream)
        four = itertools.islice(range(1, 9), 4)
        assert exits(1, 2, 3, 4) == await all_of(Task.async_stream(four, otp.exit, max_concurrency=room))
        both: Any = itertools.chain(itertools.islice(["foo", "bar"], 1), [1, 2])
        assert oks("foo", 1, 2) == await all_of(Task.async_stream(both, lambda item: item, max_concurrency=room))

    run(main)


@ROOMS
def test_the_cleanup_of_the_source_and_of_the_reader_happens(run: Any, room: int) -> None:
    """async_stream terminates inner effect, terminates outer effect."""
    closed: list[str] = []

    def source() -> Iterator[int]:
        try:
            yield from (1, 2, 3, 4)
        finally:
            closed.append("source")

    async def reader(stream: Any) -> Any:
        try:
            async for result in stream:
                yield result
        finally:
            closed.append("reader")

    async def main() -> None:
        stream = reader(Task.async_stream(source(), nap, max_concurrency=room))
        assert oks(1, 2, 3, 4) == [result async for result in stream]
        assert ["source", "reader"] == closed
        closed.clear()

    run(main)


def test_a_down_that_is_not_its_own_is_nothing_to_a_stream(run: Any) -> None:
    """async_stream/2 streams with fake down messages on the inbox."""

    async def forge(item: Any) -> Any:
        for link in otp.process_info(otp.self(), "links"):
            otp.send(link, Down(otp.make_ref(), otp.self(), "oops"))
        return item

    async def main() -> None:
        assert oks("ok") == await all_of(Task.async_stream(["ok"], forge))

    run(main)


@ROOMS
def test_the_item_stands_beside_each_reason_also_of_a_stream_that_is_left(run: Any, room: int) -> None:
    """async_stream with timeout, with outer halt on failure, and :zip_input_on_exit."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        late = Task.async_stream(
            [1, 100], nap, max_concurrency=room, zip_input_on_exit=True, on_timeout="kill_task", timeout=50
        )
        assert [("ok", 1), ("exit", (100, "timeout"))] == await all_of(late)
        expected = exits(*((n, n) for n in range(1, 5)))
        stream = Task.async_stream(range(1, 9), otp.exit, max_concurrency=room, zip_input_on_exit=True)
        assert expected == await first_of(stream, 4)
        sup = await TaskSupervisor.start_link()
        supervised = TaskSupervisor.async_stream(
            sup, range(1, 9), otp.exit, max_concurrency=room, zip_input_on_exit=True
        )
        assert expected == await first_of(supervised, 4)

    run(main)


@SUPERVISED
def test_a_supervised_stream_takes_arguments_and_any_reader(run: Any, stream: Any) -> None:
    """async_stream streams an enumerable with mfa, consuming from another process; the same without links."""

    async def main() -> None:
        me = otp.self()
        sup = await TaskSupervisor.start_link()
        assert oks(3, 6) == await all_of(stream(sup, [1, 2], int.__mul__, 3))
        await Task.start(all_of, stream(sup, [1, 2, 3], lambda n: otp.send(me, n)))
        assert [1, 2, 3] == sorted([await otp.receive() for _ in range(3)])

    run(main)


def test_there_is_one_task_supervisor_without_a_name_among_children(run: Any) -> None:
    """multiple supervisors can be supervised and identified with simple child spec."""

    async def main() -> None:
        top = await Supervisor.start_link_children([TaskSupervisor.child_spec(name="tasks")])
        nameless = await Supervisor.start_child(top, TaskSupervisor)
        with pytest.raises(AlreadyStarted) as failure:
            await Supervisor.start_child(top, TaskSupervisor)
        assert nameless == failure.value.pid

    run(main)
