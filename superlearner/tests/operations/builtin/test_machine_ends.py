"""The end of a state machine is explained with its state function, its event and its line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import otp
from otp import (
    EventTimeout,
    GenStateMachine,
    KeepState,
    MachineOk,
    NamedTimeout,
    NextEvent,
    NextState,
    StateTimeout,
    Stop,
    Supervisor,
    impl,
)
from superlearner.app.running import Tree
from superlearner.control.steer import resolve

FILE = "test_machine_ends.py"


class BoltedDoor(GenStateMachine[str, int]):
    callback_mode = "state_functions"

    @impl
    def init(self, arg: int) -> Any:
        return MachineOk("bolted", arg)

    @impl
    def bolted(self, event: Any, content: Any, data: int) -> Any:
        match event, content:
            case "cast", "raise":
                raise ValueError("bad digit")
            case "cast", "stop":
                return Stop("jammed")
            case "cast", "state":
                return KeepState(data, StateTimeout(0.001, "lock"))
            case "cast", "named":
                return KeepState(data, NamedTimeout("beep", 0.001, "loud"))
            case "cast", "event":
                return KeepState(data, EventTimeout(0.001, "idle"))
            case "cast", "lost":
                return NextState("lost", data, NextEvent("internal", "go"))
            case "cast", "inner":
                return KeepState(data, NextEvent("internal", "work"))
            case "cast", "none":
                KeepState(data)
            case "internal", "work":
                return Stop("work_failed")
            case "state_timeout" | "timeout" | ("timeout", "beep"), _:
                raise RuntimeError("too late")


class BoltedLamp(GenStateMachine[Any, int]):
    callback_mode = "handle_event_function"

    @impl
    def init(self, arg: int) -> Any:
        return MachineOk(("dim", 3), arg)

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: int) -> Any:
        match content:
            case "stop":
                return Stop("burnt")
            case "fail":
                raise ValueError("no bulb")


async def start_machines() -> otp.Pid:
    specs = [BoltedDoor.child_spec(1, id="door", name="door"), BoltedLamp.child_spec(1, id="lamp", name="lamp")]
    return await Supervisor.start_link_children(specs, name="house", max_restarts=9)


def place(function: Any, text: str) -> str:
    lines, first = inspect.getsourcelines(function)
    line = first + next(number for number, found in enumerate(lines) if text in found)
    return f"{FILE}:{line} in {function.__name__}"


ENDS = [
    ("door", "raise", "ValueError('bad digit')", "in BoltedDoor.bolted('cast', 'raise'), state 'bolted'",
     "'raise'", place(BoltedDoor.bolted, "bad digit")),
    ("door", "stop", "jammed (bolted returned Stop)", "in BoltedDoor.bolted('cast', 'stop'), state 'bolted'",
     "'stop'", place(BoltedDoor.bolted, '"jammed"')),
    ("door", "state", "RuntimeError('too late')", "in BoltedDoor.bolted('state_timeout', 'lock'), state 'bolted'",
     "('state_timeout', 'lock')", place(BoltedDoor.bolted, "too late")),
    ("door", "named", "RuntimeError('too late')", "in BoltedDoor.bolted(('timeout', 'beep'), 'loud'), state 'bolted'",
     "(('timeout', 'beep'), 'loud')", place(BoltedDoor.bolted, "too late")),
    ("door", "event", "RuntimeError('too late')", "in BoltedDoor.bolted('timeout', 'idle'), state 'bolted'",
     "('timeout', 'idle')", place(BoltedDoor.bolted, "too late")),
    ("door", "lost", "its state has no method (undef)", "in BoltedDoor.lost('internal', 'go'), state 'lost'",
     "'lost'", place(BoltedDoor.bolted, 'NextState("lost"')),
    ("door", "inner", "work_failed (bolted returned Stop)", "in BoltedDoor.bolted('internal', 'work'), state 'bolted'",
     "'inner'", place(BoltedDoor.bolted, '"work_failed"')),
    ("lamp", "stop", "burnt (handle_event returned Stop)",
     "in BoltedLamp.handle_event('cast', 'stop'), state ('dim', 3)", "'stop'",
     place(BoltedLamp.handle_event, '"burnt"')),
]  # fmt: skip


@pytest.mark.operation("error.why", "error.list", "restart.list")
@pytest.mark.parametrize(("name", "message", "reason", "doing", "handled", "where"), ENDS)
def test_the_end_of_a_machine_names_function_event_and_line(
    inside: Callable[..., Any], name: str, message: str, reason: str, doing: str, handled: str, where: str
) -> None:
    """Regression: it named `handle_cast`, which no machine has, the message of a timer, and no line of a result."""

    async def test(platform: Any) -> None:
        machine = resolve(platform.node, name)
        BoltedDoor.cast(machine, message)
        await otp.wait_down(machine, timeout=5)
        why = (await platform.get(f"/api/v1/processes/{name}/errors/why"))["data"]
        first = why["summary"].partition("\n")[0].partition("; ")[0]
        assert doing in first
        assert where.partition(" in ")[0] in first
        (error,) = (await platform.get("/api/v1/errors"))["data"]
        assert (error["reason"], error["where"], error["message"]) == (reason, where, handled)
        assert error["callback"] == doing.partition("(")[0].rpartition(".")[2]
        (listed,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
        assert (listed["reason"], listed["where"]) == (reason, where)

    inside(test, Tree("house", start_machines))


NO_RESULTS = [
    ("door", "none", place(BoltedDoor.bolted, " KeepState(data)"), "a `return` is missing"),
    ("door", "nothing", place(BoltedDoor.bolted, "match event"), "no case matches ('cast', 'nothing')"),
    ("lamp", "nothing", place(BoltedLamp.handle_event, "match content"), "no case matches 'nothing'"),
]


@pytest.mark.parametrize(("name", "message", "where", "why"), NO_RESULTS)
def test_a_machine_that_returned_no_result_is_explained(
    inside: Callable[..., Any], name: str, message: str, where: str, why: str
) -> None:
    async def test(platform: Any) -> None:
        machine = resolve(platform.node, name)
        BoltedDoor.cast(machine, message)
        await otp.wait_down(machine, timeout=5)
        (error,) = (await platform.get("/api/v1/errors"))["data"]
        line, _, function = where.partition(" in ")
        assert (error["where"], error["reason"]) == (where, f"{function} ({line}) returned None: {why}")

    inside(test, Tree("house", start_machines))


@pytest.mark.operation("error.why")
def test_a_request_that_ended_a_machine_is_named(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        machine = resolve(platform.node, "door")
        asked = {"message": "inner", "message_type": "cast"}
        await platform.client.post("/api/v1/processes/door/message", json=asked)
        await otp.wait_down(machine, timeout=5)
        why = (await platform.get("/api/v1/processes/door/errors/why"))["data"]
        said = "in BoltedDoor.bolted('internal', 'work'), state 'bolted', while it handled the cast 'inner' "
        assert said in why["summary"]

    inside(test, Tree("house", start_machines))


@pytest.mark.operation("error.why", "restart.show")
def test_the_line_that_called_from_outside_any_process_is_named(inside: Callable[..., Any]) -> None:
    """Regression: the pages and commands did not say who called."""

    async def ask(machine: otp.Pid) -> None:
        with suppress(otp.CallExit):
            await BoltedLamp.call(machine, "fail")

    async def test(platform: Any) -> None:
        await ask(resolve(platform.node, "lamp"))
        line = inspect.getsourcelines(ask)[1] + 2
        asked = f"the call 'fail' from {FILE}:{line} in ask"
        await Supervisor.which_children(("house", platform.node))
        why = (await platform.get("/api/v1/processes/lamp/errors/why"))["data"]
        assert f"while it handled {asked}, at " in why["summary"]
        (listed,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
        shown = (await platform.get(f"/api/v1/restarts/{listed['ref']}"))["data"]
        assert shown["facts"]["handling"] == asked

    inside(test, Tree("house", start_machines))
