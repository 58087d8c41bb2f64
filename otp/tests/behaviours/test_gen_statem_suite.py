"""The scenarios of OTP's own gen_statem_SUITE in Python; each test names its case.

Left out: what needs another node or `{global, Name}` (start7, start10, stop6, stop8, stop9, stop10), and `enter_loop`,
which turns a process into a machine.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    BadArgument,
    CallTimeout,
    EventTimeout,
    Exit,
    ExitSignal,
    GenStateMachine,
    Hibernate,
    Ignore,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NamedTimeout,
    NextEvent,
    NextState,
    NoProcess,
    Postpone,
    Registry,
    RepeatState,
    RepeatStateAndData,
    ReplyTo,
    StartError,
    StateTimeout,
    Stop,
    StopAndReply,
    impl,
)
from otp.behaviours.state_machine.server import server_of
from otp.sys import get_state
from otp.testing import advance, mailbox, wait_all_idle

call, cast = GenStateMachine.call, GenStateMachine.cast


class Machine(GenStateMachine[str, Any]):
    """A table of functions, one per state, as the suite's `map_statem`."""

    @impl
    def init(self, arg: Any) -> Any:
        first, functions = arg
        return first if not isinstance(first, MachineOk) else MachineOk(first.state, (functions, first.data))

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
        functions, data = data
        result = functions[state](event, content, data)
        if hasattr(result, "data"):
            result.data = (functions, result.data)
        return result


class Entering(Machine):
    state_enter = True


async def start(functions: dict[str, Any], data: Any = None, cls: type[Machine] = Machine) -> Any:
    otp.process_flag("trap_exit", True)
    return await cls.start_link((MachineOk("start", data), functions))


# start, in both modes


class Connection:
    """The behaviour of the suite's machine, in any mode."""

    @staticmethod
    def handle(event: Any, content: Any, state: str, data: Any) -> Any:
        match event, content, state:
            case ("call", caller), ("stop", reason), _:
                return StopAndReply(reason, ReplyTo(caller, "stopped"), data)
            case ("call", caller), ("delayed", seconds), _:
                return KeepStateAndData(NamedTimeout("delayed", seconds, caller))
            case ("timeout", "delayed"), caller, _:
                return KeepStateAndData(ReplyTo(caller, "delayed"))
            case "cast" | ("call", _), "wrong", _:
                return "wrong"
            case ("call", caller), "connect", "idle":
                return NextState("asked", data, ReplyTo(caller, "asked"))
            case "cast", "connect", "idle":
                return NextState("asked", data)
            case _, "accept", "asked":
                return NextState("connected", data)
            case ("call", caller), "disconnect", "connected":
                return NextState("idle", data, ReplyTo(caller, "yes"))
            case ("call", caller), "state", _:
                return KeepStateAndData(ReplyTo(caller, state))
            case ("call", caller), "expect", "idle":
                return KeepStateAndData(Postpone())
            case ("call", caller), "expect", _:
                return KeepStateAndData(ReplyTo(caller, "asked now"))
            case _:
                return KeepStateAndData()


def first(arg: Any) -> Any:
    return arg if isinstance(arg, Ignore | Stop) else MachineOk("idle", arg)


class OneFunction(GenStateMachine[str, Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return first(arg)

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
        return Connection.handle(event, content, state, data)


class Functions(GenStateMachine[str, Any]):
    callback_mode = "state_functions"

    @impl
    def init(self, arg: Any) -> Any:
        return first(arg)

    @impl
    def idle(self, event: Any, content: Any, data: Any) -> Any:
        return Connection.handle(event, content, "idle", data)

    @impl
    def asked(self, event: Any, content: Any, data: Any) -> Any:
        return Connection.handle(event, content, "asked", data)

    @impl
    def connected(self, event: Any, content: Any, data: Any) -> Any:
        return Connection.handle(event, content, "connected", data)


@pytest.fixture(params=[OneFunction, Functions], ids=lambda cls: cls.__name__)
def cls(request: pytest.FixtureRequest) -> Any:
    return request.param


async def works(dest: Any) -> None:
    """do_func_test and do_sync_func_test: through all states, by casts and by calls."""
    for connect in (lambda: cast(dest, "connect"), lambda: call(dest, "connect")):
        answer = connect()
        assert answer == "ok" or await answer == "asked"
        assert await call(dest, "state") == "asked"
        cast(dest, "accept")
        assert await call(dest, "state") == "connected"
        assert await call(dest, "disconnect") == "yes"
        assert await call(dest, "state") == "idle"


def test_start_with_and_without_link_and_name(run: Any, cls: Any) -> None:
    """start1, start2, start6, start8, start9."""

    async def main() -> None:
        for begin in (cls.start, cls.start_link):
            pid = await begin("data")
            await works(pid)
            assert await call(pid, ("stop", "normal")) == "stopped"
            assert await otp.wait_down(pid) in ("normal", "noproc")
            pid = await begin("data", name="stm")
            for other in (cls.start, cls.start_link):
                with pytest.raises(StartError) as error:
                    await other("data", name="stm")
                assert error.value.reason == ("already_started", pid)
            await works(pid)
            await works("stm")
            assert await call("stm", ("stop", "shutdown" if begin == cls.start else "normal")) == "stopped"
            await otp.wait_down(pid)
        assert mailbox() == []

    run(main)


def test_start_ignored_and_stopped(run: Any, cls: Any) -> None:
    """start4, start5."""

    async def main() -> None:
        assert isinstance(await cls.start(Ignore()), Ignore)
        with pytest.raises(StartError) as error:
            await cls.start(Stop("stopped"))
        assert error.value.reason == "stopped"

    run(main)


def test_start_via_a_registry(run: Any, cls: Any) -> None:
    """start12, stop7."""

    async def main() -> None:
        await Registry.start_link(keys="unique", name="stms")
        via = Registry.via("stms", "one")
        pid = await cls.start_link("data", name=via)
        with pytest.raises(StartError) as error:
            await cls.start("data", name=via)
        assert error.value.reason == ("already_started", pid)
        await works(via)
        await GenStateMachine.stop(via)
        assert not otp.is_alive(pid)
        with pytest.raises(Exit) as ended:
            await GenStateMachine.stop(via)
        assert ended.value.reason == "noproc"

    run(main)


def test_a_name_can_be_used_again(run: Any, cls: Any) -> None:
    """start11."""

    async def main() -> None:
        for stop_by in ("pid", "name"):
            pid = await cls.start_link("data", name="stm")
            assert await call(pid if stop_by == "pid" else "stm", ("stop", "normal")) == "stopped"
            await otp.wait_down(pid)
        assert otp.whereis("stm") is None

    run(main)


def test_next_events_and_postponed_calls(run: Any, cls: Any) -> None:
    """next_events."""

    async def main() -> None:
        pid = await cls.start_link("data")
        me = otp.self()

        async def expect() -> None:
            otp.send(me, await call(pid, "expect"))

        otp.spawn(expect)
        await wait_all_idle()
        assert await call(pid, "state") == "idle"
        assert await call(pid, "connect") == "asked"
        assert await otp.receive() == "asked now"

    run(main)


# stop, abnormal


def test_stop_by_pid_by_name_and_by_name_and_node(run: Any, cls: Any) -> None:
    """stop1, stop2, stop3, stop4, stop5."""

    async def main() -> None:
        node = otp.self().node
        for dest in ("pid", "stm", ("stm", node)):
            pid = await cls.start("data", name="stm")
            with pytest.raises(BadArgument):
                await GenStateMachine.stop(pid, "other", timeout="soon")
            assert otp.is_alive(pid)
            await GenStateMachine.stop(pid if dest == "pid" else dest, "other")
            assert not otp.is_alive(pid)
            with pytest.raises(Exit) as error:
                await GenStateMachine.stop(pid if dest == "pid" else dest)
            assert error.value.reason == "noproc"

    run(main)


def test_a_delayed_answer_comes_or_the_call_runs_out_of_time(run: Any, cls: Any) -> None:
    """abnormal1, abnormal1clean; a late answer is never seen (abnormal1dirty sees it)."""

    async def main() -> None:
        await cls.start("data", name="stm")
        assert await call("stm", ("delayed", 0.001), 0.1) == "delayed"
        with pytest.raises(CallTimeout):
            await call("stm", ("delayed", 1), 0.01)
        await GenStateMachine.stop("stm")
        await advance(1.1)
        assert mailbox() == []

    run(main)


def test_a_wrong_result_ends_machine_and_call(run: Any, cls: Any) -> None:
    """abnormal2."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        pid = await cls.start_link("data")
        reason = otp.Crash(("bad_return_from_state_function", "wrong"))
        with pytest.raises(Exit) as error:
            await call(pid, "wrong")
        assert error.value.reason[0] == reason
        assert await otp.receive() == ExitSignal(pid, reason)

    run(main)


def test_shutdown_with_a_term(run: Any, cls: Any) -> None:
    """shutdown."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        pid = await cls.start_link("data")
        await works(pid)
        assert await call(pid, ("stop", ("shutdown", "reason"))) == "stopped"
        assert await otp.receive() == ExitSignal(pid, ("shutdown", "reason"))
        with pytest.raises(NoProcess):
            await call(pid, "hello")
        assert mailbox() == []

    run(main)


# Single cases


def test_state_enter(run: Any) -> None:
    """state_enter: enter calls of the first state, of changes, of repeated states, and repeated by themselves."""

    async def main() -> None:
        me = otp.self()

        def in_start(event: Any, content: Any, n: int) -> Any:
            match event, content:
                case (("enter" | "internal"), old):
                    otp.send(me, (event, "start", old, n))
                    return KeepState(n + 1)
                case ("call", caller), "repeat":
                    return RepeatState(n + 1, ReplyTo(caller, ("repeat", "start", n)))
                case ("call", caller), "echo":
                    return NextState("wait", n + 1, ReplyTo(caller, ("echo", "start", n)))
                case ("call", caller), ("stop", reason):
                    return StopAndReply(reason, [ReplyTo(caller, ("stop", n))], n + 1)

        def in_wait(event: Any, content: Any, n: int) -> Any:
            match event, content:
                case "enter", old:
                    otp.send(me, ("enter", "wait", old, n))
                    return RepeatState(n + 1) if n < 5 else KeepState(n + 1)
                case ("call", caller), "repeat":
                    return RepeatStateAndData(ReplyTo(caller, ("repeat", "wait", n)))
                case ("call", caller), "echo":
                    inserted = NextEvent("internal", "wait")
                    return NextState("start", n + 1, inserted, ReplyTo(caller, ("echo", "wait", n)))

        async def read_mailbox() -> list[Any]:
            await wait_all_idle()
            return mailbox()

        pid = await start({"start": in_start, "wait": in_wait}, 1, Entering)
        assert await read_mailbox() == [("enter", "start", "start", 1)]
        assert await call(pid, "echo") == ("echo", "start", 2)
        assert await read_mailbox() == [("enter", "wait", "start", n) for n in (3, 4, 5)]
        state, (_functions, data) = await get_state(pid)
        assert (state, data) == ("wait", 6)
        assert await call(pid, "repeat") == ("repeat", "wait", 6)
        assert await read_mailbox() == [("enter", "wait", "wait", 6)]
        assert await call(pid, "echo") == ("echo", "wait", 7)
        assert await read_mailbox() == [("enter", "start", "wait", 8), ("internal", "start", "wait", 9)]
        assert await call(pid, "repeat") == ("repeat", "start", 10)
        assert await read_mailbox() == [("enter", "start", "start", 11)]
        assert await call(pid, ("stop", "bye")) == ("stop", 12)
        assert await read_mailbox() == [ExitSignal(pid, "bye")]

    run(main)


def test_event_order(run: Any) -> None:
    """event_order: inserted events, then postponed ones; both cancel an event time-out of zero."""

    async def main() -> None:
        def in_start(event: Any, content: Any, data: Any) -> Any:
            match event, content:
                case "cast", _:
                    return KeepStateAndData(Postpone())
                case ("call", caller), "buffer":
                    inserted = (NextEvent("internal", 3), NextEvent("internal", 4))
                    return NextState("buffer", [], *inserted, EventTimeout(0, 5), ReplyTo(caller, "ok"))

        def in_buffer(event: Any, content: Any, seen: Any) -> Any:
            match event:
                case ("call", caller):
                    return NextState("stop", None, ReplyTo(caller, seen), NextEvent("internal", "reason"))
                case _:
                    return KeepState([*seen, content])

        def in_stop(event: Any, content: Any, data: Any) -> Any:
            return Stop(content)

        pid = await start({"start": in_start, "buffer": in_buffer, "stop": in_stop})
        cast(pid, 1)
        cast(pid, 2)
        assert await call(pid, "buffer") == "ok"
        assert await call(pid, "stop") == [3, 4, 1, 2]
        assert (await otp.receive()).reason == "reason"

    run(main)


def test_state_timeout(run: Any) -> None:
    """state_timeout: a change of state cancels it, zeros come in order and cancel event time-outs of zero."""

    async def main() -> None:
        def in_start(event: Any, time: Any, data: Any) -> Any:
            otp.send(otp.self(), "message to self")
            return NextState("one", (time, event[1]), StateTimeout(time, 1), NextEvent("internal", 1))

        def in_one(event: Any, content: Any, data: Any) -> Any:
            assert (event, content) == ("internal", 1)
            return NextState("two", data, EventTimeout(0, 2), StateTimeout(0, 2), NextEvent("internal", 2))

        steps: list[Any] = []

        def in_two(event: Any, content: Any, data: Any) -> Any:
            steps.append((event, content))
            match event, content:
                case "internal", 2:
                    return KeepState(data, EventTimeout(0, 3))
                case "state_timeout", 2:
                    return KeepState(data, EventTimeout(0, 4), StateTimeout(0, 5))
                case "timeout", 4:
                    return KeepState(data, StateTimeout(0, 6), EventTimeout(0, 7))
                case "state_timeout", 6:
                    time, caller = data
                    return NextState("three", None, ReplyTo(caller, "ok"), StateTimeout(time, 8))

        def in_three(event: Any, content: Any, data: Any) -> Any:
            match event, content:
                case "info", "message to self":
                    return KeepState("seen")
                case ("call", caller), "check" if data == "seen":
                    return KeepState(caller)
                case "state_timeout", 8:
                    return StopAndReply("normal", ReplyTo(data, "ok"))

        pid = await start({"start": in_start, "one": in_one, "two": in_two, "three": in_three})
        assert await call(pid, 500) == "ok"
        assert steps == [("internal", 2), ("state_timeout", 2), ("timeout", 4), ("state_timeout", 6)]
        assert await call(pid, "check") == "ok"
        assert otp.monotonic() == 500.0
        assert await otp.receive() == ExitSignal(pid, "normal")

    run(main)


def test_event_types(run: Any) -> None:
    """event_types: events of all kinds can be inserted, and survive changes of the state."""

    async def main() -> None:
        def in_start(event: Any, content: Any, data: Any) -> Any:
            kinds = ["internal", "state_timeout", "timeout", "info", "cast", ("timeout", 6), event]
            return NextState("s1", None, *(NextEvent(kind, n) for n, kind in enumerate(kinds, 1)))

        def in_state(number: int, expected: Any) -> Any:
            def handle(event: Any, content: Any, data: Any) -> Any:
                assert content == number
                if number == 7:
                    return StopAndReply("shutdown", [ReplyTo(event[1], "stopped")])
                assert event == expected
                return NextState(f"s{number + 1}", None)

            return handle

        kinds = ["internal", "state_timeout", "timeout", "info", "cast", ("timeout", 6), "call"]
        functions = {f"s{n}": in_state(n, kind) for n, kind in enumerate(kinds, 1)}
        pid = await start({"start": in_start, **functions})
        assert await call(pid, "stop") == "stopped"
        assert await otp.receive() == ExitSignal(pid, "shutdown")

    run(main)


def test_generic_timers(run: Any) -> None:
    """generic_timers: several run at once, absolute ones among them; they are replaced and cancelled one by one."""

    async def main() -> None:
        def in_start(event: Any, content: Any, data: Any) -> Any:
            timers = (NamedTimeout("a", 1.5, 1), StateTimeout(1.5, 1), NamedTimeout("b", 1, 1))
            return NextState("s1", None, *timers, NextEvent(event, content))

        def in_s1(event: Any, content: Any, data: Any) -> Any:
            return NextState(
                "s2",
                None,
                NamedTimeout("c", otp.monotonic() + 0.5, 2, abs=True),
                NamedTimeout("d", 0, 2, abs=False),
                EventTimeout(0, 2),
                NamedTimeout("b", "infinity", 2),
                NamedTimeout("a", 1, event[1]),
            )

        def in_s2(event: Any, content: Any, data: Any) -> Any:
            assert (event, content, otp.monotonic()) == (("timeout", "d"), 2, 0.0)
            return NextState("s3", None)

        def in_s3(event: Any, content: Any, data: Any) -> Any:
            assert (event, content, otp.monotonic()) == (("timeout", "c"), 2, 0.5)
            return NextState("s4", None)

        def in_s4(event: Any, content: Any, data: Any) -> Any:
            assert (event, otp.monotonic()) == (("timeout", "a"), 1.0)
            return StopAndReply("shutdown", ReplyTo(content, "stopped"))

        pid = await start({"start": in_start, "s1": in_s1, "s2": in_s2, "s3": in_s3, "s4": in_s4})
        assert await call(pid, "stop") == "stopped"
        assert await otp.receive() == ExitSignal(pid, "shutdown")

    run(main)


def test_stop_and_reply(run: Any) -> None:
    """stop_and_reply: several answers, then the end."""

    async def main() -> None:
        me = otp.self()

        def in_start(event: Any, content: Any, data: Any) -> Any:
            return NextState("wait", event[1])

        def in_wait(event: Any, content: Any, data: Any) -> Any:
            return StopAndReply("reason", [ReplyTo(data, "reply 1"), ReplyTo(event[1], "reply 2")])

        pid = await start({"start": in_start, "wait": in_wait})

        async def ask() -> None:
            otp.send(me, await call(pid, "x"))

        for _ in range(2):
            otp.spawn(ask)
            await wait_all_idle()
        assert sorted(map(str, mailbox())) == sorted(["reply 1", "reply 2", str(ExitSignal(pid, "reason"))])

    run(main)


def test_hibernate(run: Any) -> None:
    """hibernate: a machine that hibernates goes on with the next event, also from init and from a state enter call."""

    async def main() -> None:
        def in_start(event: Any, content: Any, n: int) -> Any:
            match event:
                case ("call", caller):
                    return KeepState(n + 1, ReplyTo(caller, n), Hibernate())
                case "cast":
                    return KeepState(n + 1, Hibernate(), NextEvent("internal"))
                case _:
                    return KeepState(n + 1, Hibernate())

        otp.process_flag("trap_exit", True)
        pid = await Entering.start_link((MachineOk("start", 1, Hibernate()), {"start": in_start}))
        cast(pid, "x")
        cast(pid, "y")
        assert [await call(pid, "n"), await call(pid, "n")] == [6, 7]

    run(main)


def test_code_change_may_change_the_mode(run: Any) -> None:
    """code_change: the new version's callback mode holds from the next event on."""

    class New(Functions):
        @impl
        def code_change(self, old_vsn: Any, state: Any, data: Any, extra: Any) -> Any:
            return MachineOk(state, (old_vsn, data, extra))

    async def main() -> None:
        pid = await OneFunction.start("data")
        New.__qualname__, New.__module__ = OneFunction.__qualname__, OneFunction.__module__
        changed = server_of(New).code_change("old", pid.state, "extra").state
        pid.state = changed
        assert await get_state(pid) == ("idle", ("old", "data", "extra"))
        assert changed.machine.modules == (New,)
        await works(pid)

    run(main)
