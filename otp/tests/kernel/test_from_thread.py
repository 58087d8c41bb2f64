"""The way into a node from other threads (design part 1 §1). Real threads and a real loop; events say when."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import pytest

import otp
from otp import (
    Agent,
    BadArgument,
    BadTimeout,
    CallTimeout,
    Exit,
    GenServer,
    NoProcess,
    NoReply,
    Ok,
    Reply,
    ServerDown,
    Task,
    impl,
)
from otp.kernel.tables import from_thread


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "never":
                return NoReply(state)
            case "crash":
                raise Exit("oops")
            case "who":
                return Reply(caller.pid, state)
            case ("add", n):
                return Reply(state + n, state + n)
            case _:
                return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply([*state, request])

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply([*state, message])


def in_a_thread(fn: Callable[[otp.Node], Any], arg: Any = 0) -> Any:
    """Return the result of `fn(node)` in a thread beside a node with a server named "server"."""

    async def main() -> Any:
        async with otp.Node("n") as node:
            await node.start(Server, arg, name="server")
            return await asyncio.to_thread(fn, node)

    return asyncio.run(main())


def test_a_call_answers_and_its_names_are_those_of_the_node() -> None:
    async def main() -> Any:
        async with otp.Node("one") as one, otp.Node("two") as two:
            await one.start(Server, 1, name="server")
            await two.start(Server, 2, name="server")

            def both() -> Any:
                return [node.call_from_thread(GenServer.call("server", "value"), timeout=5) for node in (one, two)]

            return await asyncio.to_thread(both)

    assert asyncio.run(main()) == [1, 2]


@pytest.mark.parametrize(
    ("dest", "request_", "timeout", "error"),
    [
        ("nobody", "value", 5, NoProcess),
        ("server", "crash", 5, ServerDown),
        ("server", "never", 0.01, CallTimeout),
        ("server", "value", -1, BadTimeout),
    ],
)
def test_what_the_call_raises_is_raised_in_the_thread(dest: Any, request_: Any, timeout: Any, error: Any) -> None:
    def call(node: otp.Node) -> None:
        with pytest.raises(error):
            node.call_from_thread(GenServer.call(dest, request_, timeout))

    in_a_thread(call)


def test_when_the_time_is_up_the_coroutine_is_cancelled() -> None:
    cancelled = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def call(node: otp.Node) -> Any:
        with pytest.raises(TimeoutError, match=r"no result within 0\.01 s; the call is cancelled") as failed:
            node.call_from_thread(waits(), timeout=0.01)
        return cancelled.wait(20), type(failed.value) is TimeoutError

    assert in_a_thread(call) == (True, True)


@pytest.mark.filterwarnings("error")
def test_the_longest_time_is_one_that_a_thread_can_wait() -> None:
    """Values that every other time-out accepts were an `OverflowError` here."""

    async def main() -> Any:
        return await asyncio.to_thread(otp.node().call_from_thread, asyncio.sleep(0, "answer"), 1e12)

    assert otp.run(main) == "answer"


def test_on_the_thread_of_the_loop_it_is_refused() -> None:
    async def main() -> None:
        async with otp.Node("n") as node:
            with pytest.raises(BadArgument, match="that of the node's event loop; there await it"):
                node.call_from_thread(GenServer.call("server", "value"))
            with pytest.raises(BadArgument, match=r"there write otp\.send"):
                node.send_from_thread("server", "value")

    asyncio.run(main())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loop_runs", [True, False])
def test_a_node_that_has_closed_says_so(loop_runs: bool) -> None:
    node = otp.Node("n")

    def use() -> None:
        with pytest.raises(BadArgument, match="node 'n' is closed"):
            node.call_from_thread(GenServer.call("server", "value"))
        with pytest.raises(BadArgument, match="node 'n' is closed"):
            node.send_from_thread("server", "value")

    async def main() -> None:
        async with node:
            pass
        if loop_runs:
            await asyncio.to_thread(use)

    asyncio.run(main())
    if not loop_runs:
        use()


def test_a_node_that_closes_ends_the_calls_under_way() -> None:
    async def main() -> Any:
        begun = asyncio.Event()

        async def waits() -> None:
            begun.set()
            await asyncio.Event().wait()

        async with otp.Node("n") as node:
            thread = asyncio.create_task(asyncio.to_thread(raised_by, lambda: node.call_from_thread(waits())))
            await begun.wait()
        left = asyncio.all_tasks() - {asyncio.current_task(), thread}
        return await thread, left

    assert asyncio.run(main()) == (CancelledError, set())


def test_a_call_that_arrives_when_the_node_has_just_closed_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had begun and could not be ended: its thread waited for the end of the loop."""
    on_its_way, closed = threading.Event(), threading.Event()

    def looked(node: Any) -> Any:
        on_its_way.set()
        closed.wait()
        return contextvars.copy_context()

    async def main() -> Any:
        monkeypatch.setattr(from_thread, "_context", looked)
        async with otp.Node("n") as node:
            call = lambda: node.call_from_thread(asyncio.Event().wait())
            thread = asyncio.create_task(asyncio.to_thread(raised_by, call))
            await asyncio.to_thread(on_its_way.wait)
        closed.set()
        return await thread, asyncio.all_tasks() - {asyncio.current_task(), thread}

    assert asyncio.run(main()) == (CancelledError, set())


def raised_by(fn: Callable[[], Any]) -> type[BaseException] | None:
    try:
        fn()
    except BaseException as error:
        return type(error)
    return None


def test_a_call_to_a_server_that_a_closing_node_stops_fails_like_any_call() -> None:
    async def main() -> Any:
        asked = asyncio.Event()

        async def call() -> Any:
            asked.set()
            return await GenServer.call("server", "never")

        async with otp.Node("n") as node:
            await node.start(Server, 0, name="server")
            thread = asyncio.create_task(asyncio.to_thread(raised_by, lambda: node.call_from_thread(call())))
            await asked.wait()
        return await thread

    assert asyncio.run(main()) is ServerDown


def test_many_threads_at_once_lose_and_mix_up_nothing() -> None:
    def call(node: otp.Node) -> Any:
        def add(amount: int) -> Any:
            return node.call_from_thread(GenServer.call("server", ("add", amount)))

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(add, [1] * 400))
        return sorted(answers) == list(range(1, 401)), len(node.processes()), node.thread_calls

    assert in_a_thread(call) == (True, 1, set())


def test_messages_of_one_thread_arrive_in_their_order() -> None:
    def send(node: otp.Node) -> Any:
        for number in range(100):
            node.send_from_thread("server", number)
        return node.call_from_thread(GenServer.call("server", "value"))

    assert in_a_thread(send, []) == list(range(100))


def test_a_message_goes_to_pids_pairs_and_via_names_and_to_nobody_without_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            server = await node.start(Server, [], name="server")
            registry = await node.start(Agent, lambda: 0, name="agent")
            otp.exit(registry, "kill")

            def send() -> Any:
                node.send_from_thread(server, 1)
                node.send_from_thread(("server", node), 2)
                node.send_from_thread(("server", "n"), 3)
                node.send_from_thread("nobody", 4)
                node.send_from_thread(registry, 4)
                node.send_from_thread(otp.Registry.via("no registry", 1), 4)
                node.send_from_thread(("server", "no node"), 4)
                return node.call_from_thread(GenServer.call(server, "value"))

            return await asyncio.to_thread(send)

    assert asyncio.run(main()) == [1, 2, 3]
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_what_can_be_no_destination_is_refused_where_it_is_written() -> None:
    def send(node: otp.Node) -> None:
        with pytest.raises(BadArgument, match="expected a pid, a name"):
            node.send_from_thread(None, 1)
        with pytest.raises(TypeError, match="expected a coroutine, got"):
            node.call_from_thread(GenServer.call)  # pyright: ignore[reportArgumentType]

    in_a_thread(send)


def test_a_pid_of_another_loop_is_refused() -> None:
    async def other() -> otp.Pid:
        return otp.self()

    elsewhere = otp.run(other)

    def send(node: otp.Node) -> None:
        with pytest.raises(BadArgument, match="of another event loop"):
            node.send_from_thread(elsewhere, 1)

    in_a_thread(send)


def test_the_thread_of_run_blocking_speaks_for_its_process() -> None:
    async def main() -> Any:
        server = await Server.start_link(0)
        node = otp.node()
        asked = await Task.run_blocking(lambda: node.call_from_thread(GenServer.call(server, "who")))
        return asked == otp.self()

    assert otp.run(main)


def test_a_thread_of_its_own_is_no_process() -> None:
    async def who() -> Any:
        try:
            return otp.self()
        except otp.NotAProcess as error:
            return str(error)

    def call(node: otp.Node) -> Any:
        return node.call_from_thread(who())

    async def main() -> Any:
        async with otp.Node("n") as node:
            with ThreadPoolExecutor(1) as pool:
                return await asyncio.wrap_future(pool.submit(call, node))

    assert asyncio.run(main()).startswith("otp.self() works inside a process only")


def test_otp_node_is_the_node_of_the_process_or_the_only_one() -> None:
    async def main() -> Any:
        async with otp.Node("a") as a:
            alone = otp.node() is a
            async with otp.Node("b") as b:
                found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                b.spawn(lambda: found.set_result(otp.node() is b))
                with pytest.raises(BadArgument, match="several nodes"):
                    otp.node()
                return alone, await found

    assert asyncio.run(main()) == (True, True)
    with pytest.raises(BadArgument, match="no node runs"):
        otp.node()


def test_in_virtual_time_threads_are_refused() -> None:
    async def main() -> Any:
        return otp.node()

    node = otp.testing.Scheduler().run(main)
    with pytest.raises(BadArgument, match="is closed"):
        node.send_from_thread("x", 1)


# A pid or a name, used in a thread that is not its loop's


def refused_beside(use: Callable[[otp.Pid], object]) -> tuple[str, str]:
    """Return the error of `use(pid)` in a thread beside an idle node with a server that keeps a list, and its name."""

    async def main() -> tuple[str, str]:
        async with otp.Node("n") as node:
            pid = await node.start(Server, [], name="server")
            assert await GenServer.call(pid, "value") == []  # the drain of the start is over: the node is idle

            def in_thread() -> tuple[str, str]:
                with pytest.raises(BadArgument) as refused:
                    use(pid)
                return str(refused.value), threading.current_thread().name

            told = await asyncio.to_thread(in_thread)
            if otp.is_alive(pid):
                assert await GenServer.call(pid, "value") in ([], [1])  # it can still be reached
            return told

    return asyncio.run(main())


async def started(pid: otp.Pid) -> object:
    return await pid.runtime.start(Server, [])


@pytest.mark.parametrize(
    ("use", "what", "instead"),
    [
        (lambda pid: otp.send(pid, 1), "a message", "node.send_from_thread(dest, message)"),
        (lambda pid: GenServer.cast(pid, 1), "a message", "node.cast_from_thread(dest, request)"),
        (lambda pid: otp.exit(pid, "kill"), "exit(pid, reason)", "node.call_from_thread(f())"),
        (lambda pid: otp.send_after(1, pid, 1), "send_after", "node.send_from_thread"),
        (lambda pid: asyncio.run(GenServer.call(pid, 1)), "a call", "node.call_from_thread(GenServer.call"),
        (lambda pid: asyncio.run(otp.wait_down(pid)), "wait_down", "node.call_from_thread(otp.wait_down"),
        (lambda pid: asyncio.run(started(pid)), "node.start(Server)", "node.call_from_thread(node.start(cls, arg))"),
    ],
)  # fmt: skip
def test_a_pid_in_another_thread_is_refused_and_told_what_to_write(use: Any, what: str, instead: str) -> None:
    """Regression: a cast came when the loop woke by itself, seconds later, and a call crashed the server."""
    told, thread = refused_beside(use)
    assert what in told
    assert instead in told
    assert f"expected the thread of the node's event loop, got {thread!r}" in told


@pytest.mark.parametrize("dest", ["server", ("server", "n"), 7j])
@pytest.mark.parametrize("function", [GenServer.cast, otp.send])
def test_a_name_in_a_thread_without_a_node_is_refused(function: Any, dest: Any) -> None:
    """Regression: a cast by name from a web framework's thread returned "ok" and was lost."""
    told, _ = refused_beside(lambda _pid: function(dest, 1))
    assert "no node" in told
    assert function is otp.send or "node.cast_from_thread(dest, request)" in told


def test_a_cast_without_any_node_is_refused_in_a_loop_too() -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match="no node runs in this event loop; start one with"):
            GenServer.cast("server", 1)

    asyncio.run(main())


def test_a_name_in_a_thread_with_an_event_loop_of_its_own_is_refused_with_the_way_to_a_node() -> None:
    async def main() -> str:
        with pytest.raises(BadArgument, match="no node runs in this event loop; start one with") as refused:
            await GenServer.call("server", 1)
        return str(refused.value)

    with ThreadPoolExecutor(1) as threads:
        told = threads.submit(asyncio.run, main()).result()
    assert "to reach a node of another thread try" in told
    assert "node.call_from_thread(GenServer.call(dest, request))" in told


def test_processes_of_two_loops_cannot_be_linked_or_monitored() -> None:
    def other(pid: otp.Pid, node: otp.Node) -> None:
        async def main() -> None:
            uses: list[tuple[Any, Any]] = [(otp.link, pid), (otp.monitor, pid), (otp.monitor, ("server", node))]
            for function, dest in uses:
                with pytest.raises(BadArgument, match="is a process of another event loop"):
                    function(dest)

        otp.run(main)

    in_a_thread(lambda node: other(node.processes()[0], node))


def test_casts_and_messages_of_one_thread_arrive_in_order() -> None:
    async def main() -> Any:
        me, node = otp.self(), otp.node()
        otp.register("me", me)

        def in_thread() -> Any:
            answers = node.cast_from_thread("me", 1), node.cast_from_thread("nobody", 2)
            node.send_from_thread(me, 3)
            return answers

        return await asyncio.to_thread(in_thread), await otp.receive(), await otp.receive()

    assert otp.run(main) == (("ok", "ok"), ("$gen_cast", 1), 3)


def test_on_the_thread_of_the_loop_a_cast_from_a_thread_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match=r"there write GenServer\.cast\(dest, request\)"):
            otp.node().cast_from_thread(otp.self(), 1)

    otp.run(main)


def test_a_message_from_a_thread_to_nobody_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    in_a_thread(lambda node: (node.send_from_thread("nobody", 1), node.call_from_thread(asyncio.sleep(0))))
    assert ["node.send_from_thread('nobody', …) of node n: no process has the name"] == caplog.messages
