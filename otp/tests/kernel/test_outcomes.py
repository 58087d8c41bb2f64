"""The outcome of a callback: allowed results, thrown ones, crashes, stops and their reports."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Crash, ExceptionTerm, GenServer, Ignore, NoReply, Ok, Reply, Stop, impl
from otp.testing import wait_all_idle


class Does(GenServer[Any]):
    """Every callback does what its argument says."""

    @impl
    def init(self, action: Any) -> Any:
        return action() if callable(action) else Ok(action)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return request()

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return request()

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return message()

    @impl
    def terminate(self, reason: Any, state: Any) -> Any:
        if callable(state):
            return state(reason)


def raiser(error: BaseException) -> Callable[[], Any]:
    def fn() -> Any:
        raise error

    return fn


async def reason_after(kind: str, action: Any, state: Any = None) -> Any:
    server = await Does.start(lambda: Ok(state))
    ref = otp.monitor(server)
    if kind == "cast":
        GenServer.cast(server, action)
    elif kind == "info":
        otp.send(server, action)
    else:
        with pytest.raises(otp.CallExit) as failed:
            await GenServer.call(server, action)
        reason = (await otp.receive(ref)).reason
        assert failed.value.cause_reason == reason
        return reason
    return (await otp.receive(ref)).reason


KINDS = ["call", "cast", "info"]
CRASHES: list[tuple[Any, Any]] = [
    (otp.Exit("r"), "r"),
    (otp.Error("r"), Crash("r")),
    (ValueError("no"), Crash(ExceptionTerm("ValueError", ("no",), "no"))),
    (otp.Throw("v"), ("bad_return_value", "v")),
    (asyncio.CancelledError(), Crash(ExceptionTerm("CancelledError", (), ""))),
    (GeneratorExit(), Crash(ExceptionTerm("GeneratorExit", (), ""))),
    (StopIteration(1), Crash(ExceptionTerm("StopIteration", (1,), "1"))),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("error", "reason"), CRASHES, ids=[type(error).__name__ for error, _ in CRASHES])
def test_a_raised_exception_is_the_reason_erlang_would_give(kind: str, error: Any, reason: Any, run: Any) -> None:
    """Pitfall 50."""

    async def main() -> Any:
        return await reason_after(kind, raiser(error))

    assert run(main) == reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [None, Reply, NoReply, "noreply", 0, Ok(1), Ignore(), ("reply", 1, 2), Ok])
def test_a_result_that_is_not_allowed_ends_the_server_with_exactly_that_value(kind: str, value: Any, run: Any) -> None:
    async def main() -> Any:
        return await reason_after(kind, lambda: value)

    assert run(main) == ("bad_return_value", value)


@pytest.mark.parametrize("kind", ["cast", "info"])
def test_a_reply_to_what_is_no_call_is_a_bad_return_value(kind: str, run: Any) -> None:
    async def main() -> Any:
        return await reason_after(kind, lambda: Reply(1, 2))

    assert run(main) == ("bad_return_value", Reply(1, 2))


def test_a_thrown_result_counts_as_returned(run: Any) -> None:
    """Pitfall 43."""

    async def main() -> Any:
        server = await Does.start(None)
        GenServer.cast(server, raiser(otp.Throw(NoReply(1))))
        return await GenServer.call(server, raiser(otp.Throw(Reply("thrown", 2))))

    assert run(main) == "thrown"


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (lambda: Stop("r"), "r"),
        (raiser(otp.Exit("r")), "r"),
        (raiser(otp.Error("r")), Crash("r")),
        (raiser(otp.Throw("v")), ("bad_return_value", "v")),
        (raiser(otp.Throw(Stop("thrown"))), "thrown"),
        (lambda: None, ("bad_return_value", None)),
        (lambda: Reply(1, 2), ("bad_return_value", Reply(1, 2))),
        (lambda: otp.exit(otp.self(), "signal"), "signal"),
        (lambda: otp.exit(otp.self(), "kill"), "killed"),
    ],
)
def test_a_start_that_fails_raises_the_reason(action: Any, reason: Any, run: Any) -> None:
    """Pitfall 29; and an init that is ended by a signal fails its start like any other."""

    async def main() -> Any:
        try:
            await Does.start(action)
        except otp.StartError as error:
            return error.reason, len(otp.processes())

    assert run(main) == (reason, 1)


def test_an_async_init_that_ends_itself_fails_its_start(run: Any) -> None:
    class Async(GenServer[None]):
        @impl
        async def init(self, seconds: Any) -> Any:
            if seconds:
                await asyncio.sleep(seconds)
            otp.exit(otp.self(), "signal")

    async def main() -> Any:
        reasons = []
        for seconds in (0, 1):
            with pytest.raises(otp.StartError) as error:
                await Async.start(seconds)
            reasons.append(error.value.reason)
        return reasons

    assert run(main) == ["signal", "signal"]


def test_ignore_is_no_failure_also_thrown(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        answers = [await Does.start(lambda: Ignore()), await Does.start(raiser(otp.Throw(Ignore())))]
        await Does.start_link(lambda: Ignore(), name="x")
        signal = await otp.receive()
        return [type(answer) for answer in answers], signal.reason, otp.whereis("x"), len(otp.processes())

    assert run(main) == ([Ignore, Ignore], "normal", None, 1)


# Stops


def test_terminate_runs_before_the_answer_leaves_and_the_answer_is_given(run: Any) -> None:
    """Pitfall 37."""
    order: list[Any] = []

    async def main() -> Any:
        server = await Does.start(lambda: Ok(order.append))
        answer = await GenServer.call(server, lambda: Stop("normal", order.append, reply="bye"))
        order.append(answer)
        return otp.is_alive(server)

    assert run(main) is False
    assert order == ["normal", "bye"]


def test_an_absent_reply_is_not_none(run: Any) -> None:
    async def main() -> Any:
        server = await Does.start(None)
        answer = await GenServer.call(server, lambda: Stop("normal", None, reply=None))
        other = await Does.start(None)
        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call(other, lambda: Stop("normal", None))
        return answer, error.value.cause_reason

    assert run(main) == (None, "normal")


def test_the_answer_is_given_though_terminate_crashes(run: Any) -> None:
    """Pitfalls 37, 51: the caller gets the reply, all others the crash of terminate."""

    async def main() -> Any:
        server = await Does.start(None)
        ref = otp.monitor(server)
        answer = await GenServer.call(server, lambda: Stop("normal", lambda reason: 1 / 0, reply="bye"))
        return answer, (await otp.receive(ref)).reason.term.type_name

    assert run(main) == ("bye", "ZeroDivisionError")


@pytest.mark.parametrize(
    ("terminate", "reason"),
    [
        (lambda r: None, "asked"),
        (lambda r: "any value", "asked"),
        (lambda r: raiser(otp.Exit("other"))(), "other"),
        (lambda r: raiser(otp.Exit("normal"))(), "normal"),
        (lambda r: raiser(otp.Error("other"))(), Crash("other")),
        (lambda r: raiser(otp.Throw("ignored"))(), "asked"),
    ],
)
def test_a_crash_in_terminate_replaces_the_reason_a_throw_does_not(terminate: Any, reason: Any, run: Any) -> None:
    """Pitfall 51."""

    async def main() -> Any:
        return await reason_after("cast", lambda: Stop("asked", terminate))

    assert run(main) == reason


def test_terminate_sees_the_reason_of_a_crash_and_the_last_state(run: Any) -> None:
    seen: list[Any] = []

    async def main() -> Any:
        return await reason_after("info", raiser(otp.Error("bad")), seen.append)

    assert run(main) == Crash("bad")
    assert seen == [Crash("bad")]


def test_terminate_may_end_the_process_itself(run: Any) -> None:
    async def main() -> Any:
        return await reason_after("cast", lambda: Stop("asked", lambda reason: otp.exit(otp.self(), "signal")))

    assert run(main) == "signal"


class SignalsItself:
    def __call__(self) -> None:
        otp.exit(otp.self(), "signal")


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_server_that_signals_itself_names_the_message_it_handled(kind: str, run: Any) -> None:
    async def main() -> Any:
        ends: list[Any] = []
        node = otp.trace.node_of(otp.self())
        otp.trace.subscribe(node, lambda event: ends.append(event.data["message"]), kinds={"exited"})
        await reason_after(kind, SignalsItself())
        return tuple(ends)

    assert run(main) == ("<SignalsItself>",)


# Reports


def test_a_crash_is_reported_once_with_callback_message_and_traceback(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        return await reason_after("cast", raiser(ValueError("no")))

    run(main)
    records = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(records) == 1
    assert ", in handle_cast(" in records[0].getMessage()
    assert records[0].exc_info is not None


def test_a_crash_in_terminate_is_reported_with_its_own_reason_and_traceback(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        return await reason_after("cast", lambda: Stop("normal", raiser_in_terminate))

    def raiser_in_terminate(reason: Any) -> Any:
        raise ValueError("no")

    run(main)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    said, raised = record.getMessage(), record.exc_info
    assert ", in terminate(" in said
    assert "ValueError" in said.splitlines()[0]
    assert raised is not None
    assert raised[0] is ValueError


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", 1)])
def test_clean_ends_are_not_reported(reason: Any, run: Any, errors: Callable[[], list[str]]) -> None:
    """Pitfall 53."""

    async def main() -> Any:
        return await reason_after("cast", lambda: Stop(reason, None))

    run(main)
    assert errors() == []


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (None, "did no case match, or is a return missing?"),
        (NoReply, "return an instance, as in NoReply(…), not the class"),
        (3, "expected a result such as NoReply(state)"),
    ],
)
def test_the_report_of_a_wrong_result_says_what_to_do(
    value: Any, hint: str, run: Any, errors: Callable[[], list[str]]
) -> None:
    async def main() -> Any:
        return await reason_after("cast", lambda: value)

    run(main)
    assert len(errors()) == 1
    assert hint in errors()[0]


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("not me")


def test_what_refuses_to_be_shown_is_reported_all_the_same(run: Any, errors: Callable[[], list[str]]) -> None:
    async def main() -> Any:
        value = Unshowable()
        reason = await reason_after("cast", lambda: value)
        other = await reason_after("info", raiser(otp.Exit(value)))
        return reason[1] is value, other is value

    assert run(main) == (True, True)
    assert len(errors()) == 2


def test_a_failing_log_handler_does_not_stop_the_end_of_a_process(run: Any) -> None:
    class Fails(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("disk full")

    handler = Fails()
    logging.getLogger("otp").addHandler(handler)
    try:

        async def main() -> Any:
            return await reason_after("cast", raiser(otp.Exit("boom")))

        assert run(main) == "boom"
    finally:
        logging.getLogger("otp").removeHandler(handler)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_what_is_meant_to_end_the_program_is_not_reported_as_a_crash(run: Any, caplog: Any, error: Any) -> None:
    async def main() -> Any:
        otp.trace.node_of(otp.self()).on_shutdown = lambda _: None
        await reason_after("call", raiser(error))

    run(main)
    assert caplog.records == []


def test_keyboard_interrupt_in_a_callback_asks_the_node_to_shut_down(run: Any) -> None:
    async def main() -> Any:
        asked: list[Any] = []
        otp.trace.node_of(otp.self()).on_shutdown = asked.append
        reason = await reason_after("call", raiser(KeyboardInterrupt()))
        return reason.term.type_name, [type(error) for error in asked]

    assert run(main) == ("KeyboardInterrupt", [KeyboardInterrupt])


class Witness:
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_leaves_no_frame_and_no_state_behind_even_without_a_collection(kind: str, run: Any) -> None:
    """The engine makes no circle of an exception and its own frame."""
    witnesses: list[weakref.ref[Witness]] = []

    def crash() -> Any:
        witness = Witness()
        witnesses.append(weakref.ref(witness))
        raise ValueError("no")

    async def main() -> Any:
        gc.collect()
        gc.disable()
        logging.getLogger("otp").disabled = True  # what is logged is kept by the test's log
        try:
            for _ in range(3):
                server = await Does.start(None)
                if kind == "cast":
                    GenServer.cast(server, crash)
                elif kind == "info":
                    otp.send(server, crash)
                else:
                    otp.spawn(lambda server=server: GenServer.call(server, crash))
                await wait_all_idle()
            return [witness() for witness in witnesses]
        finally:
            gc.enable()
            logging.getLogger("otp").disabled = False

    assert run(main) == [None] * 3
