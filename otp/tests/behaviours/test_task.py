"""A task: who is linked to it, who asked for it, what it runs, and that it stands among children as any process does.

The rules are those of Elixir's `Task`; "task_test" is its test/elixir/task_test.exs.
"""

from __future__ import annotations

import asyncio
import functools
import pickle
from typing import Any

import pytest

import otp
from otp import (
    AlreadyStarted,
    BadArgument,
    Down,
    Exit,
    ExitSignal,
    Registry,
    Supervisor,
    Task,
    TaskExit,
    TaskOk,
    TaskReply,
    testing,
)
from otp.testing import wait_all_idle
from own_process import links, messages
from task_functions import after, fail, never, on_go

# Starting


def test_a_task_is_linked_to_and_monitored_by_its_owner(run: Any) -> None:
    """task_test, "async/1"."""

    async def main() -> None:
        task = Task.async_(on_go, "done")
        assert (task.pid,) == links()
        assert (task.pid,) == otp.process_info(otp.self(), "monitors")
        assert otp.self() == task.owner
        assert "on_go" == otp.process_info(task.pid, "initial_call")
        otp.send(task.pid, "go")
        assert TaskReply(task.ref, "done") == await otp.receive()
        assert Down(task.ref, task.pid, "normal") == await otp.receive()

    run(main)


@pytest.mark.parametrize(
    ("fn", "args", "value"),
    [
        (lambda: 3, (), 3),
        (sum, ([1, 2],), 3),
        (functools.partial(after, 1), (3,), 3),
        (after, (1, 3), 3),
    ],
    ids=["lambda", "builtin", "partial", "async"],
)
def test_a_task_runs_any_callable_and_awaits_what_is_awaitable(run: Any, fn: Any, args: Any, value: Any) -> None:
    async def main() -> None:
        assert value == await Task.await_(Task.async_(fn, *args))

    run(main)


def test_keywords_go_to_the_function(run: Any) -> None:
    async def main() -> None:
        assert [2, 1] == await Task.await_(Task.async_(sorted, [1, 2], reverse=True))

    run(main)


def test_a_task_tells_what_it_runs(run: Any) -> None:
    """task_test, "async/3": module, function, arity."""

    async def main() -> None:
        task = Task.async_(after, 0, "done")
        assert (after.__module__, "after", 2) == task.mfa
        assert "after" in repr(task)
        await Task.await_(task)

    run(main)


def test_a_coroutine_object_is_refused_with_the_fix() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match=r"try never, … instead of never\(…\)"):
            Task.async_(never())  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="expected a function, got 3"):
            Task.async_(3)  # type: ignore[call-overload]

    testing.Scheduler().run(main)


def test_a_task_is_not_assigned_to() -> None:
    async def main() -> None:
        with pytest.raises(AttributeError, match="immutable"):
            Task.completed(1).ref = None  # type: ignore[misc]

    testing.Scheduler().run(main)


def test_a_task_knows_who_asked_for_it(run: Any) -> None:
    """task_test, "async with $callers"."""

    async def callers() -> Any:
        return otp.self(), otp.process_info(otp.self(), "dictionary")["$callers"]

    async def nested() -> Any:
        return (*await callers(), await Task.await_(Task.async_(callers)))

    async def main() -> None:
        me = otp.self()
        parent, first, (_, second) = await Task.await_(Task.async_(nested))
        assert (me,) == first
        assert (parent, me) == second

    run(main)


def test_start_links_nobody_and_monitors_nobody(run: Any) -> None:
    """task_test, "start/1"."""

    async def main() -> None:
        pid = await Task.start(on_go, 1)
        assert () == links()
        assert () == otp.process_info(otp.self(), "monitors")
        otp.send(pid, "go")
        assert "normal" == await otp.wait_down(pid)
        assert () == messages()

    run(main)


def test_start_link_links_and_replies_nothing(run: Any) -> None:
    """task_test, "start_link/1"."""

    async def main() -> None:
        pid = await Task.start_link(on_go, 1)
        assert (pid,) == links()
        otp.send(pid, "go")
        assert "normal" == await otp.wait_down(pid)
        assert () == messages()

    run(main)


def test_start_link_passes_a_crash_on(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        pid = await Task.start_link(fail, Exit("boom"))
        assert ExitSignal(pid, "boom") == await otp.receive()

    run(main)


def test_a_started_task_may_have_a_name(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        pid = await Task.start_link(never, name="idler")
        other = await Task.start(never, name=Registry.via("names", 1))
        assert pid == otp.whereis("idler")
        assert other == otp.whereis(Registry.via("names", 1))
        with pytest.raises(AlreadyStarted) as taken:
            await Task.start(never, name="idler")
        assert pid == taken.value.pid
        with pytest.raises(AlreadyStarted):
            await Task.start(never, name=Registry.via("names", 1))
        with pytest.raises(BadArgument, match="expected a pid, a name"):
            await Task.start(never, name=[])

    run(main)


# As a child


def test_a_task_stands_among_children_and_is_not_started_again(run: Any) -> None:
    """task_test, "can be supervised directly", "generates child_spec/1": restart is temporary."""

    async def main() -> None:
        sup = await Supervisor.start_link_children([(Task, never), Task.child_spec(functools.partial(on_go, 1), id=2)])
        second, first = await Supervisor.which_children(sup)
        assert (Task, "worker", (Task,)) == (first.id, first.type, first.modules)
        assert 2 == second.id
        otp.exit(first.pid, "boom")
        otp.send(second.pid, "go")
        await wait_all_idle()
        assert [] == await Supervisor.which_children(sup)

    run(main)


def test_the_child_spec_of_a_task_takes_all_options() -> None:
    spec = Task.child_spec(never, name="idler", restart="permanent", shutdown=1, id="one")
    assert ("one", "permanent", 1) == (spec.id, spec.restart, spec.shutdown)
    assert "temporary" == Task.child_spec(never).restart
    with pytest.raises(TypeError, match="did you mean 'restart'"):
        Task.child_spec(never, restrat="permanent")


def test_a_node_owns_a_task() -> None:
    async def main() -> str:
        async with otp.Node("shop") as node:
            pid = await node.start(Task, never, name="idler")
            assert pid == node.whereis("idler")
            stopped = asyncio.ensure_future(otp.wait_down(pid))
            await wait_all_idle()
        return await stopped

    async def outside() -> str:
        return await asyncio.create_task(main())

    assert "shutdown" == testing.Scheduler().run(outside)


# The two outcomes


def test_outcomes_are_tuples_made_for_match() -> None:
    match [TaskOk(1), TaskExit("boom"), ("ok", 1)]:
        case [TaskOk(value), TaskExit(reason), ("ok", same)]:
            assert (1, "boom", 1) == (value, reason, same)
        case _:
            pytest.fail("no case matched")
    assert ("ok", 1) == TaskOk(1)
    assert {("exit", "boom")} == {TaskExit("boom")}
    assert [TaskOk(1), TaskExit("boom")] == pickle.loads(pickle.dumps([TaskOk(1), TaskExit("boom")]))
    assert "TaskOk(1) TaskExit('boom')" == f"{TaskOk(1)} {TaskExit('boom')}"
