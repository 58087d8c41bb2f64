"""Nodes: embedded in another program, closed in order, reached from other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Reply, impl


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return otp.Stop(request, state)

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        if isinstance(state, list):
            state.append((otp.process_info(otp.self(), "registered_name"), reason))


async def waits() -> None:
    await otp.receive()


def test_closing_stops_what_it_owns_in_reverse_order_then_the_rest() -> None:
    log: list[Any] = []

    async def main() -> Any:
        async with otp.Node("n") as node:
            for name in "abc":
                await node.start(Server, log, name=name)
            await Server.start(log, name="not owned")
            otp.spawn(waits)
        return node.processes(), asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(main()) == ([], set())
    assert log == [("c", "shutdown"), ("b", "shutdown"), ("a", "shutdown"), ("not owned", "shutdown")]


def test_closing_lets_cleanup_wait() -> None:
    log: list[str] = []

    async def main() -> None:
        async def cleans() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.to_thread(len, "")
                log.append("clean")

        async with otp.Node("n"):
            otp.spawn(cleans)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert log == ["clean"]


def test_what_does_not_stop_in_time_is_killed() -> None:
    async def main() -> Any:
        async def stubborn() -> None:
            otp.process_flag("trap_exit", True)
            while True:
                await otp.receive()

        node = otp.Node("n")
        await node.__aenter__()
        pid = otp.spawn(stubborn)
        await asyncio.sleep(0)
        await node.close(timeout=0.01)
        return otp.is_alive(pid), node.processes()

    assert asyncio.run(main()) == (False, [])


def test_a_process_that_leaves_a_successor_each_time_does_not_hold_up_the_close(
    errors: Callable[[], list[str]],
) -> None:
    async def main() -> Any:
        async def hydra() -> None:
            try:
                await otp.receive()
            finally:
                otp.spawn(hydra)
                await asyncio.sleep(0)

        async with otp.Node("n") as node:
            otp.spawn(hydra)
            await asyncio.sleep(0)
        return node.processes()

    assert asyncio.run(main()) == []
    assert "keep starting others" in errors()[0]


def test_closing_twice_is_closing_once() -> None:
    async def main() -> None:
        async with otp.Node("n") as node:
            await node.close()
            await node.close()

    asyncio.run(main())


def test_after_the_last_node_the_loop_has_no_scheduler() -> None:
    async def main() -> None:
        async with otp.Node("n"):
            pass
        with pytest.raises(otp.BadArgument, match="no node runs"):
            otp.processes()

    asyncio.run(main())


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_node_needs_a_name(name: Any) -> None:
    with pytest.raises(otp.BadArgument, match=r"Node\(name\): expected a str"):
        otp.Node(name)


def test_nodes_of_one_name_are_different_incarnations() -> None:
    async def main() -> Any:
        async with otp.Node("n") as one, otp.Node("n") as two:
            return one.creation == two.creation, repr(one)

    assert asyncio.run(main()) == (False, "<Node n with 0 processes>")


def test_what_a_node_owns_has_no_parent_and_its_abnormal_end_is_logged(errors: Callable[[], list[str]]) -> None:
    async def main() -> Any:
        async with otp.Node("shop") as node:
            pid = await node.start(Server, 1)
            parent = otp.process_info(pid, "parent")
            GenServer.cast(pid, "boom")
            clean = await node.start(Server, 2)
            GenServer.cast(clean, "normal")
            await otp.wait_down(clean)
            with pytest.raises(TypeError, match="expected a behaviour's class"):
                await node.start(3)
            return parent

    assert asyncio.run(main()) is None
    owned = [text for text in errors() if "owned by node shop ended" in text]
    assert len(owned) == 1
    assert "'boom'" in owned[0]


def test_from_another_thread_a_node_is_called_and_sent_to() -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            await Server.start("state", name="server")
            results: list[Any] = []
            loop = asyncio.get_running_loop()
            done: asyncio.Future[Any] = loop.create_future()

            async def receiver() -> None:
                otp.register("receiver", otp.self())
                done.set_result(await otp.receive())

            otp.spawn(receiver)

            def elsewhere() -> None:
                results.append(node.call_from_thread(GenServer.call(("server", node), "state"), timeout=5))
                node.send_from_thread("receiver", "hello")

            thread = threading.Thread(target=elsewhere)
            thread.start()
            message = await done
            thread.join()
            return results, message

    assert asyncio.run(main()) == (["state"], "hello")


def test_a_node_may_be_closed_by_one_of_its_own_processes() -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            other = otp.spawn(waits)

            async def closes() -> None:
                await node.close()

            otp.spawn(closes)
            return await otp.wait_down(other)

    assert asyncio.run(main()) == "shutdown"


def test_a_server_that_is_busy_in_an_async_callback_does_not_hold_up_the_close() -> None:
    log: list[str] = []

    class Busy(Server):
        @impl
        async def handle_info(self, message: Any, state: Any) -> Any:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                log.append("cleanup")

        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

    async def main() -> Any:
        async with otp.Node("n"):
            server = await Busy.start()
            otp.send(server, "work")
            await asyncio.sleep(0)
            began = otp.monotonic()
        return log, asyncio.get_running_loop().time() - began < 5

    assert asyncio.run(main()) == (["cleanup"], True)
