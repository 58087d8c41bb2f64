"""The end of a state machine: by a result, an exception or a signal; and what `terminate`, callers and log get.

Source: Erlang/OTP, stdlib, `gen_statem`, `Module:terminate/3`; gen_statem_SUITE (abnormal, stop, error_format_status).
What is called observed was seen on OTP 25.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import (
    Crash,
    Error,
    ExceptionTerm,
    Exit,
    ExitSignal,
    GenStateMachine,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NextEvent,
    NextState,
    Postpone,
    ReplyTo,
    ServerDown,
    Stop,
    StopAndReply,
    Throw,
    impl,
)
from otp.testing import wait_all_idle


class Mortal(GenStateMachine[str, Any]):
    """A machine that runs the function of a cast or call; its starter is notified of its end."""

    state_enter = True

    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("a", ("first", arg))

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
        match event:
            case "enter" if callable(data):
                return data()
            case "enter":
                return KeepStateAndData()
            case ("call", caller):
                return content(caller)
            case _ if callable(content):
                return content()
            case _:
                return KeepStateAndData()

    @impl
    def terminate(self, reason: Any, state: str, data: Any) -> None:
        try:
            otp.send("observer", ("terminate", reason, state, data))
        except otp.BadArgument:
            pass


async def observed(told: Any) -> tuple[Any, Any]:
    """A machine for the cast `told`: the argument of its `terminate`, and its exit reason."""
    otp.register("observer", otp.self())
    pid, ref = await Mortal.start_monitor(0)
    Mortal.cast(pid, told)
    called = await otp.receive(otp.Tag("terminate"))
    down = await otp.receive(ref)
    otp.unregister("observer")
    return called[1:], down.reason


def raising(error: BaseException) -> Any:
    def raises() -> Any:
        raise error

    return raises


SAME = ("first", 0)
TERM = ExceptionTerm("ValueError", ("no",), "no")


@pytest.mark.parametrize(
    ("told", "terminated", "reason"),
    [
        (lambda: Stop("normal"), ("normal", "a", SAME), "normal"),
        (lambda: Stop("why", 5), ("why", "a", 5), "why"),
        (lambda: StopAndReply("why", [], 5), ("why", "a", 5), "why"),
        (raising(Error("foo")), ("foo", "a", SAME), Crash("foo")),
        (raising(ValueError("no")), (TERM, "a", SAME), Crash(TERM)),
        (raising(Exit("foo")), ("foo", "a", SAME), "foo"),
        (raising(Exit("normal")), ("normal", "a", SAME), "normal"),
        (raising(Exit(Crash("theirs"))), (Crash("theirs"), "a", SAME), Crash("theirs")),
        (raising(Throw(Stop("thrown"))), ("thrown", "a", SAME), "thrown"),
        (
            raising(Throw("wrong")),
            (("bad_return_from_state_function", "wrong"), "a", SAME),
            Crash(("bad_return_from_state_function", "wrong")),
        ),
        (
            lambda: NextState("b", 5, "wrong"),
            (("bad_action_from_state_function", "wrong"), "b", 5),
            Crash(("bad_action_from_state_function", "wrong")),
        ),
        (
            lambda: StopAndReply("why", [Postpone()], 5),
            (("bad_reply_action_from_state_function", Postpone()), "a", 5),
            Crash(("bad_reply_action_from_state_function", Postpone())),
        ),
        (
            lambda: NextState("b", 5, NextEvent("internal", lambda: Stop("in b"))),
            ("in b", "b", 5),
            "in b",
        ),
    ],
)
def test_terminate_gets_the_bare_reason_and_the_newest_state_and_data(
    run: Any, told: Any, terminated: Any, reason: Any
) -> None:
    """Observed: `foo` for `error(foo)`, while the exit reason is `{foo, Stack}`."""

    async def main() -> None:
        assert await observed(told) == (terminated, reason)

    run(main)


def test_a_machine_that_fails_to_enter_a_state(run: Any) -> None:
    """Observed: after an exception `terminate` gets the state before, after a wrong result the one to be entered."""

    async def main() -> None:
        def enter(result: Any) -> Any:
            return lambda: NextState("b", result)

        boom = raising(Error("boom"))
        assert await observed(enter(boom)) == (("boom", "a", SAME), Crash("boom"))

        wrong = lambda: "wrong"
        reason: Any = ("bad_return_from_state_function", "wrong")
        assert await observed(enter(wrong)) == ((reason, "b", wrong), Crash(reason))

        leaves = lambda: NextState("c", 1)
        reason = ("bad_state_enter_return_from_state_function", NextState("c", 1))
        assert await observed(enter(leaves)) == ((reason, "b", leaves), Crash(reason))

        postpones = lambda: KeepState(2, Postpone())
        reason = ("bad_state_enter_action_from_state_function", Postpone())
        assert await observed(enter(postpones)) == ((reason, "b", 2), Crash(reason))

        stops = lambda: Stop("why")
        assert await observed(enter(stops)) == (("why", "b", stops), "why")

    run(main)


def test_the_report_names_callback_event_and_state_and_has_the_traceback(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        pid = await Mortal.start(0, name="mortal")
        Mortal.cast(pid, raising(ValueError("broken")))
        await otp.wait_down(pid)
        pid = await Mortal.start(0)
        otp.send(pid, lambda: KeepStateAndData)
        await otp.wait_down(pid)

    run(main)
    first, second = (record for record in caplog.records if record.levelname == "ERROR")
    assert "mortal" in first.getMessage()
    assert "in Mortal.handle_event('cast', " in first.getMessage()
    assert "state 'a'" in first.getMessage()
    assert "ValueError: broken" in caplog.text
    assert "in Mortal.handle_event('info', " in second.getMessage()
    assert "handle_event returned KeepStateAndData, which is not a result such as NextState" in second.getMessage()
    assert "return an instance, as in KeepStateAndData(…), not the class" in caplog.text


def test_a_clean_end_is_not_reported(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        for reason in ("normal", "shutdown", ("shutdown", "moved")):
            pid, ref = await Mortal.start_monitor(0)
            Mortal.cast(pid, lambda reason=reason: Stop(reason))
            assert (await otp.receive(ref)).reason == reason

    run(main)
    assert caplog.text == ""


def test_stop_and_reply_answers_before_terminate_runs(run: Any) -> None:
    order: list[Any] = []

    class Polite(Mortal):
        @impl
        async def terminate(self, reason: Any, state: str, data: Any) -> None:
            await asyncio.sleep(1)
            order.append(("terminated", otp.monotonic()))

    async def main() -> None:
        pid, ref = await Polite.start_monitor(0)
        answer = await Polite.call(pid, lambda caller: StopAndReply("normal", ReplyTo(caller, "bye")))
        order.append((answer, otp.monotonic()))
        await otp.receive(ref)
        assert order == [("bye", 0.0), ("terminated", 1.0)]
        order.clear()

    run(main)


def test_who_waits_for_an_answer_gets_the_reason_postponed_calls_too(run: Any) -> None:
    async def main() -> None:
        pid = await Mortal.start(0)
        me = otp.self()

        async def ask() -> None:
            try:
                await Mortal.call(pid, lambda caller: KeepStateAndData(Postpone()))
            except ServerDown as error:
                otp.send(me, error.cause_reason)

        for _ in range(2):
            otp.spawn(ask)
        await wait_all_idle()
        Mortal.cast(pid, lambda: Stop("over"))
        assert [await otp.receive(), await otp.receive()] == ["over", "over"]

    run(main)


def test_a_crash_in_terminate_replaces_the_reason_a_thrown_value_does_not(run: Any) -> None:
    class Last(Mortal):
        @impl
        def terminate(self, reason: Any, state: str, data: Any) -> None:
            raise {"crash": Error("again"), "exit": Exit("other"), "throw": Throw("ignored")}[reason]

    async def main() -> None:
        for reason, actual in (("crash", Crash("again")), ("exit", "other"), ("throw", "throw")):
            pid, ref = await Last.start_monitor(0)
            Last.cast(pid, lambda reason=reason: Stop(reason))
            assert (await otp.receive(ref)).reason == actual

    run(main)


# From outside


def test_stop_ends_it_in_order_with_its_reason(run: Any) -> None:
    async def main() -> None:
        otp.register("observer", otp.self())
        for reason in ("normal", "why"):
            pid = await Mortal.start(0)
            await GenStateMachine.stop(pid, reason)
            assert not otp.is_alive(pid)
            assert await otp.receive() == ("terminate", reason, "a", SAME)
        with pytest.raises(Exit) as error:
            await GenStateMachine.stop("nobody")
        assert error.value.reason == "noproc"

    run(main)


def test_the_exit_of_the_parent_ends_a_machine_that_traps_others_are_events(run: Any) -> None:
    """Observed."""

    class Trapping(Mortal):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("trap_exit", True)
            return MachineOk("a", [])

        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
            match event:
                case ("call", caller):
                    return KeepStateAndData(ReplyTo(caller, data))
                case "info":
                    return KeepState([content])
                case _:
                    return KeepStateAndData()

    async def main() -> None:
        otp.register("observer", otp.self())
        me = otp.self()

        async def parent() -> None:
            pid = await Trapping.start_link()
            otp.send(me, pid)
            await otp.receive()
            otp.exit("gone")

        starter = otp.spawn(parent)
        pid = await otp.receive()
        otp.exit(pid, "from me")
        await wait_all_idle()
        assert await Trapping.call(pid, "data") == [ExitSignal(me, "from me")]
        otp.send(starter, "end")
        assert await otp.receive() == ("terminate", "gone", "a", [ExitSignal(me, "from me")])
        await wait_all_idle()
        assert not otp.is_alive(pid)

    run(main)


def test_a_signal_that_is_not_trapped_ends_it_without_terminate(run: Any) -> None:
    async def main() -> None:
        otp.register("observer", otp.self())
        pid, ref = await Mortal.start_monitor(0)
        otp.exit(pid, "boom")
        assert (await otp.receive()).reason == "boom"
        assert ref is not None
        assert otp.process_info(otp.self(), "message_queue_len") == 0

    run(main)


def test_a_machine_without_terminate_just_ends(run: Any) -> None:
    class Plain(GenStateMachine[str, int]):
        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("a", 0)

        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: int) -> Any:
            return Stop("why")

    async def main() -> None:
        pid, ref = await Plain.start_monitor()
        Plain.cast(pid, "x")
        assert (await otp.receive(ref)).reason == "why"

    run(main)
