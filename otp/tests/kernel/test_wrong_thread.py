"""Errors for a thread that uses a node of another thread without `node.call_from_thread` and similar functions.

Each test holds the node's thread in the middle of a drain: a process starts the thread and joins it. The scheduler is
then in the state in which inline calls are possible, whichever thread looks at it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import BadArgument, GenServer, NoReply, Ok, Reply, impl
from otp.testing import Scheduler


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply((request, otp.self()), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply(state)


def raised_beside_a_drain(fn: Callable[[otp.Pid], Any], *, busy: bool, inherits_context: bool = False) -> Any:
    """Return what `await fn(pid)` raises or returns in another thread's loop, while a process waits inside its step."""
    seen: list[Any] = []

    async def elsewhere(pid: otp.Pid) -> Any:
        result = fn(pid)
        return await result if asyncio.iscoroutine(result) else result

    def run(pid: otp.Pid) -> None:
        try:
            seen.append(asyncio.run(elsewhere(pid)))
        except BaseException as error:
            seen.append(error)

    async def main() -> Any:
        pid = await Server.start("state", name="server")
        if busy:
            GenServer.cast(pid, "work")
        context = contextvars.copy_context() if inherits_context else contextvars.Context()
        thread = threading.Thread(target=context.run, args=(run, pid))
        thread.start()
        thread.join()
        return otp.self(), await GenServer.call(pid, "mine"), pid

    me, answer, pid = otp.run(main)
    assert ("mine", pid) == answer
    assert me != pid
    return seen[0]


CALL = r"node\.call_from_thread\(GenServer\.call\(dest, request\)\)"


@pytest.mark.parametrize("inherits_context", [False, True])
@pytest.mark.parametrize("busy", [False, True])
def test_a_call_from_the_loop_of_another_thread_raises(busy: bool, inherits_context: bool) -> None:
    """It ran the server in the wrong thread, or returned `None` while the request was still under way."""
    error = raised_beside_a_drain(
        lambda pid: GenServer.call(pid, "theirs"), busy=busy, inherits_context=inherits_context
    )
    with pytest.raises(BadArgument, match=f"expected the thread of the node's event loop, got 'Thread-.*{CALL}"):
        raise error


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "call with a time-out": lambda pid: GenServer.call(pid, "x", 1),
    "call by pair": lambda pid: GenServer.call(("server", pid.runtime), "x"),
    "stop": lambda pid: GenServer.stop(pid),
    "sys": lambda pid: otp.sys.get_state(pid),
    "exit": lambda pid: otp.exit(pid, "boom"),
    "wait_down": lambda pid: otp.wait_down(pid),
    "link": lambda pid: otp.link(pid),
    "monitor": lambda pid: otp.monitor(pid),
    "register": lambda pid: otp.register("name", pid),
    "send_after": lambda pid: otp.send_after(1, pid, "x"),
    "spawn": lambda pid: otp.spawn(print),
    "node.spawn": lambda pid: pid.runtime.spawn(print),
    "start": lambda pid: Server.start(None),
    "node.start": lambda pid: pid.runtime.start(Server),
    "cast": lambda pid: GenServer.cast(pid, "x"),
    "send": lambda pid: otp.send(pid, "x"),
    "send by pair": lambda pid: otp.send(("server", pid.runtime), "x"),
    "abcast": lambda pid: GenServer.abcast([pid.runtime], "server", "x"),
    "start_timer": lambda pid: otp.start_timer(1, pid, "x"),
    "call by name": lambda pid: GenServer.call("name", "x"),
    "cast by name": lambda pid: GenServer.cast("name", "x"),
    "send by name": lambda pid: otp.send("name", "x"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_touches_the_tables_of_another_thread_raises(operation: str) -> None:
    error = raised_beside_a_drain(OPERATIONS[operation], busy=False)
    assert isinstance(error, (BadArgument, otp.NotAProcess)), error


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_same_raises_while_the_loop_is_idle(operation: str) -> None:
    def elsewhere(pid: otp.Pid) -> Any:
        result = OPERATIONS[operation](pid)
        return asyncio.run(_wait(result)) if asyncio.iscoroutine(result) else result

    async def main() -> Any:
        pid = await Server.start("state", name="server")
        try:
            return await asyncio.to_thread(elsewhere, pid)
        except BaseException as error:
            assert await GenServer.call(pid, "mine") == ("mine", pid)
            return error

    error = otp.run(main)
    assert isinstance(error, (BadArgument, otp.NotAProcess)), error


async def _wait(awaitable: Any) -> Any:
    return await awaitable


@pytest.mark.parametrize("idle", [True, False])
def test_a_reply_from_another_thread_raises_and_the_call_can_still_be_answered(idle: bool) -> None:
    class Later(Server):
        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            seen: list[BaseException] = []

            def reply() -> None:
                try:
                    GenServer.reply(caller, "theirs")
                except BadArgument as error:
                    seen.append(error)

            thread = threading.Thread(target=reply)
            thread.start()
            if idle:
                await asyncio.to_thread(thread.join)
            else:
                thread.join()
            assert "expected the thread of the node's event loop" in str(seen[0])
            return Reply("ours", state)

    async def main() -> Any:
        return await GenServer.call(await Later.start(None), "x")

    assert otp.run(main) == "ours"


def test_a_node_in_the_other_thread_makes_no_difference() -> None:
    async def with_a_node(pid: otp.Pid) -> Any:
        async def main() -> Any:
            return await GenServer.call(pid, "x")

        async with otp.Node("other") as node:
            task = node.spawn(main)
            return await otp.wait_down(task)

    reason = raised_beside_a_drain(with_a_node, busy=False)
    assert "expected the thread of the node's event loop" in str(reason)


def test_a_scheduler_that_is_made_in_one_thread_and_run_in_another_calls_inline() -> None:
    scheduler = Scheduler()
    seen: list[Any] = []

    async def main() -> None:
        pid = await Server.start("state")
        seen.append((await GenServer.call(pid, "first"), pid))
        seen.append((await GenServer.call(pid, "second"), pid))
        seen.append(otp.node().scheduler.owned())

    thread = threading.Thread(target=scheduler.run, args=(main,))
    thread.start()
    thread.join()
    (first, pid), (second, _), owned = seen
    assert (("first", pid), ("second", pid), True) == (first, second, owned)
