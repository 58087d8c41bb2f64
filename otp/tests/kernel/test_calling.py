"""The client side: inline and queued calls do the same, casts never fail, and errors are seen."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.testing import Scheduler, wait_all_idle

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        match request:
            case "next":
                return Reply(state, state + 1)
            case "self":
                return Reply(otp.self(), state)
            case "variable":
                before = VARIABLE.get()
                VARIABLE.set("the server's")
                return Reply(before, state)
            case "cast to yourself":
                GenServer.cast(otp.self(), 10)
                return Reply(state, state)

    @impl
    def handle_cast(self, n: int, state: int) -> Any:
        return NoReply(state + n)


def test_calls_are_answered_in_order(run: Any) -> None:
    async def main() -> Any:
        counter = await Counter.start(0)
        return [await GenServer.call(counter, "next") for _ in range(1000)]

    assert run(main) == list(range(1000))


def test_a_cast_before_a_call_is_handled_before_it(run: Any) -> None:
    """Messages of one sender keep their order: a server with something in its mailbox is not called inline."""

    async def main() -> Any:
        counter = await Counter.start(0)
        GenServer.cast(counter, 5)
        return await GenServer.call(counter, "next")

    assert run(main) == 5


def test_what_a_callback_casts_to_itself_comes_after_the_answer(run: Any) -> None:
    async def main() -> Any:
        counter = await Counter.start(0)
        return await GenServer.call(counter, "cast to yourself"), await GenServer.call(counter, "next")

    assert run(main) == (0, 10)


def test_a_callback_is_the_server_whoever_calls_it(run: Any) -> None:
    async def main() -> Any:
        counter = await Counter.start(0)
        me = otp.self()
        return await GenServer.call(counter, "self") is counter, otp.self() is me

    assert run(main) == (True, True)


def test_context_variables_do_not_leak_between_caller_and_server(run: Any) -> None:
    """Design part 1 §3: an inline call runs in the server's own context."""

    async def main() -> Any:
        VARIABLE.set("at the start")
        counter = await Counter.start(0)
        VARIABLE.set("the caller's")
        seen = [await GenServer.call(counter, "variable") for _ in range(2)]
        return seen, VARIABLE.get()

    assert run(main) == (["at the start", "the server's"], "the caller's")


def test_a_shared_context_is_asked_for(run: Any) -> None:
    class Shared(Counter):
        context = "shared"

        @impl
        async def handle_info(self, message: Any, state: int) -> Any:
            await asyncio.sleep(1)
            otp.send(message, (otp.self(), await otp.receive(otp.Tag("go"))))
            return NoReply(state + 1)

    async def main() -> Any:
        server = await Shared.start(0)
        otp.send(server, otp.self())
        otp.send_after(2, server, ("go",))
        got = await otp.receive()
        return got == (server, ("go",)), await GenServer.call(server, "next")

    assert run(main) == (True, 1)


def test_a_hundred_callers_of_one_server_are_all_answered(run: Any) -> None:
    async def main() -> Any:
        counter = await Counter.start(0)
        me = otp.self()

        async def client() -> None:
            otp.send(me, [await GenServer.call(counter, "next") for _ in range(10)])

        for _ in range(100):
            otp.spawn(client)
        answers = [n for _ in range(100) for n in await otp.receive()]
        return sorted(answers) == list(range(1000))

    assert run(main)


@pytest.mark.parametrize("dest", ["ghost", ("ghost", "mars"), ("ghost", "test")])
def test_a_cast_is_always_ok(dest: Any, run: Any) -> None:
    """Pitfall 45."""

    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        return GenServer.cast(dest, 1), GenServer.cast(pid, 1)

    assert run(main) == ("ok", "ok")


@pytest.mark.parametrize("function", [GenServer.cast, GenServer.call])
@pytest.mark.parametrize("dest", [None, 3, {}])
def test_what_can_be_no_destination_is_refused_in_a_sentence(function: Any, dest: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="expected a pid, a name"):
            result = function(dest, 1)
            if function is GenServer.call:
                await result

    run(main)


def test_a_cast_to_a_coroutine_process_arrives_as_erlangs_message(run: Any) -> None:
    async def main() -> Any:
        GenServer.cast(otp.self(), "hello")
        return await otp.receive()

    assert run(main) == ("$gen_cast", "hello")


def test_call_by_name_and_by_name_and_node(run: Any) -> None:
    async def main() -> Any:
        await Counter.start(0, name="counter")
        node = otp.trace.node_of(otp.self())
        return [await GenServer.call(dest, "next") for dest in ("counter", ("counter", "test"), ("counter", node))]

    assert run(main) == [0, 1, 2]


def test_a_call_by_name_fails_with_the_name_in_the_reason(run: Any) -> None:
    class Fails(Counter):
        @impl
        def handle_call(self, request: Any, caller: Any, state: int) -> Any:
            raise otp.Exit("no")

    async def main() -> Any:
        await Fails.start(0, name="fails")
        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call("fails", 1)
        return error.value.reason, error.value.dest

    assert run(main) == (("no", ("gen_server", "call", ["fails", 1])), "fails")


def test_forgetting_await_is_a_warning_with_the_name_of_the_call() -> None:
    async def main() -> None:
        counter = await Counter.start(0)
        GenServer.call(counter, "next")  # type: ignore[unused-coroutine]
        gc.collect()

    with pytest.warns(RuntimeWarning, match="coroutine 'call' was never awaited"):
        Scheduler().run(main)


def test_a_thousand_calls_in_a_row_do_not_hold_up_the_loop() -> None:
    """Inline calls count against the budget of the drain."""

    async def main() -> Any:
        counter = await Counter.start(0)
        ticks = 0

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            asyncio.get_running_loop().call_soon(tick)

        tick()
        for _ in range(5000):
            await GenServer.call(counter, "next")
        return ticks > 3

    assert otp.run(main)


def test_outside_a_process_call_cast_and_send_work() -> None:
    async def main() -> Any:
        async with otp.Node("n"):
            counter = await Counter.start(0, name="counter")
            GenServer.cast("counter", 4)
            return await GenServer.call(counter, "next"), await GenServer.call("counter", "next", timeout=1)

    assert asyncio.run(main()) == (4, 5)


def test_a_server_that_exits_itself_inline_fails_its_caller(run: Any) -> None:
    class Exits(Counter):
        @impl
        def handle_call(self, reason: Any, caller: Any, state: int) -> Any:
            otp.exit(otp.self(), reason)
            raise AssertionError("not reached")

    async def main() -> Any:
        reasons = []
        for reason in ("normal", "boom", "kill"):
            server = await Exits.start(0)
            with pytest.raises(otp.ServerDown) as error:
                await GenServer.call(server, reason)
            reasons.append((error.value.cause_reason, otp.is_alive(server)))
        return reasons

    assert run(main) == [("normal", False), ("boom", False), ("killed", False)]


def test_an_inline_server_that_takes_a_signal_from_its_caller_ends(run: Any) -> None:
    """The caller cannot run while its call does; a third process may signal the busy server."""

    async def main() -> Any:
        class Slow(Counter):
            @impl
            async def handle_call(self, request: Any, caller: Any, state: int) -> Any:
                await asyncio.sleep(5)
                return Reply(1, state)

        server = await Slow.start(0)
        killer = otp.spawn(lambda: otp.send_after(1, otp.spawn(ends, server), "go"))
        assert killer is not None
        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call(server, 1)
        await wait_all_idle()
        return error.value.cause_reason, otp.monotonic()

    async def ends(server: otp.Pid) -> None:
        await otp.receive()
        otp.exit(server, "boom")

    assert run(main) == ("boom", 1.0)


def test_a_wrong_time_out_is_the_same_error_by_name_and_by_pid(run: Any) -> None:
    """By the name of an idle server it was a plain `ServerDown`."""

    class Idle(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

    async def main() -> Any:
        pid = await Idle.start_link(name="idle")
        found: list[Any] = []
        for dest in (pid, "idle"):
            with pytest.raises(otp.BadTimeout) as failed:
                await GenServer.call(dest, "value", -1)
            (word, _stack), (_module, _function, arguments) = failed.value.reason
            found.append((word, arguments[1:], arguments[0] is dest))
        return found

    assert [("function_clause", ["value", -1], True)] * 2 == run(main)
