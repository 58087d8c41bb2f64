"""Async callbacks: what a server does while one waits, and how they end. Sleeps take virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
import otp.sys
from otp import GenServer, NoReply, Ok, Reply, Stop, Tag, impl
from otp.testing import advance, wait_all_idle
from server_logs import Log, log_of


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


@pytest.mark.parametrize("timeout", [None, 60])
def test_a_server_that_has_received_all_its_messages_wakes_for_a_call(run: Any, timeout: int | None) -> None:
    class Takes(Async):
        @impl
        async def handle_cast(self, request: Any, state: list[Any]) -> Any:
            return NoReply([*state, await otp.receive()], timeout=timeout)

    async def main() -> Any:
        server = await Takes.start()
        GenServer.cast(server, "take")
        otp.send(server, "taken")
        await wait_all_idle()
        try:
            raise ValueError
        except ValueError:  # a call from here does not run on the stack of its caller
            return await log_of(server)

    assert run(main) == ["taken"]


def test_what_one_callback_looked_through_the_next_looks_through_again(run: Any) -> None:
    """The position of a pattern's search belongs to one mailbox, and the next callback has another mailbox."""

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


def test_terminate_may_return_any_awaitable(run: Any) -> None:
    class Ends(Log):
        @impl
        def terminate(self, reason: Any, state: Any) -> Any:
            return asyncio.ensure_future(asyncio.sleep(2))

    async def main() -> Any:
        server = await Ends.start()
        await GenServer.stop(server, "done")
        return await otp.wait_down(server), otp.monotonic()

    assert run(main) == ("noproc", 2.0)


def test_a_server_in_a_shared_context_owns_the_tasks_of_a_callback_that_has_waited(run: Any) -> None:
    class Shares(GenServer[None]):
        context = "shared"

        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: None) -> Any:
            await asyncio.sleep(1)
            return Reply(await asyncio.create_task(self.owner()), state)

        async def owner(self) -> otp.Pid:
            await asyncio.sleep(1)
            return otp.self()

    async def main() -> Any:
        server = await Shares.start()
        return await GenServer.call(server, "owner") is server

    assert run(main)


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
