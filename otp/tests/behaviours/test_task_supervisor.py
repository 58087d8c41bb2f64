"""A supervisor of tasks: its place among children, its options, and the children it starts, stops and forgets.

The rules are those of Elixir's `Task.Supervisor`; "supervisor_test" is its test/elixir/task/supervisor_test.exs.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import (
    AlreadyStarted,
    Counts,
    DynamicSupervisor,
    NotFound,
    Registry,
    Shared,
    StartError,
    Supervisor,
    Task,
    TaskSupervisor,
    testing,
)
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import wait_all_idle
from own_process import links, messages
from task_functions import never, on_go

# The supervisor


def test_it_stands_among_children_under_its_name(run: Any) -> None:
    """supervisor_test, "can be supervised directly", "multiple supervisors can be supervised …"."""

    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        via = Registry.via("names", 1)
        sup = await Supervisor.start_link_children(
            [TaskSupervisor.child_spec(name="tasks", max_children=3), (TaskSupervisor, {"name": via}), TaskSupervisor]
        )
        children = list(reversed(await Supervisor.which_children(sup)))
        assert ["tasks", via, TaskSupervisor] == [child.id for child in children]
        assert ["supervisor"] * 3 == [child.type for child in children]
        for dest in ("tasks", via, children[2].pid):
            assert [] == await TaskSupervisor.children(dest)
        with pytest.raises(AlreadyStarted):
            await TaskSupervisor.start_link(name="tasks")

    run(main)


def test_it_counts_its_tasks(run: Any) -> None:
    """supervisor_test, "counts and returns children"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        assert Counts(0, 0, 0, 0) == await DynamicSupervisor.count_children(sup)
        pids = [await TaskSupervisor.start_child(sup, never) for _ in range(2)]
        assert pids == await TaskSupervisor.children(sup)
        assert Counts(2, 2, 0, 2) == await DynamicSupervisor.count_children(sup)
        (child, _) = await DynamicSupervisor.which_children(sup)
        assert (None, pids[0], "worker", (Task,)) == child

    run(main)


def test_wrong_options_are_refused() -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec):
            await TaskSupervisor.start_link(max_children=-1)
        sup = await TaskSupervisor.start_link()
        with pytest.raises(InvalidChildSpec, match="did you mean 'permanent'"):
            await TaskSupervisor.start_child(sup, never, restart="permanant")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"try never, … instead of never\(…\)"):
            await TaskSupervisor.start_child(sup, never())  # type: ignore[arg-type]

    testing.Scheduler().run(main)


def test_a_node_owns_one() -> None:
    async def outside() -> None:
        async with otp.Node("shop") as node:
            await node.start(TaskSupervisor, {"max_children": 1}, name="tasks")
            pid = await TaskSupervisor.start_child("tasks", never)
            with pytest.raises(StartError):
                await TaskSupervisor.start_child("tasks", never)
        assert not otp.is_alive(pid)

    with asyncio.Runner() as runner:
        runner.run(outside())


# start_child and terminate_child


def test_start_child_links_the_supervisor_alone(run: Any) -> None:
    """supervisor_test, "start_child/1"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        pid = await TaskSupervisor.start_child(sup, on_go, 1)
        assert [pid] == await TaskSupervisor.children(sup)
        assert (sup,) == links() == links(pid)
        assert (otp.self(),) == otp.process_info(pid, "dictionary")["$callers"]
        otp.send(pid, "go")
        assert "normal" == await otp.wait_down(pid)
        assert () == messages()

    run(main)


def test_a_child_is_not_started_again_unless_told_so(run: Any) -> None:
    """supervisor_test, "start_child/1 with custom restart"."""

    async def ready(who: Any, basket: list[str]) -> None:
        basket.append("apple")
        otp.send(who, ("ready", otp.self(), list(basket)))
        await on_go(1)

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        basket: list[str] = []
        pid = await TaskSupervisor.start_child(sup, ready, otp.self(), basket)
        assert ("ready", pid, ["apple"]) == await otp.receive()
        otp.exit(pid, "boom")
        await wait_all_idle()
        assert [] == await TaskSupervisor.children(sup)
        assert ["apple"] == basket, "by reference: it is started once"
        pid = await TaskSupervisor.start_child(sup, ready, otp.self(), basket, restart="permanent")
        assert ("ready", pid, ["apple", "apple"]) == await otp.receive()
        otp.send(pid, "go")
        _, again, seen = await otp.receive()
        assert again != pid
        assert ["apple", "apple"] == seen, "each start has arguments of its own"
        assert (otp.self(),) == otp.process_info(again, "dictionary")["$callers"]
        pid = await TaskSupervisor.start_child(sup, ready, otp.self(), Shared(basket), restart="transient")
        assert ["apple", "apple"] == (await otp.receive())[2]
        otp.exit(pid, "boom")
        assert ["apple"] * 3 == (await otp.receive())[2]

    run(main)


def test_start_child_works_outside_a_process() -> None:
    async def outside() -> None:
        done = asyncio.Event()
        async with otp.Node("shop") as node:
            await node.start(TaskSupervisor, name="tasks")
            await TaskSupervisor.start_child("tasks", done.set)
            await done.wait()

    with asyncio.Runner() as runner:
        runner.run(outside())


def test_terminate_child_stops_a_task_for_good(run: Any) -> None:
    """supervisor_test, "terminate_child/2"."""

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        pid = await TaskSupervisor.start_child(sup, never, restart="permanent")
        await TaskSupervisor.terminate_child(sup, pid)
        assert [] == await TaskSupervisor.children(sup)
        with pytest.raises(NotFound):
            await TaskSupervisor.terminate_child(sup, pid)

    run(main)


def test_a_supervisor_keeps_nothing_of_tasks_that_are_through(run: Any) -> None:
    import gc
    import weakref

    class Payload:
        pass

    async def main() -> None:
        sup = await TaskSupervisor.start_link()
        payload = Payload()
        gone = weakref.ref(payload)
        await TaskSupervisor.start_child(sup, never, payload)
        task = await TaskSupervisor.async_nolink(sup, id, payload)
        await Task.await_(task)
        for pid in await TaskSupervisor.children(sup):
            await TaskSupervisor.terminate_child(sup, pid)
        del payload
        await wait_all_idle()
        gc.collect()
        assert gone() is None

    run(main)
