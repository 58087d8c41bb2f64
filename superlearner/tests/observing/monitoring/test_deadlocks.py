"""Deadlocks as anomalies: when they begin and end, and what is stored of them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

import otp
from node_facts import LIMITS, NOW, facts
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.control.wrong_results import place_of_end
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring import detectors
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.circling import WaitsInCircles
from superlearner.observing.monitoring.facts import (
    Incident,
    PendingCallback,
    Waiter,
)
from superlearner.observing.monitoring.incidents import Incidents
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings


def test_the_second_deadlock_of_two_processes_is_another_anomaly() -> None:
    """Regression: one at another line, five seconds after the first, was merged with it and had no line of its own."""
    alarms, incidents, stored = Alarms(), Incidents(), list[Incident]()

    def deadlock(since: float, line: int) -> dict[str, Any]:
        pair = [("0.7.0", "0.8.0"), ("0.8.0", "0.7.0")]
        return {
            "cycles": [[Waiter(pid, None, "Van", other, "call", None, NOW + since) for pid, other in pair]],
            "callbacks": [
                PendingCallback(pid, None, "Van", "handle_cast", NOW + since, 0, f"vans.py:{line}") for pid, _ in pair
            ],
        }

    for later, found in ((1, deadlock(1, 53)), (3, {}), (5, deadlock(5, 57)), (30, deadlock(5, 57)), (32, {})):
        _, over = alarms.update(detectors.call_cycle(facts(now=NOW + later, **found), LIMITS), NOW + later)
        stored += incidents.take(alarms.active.values(), over, NOW + later, LIMITS.anomaly_window)
    assert [(one.text[-10:], one.at, one.until) for one in stored] == [
        ("vans.py:53", NOW + 1, NOW + 1),
        ("vans.py:57", NOW + 5, NOW + 30),
    ]
    assert [one.number for one in alarms.ended] == [1, 2]


def test_a_later_call_cycle_of_the_same_processes_is_a_new_one() -> None:
    class DeadlockedPair(otp.GenServer):
        @otp.impl
        def init(self, arg: object) -> otp.Ok[None]:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, request: Any, caller: otp.From, state: None) -> otp.Reply[Any, None]:
            return otp.Reply(request, state)

        @otp.impl
        async def handle_cast(self, request: Any, state: None) -> otp.NoReply[None]:
            with contextlib.suppress(otp.CallExit):
                await otp.GenServer.call(*request, timeout=1)
            return otp.NoReply(state)

    async def main() -> None:
        waits, node = WaitsInCircles(), otp.node()
        one, two = await DeadlockedPair.start(None), await DeadlockedPair.start(None)
        seen: list[list[float | None]] = []
        for at in (1.0, 5.0):
            otp.GenServer.cast(one, (two, at))
            otp.GenServer.cast(two, (one, at))
            await wait_all_idle()
            assert len(waits.find(node, [one, two], at)) == 1
            seen.append([waiter.since for circle in waits.find(node, [one, two], at + 1) for waiter in circle])
            await advance(1)
            assert waits.find(node, [one, two], at + 2) == []
        assert seen == [[1.0, 1.0], [5.0, 5.0]]

    Scheduler(0).run(main)


@pytest.mark.parametrize("observed", [False, True])
def test_a_deadlock_ends_the_same_with_a_monitor(monkeypatch: pytest.MonkeyPatch, observed: bool) -> None:
    """Regression: the monitor kept the calls that it found, and a deadlock ended by a time-out, after five seconds."""
    monkeypatch.setattr(Witness, "open", lambda self: None)  # a thread, which virtual time has not

    class Caller(otp.GenServer[Any]):
        @otp.impl
        def init(self, arg: Any) -> otp.Ok[Any]:
            return otp.Ok(arg)

        @otp.impl
        async def handle_cast(self, request: Any, state: Any) -> otp.NoReply[Any]:
            await otp.GenServer.call(request, "question")
            return otp.NoReply(state)

    ends = list[Any]()

    async def main() -> None:
        node = otp.node()
        otp.trace.subscribe(node, ends.append, kinds={"exited"})
        monitor = Monitor(Settings, Ledger())
        if observed:
            monitor.watch(node)
        one, two = await Caller.start(None, name="one"), await Caller.start(None, name="two")
        otp.GenServer.cast(one, two)
        otp.GenServer.cast(two, one)
        await advance(1)
        if observed:
            await monitor.fresh()
            assert len(monitor.facts().cycles) == 1
        for pid in (one, two):
            await otp.wait_down(pid)
        assert otp.monotonic() == 2
        assert {one.data["cycle"] for one in ends} in ({"one -> two -> one"}, {"two -> one -> two"})
        assert all(place_of_end(node, one.data, one.seq) is not None for one in ends)
        monitor.close()

    Scheduler(0).run(main)
