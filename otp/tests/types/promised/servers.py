"""Servers, state machines and agents: what type checkers are promised."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_type

import otp
from otp import (
    Agent,
    Continue,
    EventTimeout,
    From,
    GenServer,
    GenStateMachine,
    GrantedName,
    Ignore,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NamedTimeout,
    NextEvent,
    NextState,
    NoReply,
    Ok,
    Pid,
    Postpone,
    Ref,
    Registry,
    Reply,
    ReplyTo,
    Request,
    StateTimeout,
    Stop,
    StopAndReply,
    impl,
)


class Move(Request[bool]):
    x: int
    y: int = 0


@dataclass(frozen=True)
class Name(Request[str | None]):
    pass


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int] | Ignore:
        return Ok(arg, then=Continue("load")) if arg >= 0 else Ignore()

    @impl
    def handle_call(self, request: Any, caller: From, state: int) -> Reply[int] | NoReply[int] | Stop:
        assert_type(caller.pid, Pid)
        assert_type(caller.ref, Ref)
        match request:
            case Move(x, y):
                assert_type(x, int)
                return Reply(True, state + x + y)
            case "later":
                GenServer.reply(caller, "now")
                return NoReply(state)
            case _:
                return Stop("normal", state, reply="bye")

    @impl
    async def handle_cast(self, request: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1, timeout=5)

    @impl
    def handle_info(self, message: object, state: int) -> NoReply[int]:
        assert_type(self.pid, Pid)
        return NoReply(state, hibernate=True)


class Stopping(GenServer[int]):
    """`Stop` has the type of its state, like the other results; a bare one fits every server."""

    @impl
    def init(self, arg: int) -> Ok[int] | Stop[int]:
        return Ok(arg) if arg >= 0 else Stop("negative")

    @impl
    def handle_call(self, request: Any, caller: From, state: int) -> Reply[int] | Stop[int]:
        if request == "wrong":
            return Stop("normal", "text")  # type: ignore[arg-type]  # pyright: ignore[reportReturnType]
        return Stop("normal", state + 1, reply="bye") if request == "stop" else Stop("normal", reply="bye")

    @impl
    def handle_cast(self, request: Any, state: int) -> NoReply[int] | Stop[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return Stop("normal", "text")

    @impl
    def handle_info(self, message: object, state: int) -> Stop:
        stopped = Stop("normal", state)
        assert_type(stopped, Stop[int])
        assert_type(stopped.state, int)
        return stopped


class WithoutAnnotations(GenServer[int]):
    """pyright takes the types of the contract where the parameters have its names; mypy has `Any`."""

    @impl
    def init(self, arg):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(arg, Any)
        return Ok(3)

    @impl
    def handle_call(self, request, caller, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(request, Any)
        assert_type(caller, From)  # type: ignore[assert-type]
        assert_type(state, int)  # type: ignore[assert-type]
        return Reply(state, state + 1)

    @impl
    async def handle_cast(self, request, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, int)  # type: ignore[assert-type]
        return NoReply(state)

    @impl
    def handle_info(self, message, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, int)  # type: ignore[assert-type]
        return NoReply(state)

    @impl
    def handle_continue(self, term, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, int)  # type: ignore[assert-type]
        return NoReply(state)

    @impl
    def terminate(self, reason, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, int)  # type: ignore[assert-type]

    @impl
    def format_status(self, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, int)  # type: ignore[assert-type]
        return "hidden"


class ReturnsAnotherState(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType, reportIncompatibleMethodOverride]
        return Reply("ok", str(state))


class OwnNames(GenServer[list[str]]):
    """The parameters of a callback may have any names."""

    @impl
    def init(self, things: list[str]) -> Ok[list[str]]:
        return Ok(things)

    @impl
    def handle_cast(self, thing: str, things: list[str]) -> NoReply[list[str]]:
        return NoReply([*things, thing])


class MachineWithoutAnnotations(GenStateMachine[str, int]):
    @impl
    def init(self, arg: int) -> MachineOk[str, int]:
        return MachineOk("locked", arg)

    @impl
    def handle_event(self, event, content, state, data):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, str)  # type: ignore[assert-type]
        assert_type(data, int)  # type: ignore[assert-type]
        return KeepState(data + 1)

    @impl
    def terminate(self, reason, state, data):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType]
        assert_type(state, str)  # type: ignore[assert-type]
        assert_type(data, int)  # type: ignore[assert-type]


class WrongState(GenServer[int]):
    @impl
    def init(self, arg: str) -> Ok[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> NoReply[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return NoReply(str(state))


class Door(GenStateMachine[str, int]):
    callback_mode = "handle_event_function"

    @impl
    def init(self, arg: int) -> MachineOk[str, int]:
        return MachineOk("locked", arg)

    @impl
    def handle_event(
        self, event: Any, content: Any, state: str, data: int
    ) -> NextState[str, int] | KeepState[int] | KeepStateAndData | StopAndReply:
        match event:
            case ("call", caller):
                return NextState("open", data, ReplyTo(caller, "welcome"), StateTimeout(10, "lock"))
            case "state_timeout" | "timeout":
                return KeepState(data, NextEvent("internal", "check"), NamedTimeout("session", "infinity"))
            case "internal":
                return KeepStateAndData(Postpone(), EventTimeout(1))
            case _:
                return StopAndReply("normal", [])


class Lamp(GenStateMachine[str, int]):
    callback_mode = "state_function"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


@dataclass(frozen=True)
class Granted:
    key: str

    def whereis(self) -> Pid | None:
        return None

    def register(self, pid: Pid) -> bool:
        return True

    def unregister(self, pid: Pid) -> None:
        pass

    async def grant(self, pid: Pid) -> bool:
        return pid.id == 1


@dataclass(frozen=True)
class Impatient(Granted):
    def grant(self, pid: Pid) -> bool:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return False


async def granted(name: GrantedName) -> None:
    assert_type(await Counter.start(0, name=name), Pid)
    assert_type(await GenServer.call(name, Move(1, 2)), bool)
    assert_type(await name.grant(otp.self()), bool)
    await granted(Granted("a"))
    await granted(Impatient("a"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await granted(Registry.via("rooms", 1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def starting() -> None:
    assert_type(await Counter.start(0, name=Granted("a")), Pid)
    assert_type(await Counter.start_link(0), Pid)
    assert_type(await Counter.start(0, name="counter", timeout=1), Pid)
    assert_type(await Counter.start(0, name=Registry.via("rooms", 1)), Pid)
    assert_type(await Counter.start_monitor(0), tuple[Pid, Ref])
    assert_type(await Door.start_link(0, name=("door", 1)), Pid)
    await Counter.start(0, name=["counter"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await Counter.start(0, name=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await Counter.start(0, timeout="long")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Counter.start_link(0)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def calling(server: Pid) -> None:
    assert_type(await GenServer.call(server, Move(2)), bool)
    assert_type(await GenServer.call("counter", Name(), timeout=1.0), str | None)
    assert_type(await GenServer.call(server, "value"), Any)
    assert_type(await GenServer.call(("counter", "node"), ("get", 1), "infinity"), Any)
    assert_type(await GenServer.call(Registry.via("rooms", 1), Move(1, 2), None), bool)
    pending: Coroutine[Any, Any, bool] = GenServer.call(server, Move(1))
    print(await pending is True)
    GenServer.cast(server, "increment")
    GenServer.abcast("counter", "increment")
    assert_type(
        await GenServer.multi_call("counter", "value"), tuple[list[tuple[otp.Node | str, Any]], list[otp.Node | str]]
    )
    assert_type(await GenServer.stop(server, "normal", 5), None)
    GenServer.call(server, Move(1))  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    await GenServer.call(server, Move("two"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await GenServer.call(server, Move(2), timeout="soon")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await GenServer.call(otp.whereis("counter"), Move(2))  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    GenServer.cast(otp.whereis("counter"), "increment")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    GenServer.cast(3, "increment")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    GenServer.reply(server, "value")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def machines(door: Pid, caller: From) -> None:
    assert_type(await GenStateMachine.call(door, Move(1), 5), bool)
    assert_type(await GenStateMachine.call(door, "push"), Any)
    GenStateMachine.cast(door, "lock")
    GenStateMachine.reply(caller, "welcome")
    GenStateMachine.reply([ReplyTo(caller, "welcome")])
    ReplyTo("caller", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    NextEvent("later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    StateTimeout("soon")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def agents(agent: Pid) -> None:
    def length(text: str) -> int:
        return len(text)

    async def later(text: str) -> bytes:
        return text.encode()

    def take(text: str) -> tuple[int, str]:
        return len(text), ""

    assert_type(await Agent.start_link(dict, name="basket"), Pid)
    assert_type(await Agent.get(agent, length), int)
    assert_type(await Agent.get("basket", later, timeout="infinity"), bytes)
    assert_type(await Agent.get_and_update(agent, take), int)
    assert_type(await Agent.update(agent, lambda text: text + "!"), None)
    Agent.cast(agent, str.upper)
    await Agent.get(agent, length, "soon")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await Agent.get_and_update(agent, length)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
