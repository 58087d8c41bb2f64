"""Processes that wait for, or are linked to, processes of another program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp.distribution import Distribution, NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.testing import Scheduler, advance
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings as PlatformSettings

HERE, THERE = NodeId("here", 101), NodeId("there", 202)


class Quote(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: object) -> otp.Ok[None]:
        return otp.Ok(None)

    @otp.impl
    async def handle_call(self, request: str, caller: otp.From, state: None) -> otp.Reply[None, None]:
        await asyncio.Event().wait()
        return otp.Reply(None, state)

    @otp.impl
    async def handle_info(self, message: Callable[[], Awaitable[Any]], state: None) -> otp.NoReply[None]:
        await message()
        return otp.NoReply(state)


@pytest.fixture
def watched(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[Monitor, otp.Pid, otp.Pid], Awaitable[None]]], None]:
    """Run a test with a monitor of a node, a server of it, and one of a node in another program."""
    monkeypatch.setattr(Witness, "open", lambda self: None)  # a thread, which virtual time has not
    carrier = SimulatedNetwork(seed=1).carrier

    def joined(node: otp.Node, me: NodeId) -> Distribution:
        return Distribution(node, SessionTransport(carrier(me), Session(me, b"cookie", Settings())))

    def run(test: Callable[[Monitor, otp.Pid, otp.Pid], Awaitable[None]]) -> None:
        async def main() -> None:
            async with (
                otp.Node("here") as here,
                otp.Node("there") as there,
                joined(here, HERE) as at,
                joined(there, THERE),
            ):
                await at.connect(THERE)
                await there.start(Quote, None, name="desk")
                desk = await at.whereis("desk", "there")
                monitor = Monitor(PlatformSettings, Ledger())
                monitor.watch(here)
                monitor.ready()
                await test(monitor, await here.start(Quote, None, name="quote"), desk)
                monitor.close()

        Scheduler(inline=True).run(main)

    return run


def test_a_server_that_waits_for_a_process_of_another_program_is_listed_with_its_pid(watched: Any) -> None:
    """Regression: each scan raised, so the monitoring of the node crashed until the call ended."""

    async def test(monitor: Monitor, quote: otp.Pid, desk: otp.Pid) -> None:
        otp.send(quote, lambda: otp.GenServer.call(desk, "price", timeout=60))
        for _ in range(6):
            await advance(2)
            await monitor.fresh()
        (found,) = [one.finding for one in monitor.alarms.active.values() if one.finding.name == "quote"]
        assert found.type == "long_callback"
        assert f"waiting for process {desk} to answer 'price'" in found.description

    watched(test)


def test_a_crash_with_a_link_to_another_program_is_listed(watched: Any) -> None:
    """Regression: the reader of the ends raised and was closed."""

    async def test(monitor: Monitor, quote: otp.Pid, desk: otp.Pid) -> None:
        async def fails() -> None:
            otp.link(desk)
            raise ValueError("no price")

        otp.send(quote, lambda: otp.wait_down(otp.spawn(fails)))
        await advance(2)
        await monitor.fresh()
        found = [one.finding.description for one in monitor.alarms.active.values()]
        assert any("no price" in one for one in found), found

    watched(test)
