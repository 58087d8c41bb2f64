"""The call protocol: answers, late and second answers, time-outs, and the death of either side."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, impl
from otp.testing import advance, wait_all_idle


class Server(GenServer[list[Any]]):
    """Keeps the callers it was told to keep."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: list[Any]) -> Any:
        match request:
            case "keep":
                return NoReply([*state, caller])
            case ("say", value):
                return Reply(value, state)
            case "early":
                GenServer.reply(caller, "first")
                return NoReply(state)
            case "twice":
                GenServer.reply(caller, "first")
                GenServer.reply(caller, "second")
                return Reply("third", state)
            case "answer kept":
                for kept in state:
                    GenServer.reply(kept, "kept")
                return Reply(len(state), [])
            case ("exit", reason):
                raise otp.Exit(reason)
            case ("stop", reason):
                return Stop(reason, state)
            case "who":
                return Reply(caller.pid, state)

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        return Stop(request, state)


class Busy(GenServer[None]):
    """Is busy for as many seconds as it is told."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_call(self, seconds: Any, caller: otp.From, state: None) -> Any:
        await asyncio.sleep(seconds)
        return Reply(f"after {seconds}", state)


async def failing(coroutine: Any) -> Any:
    try:
        return await coroutine
    except otp.CallExit as error:
        return type(error), error.cause_reason


def test_an_answer_given_inside_the_callback_reaches_the_caller(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        return await GenServer.call(server, "early"), await GenServer.call(server, ("say", "next"))

    assert run(main) == ("first", "next")


def test_the_first_of_several_answers_counts_and_the_others_leave_no_trace(run: Any) -> None:
    """Difference to OTP: there a second answer in the same callback arrives as a stray message (pitfall 38)."""

    async def main() -> Any:
        server = await Server.start()
        answers = [await GenServer.call(server, "twice"), await GenServer.call(server, ("say", "next"))]
        await wait_all_idle()
        return answers, otp.process_info(otp.self(), "message_queue_len")

    assert run(main) == (["first", "next"], 0)


def test_any_process_may_answer_later(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        callers = [asyncio.ensure_future(GenServer.call(server, "keep")) for _ in range(3)]
        await wait_all_idle()
        kept = await otp.sys.get_state(server)
        otp.spawn(lambda: GenServer.reply(kept[1], "from a stranger"))
        await wait_all_idle()
        return await GenServer.call(server, "answer kept"), await asyncio.gather(*callers)

    import otp.sys

    assert run(main) == (3, ["kept", "from a stranger", "kept"])


def test_a_late_answer_is_dropped(run: Any) -> None:
    """Pitfall 38: a reply after the time-out appears nowhere."""

    async def main() -> Any:
        server = await Busy.start()
        failed = await failing(GenServer.call(server, 2, timeout=1))
        await advance(5)
        return failed, otp.process_info(otp.self(), "message_queue_len"), await GenServer.call(server, 0)

    assert run(main) == ((otp.CallTimeout, "timeout"), 0, "after 0")


def test_a_late_answer_does_not_answer_the_next_call(run: Any) -> None:
    async def main() -> Any:
        slow, other = await Busy.start(), await Busy.start()
        first = await failing(GenServer.call(slow, 2, timeout=1))
        return first, await GenServer.call(other, 3), otp.monotonic()

    assert run(main) == ((otp.CallTimeout, "timeout"), "after 3", 4.0)


def test_a_caller_that_dies_while_it_waits_is_nothing_to_the_server(run: Any) -> None:
    """Pitfall 39."""

    async def main() -> Any:
        server = await Server.start()

        async def caller() -> None:
            await GenServer.call(server, "keep")

        pid = otp.spawn(caller)
        await wait_all_idle()
        otp.exit(pid, "kill")
        return await GenServer.call(server, "answer kept"), otp.is_alive(server)

    assert run(main) == (1, True)


def test_the_default_time_out_is_5_seconds_and_not_in_the_reason(run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        with pytest.raises(otp.CallTimeout) as error:
            await GenServer.call(server, 60)
        return error.value.reason == ("timeout", ("gen_server", "call", [server, 60])), otp.monotonic()

    assert run(main) == (True, 5.0)


@pytest.mark.parametrize("timeout", [None, "infinity"])
def test_no_time_out_waits_for_ever_and_shows_as_infinity(timeout: Any, run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        answer = await GenServer.call(server, 1000, timeout=timeout)
        otp.exit(server, "gone")
        with pytest.raises(otp.NoProcess) as error:
            await GenServer.call(server, 1, timeout)
        return answer, error.value.reason[1][2][1:]

    assert run(main) == ("after 1000", [1, "infinity"])


def test_a_given_time_out_is_the_third_argument_in_the_reason(run: Any) -> None:
    """Pitfall 35."""

    async def main() -> Any:
        with pytest.raises(otp.NoProcess) as error:
            await GenServer.call("ghost", "hello", timeout=1.5)
        return error.value.reason, error.value.dest, error.value.request, str(error.value)

    reason = ("noproc", ("gen_server", "call", ["ghost", "hello", 1.5]))
    said = (
        "call to 'ghost' failed: 'noproc' (request 'hello'); is it being restarted just now, or was it never started?"
    )
    assert run(main) == (reason, "ghost", "hello", said)


def test_nobody_is_told_how_a_name_was_looked_up(run: Any) -> None:
    """Neither the failure of a call by name nor a crash in its server has an exception of the runtime as context."""

    async def main() -> Any:
        with pytest.raises(otp.NoProcess) as nobody:
            await GenServer.call("ghost", "hello")
        seen: list[Any] = []

        class Failing(GenServer[None]):
            @impl
            def init(self, arg: Any) -> Any:
                return Ok(None)

            @impl
            def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
                error = ValueError("no")
                seen.append(error)
                raise error

        await Failing.start(None, name="failing")
        with pytest.raises(otp.ServerDown):
            await GenServer.call("failing", "hello")
        return nobody.value.__context__, seen[0].__context__

    assert run(main) == (None, None)


def test_time_out_0_does_not_wait_but_the_request_is_sent(run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        otp.spawn(lambda: GenServer.call(server, 1))
        await wait_all_idle()
        return await failing(GenServer.call(server, 1, timeout=0)), otp.monotonic()

    assert run(main) == ((otp.CallTimeout, "timeout"), 0.0)


@pytest.mark.parametrize("timeout", [-1, "soon", True, float("nan")])
def test_a_wrong_time_out_is_an_error_inside_the_reason_and_the_server_is_unharmed(timeout: Any, run: Any) -> None:
    """Pitfall 42."""

    async def main() -> Any:
        server = await Server.start()
        with pytest.raises(otp.CallExit) as error:
            await GenServer.call(server, "keep", timeout=timeout)
        assert isinstance(error.value, otp.BadArgument)
        expected = (
            f'call(timeout=…): expected a time in seconds >= 0, "infinity" or None, got {timeout!r}; '
            f"{server!r} was not asked"
        )
        assert str(error.value) == expected
        return error.value.cause_reason, await GenServer.call(server, "answer kept")

    assert run(main) == (otp.Crash("function_clause"), 0)


@pytest.mark.parametrize(
    ("request_", "kind", "reason"),
    [
        (("exit", "normal"), otp.ServerDown, "normal"),
        (("stop", "normal"), otp.ServerDown, "normal"),
        (("exit", ("shutdown", 1)), otp.ServerDown, ("shutdown", 1)),
        (("exit", "noproc"), otp.NoProcess, "noproc"),
        ("nonsense", otp.ServerDown, ("bad_return_value", None)),
    ],
)
def test_a_server_that_ends_in_a_call_fails_it_with_its_reason(
    request_: Any, kind: type, reason: Any, run: Any
) -> None:
    """Pitfall 36."""

    async def main() -> Any:
        server = await Server.start()
        return await failing(GenServer.call(server, request_))

    assert run(main) == (kind, reason)


class Array:
    """As numpy's: `==` has no truth value."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


def test_a_reason_whose_comparison_has_no_truth_value_is_a_reason_like_any_other(run: Any) -> None:
    array = Array()

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        server = await Server.start_link()
        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call(server, ("exit", array))
        signal = await otp.receive()
        stopped = await Server.start()
        await GenServer.stop(stopped, array)
        with pytest.raises(otp.Exit) as stop:
            await GenServer.stop(await Server.start(name="other"), "x", timeout=0)
        return [error.value.cause_reason is array, signal.reason is array, stop.value.reason]

    assert run(main) == [True, True, "timeout"]


def test_all_callers_of_a_stopping_server_get_its_reason(run: Any) -> None:
    """Pitfall 41: those in its table, in its mailbox, and the one it works for."""

    async def main() -> Any:
        server = await Server.start()
        callers = [asyncio.ensure_future(failing(GenServer.call(server, "keep"))) for _ in range(3)]
        await wait_all_idle()
        GenServer.cast(server, "enough")
        last = await failing(GenServer.call(server, "keep"))
        return [*await asyncio.gather(*callers), last]

    assert run(main) == [(otp.ServerDown, "enough")] * 4


def test_a_server_killed_while_callers_wait_fails_them_at_once(run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        callers = [asyncio.ensure_future(failing(GenServer.call(server, 1))) for _ in range(3)]
        await wait_all_idle()
        otp.exit(server, "kill")
        return await asyncio.gather(*callers), otp.monotonic()

    assert run(main) == ([(otp.ServerDown, "killed")] * 3, 0.0)


def test_a_server_is_killed_between_the_call_and_its_turn(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        future = asyncio.ensure_future(failing(GenServer.call(server, ("say", 1))))
        otp.spawn(lambda: otp.exit(server, "kill"))
        return await future in ((otp.ServerDown, "killed"), (otp.NoProcess, "noproc"), 1)

    assert run(main)


def test_messages_that_arrive_during_a_call_stay_in_order(run: Any) -> None:
    """Pitfall 40."""

    async def main() -> Any:
        server = await Busy.start()
        for n in range(3):
            otp.send_after(0.1 * n, otp.self(), n)
        answer = await GenServer.call(server, 1)
        return answer, [await otp.receive() for _ in range(3)]

    assert run(main) == ("after 1", [0, 1, 2])


def test_a_call_to_a_coroutine_process_arrives_as_erlangs_message(run: Any) -> None:
    """Erlang sends {'$gen_call', From, Request}; any process can answer it."""

    async def main() -> Any:
        async def by_hand() -> None:
            tag, caller, request = await otp.receive()
            GenServer.reply(caller, (tag, request))

        async def ends() -> None:
            await otp.receive()
            raise otp.Exit("rather not")

        first = await GenServer.call(otp.spawn(by_hand), "hello")
        return first, await failing(GenServer.call(otp.spawn(ends), "hello"))

    assert run(main) == (("$gen_call", "hello"), (otp.ServerDown, "rather not"))


def test_from_tells_who_calls_and_which_call_it_is(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        calls = [asyncio.ensure_future(GenServer.call(server, "keep")) for _ in range(2)]
        await wait_all_idle()
        one, two = await otp.sys.get_state(server)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        return (
            one.pid is otp.self(),
            one.ref is one.ref,
            one.ref == two.ref,
            one == one,
            one == two,
            len({one, two, one}),
            await GenServer.call(server, "who") is otp.self(),
        )

    import otp.sys

    assert run(main) == (True, True, False, True, False, 2, True)


def test_a_caller_from_outside_has_a_pid_that_dies_with_the_call() -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            server = await Server.start()
            pid = await GenServer.call(server, "who")
            return otp.is_alive(pid), pid in node.processes(), type(pid).__mro__[-3].__name__

    assert asyncio.run(main())[:2] == (False, False)


def test_reply_refuses_what_is_no_caller(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="expected the caller of handle_call, got 3"):
            GenServer.reply(3, "x")  # type: ignore[arg-type]

    run(main)


def test_a_short_limit_does_not_see_the_deadline_of_an_earlier_call() -> None:
    """In real time long limits share buckets of 8 ms; a call with a timer of its own must not be expired by them."""

    async def main() -> Any:
        async def first_process() -> Any:
            me: Any = otp.self()
            server = await Busy.start()
            await GenServer.call(server, 0, timeout=5)
            began = me._side is not None
            try:
                await GenServer.call(server, 60, timeout=0.001)
            except otp.CallTimeout:
                otp.exit(server, "kill")
                return began, me._side.deadline

        return await first_process()

    assert otp.run(main) == (True, 0)


def test_a_long_limit_runs_out_in_real_time_too() -> None:
    """The wheel: a limit of 0.25 s and more has no timer of its own."""

    async def main() -> Any:
        server = await Busy.start()
        began = otp.monotonic()
        with pytest.raises(otp.CallTimeout):
            await GenServer.call(server, 60, timeout=0.25)
        otp.exit(server, "kill")
        return 0.25 <= otp.monotonic() - began < 1

    assert otp.run(main)


class Asked(GenServer[None]):
    """Answers a call when it is told to."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: None) -> Any:
        await otp.receive(otp.Tag("go"))
        return Reply("answered", None)


@pytest.mark.parametrize("woken_by", ["message", "future"])
@pytest.mark.parametrize("timeouts", [{}, {"timeout": 1.0}], ids=["default", "given"])
def test_what_a_process_does_before_a_call_takes_nothing_from_the_time_of_the_call(
    timeouts: Any, woken_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines were counted from the start of the drain: who computed for 6 s, and then called, had a time-out."""
    real = time.monotonic_ns

    async def main() -> Any:
        server = await Asked.start()
        if woken_by == "message":
            otp.send(otp.self(), "on")
            await otp.receive()
        else:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future
        monkeypatch.setattr(time, "monotonic_ns", lambda: real() + 6_000_000_000)  # it computes
        otp.send_after(0.05, server, ("go",))
        return await GenServer.call(server, "question", **timeouts)

    assert otp.run(main) == "answered"


def test_many_calls_later_the_wheel_holds_a_caller_once() -> None:
    async def main() -> Any:
        server = await Busy.start()
        for _ in range(50):
            await GenServer.call(server, 0)
        me: Any = otp.self()
        return sum(bucket.count(me) for bucket in me._node._s.wheel.values())

    assert otp.run(main) == 1


def test_calls_to_oneself_fail_at_once_also_by_name(run: Any) -> None:
    """Pitfall 42."""

    class Selfish(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_call(self, dest: Any, caller: Any, state: None) -> Any:
            return Reply(await failing(GenServer.call(otp.self() if dest == "pid" else dest, 1)), state)

    async def main() -> Any:
        server = await Selfish.start(name="selfish")
        return [await GenServer.call(server, dest) for dest in ("pid", "selfish")], otp.monotonic()

    assert run(main) == ([(otp.CallingSelf, "calling_self")] * 2, 0.0)


def test_two_servers_that_call_each_other_time_out(run: Any) -> None:
    class Mutual(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_call(self, other: Any, caller: Any, state: None) -> Any:
            if other is None:
                return Reply("done", state)
            return Reply(await failing(GenServer.call(other, otp.self(), timeout=1)), state)

    async def main() -> Any:
        one, two = await Mutual.start(), await Mutual.start()
        return await GenServer.call(one, two), otp.monotonic()

    assert run(main) == ((otp.CallTimeout, "timeout"), 1.0)


def test_a_cancelled_call_is_forgotten_by_the_server(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await GenServer.call(server, "keep", timeout="infinity")
        pending = server._x.pend  # type: ignore[attr-defined]
        return pending, await GenServer.call(server, "answer kept"), otp.process_info(otp.self(), "messages")

    assert run(main) == ({}, 1, ())


def test_time_out_0_of_a_child_task_sends_the_request_too(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        with pytest.raises(otp.CallTimeout):
            await asyncio.ensure_future(GenServer.call(server, "keep", timeout=0))
        return len(await otp.sys.get_state(server))

    assert run(main) == 1


def test_time_out_0_from_outside_sends_the_request_too() -> None:
    async def main() -> Any:
        async with otp.Node("calls") as node:
            server = await node.start(Server)
            with pytest.raises(otp.CallTimeout):
                await GenServer.call(server, "keep", timeout=0)
            return len(await otp.sys.get_state(server))

    assert asyncio.run(main()) == 1


def test_callers_with_a_long_limit_are_not_kept_after_their_end() -> None:
    async def main() -> Any:
        server = await Busy.start()

        async def caller() -> None:
            await GenServer.call(server, 0, timeout=3600)

        refs = [otp.spawn_monitor(caller)[1] for _ in range(50)]
        for ref in refs:
            await otp.receive(ref)
        s = server._node._s
        return sum(p._st == 0 for bucket in s.wheel.values() for p in bucket)

    assert otp.run(main) == 0


class Reader(GenServer[Any]):
    """Takes a request out of its mailbox by itself."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    async def handle_cast(self, what: Any, state: Any) -> Any:
        tag, caller, request = await otp.receive(*what)
        if request != "die":
            GenServer.reply(caller, (tag, request))
            return NoReply(state)
        await asyncio.sleep(60)
        return NoReply(state)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
        return Reply("by the server", state)


@pytest.mark.parametrize(
    "what",
    [(), (otp.Tag("$gen_call"),), (None, 60), (lambda message: message[2] == "hello",)],
    ids=["everything", "tag", "timeout", "predicate"],
)
@pytest.mark.parametrize("waits_first", [True, False])
def test_an_async_callback_receives_a_call_as_erlangs_message(what: Any, waits_first: bool, run: Any) -> None:
    async def main() -> Any:
        server = await Reader.start(None)
        GenServer.cast(server, what)
        if waits_first:
            await wait_all_idle()
        first = await GenServer.call(server, "hello")
        return first, await GenServer.call(server, "again")

    assert run(main) == (("$gen_call", "hello"), "by the server")


@pytest.mark.parametrize("waits_first", [True, False])
def test_the_end_of_a_server_fails_the_caller_whose_request_it_received_itself(waits_first: bool, run: Any) -> None:
    async def main() -> Any:
        server = await Reader.start(None)
        GenServer.cast(server, ())
        if waits_first:
            await wait_all_idle()
        call = asyncio.ensure_future(failing(GenServer.call(server, "die", timeout=30)))
        await wait_all_idle()
        otp.exit(server, "kill")
        return await call, otp.monotonic()

    assert run(main) == ((otp.ServerDown, "killed"), 0.0)


def test_the_end_of_a_server_fails_the_caller_whose_request_is_in_its_hands(run: Any) -> None:
    async def main() -> Any:
        server = await Reader.start(None)
        GenServer.cast(server, ())
        await wait_all_idle()

        async def kills() -> None:
            otp.exit(server, "kill")

        otp.spawn(kills)
        return await failing(GenServer.call(server, "die", timeout=30)), otp.monotonic()

    (kind, reason), at = run(main)
    assert (kind, at) == (otp.ServerDown, 0.0)
    assert reason in ("killed", "noproc")
