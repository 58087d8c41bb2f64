"""The call protocol: replies, second replies, requests without a waiting caller, and the death of either side."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, impl
from otp.testing import wait_all_idle
from slow_calls import Busy, failing


class Server(GenServer[list[Any]]):
    """Keeps the callers that it is asked to keep."""

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


def test_a_late_answer_is_not_taken_for_that_of_the_next_call(run: Any) -> None:
    async def main() -> Any:
        late, silent = await Server.start(), await Server.start()
        await otp.sys.suspend(late)
        first = await failing(GenServer.call(late, ("say", "late"), timeout=1))
        otp.spawn(otp.sys.resume, late)  # it answers during the next call
        second = await failing(GenServer.call(silent, "keep", timeout=1))
        return first, second, await GenServer.call(late, ("say", "next"))

    timed_out = (otp.CallTimeout, "timeout")
    assert run(main) == (timed_out, timed_out, "next")


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
            f"nothing was sent to {server!r}"
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


def test_a_call_to_oneself_fails_at_once_while_messages_wait(run: Any) -> None:
    """Behind them it would wait for itself."""

    class Selfish(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: None) -> Any:
            GenServer.cast(otp.self(), "waits")
            return Reply(await failing(GenServer.call(otp.self(), 1)), state)

        @impl
        def handle_cast(self, request: Any, state: None) -> Any:
            return NoReply(state)

    async def main() -> Any:
        return await GenServer.call(await Selfish.start(), "call yourself"), otp.monotonic()

    assert run(main) == ((otp.CallingSelf, "calling_self"), 0.0)


def test_the_reason_of_a_call_to_oneself_names_the_request_and_the_timeout(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        with pytest.raises(otp.CallingSelf) as failed:
            await GenServer.call(me, "request", 7)
        return failed.value.reason == ("calling_self", ("gen_server", "call", [me, "request", 7])), str(failed.value)

    found, text = run(main)
    assert found, text


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
        pending = server.ext.unanswered  # type: ignore[attr-defined]
        return pending, await GenServer.call(server, "answer kept"), otp.process_info(otp.self(), "messages")

    assert run(main) == ({}, 1, ())


def test_time_out_0_of_a_child_task_sends_the_request_too(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        with pytest.raises(otp.CallTimeout):
            await asyncio.ensure_future(GenServer.call(server, "keep", timeout=0))
        return len(await otp.sys.get_state(server))

    assert run(main) == 1


def test_time_out_0_of_a_child_task_does_not_wait_for_the_answer_of_this_very_moment(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        return await asyncio.ensure_future(failing(GenServer.call(server, ("say", 1), timeout=0)))

    assert run(main) == (otp.CallTimeout, "timeout")


def test_a_second_answer_to_a_caller_that_is_no_process_is_told_as_dropped() -> None:
    async def main() -> Any:
        async with otp.Node("calls") as node:
            server = await node.start(Server)
            call = asyncio.ensure_future(GenServer.call(server, "keep"))
            await wait_all_idle()
            (kept,) = await otp.sys.get_state(server)
            dropped: list[Any] = []
            otp.trace.subscribe(node, lambda event: dropped.append(event.data["term"]), kinds={"dropped"})
            GenServer.reply(kept, "first")
            answer = await call
            GenServer.reply(kept, "second")
            return answer, dropped

    assert asyncio.run(main()) == ("first", ["second"])


def test_a_wrong_time_out_from_outside_sends_nothing() -> None:
    async def main() -> Any:
        async with otp.Node("embedded"):
            server = await Server.start()
            with pytest.raises(otp.BadArgument):
                await GenServer.call(server, "keep", timeout=-1)
            with pytest.raises(otp.BadArgument):
                await otp.sys.suspend(server, timeout=-1)
            assert await otp.sys.get_state(server, "infinity") == []
            return await GenServer.call(server, "answer kept")

    assert asyncio.run(main()) == 0


def test_time_out_0_from_outside_sends_the_request_too() -> None:
    async def main() -> Any:
        async with otp.Node("calls") as node:
            server = await node.start(Server)
            with pytest.raises(otp.CallTimeout):
                await GenServer.call(server, "keep", timeout=0)
            return len(await otp.sys.get_state(server))

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("ends", ["answer", "timeout"])
@pytest.mark.parametrize("watch", [otp.monitor, otp.link])
def test_the_pid_of_a_caller_that_is_no_process_ends_with_its_call(watch: Any, ends: str) -> None:
    class Watches(GenServer[list[Any]]):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("trap_exit", True)
            return Ok([])

        @impl
        def handle_call(self, request: Any, caller: otp.From, state: list[Any]) -> Any:
            if request == "seen":
                return Reply(state, state)
            watch(caller.pid)
            return Reply("answer", state) if request == "answer" else NoReply(state)

        @impl
        def handle_info(self, message: Any, state: list[Any]) -> Any:
            return NoReply([*state, (type(message), message.reason)])

    async def main() -> Any:
        async with otp.Node("n") as node:
            server = await node.start(Watches, None)
            if ends == "answer":
                await GenServer.call(server, ends)
            else:
                with pytest.raises(otp.CallTimeout):
                    await GenServer.call(server, ends, 0.001)
            return await GenServer.call(server, "seen")

    assert asyncio.run(main()) == [(otp.Down if watch is otp.monitor else otp.ExitSignal, "normal")]
