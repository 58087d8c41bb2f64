"""The engine of callback processes: batches, continues, time-outs, suspension."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
import otp.sys
from otp import Continue, GenServer, NoReply, Ok, Stop, impl
from otp.testing import advance, wait_all_idle
from server_logs import Log, log_of

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


@pytest.mark.parametrize("send", [otp.send, GenServer.cast])
def test_a_tuple_cancels_the_time_out_like_any_message(run: Any, send: Any) -> None:
    async def main() -> Any:
        server = await Log.start(Ok([], timeout=2))
        await advance(1)
        send(server, ("hello", "world"))
        await advance(10)
        return await log_of(server)

    assert run(main) == [("hello", "world")]


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
