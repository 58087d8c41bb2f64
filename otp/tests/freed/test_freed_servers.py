"""The end of a server, caller, task or state machine frees the objects it held, and a failed call frees its request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import pytest

import otp
from loops import forever, turns
from otp import (
    ChildSpec,
    GenServer,
    GenStateMachine,
    MachineOk,
    NextEvent,
    NextState,
    NoReply,
    Ok,
    Reply,
    Stop,
    Supervisor,
    Task,
    Throw,
    impl,
)
from silent_server import Silent
from witnesses import Hold, exits, receives

# Servers and their callers


def raise_error() -> Any:
    raise ValueError("no")


def throw_a_stop() -> Any:
    raise Throw(Stop("boom"))


def exit_with_a_reason() -> Any:
    otp.exit("boom")


def signal_oneself() -> Any:
    otp.exit(otp.self(), "boom")


def return_a_stop() -> Any:
    return Stop("boom")


GROUP_IN_A_CYCLE = (3, 12) <= sys.version_info < (3, 12, 8) or (3, 13) <= sys.version_info < (3, 13, 1)
"""In these versions the error of a task group refers to itself, and only the collector frees it (gh-124958)."""


async def raise_a_group() -> Any:
    if GROUP_IN_A_CYCLE:
        await turns(1)
        raise ExceptionGroup("as of a task group", [ValueError("no")])
    async with asyncio.TaskGroup() as group:
        group.create_task(raise_later())


async def raise_later() -> Any:
    await turns(1)
    raise ValueError("no")


PLAIN: list[Any] = [raise_error, throw_a_stop, exit_with_a_reason, signal_oneself, return_a_stop]
HOW = [(how, False) for how in PLAIN] + [(how, True) for how in (*PLAIN, raise_a_group, "kill", "shutdown", "boom")]


def server_of(where: str, how: Any, is_async: bool) -> type[GenServer[Any]]:
    """Return a class whose callback `where` ends the server, by itself or by a signal while the callback waits."""

    async def end_async(hold: Hold) -> Any:
        held = hold()
        await turns(1)
        if isinstance(how, str):
            await forever()
        result = how()
        return await result if isawaitable(result) and held else result

    def end(hold: Hold) -> Any:
        held = hold()
        return how() if held else None

    def act(callback: str, hold: Hold, otherwise: Any) -> Any:
        if callback != where:
            return otherwise
        return end_async(hold) if is_async else end(hold) or otherwise

    class Server(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return act("init", arg, Ok(arg))

        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return act("handle_call", state, Reply(request, state))

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return act("handle_cast", state, NoReply(state))

        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            return act("handle_info", state, Stop("normal", state))

        @impl
        def terminate(self, reason: Any, state: Any) -> Any:
            return act("terminate", state, None)

    return Server


async def starts(cls: type[GenServer[Any]], hold: Hold) -> None:
    held = hold()
    try:
        await cls.start(hold, name="server")
    except otp.StartError:
        await turns(2)
    del held


async def calls_and_survives(hold: Hold) -> None:
    """Go on after the failed call, which frees its request while the caller lives."""
    try:
        await GenServer.call("server", hold())
    except otp.CallExit:
        pass
    await otp.receive()


async def calls_and_crashes(hold: Hold) -> None:
    held = hold()
    await GenServer.call(otp.whereis("server"), hold())  # type: ignore[arg-type]
    del held


async def has_tasks_that_call(hold: Hold) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(calls_and_crashes(hold))
        group.create_task(calls_and_crashes(hold))


CALLERS = [calls_and_survives, calls_and_crashes, has_tasks_that_call]


@pytest.mark.parametrize("where", ["init", "handle_call", "handle_cast", "handle_info", "terminate"])
@pytest.mark.parametrize(("how", "is_async"), HOW, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_server_that_ends_in_a_callback_frees_what_it_held(
    left_of: Any, where: str, how: Any, is_async: bool
) -> None:
    async def life(hold: Hold) -> None:
        starter = otp.spawn(starts, server_of(where, how, is_async), hold)
        await turns()
        server = otp.whereis("server")
        callers: list[otp.Pid] = []
        if server is not None and where == "handle_call":
            callers = [otp.spawn(caller, hold) for caller in CALLERS]
        elif server is not None and where == "handle_cast":
            GenServer.cast(server, hold())
        elif server is not None:
            otp.send(server, hold())
        await turns()
        if server is not None and isinstance(how, str):
            otp.exit(server, how)
        await turns(40)
        alive = [otp.is_alive(pid) for pid in (starter, *callers)]
        assert alive == [False, True, False, False][: len(alive)]
        assert otp.whereis("server") is None

    assert left_of(life) == {}


@pytest.mark.parametrize("seconds", [0, 0.001, -1], ids=["at once", "later", "no time"])
def test_a_call_that_fails_frees_its_request_while_the_caller_lives(left_of: Any, seconds: float) -> None:
    async def life(hold: Hold) -> None:
        silent = await Silent.start(name="silent")
        dead = otp.spawn(lambda: None)
        await otp.wait_down(dead)

        async def caller() -> None:
            otp.register("caller", otp.self())
            for dest in (silent, "silent", dead, "nobody", otp.self(), "caller"):
                try:
                    await GenServer.call(dest, hold(), timeout=seconds)
                except otp.CallExit:
                    pass
            otp.exit(silent, "kill")  # until then it keeps the calls, and answers none
            await otp.receive()

        otp.spawn(caller)
        assert await otp.wait_down(silent) == "killed"
        await turns(40)

    assert left_of(life) == {}


def test_a_call_whose_process_dies_frees_its_request_while_the_caller_lives(left_of: Any) -> None:
    async def life(hold: Hold) -> None:
        deaf = otp.spawn(receives_nothing)
        otp.register("deaf", deaf)

        async def calls(dest: Any) -> None:
            try:
                await GenServer.call(dest, hold(), timeout=3600)
            except otp.ServerDown:
                pass
            await otp.receive()

        callers = [otp.spawn(calls, deaf), otp.spawn(calls, "deaf")]
        await turns()
        otp.exit(deaf, "kill")
        await turns(40)
        assert [otp.is_alive(pid) for pid in callers] == [True, True]

    assert left_of(life) == {}


async def receives_nothing() -> None:
    await otp.receive(otp.Tag("never"))


def work_that_raises(hold: Hold) -> None:
    held = hold()
    raise ValueError("no") if held else None  # type: ignore[misc]


@pytest.mark.parametrize("work", [work_that_raises, exits, receives])
def test_a_task_and_its_owner_free_what_they_held(left_of: Any, work: Any) -> None:
    async def life(hold: Hold) -> None:
        async def owner() -> None:
            held = hold()
            otp.process_flag("trap_exit", True)
            task = Task.async_(work, hold)
            await turns()
            otp.exit(task.pid, "boom")  # type: ignore[arg-type]
            await Task.await_(task, timeout=0.001)
            del held

        async def impatient() -> None:
            held = hold()
            task = Task.async_(receives, hold)
            await Task.await_(task, timeout=0.001)
            del held

        for process in (owner, impatient):
            await otp.wait_down(otp.spawn(process))
        await turns(40)

    assert left_of(life) == {}


def machine_of(end: Callable[[], Any], hold: Hold) -> type[GenStateMachine[Any, Any]]:
    class Machine(GenStateMachine[Any, Any]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("first", hold())

        async def first(self, event: Any, content: Any, data: Any) -> Any:
            await turns(1)
            return NextState("second", data, NextEvent("internal", "go on"))

        def second(self, event: Any, content: Any, data: Any) -> Any:
            held = hold()
            return end() if held else None

    return Machine


def go_to_a_state_that_is_missing() -> Any:
    return NextState("missing", None)


def go_to_a_state_that_is_no_name() -> Any:
    return NextState(17, None)


def return_no_result() -> Any:
    return "no result"


@pytest.mark.parametrize(
    "end",
    [
        raise_error,
        exit_with_a_reason,
        return_a_stop,
        return_no_result,
        go_to_a_state_that_is_missing,
        go_to_a_state_that_is_no_name,
    ],
)
def test_a_state_machine_that_crashes_frees_what_it_held(left_of: Any, end: Any) -> None:
    async def life(hold: Hold) -> None:
        machine = await machine_of(end, hold).start()
        otp.send(machine, hold())
        otp.send(machine, hold())
        assert await otp.wait_down(machine) != "normal"
        await turns(40)

    assert left_of(life) == {}


@pytest.mark.parametrize("shutdown", ["brutal_kill", 5])
def test_a_supervisor_frees_what_its_children_held(left_of: Any, shutdown: Any) -> None:
    async def life(hold: Hold) -> None:
        class Waits(Silent):
            @impl
            async def handle_info(self, message: Any, state: Any) -> Any:
                held = hold()
                await forever()
                return NoReply(state) if held else None

        spec = ChildSpec("child", start=(Waits.start_link, None), shutdown=shutdown)
        supervisor = await Supervisor.start_link_children([spec])
        for _ in range(2):
            [child] = await Supervisor.which_children(supervisor)
            otp.send(child.pid, hold())  # type: ignore[arg-type]
            await turns()
            await Supervisor.terminate_child(supervisor, "child")
            await Supervisor.restart_child(supervisor, "child")
        await Supervisor.stop(supervisor)
        await turns(40)

    assert left_of(life) == {}


def test_an_operation_that_a_supervisor_refuses_frees_what_it_was_about(left_of: Any) -> None:
    async def life(hold: Hold) -> None:
        def child(id: str, restart: Any = "permanent") -> ChildSpec:
            return ChildSpec(id, start=(Silent.start_link, hold()), restart=restart)

        otp.process_flag("trap_exit", True)
        supervisor = await Supervisor.start_link_children([ChildSpec("child", start=(Silent.start_link, None))])
        held, refused = hold(), 0
        for operation in (
            lambda: Supervisor.start_child(supervisor, child("child")),
            lambda: Supervisor.start_child(supervisor, child("other", "wrong")),
            lambda: Supervisor.restart_child(supervisor, "child"),
            lambda: Supervisor.restart_child(supervisor, "other"),
            lambda: Supervisor.start_link_children([child("other", "wrong")]),
        ):
            try:
                await operation()
            except otp.StartError:
                refused += 1
        assert held and refused == 5
        await turns(40)

    assert left_of(life) == {}
