"""The engine of callback processes: batches, continues, time-outs, async callbacks, suspension."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
import otp.sys
from otp import Continue, GenServer, NoReply, Ok, Reply, Stop, Tag, Timeout, impl
from otp.testing import advance, wait_all_idle


class Log(GenServer[list[Any]]):
    """A server that records what it receives; a request may contain the options of its result."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg if arg is not None else Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        match request:
            case "log":
                return Reply(list(state), state)
            case ("reply", options):
                return Reply("ok", [*state, "call"], **options)

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        match request:
            case ("with", name, options):
                return NoReply([*state, name], **options)
        return NoReply([*state, request])

    @impl
    def handle_info(self, message: Any, state: list[Any]) -> Any:
        match message:
            case Timeout():
                return NoReply([*state, ("timeout", otp.monotonic())])
            case ("with", name, options):
                return NoReply([*state, name], **options)
        return NoReply([*state, message])

    @impl
    def handle_continue(self, term: Any, state: list[Any]) -> Any:
        match term:
            case ("then", first, then):
                return NoReply([*state, first], then=Continue(then))
            case ("raise", reason):
                raise otp.Exit(reason)
        return NoReply([*state, ("continue", term)])


async def log_of(server: Any) -> Any:
    return await GenServer.call(server, "log")


# Continue


def test_a_continue_runs_before_messages_that_were_queued_earlier(run: Any) -> None:
    """Pitfall 33."""

    async def main() -> Any:
        server = await Log.start()
        GenServer.cast(server, ("with", "a", {"then": Continue(1)}))
        otp.send(server, ("with", "b", {"then": Continue(("then", "c", 2))}))
        GenServer.cast(server, "last")
        return await log_of(server)

    assert run(main) == ["a", ("continue", 1), "b", "c", ("continue", 2), "last"]


def test_a_continue_of_init_runs_before_any_message_and_after_the_start(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start(Ok(["init"], then=Continue(1)))
        return await log_of(server)

    assert run(main) == ["init", ("continue", 1)]


def test_the_reply_leaves_before_the_continue_and_a_crash_there_is_not_the_callers(run: Any) -> None:
    """Pitfall 34."""

    async def main() -> Any:
        server = await Log.start()
        ref = otp.monitor(server)
        answer = await GenServer.call(server, ("reply", {"then": Continue(("raise", "boom"))}))
        return answer, (await otp.receive(ref)).reason

    assert run(main) == ("ok", "boom")


def test_a_crash_in_the_continue_of_init_comes_after_a_successful_start(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        server = await Log.start_link(Ok([], then=Continue(("raise", "boom"))))
        return await otp.receive() == otp.ExitSignal(server, "boom")

    assert run(main)


# Time-outs


def test_a_time_out_comes_if_nothing_else_does(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start(Ok([], timeout=2))
        await advance(10)
        return await log_of(server)

    assert run(main) == [("timeout", 2.0)]


def test_any_message_cancels_the_time_out(run: Any) -> None:
    """Pitfall 44."""

    async def main() -> Any:
        server = await Log.start(Ok([], timeout=2))
        await advance(1)
        otp.send(server, "hello")
        await advance(10)
        return await log_of(server)

    assert run(main) == ["hello"]


def test_a_system_message_restarts_the_time_out_with_its_full_length(run: Any) -> None:
    """Pitfall 44."""

    async def main() -> Any:
        server = await Log.start(Ok([], timeout=2))
        await advance(1.5)
        await otp.sys.get_state(server)
        await advance(1.5)
        before = await otp.sys.get_state(server)
        await advance(10)
        return before, await log_of(server)

    assert run(main) == ([], [("timeout", 5.0)])


def test_time_out_0_comes_only_with_an_empty_mailbox(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start()
        GenServer.cast(server, ("with", "a", {"timeout": 0}))
        GenServer.cast(server, ("with", "b", {"timeout": 0}))
        await wait_all_idle()
        return await log_of(server)

    assert run(main) == ["a", "b", ("timeout", 0.0)]


def test_infinity_is_no_time_out_and_a_continue_wins_over_one(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start(Ok([], timeout="infinity"))
        GenServer.cast(server, ("with", "a", {"timeout": 1, "then": Continue(1)}))
        await advance(10)
        return await log_of(server)

    assert run(main) == ["a", ("continue", 1)]


def test_a_server_that_waits_for_its_time_out_can_be_called_killed_and_looked_at(run: Any) -> None:
    async def main() -> Any:
        one, two = await Log.start(Ok([], timeout=60)), await Log.start(Ok([], timeout=60))
        status = otp.process_info(one, "status")
        otp.exit(one, "kill")
        return status, otp.is_alive(one), await log_of(two)

    assert run(main) == ("waiting", False, [])


@pytest.mark.parametrize("timeout", ["soon", -1, True, float("nan")])
def test_a_time_out_that_is_no_time_is_a_bad_return_value(timeout: Any, run: Any) -> None:
    async def main() -> Any:
        server = await Log.start()
        ref = otp.monitor(server)
        GenServer.cast(server, ("with", "a", {"timeout": timeout}))
        reason = (await otp.receive(ref)).reason
        try:
            await Log.start(Ok([], timeout=timeout))
        except otp.StartError as error:
            return reason[0], error.reason[0]

    assert run(main) == ("bad_return_value", "bad_return_value")


# Batches


def test_a_long_mailbox_is_handled_in_order_and_in_turns(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start()
        for n in range(1500):
            GenServer.cast(server, n)
        return await log_of(server) == list(range(1500))

    assert run(main)


def test_a_server_that_dies_in_a_batch_fails_the_callers_behind_it(run: Any) -> None:
    class Dies(Log):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return Stop("enough", state)

    async def main() -> Any:
        server = await Dies.start()
        me = otp.self()

        async def caller() -> None:
            try:
                await GenServer.call(server, "log")
            except otp.ServerDown as error:
                otp.send(me, error.cause_reason)
            except otp.NoProcess:
                otp.send(me, "enough")

        otp.send(server, "first")
        GenServer.cast(server, "stop")
        for _ in range(3):
            otp.spawn(caller)
        return [await otp.receive() for _ in range(3)]

    assert run(main) == ["enough"] * 3


def test_a_tuple_that_only_looks_like_a_message_of_the_runtime_is_an_info(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start()
        for message in (("system", 1, 2), ("$gen_call", 1, 2), ("system", "from", ("terminate", "x")), ()):
            otp.send(server, message)
        return await log_of(server)

    assert run(main) == [("system", 1, 2), ("$gen_call", 1, 2), ("system", "from", ("terminate", "x")), ()]


def test_what_a_server_sends_itself_waits_for_no_other_message(run: Any) -> None:
    class Sends(Log):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            otp.send(otp.self(), request)
            return NoReply(state)

        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            otp.send(message, "arrived")
            return NoReply(state)

    async def main() -> Any:
        GenServer.cast(await Sends.start(), otp.self())
        return await otp.receive(timeout=1)

    assert run(main) == "arrived"


def test_the_exit_of_the_parent_ends_a_server_in_the_middle_of_its_messages(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        server = await Log.start_link()
        GenServer.cast(server, "before")
        otp.send(server, otp.ExitSignal(otp.self(), "as told"))
        GenServer.cast(server, ("with", "behind", {"then": Continue(("raise", "too late"))}))
        return (await otp.receive()).reason

    assert run(main) == "as told"


# Async callbacks


class Async(GenServer[list[Any]]):
    @impl
    async def init(self, arg: Any) -> Any:
        if arg:
            await asyncio.sleep(arg)
        return Ok([])

    @impl
    async def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        match request:
            case "log":
                return Reply(list(state), state)
            case ("take", pattern):
                return Reply(await otp.receive(pattern, timeout=5), state)
            case ("call", other):
                return Reply(await GenServer.call(other, "log"), state)
            case ("sleep", seconds):
                await asyncio.sleep(seconds)
                return Reply("slept", state)
            case ("stop", seconds):
                await asyncio.sleep(seconds)
                return Stop("normal", state, reply="bye")
            case ("fail", error):
                await asyncio.sleep(1)
                raise error

    @impl
    async def handle_cast(self, request: Any, state: list[Any]) -> Any:
        if request == "take":
            return NoReply([*state, await otp.receive(Tag("a"), timeout=1)])
        return NoReply([*state, request])

    @impl
    async def handle_info(self, message: Any, state: list[Any]) -> Any:
        if message == "to yourself":
            otp.send(otp.self(), ("a", "from yourself"))
        return NoReply([*state, message])


def test_while_an_async_callback_waits_the_server_is_busy_and_messages_keep(run: Any) -> None:
    async def main() -> Any:
        server = await Async.start()
        call = asyncio.ensure_future(GenServer.call(server, ("sleep", 2)))
        await advance(1)
        for n in range(3):
            GenServer.cast(server, n)
        length = otp.process_info(server, "message_queue_len"), otp.process_info(server, "status")
        return length, await call, await log_of(server)

    assert run(main) == ((3, "awaiting"), "slept", [0, 1, 2])


def test_an_async_callback_receives_from_the_servers_own_mailbox(run: Any) -> None:
    async def main() -> Any:
        server = await Async.start()
        GenServer.cast(server, "take")
        for message in (1, ("a", 1), 2, ("a", 2)):
            otp.send(server, message)
        return await log_of(server)

    assert run(main) == [("a", 1), 1, 2, ("a", 2)]


def test_what_one_callback_looked_through_the_next_looks_through_again(run: Any) -> None:
    """Where a pattern continues its search belongs to one mailbox, and the next callback has another mailbox."""

    async def main() -> Any:
        server = await Async.start()
        GenServer.cast(server, "take")
        for n in range(3):
            otp.send(server, n)
        otp.send(server, ("a", 0))
        otp.send(server, "to yourself")
        GenServer.cast(server, "take")
        return await log_of(server)

    assert run(main) == [("a", 0), 0, 1, 2, "to yourself", ("a", "from yourself")]


def test_casts_and_calls_that_arrive_during_a_selective_receive_are_seen_by_it_and_kept(run: Any) -> None:
    async def main() -> Any:
        server = await Async.start()
        call = asyncio.ensure_future(GenServer.call(server, ("take", lambda m: m == ("$gen_cast", 2))))
        await wait_all_idle()
        later = asyncio.ensure_future(log_of(server))
        for n in range(4):
            GenServer.cast(server, n)
        return await call, await later in ([], [0, 1, 3]), await log_of(server)

    assert run(main) == (("$gen_cast", 2), True, [0, 1, 3])


def test_an_async_callback_may_call_other_servers(run: Any) -> None:
    async def main() -> Any:
        one, two = await Async.start(), await Async.start()
        GenServer.cast(two, "hello")
        return await GenServer.call(one, ("call", two))

    assert run(main) == ["hello"]


def test_a_stop_after_waiting_runs_terminate_which_may_wait_and_receive(run: Any) -> None:
    log: list[Any] = []

    class Stops(Async):
        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            log.append((reason, otp.self() is server, await otp.receive(Tag("go"), timeout=5)))
            await asyncio.sleep(1)

    server: Any = None

    async def main() -> Any:
        nonlocal server
        server = await Stops.start()
        otp.send_after(2, server, ("go",))
        answer = await GenServer.call(server, ("stop", 1))
        return answer, otp.monotonic(), otp.is_alive(server)

    assert run(main) == ("bye", 3.0, False)
    assert log == [("normal", True, ("go",))]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (otp.Exit("gone"), "gone"),
        (otp.Error("bad"), otp.Crash("bad")),
        (ValueError("no"), otp.Crash(otp.ExceptionTerm("ValueError", ("no",), "no"))),
        (otp.Throw(Reply("thrown", [])), None),
        (asyncio.CancelledError(), otp.Crash(otp.ExceptionTerm("CancelledError", (), ""))),
    ],
)
def test_how_an_async_callback_ends_is_how_a_plain_one_would(error: BaseException, reason: Any, run: Any) -> None:
    async def main() -> Any:
        server = await Async.start()
        try:
            return await GenServer.call(server, ("fail", error))
        except otp.ServerDown as failed:
            return failed.cause_reason

    assert run(main) == ("thrown" if reason is None else reason)


def test_a_signal_ends_a_server_in_an_async_callback_without_terminate(run: Any) -> None:
    """Pitfall 47."""
    log: list[Any] = []

    class Server(Async):
        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            try:
                await asyncio.sleep(60)
            finally:
                log.append("cleanup")

        @impl
        def terminate(self, reason: Any, state: Any) -> None:
            log.append("terminate")

    async def main() -> Any:
        server = await Server.start()
        call = asyncio.ensure_future(GenServer.call(server, 1))
        await wait_all_idle()
        otp.exit(server, "boom")
        try:
            await call
        except otp.ServerDown as error:
            return error.cause_reason

    assert run(main) == "boom"
    assert log == ["cleanup"]


def test_a_server_killed_with_a_message_in_its_hands_ends_like_any_other(run: Any) -> None:
    """A message passed to a waiting callback must not be taken for the call that the callback handles."""

    async def main() -> Any:
        reasons = []
        for message in ((1, 2), (1, 2, 3), ("a",)):
            server = await Async.start()
            me = otp.self()

            async def caller(server: Any = server) -> None:
                try:
                    await GenServer.call(server, ("take", tuple))
                except otp.ServerDown as error:
                    otp.send(me, error.cause_reason)

            otp.spawn(caller)
            await wait_all_idle()
            otp.send(server, message)
            otp.exit(server, "boom")
            reasons.append(await otp.receive())
        return reasons

    assert run(main) == ["boom"] * 3


def test_a_callback_may_return_any_awaitable(run: Any) -> None:
    class Awaits(Log):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            async def later() -> Any:
                await asyncio.sleep(1)
                return NoReply([*state, request])

            return asyncio.ensure_future(later())

    async def main() -> Any:
        server = await Awaits.start()
        GenServer.cast(server, "x")
        return await log_of(server)

    assert run(main) == ["x"]


def test_an_async_callback_is_the_current_task_of_asyncio_only_as_long_as_it_runs(run: Any) -> None:
    class Either(Log):
        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            return self.later(state) if message == "async" else NoReply([*state, asyncio.current_task()])

        async def later(self, state: Any) -> Any:
            return NoReply([*state, asyncio.current_task()])

    async def main() -> Any:
        server = await Either.start()
        for message in ("async", "plain"):
            otp.send_after(1, server, message)
        await advance(1)
        return await log_of(server) == [server, None]

    assert run(main)


# Suspension


def test_a_suspended_server_keeps_its_messages_and_answers_the_debugger(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start()
        GenServer.cast(server, 0)
        await otp.sys.suspend(server)
        for n in range(1, 4):
            GenServer.cast(server, n)
        await wait_all_idle()
        during = await otp.sys.get_state(server), otp.process_info(server, "status")
        await otp.sys.resume(server)
        return during, await log_of(server)

    assert run(main) == (([0], "suspended"), [0, 1, 2, 3])


def test_a_server_that_is_resumed_by_a_message_behind_the_one_that_suspends_it_goes_on(run: Any) -> None:
    """Both messages are in one batch, with others between them."""

    async def main() -> Any:
        server = await Log.start()
        GenServer.cast(server, 0)
        suspended = asyncio.ensure_future(otp.sys.suspend(server))
        cast = asyncio.ensure_future(later(server))
        resumed = asyncio.ensure_future(otp.sys.resume(server))
        await asyncio.gather(suspended, cast, resumed)
        return await log_of(server)

    async def later(server: Any) -> None:
        GenServer.cast(server, 1)

    assert run(main) == [0, 1]


def test_a_suspended_server_is_called_after_it_resumes(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start()
        await otp.sys.suspend(server)
        call = asyncio.ensure_future(log_of(server))
        await wait_all_idle()
        before = call.done()
        await otp.sys.resume(server)
        return before, await call

    assert run(main) == (False, [])


def test_a_suspended_server_obeys_kill_and_the_exit_of_its_parent(run: Any) -> None:
    """Pitfall 49."""

    async def main() -> Any:
        reasons = []
        for how in ("kill", "parent", "stop"):

            async def parent() -> None:
                otp.send(me, await Log.start_link())
                await otp.receive()

            me = otp.self()
            starter = otp.spawn(parent)
            server = await otp.receive()
            ref = otp.monitor(server)
            await otp.sys.suspend(server)
            otp.send(server, "waits")
            match how:
                case "kill":
                    otp.exit(server, "kill")
                case "parent":
                    otp.send(server, otp.ExitSignal(starter, "as told"))
                case "stop":
                    await GenServer.stop(server, "stopped")
            reasons.append((await otp.receive(ref)).reason)
        return reasons

    assert run(main) == ["killed", "as told", "stopped"]


def test_the_exit_of_its_parent_ends_a_server_though_it_waits_behind_what_suspends_it(run: Any) -> None:
    """Both messages are in one batch."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        server = await Log.start_link()
        suspended = asyncio.ensure_future(otp.sys.suspend(server))
        told = asyncio.ensure_future(exit_of_its_parent(server, otp.self()))
        await asyncio.gather(suspended, told)
        return (await otp.receive(timeout=1)).reason

    async def exit_of_its_parent(server: Any, parent: Any) -> None:
        otp.send(server, otp.ExitSignal(parent, "as told"))

    assert run(main) == "as told"


@pytest.mark.parametrize("waiting", ["cast", "info"])
def test_a_message_that_waits_already_ends_the_time_out_for_good(run: Any, waiting: str) -> None:
    """The message is handled at once, and the earlier time-out does not fire after it."""
    seen: list[Any] = []

    class Timed(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            seen.append(request)
            return NoReply(state, timeout=1) if request == "timed" else NoReply(state)

        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            seen.append(message)
            return NoReply(state)

    async def main() -> None:
        server = await Timed.start()
        GenServer.cast(server, "timed")
        if waiting == "cast":
            GenServer.cast(server, "waits")
        else:
            otp.send(server, "waits")
        await advance(5)

    run(main)
    assert seen == ["timed", "waits"]


def test_a_system_message_that_waits_already_leaves_the_time_out(run: Any) -> None:
    async def main() -> Any:
        server = await Log.start(Ok([]))
        otp.spawn(otp.sys.get_state, server)
        GenServer.cast(server, ("with", "a", {"timeout": 1}))
        await advance(5)
        return await otp.sys.get_state(server)

    assert run(main) == ["a", ("timeout", 1.0)]
