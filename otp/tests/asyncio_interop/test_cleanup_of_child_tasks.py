"""Restarting or stopping a process waits for the cleanup of its child tasks; links and monitors do not wait.

Regression: a server bound a port, and a child task released it in its `finally`. The supervisor restarted the server
before that, and the server found its address in use.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import otp
from loops import LOOPS, forever, turns
from otp import (
    Children,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    Ok,
    Reply,
    Shared,
    Stop,
    Supervisor,
    Task,
    impl,
)
from place_holders import Holder, Place, ended, holder


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


@pytest.fixture(params=["otp.run", "asyncio.run"])
def run_with_sockets(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the log: the crashes are on purpose."""
    monkeypatch.setattr(logging.getLogger("otp"), "disabled", True)


# A server whose child task holds a port


class Listener(GenServer[Any]):
    """A server with the argument `([port], turns of cleanup)`; it replaces port 0 by the port that it was given."""

    @impl
    async def init(self, arg: Any) -> Any:
        ports, cleanup = arg
        listener = await asyncio.start_server(self.serve, "127.0.0.1", ports[0])
        ports[0] = listener.sockets[0].getsockname()[1]
        return Ok(asyncio.create_task(self.hold(listener, cleanup)))

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply("here", state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        if request == "raise":
            raise ValueError("on purpose")
        return Stop(request, state)

    async def hold(self, listener: asyncio.Server, cleanup: int) -> None:
        try:
            await forever()
        finally:
            if cleanup:
                await turns(cleanup)
            listener.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()


async def crash(supervisor: otp.Pid) -> None:
    GenServer.cast("listener", "raise")


async def stop_itself(supervisor: otp.Pid) -> None:
    GenServer.cast("listener", "normal")


async def signal(supervisor: otp.Pid) -> None:
    otp.exit("listener", "shutdown")


async def terminate_and_restart(supervisor: otp.Pid) -> None:
    await Supervisor.terminate_child(supervisor, Listener)
    await Supervisor.restart_child(supervisor, Listener)


async def kill(supervisor: otp.Pid) -> None:
    otp.exit("listener", "kill")


ENDS = [(crash, 8), (stop_itself, 8), (signal, 8), (terminate_and_restart, 8), (kill, 0)]


@pytest.mark.parametrize(("end", "cleanup"), ENDS, ids=lambda value: getattr(value, "__name__", str(value)))
@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "one_for_all"])
def test_a_server_is_restarted_on_the_port_that_a_child_task_held(
    run_with_sockets: Any, strategy: Any, end: Any, cleanup: int
) -> None:
    async def main() -> Any:
        ports = [0]
        listener = Listener.child_spec((Shared(ports), cleanup), name="listener")
        supervisor = await Supervisor.start_link_children([listener], strategy=strategy, max_restarts=3)
        pids: list[Any] = []
        for _ in range(3):
            pids.append(otp.whereis("listener"))
            await turns()  # asyncio runs the `finally` of a task only if the task has begun
            await end(supervisor)
            await otp.wait_down(pids[-1])
            await otp.node().wait_registered("listener")
        await turns()
        return len(set(pids)), await GenServer.call("listener", "are you there?")

    assert run_with_sockets(main) == (3, "here")


# The same with a `Place`, in every loop


@pytest.mark.parametrize("reason", ["boom", "shutdown", "kill"])
@pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "static"])
def test_a_restart_waits_for_the_child_tasks_of_the_one_before(run: Any, reason: str, dynamic: bool) -> None:
    async def main() -> Any:
        place = Place()
        if dynamic:
            supervisor = await DynamicSupervisor.start_link()
            await DynamicSupervisor.start_child(supervisor, holder(place))
        else:
            await Supervisor.start_link_children([holder(place)])
        await turns()
        for _ in range(2):
            await ended("a", reason)
            await otp.node().wait_registered("a")
            await turns()
        return list(place.log)

    assert run(main) == ["+a", *["-a", ".a", "+a"] * 2]


@pytest.mark.parametrize("shutdown", [5, "infinity", "brutal_kill"])
def test_a_child_that_is_stopped_can_be_started_again(run: Any, shutdown: Any) -> None:
    async def main() -> Any:
        place = Place()
        supervisor = await Supervisor.start_link_children([holder(place, shutdown=shutdown)])
        await turns()
        await Supervisor.terminate_child(supervisor, "a")
        place.log.append("stopped")
        await Supervisor.restart_child(supervisor, "a")
        await turns()
        await Supervisor.stop(supervisor)
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a", "stopped", "+a", "-a", ".a"]


def test_a_dynamic_child_that_is_stopped_has_given_all_back(run: Any) -> None:
    async def main() -> Any:
        place = Place()
        supervisor = await DynamicSupervisor.start_link()
        for _ in range(2):
            child: Any = await DynamicSupervisor.start_child(supervisor, holder(place))
            await turns()
            await DynamicSupervisor.terminate_child(supervisor, child)
        await DynamicSupervisor.start_child(supervisor, holder(place))
        await turns()
        await DynamicSupervisor.stop(supervisor)
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a"] * 3


def test_a_child_that_ended_by_itself_is_started_again_when_its_tasks_have_ended(run: Any) -> None:
    async def main() -> Any:
        place = Place()
        supervisor = await Supervisor.start_link_children([holder(place, restart="transient")])
        await turns()
        await ended("a", "normal")
        await Supervisor.restart_child(supervisor, "a")
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a", "+a"]


def places(log: list[str], *names: str) -> list[ChildSpec]:
    """Return a child for each name: each child has its own place, and all write to one log."""
    specs: list[ChildSpec] = []
    for name in names:
        place = Place()
        place.log = log
        specs.append(holder(place, name))
    return specs


def test_children_stop_in_reverse_order_with_their_tasks(run: Any) -> None:
    async def main() -> Any:
        log: list[str] = []
        supervisor = await Supervisor.start_link_children(places(log, "a", "b", "c"))
        await turns()
        log.clear()
        await Supervisor.stop(supervisor)
        return list(log)

    assert run(main) == ["-c", ".c", "-b", ".b", "-a", ".a"]


@pytest.mark.parametrize(("strategy", "starts"), [("rest_for_one", ["+b", "+c"]), ("one_for_all", ["+a", "+b", "+c"])])
def test_a_group_is_restarted_when_the_tasks_of_all_have_ended(run: Any, strategy: Any, starts: list[str]) -> None:
    async def main() -> Any:
        log: list[str] = []
        await Supervisor.start_link_children(places(log, "a", "b", "c"), strategy=strategy)
        await turns()
        log.clear()
        last: Any = otp.whereis("c")
        await ended("b", "boom")
        await otp.wait_down(last)
        await otp.node().wait_registered("c")
        return list(log)

    log = run(main)
    cleanup, again = log[: -len(starts)], log[-len(starts) :]
    assert again == starts
    assert sorted(cleanup) == sorted(mark + name[1] for name in starts for mark in "-.")
    if "+a" in starts:
        assert log.index("-a") > log.index(".c")


def test_a_supervisor_ends_after_the_tasks_of_children_that_ended_before(run: Any) -> None:
    """The inner supervisor gives up at once; the outer one restarts it with the same children."""

    async def main() -> Any:
        place = Place()

        class Inner(Supervisor):
            @impl
            def init(self, arg: Any) -> Any:
                return Children([holder(place)], max_restarts=0)

        await Supervisor.start_link_children([Inner.child_spec(None)])
        await turns()
        await ended("a", "boom")
        await otp.node().wait_registered("a")
        await turns()
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a", "+a"]


def test_a_dynamic_supervisor_ends_after_the_tasks_of_children_that_ended_before(run: Any) -> None:
    async def main() -> Any:
        place = Place()
        supervisor = await DynamicSupervisor.start_link()
        await DynamicSupervisor.start_child(supervisor, holder(place, restart="temporary"))
        await turns()
        await ended("a", "boom")
        await DynamicSupervisor.stop(supervisor)
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a"]


# Other ways to stop a process


def test_stop_waits_for_the_tasks_of_a_server(run: Any) -> None:
    async def main() -> Any:
        place = Place()
        for _ in range(2):
            server = await Holder.start((place, "a", 4))
            await turns()
            await GenServer.stop(server)
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a"] * 2


@pytest.mark.parametrize("shutdown", [5, "infinity", "brutal_kill"])
def test_the_shutdown_of_a_task_waits_for_its_tasks(run: Any, shutdown: Any) -> None:
    async def main() -> Any:
        place = Place()

        async def work() -> None:
            place.take("a")
            child = asyncio.create_task(place.hold("a", 4))
            await otp.receive()
            del child

        task = Task.async_(work)
        await turns()
        await Task.shutdown(task, shutdown)
        return list(place.log)

    assert run(main) == ["+a", "-a", ".a"]


def test_a_node_that_closes_asks_children_when_the_tasks_of_their_parent_have_ended(run: Any) -> None:
    log: list[str] = []

    async def process(*names: str) -> None:
        place = Place()
        place.log = log
        place.take(names[0])
        task = asyncio.create_task(place.hold(names[0], 4))
        if names[1:]:
            otp.spawn(process, *names[1:])
        await otp.receive()
        del task

    async def main() -> None:
        otp.spawn_link(process, "parent", "child", "grandchild")
        await turns(10)

    run(main)
    names = ("parent", "child", "grandchild")
    assert log == [f"+{name}" for name in names] + [f"{mark}{name}" for name in names for mark in "-."]


# What does not wait


@pytest.mark.parametrize("reason", ["boom", "shutdown", "kill"])
def test_links_monitors_and_the_name_do_not_wait_for_child_tasks(run: Any, reason: str) -> None:
    async def main() -> Any:
        place = Place()
        otp.process_flag("trap_exit", True)
        server = await Holder.start_link((place, "a", 4), name="a")
        ref = otp.monitor(server)
        await turns()
        if reason == "boom":
            GenServer.cast(server, reason)
        else:
            otp.exit(server, reason)
        down, signal = await otp.receive(ref), await otp.receive(otp.ExitSignal)
        return down.reason, signal.reason, otp.whereis("a"), ".a" in place.log

    seen = "killed" if reason == "kill" else reason
    assert run(main) == (seen, seen, None, False)
