"""Cases of OTP's gen_statem_SUITE beside those of `behaviours/test_gen_statem_suite.py`; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    ChangeModule,
    Crash,
    EventTimeout,
    Exit,
    ExitSignal,
    GenStateMachine,
    Ignore,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NamedTimeout,
    NextEvent,
    NextState,
    PopModule,
    PushModule,
    ReplyTo,
    ServerDown,
    StartError,
    StateTimeout,
    Stop,
    StopAndReply,
    impl,
)
from otp.testing import advance, flush, mailbox, wait_all_idle
from told_machines import Base, OneFunction, do

call, cast = GenStateMachine.call, GenStateMachine.cast


class Functions(Base):
    callback_mode = "state_functions"

    @impl
    def idle(self, event: Any, content: Any, data: Any) -> Any:
        return do(event, content, data)


@pytest.fixture(params=[OneFunction, Functions], ids=lambda cls: cls.__name__)
def cls(request: pytest.FixtureRequest) -> Any:
    return request.param


class Slow(OneFunction):
    @impl
    async def init(self, arg: Any) -> Any:
        await otp.receive(otp.Is("never"))


class SlowFunctions(Functions):
    @impl
    async def init(self, arg: Any) -> Any:
        await otp.receive(otp.Is("never"))


# Starts


def test_a_start_that_takes_too_long_fails_and_leaves_no_message(run: Any, cls: Any) -> None:
    """start3."""

    async def main() -> Any:
        pid = await cls.start("data", timeout=5)
        assert await call(pid, "ping") == ("ping", "data")
        assert await call(pid, lambda caller: StopAndReply("normal", ReplyTo(caller, "stopped"))) == "stopped"
        with pytest.raises(StartError) as error:
            await {OneFunction: Slow, Functions: SlowFunctions}[cls].start("data", timeout=5)
        await wait_all_idle()
        return error.value.reason, otp.monotonic(), mailbox()

    assert run(main) == ("timeout", 5.0, [])


@pytest.mark.parametrize("name", [None, "stm"])
def test_a_machine_started_with_a_monitor_is_told_of(name: Any, run: Any, cls: Any) -> None:
    """start1, start9: the part with `start_monitor`."""

    async def main() -> Any:
        pid, ref = await cls.start_monitor("data", name=name)
        if name:
            with pytest.raises(otp.AlreadyStarted) as taken:
                await cls.start_monitor("data", name=name)
            assert taken.value.pid is pid
        assert await call(name or pid, "ping") == ("ping", "data")
        assert await call(pid, lambda caller: StopAndReply("normal", ReplyTo(caller, "stopped"))) == "stopped"
        return (await otp.receive(ref)).reason, mailbox()

    assert run(main) == ("normal", [])


@pytest.mark.parametrize("how", ["start", "start_link", "start_monitor"])
def test_a_start_that_fails_leaves_nothing_however_often(how: str, run: Any) -> None:
    """loop_start_fail."""

    def raises(error: Exception) -> Any:
        def init() -> Any:
            raise error

        return init

    async def result(arg: Any, machine: Any = OneFunction, **options: Any) -> Any:
        try:
            return await getattr(machine, how)(arg, name="stm", **options)
        except StartError as error:
            return error.reason

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        before = otp.processes()
        for _ in range(5):
            assert await result(lambda: Stop("failed to start")) == "failed to start"
            assert isinstance(await result(Ignore), Ignore)
            assert await result(lambda: 4711) == ("bad_return_from_init", 4711)
            assert await result(raises(otp.Error("bailout"))) == "bailout"
            assert await result(raises(Exit("bailout"))) == "bailout"
            assert await result(None, Slow, timeout=0.2) == "timeout"
        await wait_all_idle()
        assert {"start_link": 25}.get(how, 0) == len(flush())  # one signal for each that ended by itself
        return otp.processes() == before

    assert run(main)


def test_inserted_events_come_in_their_order_before_anything_else(run: Any, cls: Any) -> None:
    """next_events."""

    async def main() -> Any:
        order: list[Any] = []

        def note(what: Any, *then: Any) -> Any:
            def handle(*_: Any) -> Any:
                order.append(what)
                return KeepStateAndData(*then)

            return handle

        pid = await cls.start("data")
        nested = note("a", NextEvent("internal", note("nested")))
        events = (NextEvent("internal", nested), NextEvent("cast", note("b")), NextEvent("info", note("c")))
        cast(pid, note("first", *events))
        cast(pid, note("next cast"))
        await GenStateMachine.stop(pid)
        return order

    assert run(main) == ["first", "a", "nested", "b", "c", "next cast"]


# Wrong results


@pytest.mark.parametrize("wrong", ["badaction", ("badtimeout", 4711, "ouch")])
def test_a_wrong_action_ends_machine_and_call(wrong: Any, run: Any, cls: Any) -> None:
    """abnormal3, abnormal4."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = await cls.start_link("data")
        reason = Crash(("bad_action_from_state_function", wrong))
        with pytest.raises(ServerDown) as error:
            await call(pid, lambda caller: KeepStateAndData(wrong))
        assert error.value.cause_reason == reason
        return await otp.receive() == ExitSignal(pid, reason)

    assert run(main)


def test_what_was_not_pushed_cannot_be_popped(run: Any) -> None:
    """pop_too_many: a changed class leaves nothing to come back to, a pushed one does, once."""

    class Other(OneFunction):
        pass

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = await OneFunction.start_link("data")

        async def ask(action: Any) -> Any:
            return await call(pid, lambda caller: KeepStateAndData(action, ReplyTo(caller, "ok")))

        assert await ask(ChangeModule(Other)) == "ok"
        assert await ask(PushModule(OneFunction)) == "ok"
        assert await ask(PopModule()) == "ok"
        reason = Crash(("bad_action_from_state_function", PopModule()))
        with pytest.raises(ServerDown) as error:
            await ask(PopModule())
        assert error.value.cause_reason == reason
        return await otp.receive() == ExitSignal(pid, reason)

    assert run(main)


def test_time_outs_are_cancelled_and_updated_one_by_one(run: Any) -> None:
    """timeout_cancel_and_update."""
    seen: list[Any] = []

    class Timed(GenStateMachine[str, Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("start", None)

        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
            seen.append((otp.monotonic(), state, event[0] if isinstance(event, tuple) else event, content))
            match state, event, content:
                case "start", ("call", caller), "test":
                    otp.send(otp.self(), "message to self")
                    return NextState("one", caller, StateTimeout(0.017, 1), NextEvent("internal", 1))
                case "one", "internal", 1:
                    return KeepStateAndData(StateTimeout("cancel"), NamedTimeout("a", 0.017, 1))
                case "one", "info", _:
                    return KeepStateAndData(NamedTimeout("a", "update", "a"))
                case "one", ("timeout", "a"), "a":
                    return NextState("two", data, StateTimeout(0.017, 2), NextEvent("internal", 2))
                case "two", "internal", 2:
                    return KeepStateAndData(StateTimeout("update", "b"), EventTimeout(0.018, 2))
                case "two", "state_timeout", "b":
                    return NextState("three", None, ReplyTo(data, "ok"), EventTimeout(17))
                case "three", ("call", caller), "stop":
                    return StopAndReply("normal", ReplyTo(caller, "ok"))

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = await Timed.start_link()
        assert await call(pid, "test") == "ok"
        assert await call(pid, "stop") == "ok"
        await advance(20)
        assert await otp.receive() == ExitSignal(pid, "normal")

    run(main)
    first = seen[0][0]
    assert [(round(when - first, 3), *what) for when, *what in seen] == [
        (0.0, "start", "call", "test"),
        (0.0, "one", "internal", 1),
        (0.0, "one", "info", "message to self"),
        (0.017, "one", "timeout", "a"),
        (0.017, "two", "internal", 2),
        (0.034, "two", "state_timeout", "b"),
        (0.034, "three", "call", "stop"),
    ]


# What is not there


@pytest.mark.parametrize("reason", ["normal", ("error", "test")])
def test_without_terminate_a_machine_stops_with_its_reason(reason: Any, run: Any) -> None:
    """undef_terminate1, undef_terminate2."""

    class Bare(GenStateMachine[str, Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("idle", arg)

        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
            return KeepState(data)

    async def main() -> Any:
        pid, ref = await Bare.start_monitor()
        await GenStateMachine.stop(pid, reason)
        return (await otp.receive(ref)).reason

    assert run(main) == reason


def test_a_missing_function_inside_terminate_is_a_crash_like_any_other(run: Any) -> None:
    """undef_in_terminate."""

    class Broken(OneFunction):
        @impl
        def terminate(self, reason: Any, state: str, data: Any) -> None:
            self.no_such_function(reason)  # type: ignore[attr-defined]

    async def main() -> Any:
        with pytest.raises(Exit) as error:
            await GenStateMachine.stop(await Broken.start())
        return error.value.reason.term.type_name

    assert run(main) == "AttributeError"
