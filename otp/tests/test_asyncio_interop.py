"""asyncio and what stands on it work inside a process. Source: design part 11 §4, "asyncio interop".

Everything here runs in virtual time; what needs a thread runs under `otp.run`.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

import otp
from otp import GenServer, Ok, Reply, Tag, impl
from otp.testing import Scheduler, advance, wait_all_idle

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return Scheduler(seed=5, inline=request.param).run


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
        if request == "never":
            return otp.NoReply(state)
        return Reply((request, caller.pid), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        otp.send(request, "cast")
        return otp.NoReply(state)


async def sleeps() -> None:
    await asyncio.sleep(60)


async def receives() -> None:
    await otp.receive()


async def receives_selectively() -> None:
    await otp.receive(Tag("never"))


async def receives_with_a_limit() -> None:
    await otp.receive(timeout=60)


async def calls() -> None:
    await GenServer.call(await Server.start(1), "never", timeout="infinity")


async def waits_for_a_future() -> None:
    await asyncio.get_running_loop().create_future()


WAITS = [sleeps, receives, receives_selectively, receives_with_a_limit, calls, waits_for_a_future]


# timeout and wait_for


@pytest.mark.parametrize("wait", WAITS)
def test_asyncio_timeout_works_around_every_kind_of_wait(wait: Any, run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await wait()
        when = otp.monotonic()
        otp.send(otp.self(), "alive")
        return when, await otp.receive(), asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert run(main) == (2.0, "alive", 0)


@pytest.mark.parametrize("wait", WAITS)
def test_nested_time_outs_end_at_the_inner_one(wait: Any, run: Any) -> None:
    async def main() -> Any:
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await wait()
            await asyncio.sleep(1)
        return otp.monotonic()

    assert run(main) == 2.0


def test_a_message_that_comes_with_the_time_out_is_not_lost(run: Any) -> None:
    async def main() -> Any:
        got = []
        for n in range(20):
            otp.send_after(1, otp.self(), n)
            try:
                async with asyncio.timeout(1):
                    got.append(await otp.receive())
            except TimeoutError:
                got.append(await otp.receive())
        return got

    assert run(main) == list(range(20))


def test_a_future_that_is_done_with_the_time_out_leaves_no_cancellation_behind(run: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        for _ in range(5):
            future = loop.create_future()
            loop.call_later(1, future.set_result, "done")
            try:
                async with asyncio.timeout(1):
                    await future
            except TimeoutError:
                pass
            await advance(1)
        return asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert run(main) == 0


def test_a_cancellation_after_the_future_was_done_is_raised_where_it_was_awaited(run: Any) -> None:
    async def main() -> Any:
        async def process() -> None:
            try:
                await future
            except asyncio.CancelledError:
                otp.send(me, "cancelled")

        me = otp.self()
        future = asyncio.get_running_loop().create_future()
        pid: Any = otp.spawn(process)
        await wait_all_idle()
        future.set_result("done")
        pid.cancel()
        return await otp.receive(timeout=1)

    assert run(main) == "cancelled"


def test_wait_for_around_sleeping_and_calling(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(60), 1)
        answer = await asyncio.wait_for(GenServer.call(server, "x"), 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(GenServer.call(server, "never"), 1)
        return answer[0], otp.monotonic()

    assert run(main) == ("x", 2.0)


def test_an_uncaught_cancellation_that_no_signal_caused_is_a_crash(run: Any) -> None:
    async def main() -> Any:
        async def process() -> None:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await otp.receive()

        _, ref = otp.spawn_monitor(process)
        return (await otp.receive(ref)).reason.term.type_name

    assert run(main) == "CancelledError"


# Task groups


def test_a_task_group_gathers_its_results(run: Any) -> None:
    async def main() -> Any:
        async def work(n: int) -> int:
            await asyncio.sleep(n)
            return n * n

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(n)) for n in range(4)]
        return [task.result() for task in tasks], otp.monotonic()

    assert run(main) == ([0, 1, 4, 9], 3.0)


@pytest.mark.parametrize("wait", WAITS)
def test_a_failing_child_interrupts_whatever_its_process_waits_for(wait: Any, run: Any) -> None:
    async def main() -> Any:
        async def fails() -> None:
            await asyncio.sleep(1)
            raise ValueError("child")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                await wait()
        except* ValueError as errors:
            texts = [str(error) for error in errors.exceptions]
        otp.send(otp.self(), "alive")
        return texts, otp.monotonic(), await otp.receive()

    assert run(main) == (["child"], 1.0, "alive")


def test_a_child_that_exits_ends_the_process_with_that_reason(run: Any) -> None:
    """Design part 1 §2: a group whose leaves are all `Exit` with one reason unwraps to it."""

    async def main() -> Any:
        async def exits() -> None:
            await asyncio.sleep(1)
            otp.exit(("my", "reason"))

        async def process() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(exits())
                group.create_task(exits())
                await otp.receive()

        _, ref = otp.spawn_monitor(process)
        return (await otp.receive(ref)).reason

    assert run(main) == ("my", "reason")


@pytest.mark.parametrize("reason", ["boom", "shutdown"])
def test_a_process_that_ends_inside_a_task_group_ends_after_its_children(reason: str, run: Any) -> None:
    order: list[str] = []

    async def main() -> Any:
        async def child(name: str) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(1)
                order.append(name)

        async def process() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(child("one"))
                group.create_task(child("two"))
                await otp.receive()

        pid, ref = otp.spawn_monitor(process)
        await wait_all_idle()
        otp.exit(pid, reason)
        down = await otp.receive(ref)
        order.append("down")
        return down.reason, otp.monotonic()

    assert run(main) == (reason, 1.0)
    assert sorted(order[:2]) == ["one", "two"]
    assert order[2:] == ["down"]


# The other building bricks


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


# Child tasks


def test_in_a_child_task_self_is_the_owner_and_everything_but_receive_works(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        server = await Server.start(1, name="server")

        async def child() -> Any:
            assert otp.self() is me
            otp.send(me, "sent")
            GenServer.cast(server, me)
            ref = otp.monitor(server)
            linked = otp.spawn_link(receives)
            assert otp.process_info(me, "links") == (linked,)
            otp.unlink(linked)
            _, caller = await GenServer.call("server", 1)
            with pytest.raises(otp.NotProcessMain, match="main coroutine"):
                await otp.receive()
            started = await Server.start_link(2)
            otp.exit(server, "boom")
            return caller is me, ref, otp.process_info(started, "parent") is me

        called, ref, parent = await asyncio.create_task(child())
        got = [await otp.receive(), await otp.receive(), await otp.receive()]
        return called, parent, sorted(map(str, got[:2])), got[2].ref is ref

    assert run(main) == (True, True, ["cast", "sent"], True)


def test_child_tasks_call_at_the_same_time_as_their_process(run: Any) -> None:
    class Busy(Server):
        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            await asyncio.sleep(1)
            return Reply(request, state)

    async def main() -> Any:
        servers = [await Busy.start(1) for _ in range(5)]
        tasks = [asyncio.create_task(GenServer.call(server, n)) for n, server in enumerate(servers)]
        mine = await GenServer.call(servers[0], "mine")
        return mine, await asyncio.gather(*tasks), otp.monotonic()

    assert run(main) == ("mine", [0, 1, 2, 3, 4], 2.0)


def test_a_hundred_calls_of_child_tasks_to_one_server_are_answered(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(1)
        answers = await asyncio.gather(*(GenServer.call(server, n) for n in range(100)))
        return [n for n, _ in answers] == list(range(100)), {pid for _, pid in answers} == {otp.self()}

    assert run(main) == (True, True)


def test_a_cancelled_call_of_a_child_task_is_forgotten(run: Any) -> None:
    async def main() -> Any:
        server: Any = await Server.start(1)
        task = asyncio.create_task(GenServer.call(server, "never"))
        await wait_all_idle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return server._x.pend, (await GenServer.call(server, "next"))[0]

    assert run(main) == ({}, "next")


def test_a_child_task_that_fails_unobserved_is_no_end_of_its_process(run: Any) -> None:
    async def main() -> Any:
        async def fails() -> None:
            raise ValueError("nobody looks")

        contexts: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: contexts.append(context["message"]))
        asyncio.ensure_future(fails())
        await asyncio.sleep(1)
        return otp.is_alive(otp.self()), contexts

    alive, contexts = run(main)
    assert alive
    assert contexts in ([], ["Task exception was never retrieved"])


def test_a_process_is_done_for_asyncio_when_it_has_ended(run: Any) -> None:
    async def main() -> Any:
        pid: Any = otp.spawn(receives)
        seen: list[Any] = []
        pid.add_done_callback(seen.append)
        pid.add_done_callback(print)
        removed = pid.remove_done_callback(print)
        before = pid.done(), pid.cancelled()
        otp.exit(pid, "kill")
        await wait_all_idle()
        pid.add_done_callback(seen.append)
        await wait_all_idle()
        return removed, before, pid.done(), seen == [pid, pid], pid.cancel()

    assert run(main) == (1, (False, False), True, True, False)


def test_cancelling_and_uncancel_count_as_in_a_task(run: Any) -> None:
    async def main() -> Any:
        me: Any = asyncio.current_task()
        counts = [me.cancelling()]
        me.cancel()
        me.cancel()
        counts += [me.cancelling(), me.uncancel(), me.uncancel(), me.uncancel()]
        await asyncio.sleep(1)
        return counts, me.get_loop() is asyncio.get_running_loop(), me.get_coro() is not None, me.get_name() == repr(me)

    assert run(main) == ([0, 2, 1, 0, 0], True, True, True)


# anyio


@pytest.mark.parametrize("wait", WAITS)
def test_anyio_cancel_scopes_end_every_kind_of_wait(wait: Any, run: Any) -> None:
    async def main() -> Any:
        with anyio.move_on_after(1) as scope:
            await wait()
        with pytest.raises(TimeoutError):
            with anyio.fail_after(1):
                await wait()
        otp.send(otp.self(), "alive")
        return scope.cancelled_caught, otp.monotonic(), await otp.receive()

    assert run(main) == (True, 2.0, "alive")


def test_anyio_task_groups_streams_and_events(run: Any) -> None:
    async def main() -> Any:
        send, receive = anyio.create_memory_object_stream[int](0)
        event = anyio.Event()

        async def producer() -> None:
            async with send:
                for n in range(5):
                    await send.send(n)
            event.set()

        async with anyio.create_task_group() as group:
            group.start_soon(producer)
            async with receive:
                got = [n async for n in receive]
            await event.wait()
        return got

    assert run(main) == [0, 1, 2, 3, 4]


def test_an_anyio_task_group_is_cancelled_as_a_whole(run: Any) -> None:
    cancelled: list[int] = []

    async def main() -> Any:
        async def child(n: int) -> None:
            try:
                await anyio.Event().wait()
            except BaseException:
                cancelled.append(n)
                raise

        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(child, n)
            await asyncio.sleep(1)
            group.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint()
        return otp.monotonic(), asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert run(main) == (1.0, 0)
    assert sorted(cancelled) == [0, 1, 2]


def test_a_failing_child_of_an_anyio_group_interrupts_a_receive(run: Any) -> None:
    async def main() -> Any:
        async def fails() -> None:
            await asyncio.sleep(1)
            raise ValueError("child")

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(fails)
                await otp.receive()
        except* ValueError as errors:
            texts = [str(error) for error in errors.exceptions]
        otp.send(otp.self(), "alive")
        return texts, await otp.receive()

    assert run(main) == (["child"], "alive")


@pytest.mark.parametrize("reason", ["boom", "kill"])
def test_a_signal_ends_a_process_inside_an_anyio_task_group(reason: str, run: Any) -> None:
    cancelled: list[int] = []

    async def main() -> Any:
        async def child() -> None:
            try:
                await anyio.Event().wait()
            except BaseException:
                cancelled.append(1)
                raise

        async def process() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(child)
                await otp.receive()

        pid, ref = otp.spawn_monitor(process)
        await wait_all_idle()
        otp.exit(pid, reason)
        down = (await otp.receive(ref)).reason
        await wait_all_idle()
        return down

    assert run(main) == ("killed" if reason == "kill" else reason)
    assert cancelled == [1]


def test_anyio_threads_run_beside_the_loop() -> None:
    async def main() -> Any:
        with anyio.fail_after(5):
            return await anyio.to_thread.run_sync(len, "abc")

    assert otp.run(main) == 3


def test_the_host_is_told_when_the_tree_of_its_node_gives_up_and_can_start_it_again() -> None:
    """The pattern of docs/fastapi.md: a service that would answer 503 for ever ends, or begins anew."""

    class Fragile(GenServer[None]):
        @impl
        def init(self, arg: None) -> Any:
            return Ok(None)

    class Tree(otp.Supervisor):
        @impl
        def init(self, arg: None) -> Any:
            return otp.Children([Fragile.child_spec(None, name="fragile")], max_restarts=0)

    async def main() -> Any:
        async with otp.Node("web") as node:
            tree = await node.start(Tree, None, name="tree")
            told = asyncio.create_task(otp.wait_down(tree))
            fragile = otp.whereis("fragile")
            assert fragile is not None
            otp.exit(fragile, "kill")
            reason = await told
            gone = otp.whereis("tree") is None
            await node.start(Tree, None, name="tree")
            return reason, gone, otp.whereis("fragile") is not None

    assert asyncio.run(main()) == ("shutdown", True, True)
