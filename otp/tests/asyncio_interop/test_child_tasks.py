"""A child task acts for its process but does not receive, and asyncio sees a process as a task.

Source: design part 11 §4, "asyncio interop".
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, Reply, impl
from otp.testing import wait_all_idle
from who_asked import Server


async def receives() -> None:
    await otp.receive()


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
        return server.ext.unanswered, (await GenServer.call(server, "next"))[0]

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


def test_who_cancels_itself_and_awaits_a_child_task_goes_on_after_the_task_has_ended(run: Any) -> None:
    """A process passes its cancellation on to the task that it awaits, as a task of asyncio does."""
    order: list[str] = []

    async def main() -> None:
        async def child() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(1)
                order.append("child")

        async def parent() -> None:
            task = asyncio.create_task(child())
            await asyncio.sleep(1)
            me: Any = asyncio.current_task()
            me.cancel()
            try:
                await task
            finally:
                order.append("parent")

        await otp.wait_down(otp.spawn(parent))

    run(main)
    assert order == ["child", "parent"]
