"""A node is looked at and steered from another one, over the connection of the two."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import CallExit, GenServer, Ok, Reply, impl
from otp.distribution import ViewLink
from otp.observer import NotPermitted, RemoteView, ViewServer


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply(state, state + 1)


async def viewed(both: Any, *permissions: str) -> RemoteView:
    await both.b.start(ViewServer, permissions or ("read", "operate"), name="view")
    await both.b.start(Counter, 1, name="counter")
    return RemoteView(ViewLink(both.at_a, "b"))


def test_what_a_node_shows_arrives_with_pids_that_can_be_used(two: Any) -> None:
    async def test(both: Any) -> None:
        view = await viewed(both)

        async def client() -> Any:
            page = await view.processes(search="Counter")
            pid = page.processes[0].pid
            details = await view.process(pid)
            assert details is not None
            return (await view.info()).name, pid.node, await GenServer.call(pid, 1), await view.call("counter", 1)

        assert ("b", "b", 1, 2) == await both.on(both.a, client)

    two(test)


def test_what_the_server_does_not_permit_is_refused(two: Any) -> None:
    async def test(both: Any) -> None:
        view = await viewed(both, "read")
        with pytest.raises(NotPermitted):
            await view.exit("counter")

    two(test)


def test_a_stream_brings_what_happens_and_its_reader_has_its_own_pace(two: Any) -> None:
    async def test(both: Any) -> None:
        view = await viewed(both)

        async def client() -> Any:
            async with view.events(None, kinds=["spawned"]) as events:
                for _ in range(300):
                    both.b.spawn(lambda: None)
                return [(await anext(events)).kind for _ in range(300)]

        assert ["spawned"] * 300 == await both.on(both.a, client)

    two(test)


def test_a_stream_ends_at_the_server_when_the_node_of_its_reader_is_lost(two: Any) -> None:
    async def test(both: Any) -> None:
        view = await viewed(both)

        async def client() -> Any:
            async with view.events(None, kinds=["spawned"]) as events:
                both.b.spawn(lambda: None)
                await anext(events)
                readers = len(both.b.tracer.subscriptions)
                both.cut()
                with pytest.raises(CallExit) as failed:
                    async for _ in events:
                        pass
                return readers, failed.value.cause_reason

        before = len(both.b.tracer.subscriptions)
        readers, reason = await both.on(both.a, client)
        await both.settle()
        assert reason == ("nodedown", "b")
        assert readers > before == len(both.b.tracer.subscriptions)

    two(test)


def test_outside_a_process_the_reader_is_one_of_the_link(two: Any) -> None:
    async def test(both: Any) -> None:
        await viewed(both)
        link = ViewLink(both.at_a, "b")
        reader = link.reader()
        assert reader is link.reader()
        assert reader.node == "a"
        both.cut()
        assert "normal" == await otp.wait_down(reader)
        assert reader is not link.reader()

    two(test)
