"""State machines as processes: starting, events, answers, both callback modes, actions in a running machine.

Source: Erlang/OTP, stdlib, `gen_statem`; gen_statem_SUITE. What is called observed was seen on OTP 25.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import (
    AlreadyStarted,
    BadArgument,
    CallingSelf,
    CallTimeout,
    ChangeModule,
    Down,
    Error,
    EventTimeout,
    ExceptionTerm,
    Exit,
    ExitSignal,
    GenStateMachine,
    Ignore,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NextEvent,
    NextState,
    NoProcess,
    PopModule,
    Postpone,
    PushModule,
    RepeatState,
    ReplyTo,
    ServerDown,
    StartError,
    Stop,
    StopAndReply,
    Supervisor,
    impl,
)
from otp.behaviours.behaviour import MissingCallback
from otp.sys import get_state, get_status
from otp.testing import Scheduler, advance, wait_all_idle


def machine(
    handle: Callable[..., Any], first: Any = None, *, enters: bool = False, ends: Callable[..., Any] | None = None
) -> type[GenStateMachine[Any, Any]]:
    """A class whose callbacks are functions: `handle(event, content, state, data)`, `ends(reason, state, data)`."""

    class Machine(GenStateMachine[Any, Any]):
        state_enter = enters

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("a", arg) if first is None else first(arg) if callable(first) else first

        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
            return handle(event, content, state, data)

        if ends is not None:

            @impl
            def terminate(self, reason: Any, state: Any, data: Any) -> Any:
                return ends(reason, state, data)

    return Machine


def echo(event: Any, content: Any, state: Any, data: Any) -> Any:
    match event:
        case ("call", caller):
            return KeepState(data, ReplyTo(caller, (content, state, data)))
        case _:
            return KeepState(content)


class Door(GenStateMachine[str, Any]):
    """States are functions; the code is in the data."""

    callback_mode = "state_functions"

    @impl
    def init(self, code: Any) -> Any:
        return MachineOk("locked", code)

    @impl
    def locked(self, event: Any, content: Any, data: Any) -> Any:
        match event:
            case ("call", caller) if content == data:
                return NextState("open", data, ReplyTo(caller, "welcome"))
            case ("call", caller):
                return KeepStateAndData(ReplyTo(caller, "wrong"))
            case _:
                return KeepStateAndData(Postpone())

    @impl
    def open(self, event: Any, content: Any, data: Any) -> Any:
        match event:
            case "cast":
                return NextState("locked", content)
            case ("call", caller):
                return KeepStateAndData(ReplyTo(caller, "come in"))
            case _:
                return KeepStateAndData()


# Starting


def test_start_link_returns_the_pid_under_its_name_and_links(run: Any) -> None:
    async def main() -> None:
        pid = await machine(echo).start_link(1, name="m")
        assert otp.whereis("m") == pid
        assert otp.process_info(otp.self(), "links") == (pid,)
        with pytest.raises(AlreadyStarted) as error:
            await machine(echo).start_link(2, name="m")
        assert error.value.pid == pid

    run(main)


def test_start_monitor_returns_pid_and_ref(run: Any) -> None:
    async def main() -> None:
        pid, ref = await machine(echo).start_monitor(1)
        await GenStateMachine.stop(pid)
        assert await otp.receive(ref) == Down(ref, pid, "normal")

    run(main)


def test_a_machine_is_started_and_called_from_outside_a_process() -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            pid = await node.start(machine(echo), 5, name="m")
            return await GenStateMachine.call(pid, "hello")

    assert asyncio.run(main()) == ("hello", "a", 5)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Stop("why"), "why"),
        (Stop(None), None),
        ("wrong", ("bad_return_from_init", "wrong")),
        (None, ("bad_return_from_init", None)),
        (KeepStateAndData(), ("bad_return_from_init", KeepStateAndData())),
    ],
    ids=repr,
)
def test_init_that_does_not_begin_fails_the_start(run: Any, verdict: Any, reason: Any) -> None:
    """Observed: `{error, Reason}` and an exit signal with the same reason."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as error:
            await machine(echo, lambda _: verdict).start_link()
        assert error.value.reason == reason
        assert (await otp.receive(ExitSignal)).reason == reason

    run(main)


def test_what_init_raises_is_bare_in_the_error_and_with_its_stack_in_the_exit_reason(run: Any) -> None:
    """Observed: `{error, boom}` and `{'EXIT', Pid, {boom, Stack}}`."""

    def boom(_: Any) -> Any:
        raise Error("boom")

    def value_error(_: Any) -> Any:
        raise ValueError("no")

    def exits(_: Any) -> Any:
        raise Exit("bye")

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        term = ExceptionTerm("ValueError", ("no",), "no")
        for first, bare, full in (
            (boom, "boom", otp.Crash("boom")),
            (value_error, term, otp.Crash(term)),
            (exits, "bye", "bye"),
        ):
            with pytest.raises(StartError) as error:
                await machine(echo, first).start_link()
            assert error.value.reason == bare
            assert (await otp.receive(ExitSignal)).reason == full

    run(main)


def test_init_may_ignore_and_its_verdict_may_be_thrown(run: Any) -> None:
    def throws(_: Any) -> Any:
        raise otp.Throw(MachineOk("thrown", 7))

    async def main() -> None:
        assert isinstance(await machine(echo, Ignore()).start_link(), Ignore)
        pid = await machine(echo, throws).start_link()
        assert await GenStateMachine.call(pid, "x") == ("x", "thrown", 7)

    run(main)


def test_init_may_wait(run: Any) -> None:
    async def first(arg: Any) -> Any:
        await asyncio.sleep(1)
        if arg == "throw":
            raise otp.Throw(Stop("thrown"))
        if arg == "raise":
            raise ValueError
        return MachineOk("late", arg)

    async def main() -> None:
        pid = await machine(echo, first).start_link(3)
        assert (await GenStateMachine.call(pid, "x"), otp.monotonic()) == (("x", "late", 3), 1.0)
        with pytest.raises(StartError) as error:
            await machine(echo, first).start("throw")
        assert error.value.reason == "thrown"
        with pytest.raises(StartError) as error:
            await machine(echo, first).start("raise")
        assert error.value.reason.type_name == "ValueError"
        with pytest.raises(StartError) as error:
            await machine(echo, first).start(1, timeout=0.5)
        assert error.value.reason == "timeout"

    run(main)


def test_the_starter_does_not_wait_until_the_first_state_is_entered_but_messages_do(run: Any) -> None:
    """Source: `init_result` acknowledges the start before it carries out actions."""
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        seen.append((event, content))
        await asyncio.sleep(5)
        return KeepStateAndData()

    async def main() -> None:
        first = MachineOk("a", None, NextEvent("internal", "go"))
        pid = await machine(handle, first, enters=True).start_link()
        assert otp.monotonic() == 0.0
        GenStateMachine.cast(pid, "message")
        await advance(10)
        assert seen == [("enter", "a"), ("internal", "go"), ("cast", "message")]
        seen.clear()

    run(main)


def test_a_wrong_action_of_init_ends_a_machine_that_has_started(run: Any) -> None:
    """Observed."""

    async def main() -> None:
        _, ref = await machine(echo, MachineOk("a", 1, "wrong")).start_monitor()
        assert (await otp.receive(ref)).reason == otp.Crash(("bad_action_from_state_function", "wrong"))

    run(main)


def test_a_machine_is_a_child_like_any_other(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([Door.child_spec("1", name="door"), (machine(echo), 4)])
        assert [info.type for info in await Supervisor.which_children(tree)] == ["worker", "worker"]
        first = otp.whereis("door")
        assert first is not None
        otp.exit(first, "kill")
        await wait_all_idle()
        second = otp.whereis("door")
        assert second not in (None, first)
        assert await Door.call("door", "1") == "welcome"

    run(main)


# Classes


def test_a_class_without_init_or_without_the_callback_of_its_mode_does_not_start(run: Any) -> None:
    class NoInit(GenStateMachine[Any, Any]):
        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any: ...

    class NoHandler(GenStateMachine[Any, Any]):
        @impl
        def init(self, arg: Any) -> Any: ...

    async def main() -> None:
        for cls, missing in ((NoInit, "init"), (NoHandler, "handle_event")):
            with pytest.raises(MissingCallback, match=missing):
                await cls.start()

    run(main)


def test_a_wrong_mode_fails_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match="callback_mode"):
        type("M", (GenStateMachine,), {"callback_mode": "state_function"})
    with pytest.raises(TypeError, match="state_enter"):
        type("M", (GenStateMachine,), {"state_enter": "yes"})


def test_impl_above_a_state_needs_the_mode_of_state_functions() -> None:
    with pytest.raises(TypeError, match="state_functions"):

        class _Door(GenStateMachine[Any, Any]):
            @impl
            def locked(self, event: Any, content: Any, data: Any) -> Any: ...

    with pytest.raises(TypeError, match="'_locked'"):

        class _Private(Door):
            @impl
            def _locked(self, event: Any, content: Any, data: Any) -> Any: ...

    with pytest.raises(TypeError, match="did you mean 'terminate'"):

        class _Typo(GenStateMachine[Any, Any]):
            @impl
            def terminat(self, reason: Any, state: Any, data: Any) -> Any: ...


def test_the_contract_can_be_asked_for() -> None:
    assert Door.behaviour_info("callbacks") == [
        ("init", 1),
        ("handle_event", 4),
        ("terminate", 3),
        ("code_change", 4),
        ("format_status", 2),
    ]


# Events


def test_each_kind_of_message_is_an_event_of_its_kind(run: Any) -> None:
    seen: list[Any] = []

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                seen.append(("call", content))
                return KeepStateAndData(ReplyTo(caller, "answer"))
            case _:
                seen.append((event, content))
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle).start_link()
        GenStateMachine.cast(pid, 1)
        otp.send(pid, 2)
        assert await GenStateMachine.call(pid, 3) == "answer"
        otp.send(pid, otp.Timeout())
        ref = otp.start_timer(1, pid, ["no hash"])
        await advance(1)
        assert seen == [
            ("cast", 1),
            ("info", 2),
            ("call", 3),
            ("info", otp.Timeout()),
            ("info", otp.TimerFired(ref, ["no hash"])),
        ]

    run(main)


def test_states_are_functions(run: Any) -> None:
    async def main() -> None:
        door = await Door.start_link("1234")
        assert await Door.call(door, "0000") == "wrong"
        assert await Door.call(door, "1234") == "welcome"
        assert await Door.call(door, "1234") == "come in"
        Door.cast(door, "new")
        assert await Door.call(door, "1234") == "wrong"
        assert await get_state(door) == ("locked", "new")

    run(main)


def test_a_state_may_have_the_name_of_a_function_of_the_client(run: Any) -> None:
    class Player(GenStateMachine[str, int]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("stop", 0)

        @impl
        def stop(self, event: Any, content: Any, data: Any) -> Any:
            return KeepState(data + 1)

    async def main() -> None:
        pid = await Player.start_link()
        Player.cast(pid, "x")
        assert await get_state(pid) == ("stop", 1)
        await GenStateMachine.stop(pid)

    run(main)


@pytest.mark.parametrize(
    ("state", "reason"),
    [("nowhere", "undef"), ("terminate", "undef"), ("call", "undef"), ("__init__", "undef"), (("a", 1), "badarg")],
)
def test_a_state_that_is_no_function_ends_the_machine(run: Any, state: Any, reason: str) -> None:
    """Observed: `undef` for an atom, `badarg` for anything else; the machine has changed its state already."""
    ends: list[Any] = []

    class Lost(Door):
        @impl
        def open(self, event: Any, content: Any, data: Any) -> Any:
            return NextState(state, data)

        @impl
        def terminate(self, reason: Any, state: Any, data: Any) -> None:
            ends.append((reason, state))

    async def main() -> None:
        pid = await Lost.start("1")
        await Lost.call(pid, "1")
        Lost.cast(pid, "go")
        Lost.cast(pid, "and now")
        assert await otp.wait_down(pid) == otp.Crash(reason)
        assert ends == [(reason, state)]
        ends.clear()

    run(main)


def test_a_state_may_be_any_value_when_one_function_handles_all(run: Any) -> None:
    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        return NextState([*state, content], data)

    async def main() -> None:
        pid = await machine(handle, MachineOk([], None)).start_link()
        GenStateMachine.cast(pid, 1)
        GenStateMachine.cast(pid, 2)
        assert await get_state(pid) == ([1, 2], None)

    run(main)


def test_an_event_that_matches_no_case_ends_the_machine_and_the_report_says_so(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Narrow(Door):
        @impl
        def locked(self, event: Any, content: Any, data: Any) -> Any:
            match event:
                case "info":
                    return KeepStateAndData()

    async def main() -> None:
        pid = await Narrow.start("1", name="narrow")
        Narrow.cast(pid, "what")
        assert await otp.wait_down(pid) == otp.Crash(("bad_return_from_state_function", None))

    run(main)
    assert "Narrow.locked('cast', 'what'), state 'locked'" in caplog.text
    assert "no case match" in caplog.text


# Calls


def test_a_call_waits_without_limit_and_its_failure_names_gen_statem(run: Any) -> None:
    """Observed: the time-out is part of the reason, `infinity` if none was given."""

    async def main() -> None:
        with pytest.raises(NoProcess) as error:
            await GenStateMachine.call("nobody", "x")
        assert error.value.reason == ("noproc", ("gen_statem", "call", ["nobody", "x", "infinity"]))
        silent = await machine(lambda *_: KeepStateAndData()).start()
        with pytest.raises(CallTimeout) as late:
            await GenStateMachine.call(silent, "x", timeout=7)
        assert late.value.reason == ("timeout", ("gen_statem", "call", [silent, "x", 7]))
        assert (late.value.dest, late.value.request, otp.monotonic()) == (silent, "x", 7.0)
        with pytest.raises(BadArgument):
            await GenStateMachine.call(silent, "x", timeout=-1)
        otp.send_after(100, otp.self(), "still waiting")
        asked = otp.spawn(GenStateMachine.call, silent, "x")
        await otp.receive()
        assert otp.is_alive(asked)

    run(main)


def test_a_machine_that_calls_itself_is_told(run: Any) -> None:
    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        with pytest.raises(CallingSelf) as error:
            await GenStateMachine.call(otp.self(), "x")
        raise error.value

    async def main() -> None:
        pid = await machine(handle).start()
        GenStateMachine.cast(pid, "go")
        expected = ("calling_self", ("gen_statem", "call", [pid, "x", "infinity"]))
        assert await otp.wait_down(pid) == expected

    run(main)


def test_a_call_fails_with_the_reason_of_a_machine_that_ends_first(run: Any) -> None:
    async def main() -> None:
        pid = await machine(lambda *_: Stop("why")).start()
        with pytest.raises(ServerDown) as error:
            await GenStateMachine.call(pid, "x")
        assert error.value.reason == ("why", ("gen_statem", "call", [pid, "x", "infinity"]))

    run(main)


def test_an_answer_may_be_given_later_by_anybody_once(run: Any) -> None:
    """gen_statem_SUITE: reply by cast, by spawned processes; `reply/1` takes actions and lists of them."""

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event, content:
            case ("call", caller), _:
                return KeepState([*data, caller])
            case "cast", "now":
                first, second, third = data
                GenStateMachine.reply(first, 1)
                otp.spawn(lambda: GenStateMachine.reply([ReplyTo(second, 2), ReplyTo(first, "again")]))
                GenStateMachine.reply(ReplyTo(third, 3))
                return KeepState([])
            case _:
                return None

    async def main() -> None:
        me = otp.self()
        pid = await machine(handle).start_link([])

        async def ask(number: int) -> None:
            otp.send(me, (number, await GenStateMachine.call(pid, number)))

        for number in (1, 2, 3):
            otp.spawn(ask, number)
            await wait_all_idle()
        GenStateMachine.cast(pid, "now")
        assert sorted([await otp.receive() for _ in range(3)]) == [(1, 1), (2, 2), (3, 3)]
        with pytest.raises(BadArgument, match="caller"):
            GenStateMachine.reply("nobody", 1)

    run(main)


def test_a_late_answer_is_dropped(run: Any) -> None:
    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                return KeepState(caller)
            case _:
                return KeepStateAndData(ReplyTo(data, "late"))

    async def main() -> None:
        pid = await machine(handle).start_link()
        with pytest.raises(CallTimeout):
            await GenStateMachine.call(pid, "x", 1)
        GenStateMachine.cast(pid, "answer")
        await wait_all_idle()
        assert otp.process_info(otp.self(), "message_queue_len") == 0

    run(main)


def test_answers_go_out_in_the_order_of_the_actions_before_the_state_is_entered(run: Any) -> None:
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                return KeepState([*data, caller])
            case "cast":
                return NextState("b", [], *(ReplyTo(caller, "ok") for caller in data))
            case "enter" if state == "b":
                await asyncio.sleep(1)
                seen.append("entered")
                return KeepStateAndData()
            case _:
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle, enters=True).start_link([])

        async def ask(number: int) -> None:
            await GenStateMachine.call(pid, number)
            seen.append(number)

        for number in (1, 2):
            otp.spawn(ask, number)
            await wait_all_idle()
        GenStateMachine.cast(pid, "all")
        await advance(1)
        assert sorted(seen[:2]) == [1, 2]
        assert seen[2:] == ["entered"]

    for options in ({"inline": True}, {"inline": False}):
        seen.clear()
        Scheduler(**options).run(main)
        assert seen == [1, 2, "entered"]


def test_a_call_may_be_postponed(run: Any) -> None:
    async def main() -> None:
        door = await Door.start_link("1")
        otp.send(door, "postponed")
        await Door.call(door, "1")
        assert await Door.call(door, "x") == "come in"

    run(main)


# Order in a running machine


def test_inserted_events_postponed_events_and_messages_come_in_that_order(run: Any) -> None:
    """Observed."""
    seen: list[Any] = []

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match content, state:
            case (("p1" | "p2"), "a"):
                return KeepStateAndData(Postpone())
            case "go", "a":
                return NextState("b", data, Postpone(), NextEvent("internal", "i"), NextEvent("cast", "c"))
            case _:
                seen.append(content)
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle).start_link()
        for content in ("p1", "p2", "go", "last"):
            GenStateMachine.cast(pid, content)
        await wait_all_idle()
        assert seen == ["i", "c", "p1", "p2", "go", "last"]
        seen.clear()

    run(main)


def test_a_machine_that_never_waits_can_be_killed_and_holds_up_nobody(run: Any) -> None:
    """OTP preempts; here a chain of events is interrupted between two callbacks."""

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        return KeepState(data + 1, NextEvent("internal", "again"))

    async def main() -> None:
        pid = await machine(handle).start(0)
        GenStateMachine.cast(pid, "begin")
        neighbour = await machine(echo).start(0)
        for number in range(10):
            assert await GenStateMachine.call(neighbour, number) == (number, "a", 0)
        otp.exit(pid, "kill")
        assert await otp.wait_down(pid) in ("killed", "noproc")

    run(main)


def test_a_fatal_signal_to_itself_stops_the_chain_after_this_callback(run: Any) -> None:
    seen: list[Any] = []

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        seen.append(content)
        try:
            otp.exit(otp.self(), "enough")
        except asyncio.CancelledError:
            pass
        return KeepStateAndData(NextEvent("internal", "never"))

    async def main() -> None:
        pid = await machine(handle).start()
        GenStateMachine.cast(pid, "go")
        assert await otp.wait_down(pid) == "enough"
        assert seen == ["go"]
        seen.clear()

    run(main)


# Waiting callbacks


def test_callbacks_may_wait_and_the_mailbox_keeps(run: Any) -> None:
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        seen.append((otp.monotonic(), event if isinstance(event, str) else "call", content))
        await asyncio.sleep(1)
        match event:
            case ("call", caller):
                return NextState("b", data, ReplyTo(caller, state), NextEvent("internal", "next"))
            case _:
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle, enters=True).start_link()
        GenStateMachine.cast(pid, "first")
        assert await GenStateMachine.call(pid, "second") == "a"
        GenStateMachine.cast(pid, "third")
        await advance(10)
        assert seen == [
            (0.0, "enter", "a"),
            (1.0, "cast", "first"),
            (2.0, "call", "second"),
            (3.0, "enter", "a"),
            (4.0, "internal", "next"),
            (5.0, "cast", "third"),
        ]
        seen.clear()

    run(main)


def test_a_waiting_callback_may_call_another_machine_and_throw_its_result(run: Any) -> None:
    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        caller = event[1]
        value = await GenStateMachine.call(data, content)
        raise otp.Throw(NextState("asked", data, ReplyTo(caller, value)))

    async def main() -> None:
        other = await machine(echo).start_link(9)
        pid = await machine(handle).start_link(other)
        assert await GenStateMachine.call(pid, "x") == ("x", "a", 9)
        assert await get_state(pid) == ("asked", other)

    run(main)


def test_a_waiting_callback_ends_with_its_machine(run: Any) -> None:
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        try:
            await asyncio.sleep(100)
        finally:
            seen.append("closed")
        return KeepStateAndData()

    async def main() -> None:
        for reason, actual in (("shutdown", "shutdown"), ("kill", "killed")):
            pid = await machine(handle).start()
            GenStateMachine.cast(pid, "wait")
            await wait_all_idle()
            otp.exit(pid, reason)
            assert await otp.wait_down(pid) in (actual, "noproc")
        assert seen == ["closed", "closed"]
        seen.clear()

    run(main)


# Other classes


class Counting(GenStateMachine[Any, Any]):
    """Handles what is pushed upon it: counts, and pops."""

    state_enter = True

    @impl
    def init(self, arg: Any) -> Any: ...

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
        match event, content:
            case "enter", old:
                return KeepState((*data, ("enter", old, state)))
            case "cast", "back":
                return NextState("a", data, PopModule())
            case _:
                return RepeatState((*data, content))

    @impl
    def terminate(self, reason: Any, state: Any, data: Any) -> None:
        otp.send("obs", ("counting", reason, state))


def test_another_class_handles_events_in_its_own_mode(run: Any) -> None:
    """gen_statem_SUITE: change, push and pop of callback modules."""

    class Basis(GenStateMachine[Any, Any]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("a", ())

        @impl
        def a(self, event: Any, content: Any, data: Any) -> Any:
            match content:
                case "push":
                    return NextState("b", (*data, "pushed"), PushModule(Counting))
                case "change":
                    return KeepState((*data, "changed"), ChangeModule(Counting))
                case _:
                    return KeepState((*data, "basis"))

    async def main() -> None:
        otp.register("obs", otp.self())
        pid = await Basis.start()
        for content in ("x", "push", "y", "back", "z", "change", "end"):
            Basis.cast(pid, content)
        state, data = await get_state(pid)
        assert state == "a"
        assert data == (
            "basis",
            "pushed",
            ("enter", "a", "b"),
            "y",
            ("enter", "b", "b"),
            "basis",
            "changed",
            "end",
            ("enter", "a", "a"),
        )
        assert (await get_status(pid)).module is Basis
        await GenStateMachine.stop(pid)
        assert await otp.receive() == ("counting", "normal", "a")

    run(main)


def test_a_class_that_cannot_take_over_ends_the_machine(run: Any) -> None:
    async def main() -> None:
        def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
            return KeepStateAndData(content)

        for wrong in (ChangeModule(int), PushModule(otp.GenServer), PopModule()):
            pid = await machine(handle).start()
            GenStateMachine.cast(pid, wrong)
            assert await otp.wait_down(pid) == otp.Crash(("bad_action_from_state_function", wrong))

    run(main)


# Values


def test_results_compare_and_show_what_they_say() -> None:
    assert NextState("a", 1, Postpone()) == NextState("a", 1, Postpone())
    assert NextState("a", 1) != NextState("a", 1, Postpone())
    assert KeepState(1) != RepeatState(1)
    assert len({KeepState(1), KeepState(1), KeepState(2)}) == 2
    assert repr(StopAndReply("why", [], 1)) == "StopAndReply('why', [], 1)"
    assert repr(KeepState(1, EventTimeout(1, 2))) == "KeepState(1, EventTimeout(seconds=1, content=2, abs=False))"
    match NextState("a", 1):
        case NextState(state, data):
            assert (state, data) == ("a", 1)


def test_the_run_is_the_same_for_the_same_seed() -> None:
    def once(seed: int) -> list[Any]:
        log: list[Any] = []

        def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
            log.append((otp.monotonic(), event, content))
            return KeepStateAndData()

        async def main() -> None:
            pid = await machine(handle).start_link()
            for number in range(20):
                otp.spawn(GenStateMachine.cast, pid, number)
            await wait_all_idle()

        Scheduler(seed=seed).run(main)
        return log

    assert once(3) == once(3)
    assert once(3) != once(4)
