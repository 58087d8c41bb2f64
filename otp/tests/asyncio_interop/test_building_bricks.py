"""Queues, locks, threads, generators, streams and context variables of asyncio work inside a process.

Source: design part 11 §4, "asyncio interop".
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp
from loops import forever
from otp import GenServer
from otp.testing import advance, wait_all_idle
from who_asked import Server

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_gather_queue_lock_event_and_shield(run: Any) -> None:
    async def main() -> Any:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        lock, event = asyncio.Lock(), asyncio.Event()
        log: list[Any] = []

        async def producer() -> None:
            for n in range(5):
                await queue.put(n)
            event.set()

        async def critical(n: int) -> None:
            async with lock:
                log.append(("in", n))
                await asyncio.sleep(1)
                log.append(("out", n))

        otp.spawn(producer)
        got = [await queue.get() for _ in range(5)]
        await event.wait()
        for n in range(3):
            otp.spawn(critical, n)
        await asyncio.sleep(5)
        results = await asyncio.gather(asyncio.sleep(1, "a"), asyncio.sleep(2, "b"))
        shielded = await asyncio.shield(asyncio.sleep(1, "c"))
        nested = all(log[i][1] == log[i + 1][1] for i in range(0, 6, 2))
        return got, nested, results, shielded

    assert run(main) == ([0, 1, 2, 3, 4], True, ["a", "b"], "c")


def test_processes_and_tasks_share_locks_and_conditions(run: Any) -> None:
    async def main() -> Any:
        condition = asyncio.Condition()
        ready: list[int] = []

        async def waiter(n: int) -> None:
            async with condition:
                await condition.wait()
                ready.append(n)

        for n in range(3):
            otp.spawn(waiter, n)
        tasks = [asyncio.create_task(waiter(n)) for n in range(3, 6)]
        await wait_all_idle()
        async with condition:
            condition.notify_all()
        await asyncio.gather(*tasks)
        await wait_all_idle()
        return sorted(ready)

    assert run(main) == list(range(6))


def test_to_thread_runs_beside_the_loop() -> None:
    async def main() -> Any:
        VARIABLE.set("carried along")
        async with asyncio.timeout(5):
            return await asyncio.to_thread(VARIABLE.get), await asyncio.gather(
                *(asyncio.to_thread(len, "abc") for _ in "12")
            )

    assert otp.run(main) == ("carried along", [3, 3])


def test_async_generators_and_exit_stacks(run: Any) -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def resource(name: str) -> AsyncIterator[str]:
        try:
            yield name
        finally:
            await asyncio.sleep(1)
            closed.append(name)

    async def ticks() -> AsyncIterator[int]:
        for n in range(3):
            await advance(1)
            yield n

    async def main() -> Any:
        async with resource("a"), resource("b"):
            numbers = [n async for n in ticks()]
        return numbers, otp.monotonic()

    assert run(main) == ([0, 1, 2], 5.0)
    assert closed == ["b", "a"]


def test_streams_over_a_real_socket() -> None:
    async def main() -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]

            async def client(to: otp.Pid, text: bytes) -> None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(text + b"\n")
                otp.send(to, await asyncio.wait_for(reader.readline(), 5))
                writer.close()
                await writer.wait_closed()

            for text in (b"one", b"two", b"three"):
                otp.spawn(client, otp.self(), text)
            return sorted([await otp.receive() for _ in range(3)])

    assert otp.run(main) == [b"ONE\n", b"THREE\n", b"TWO\n"]


def test_context_variables_are_kept_across_every_kind_of_wait(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(1)

        async def process(name: str) -> None:
            VARIABLE.set(name)
            seen = []
            await asyncio.sleep(1)
            seen.append(VARIABLE.get())
            await otp.receive()
            seen.append(VARIABLE.get())
            await GenServer.call(server, 1)
            seen.append(VARIABLE.get())
            async with asyncio.TaskGroup() as group:
                group.create_task(child(seen))
            otp.send(me, (name, seen))

        async def child(seen: list[str]) -> None:
            seen.append(VARIABLE.get())
            VARIABLE.set("the child's")

        me = otp.self()
        for name in ("a", "b"):
            otp.send_after(2, otp.spawn(process, name), "go")
        return dict(sorted([await otp.receive(), await otp.receive()])), VARIABLE.get()

    assert run(main) == ({"a": ["a"] * 4, "b": ["b"] * 4}, "unset")


@pytest.mark.parametrize("reason", ["kill", "shutdown"])
@pytest.mark.parametrize("cleans_up", [False, True])
def test_a_process_that_ends_in_gather_leaves_no_error_for_asyncio(
    run: Any, caplog: pytest.LogCaptureFixture, reason: str, cleans_up: bool
) -> None:
    """Regression: asyncio logged `_GatheringFuture exception was never retrieved`."""
    cleaned: list[bool] = []

    async def gathers() -> None:
        try:
            await asyncio.gather(forever(), forever())
        finally:
            if cleans_up:
                cleaned.append(True)

    async def main() -> None:
        pid, ref = otp.spawn_monitor(gathers)
        await wait_all_idle()
        otp.exit(pid, reason)
        await otp.receive(ref)
        await advance(1)

    run(main)
    gc.collect()
    assert [True] * cleans_up == cleaned
    assert [] == [record.message for record in caplog.records if record.name == "asyncio"]


def test_a_process_answers_the_questions_of_a_task(run: Any) -> None:
    """Libraries set the name of the current task, and their done callbacks ask for its result and exception."""

    async def main() -> Any:
        seen: list[Any] = []

        async def process() -> None:
            me: Any = asyncio.current_task()
            me.set_name("worker")
            me.add_done_callback(lambda task: seen.append((task.exception(), task.result())))
            with pytest.raises(asyncio.InvalidStateError, match="has not ended"):
                me.result()

        reason = await otp.wait_down(otp.spawn(process))
        await wait_all_idle()
        return reason, seen

    assert run(main) == ("normal", [(None, None)])


def test_a_process_that_cancels_itself_is_cancelled_once(run: Any) -> None:
    async def main() -> Any:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        otp.send(otp.self(), "hello")
        await asyncio.sleep(0)
        return await otp.receive(timeout=1)

    assert run(main) == "hello"


def test_a_future_that_a_library_yields_gives_none_as_in_a_task(run: Any) -> None:
    class Awaitable:
        def __init__(self, future: Any) -> None:
            self.future = future

        def __await__(self) -> Any:
            self.future._asyncio_future_blocking = True
            return (yield self.future), self.future.result()

    async def awaits() -> Any:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, "result")
        return await Awaitable(future)

    async def main() -> Any:
        return await awaits(), await asyncio.create_task(awaits())

    assert run(main) == ((None, "result"), (None, "result"))
