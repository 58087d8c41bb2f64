"""Holds of the event loop that are short, but take a large part of the time together."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import replace

import otp
from node_facts import LIMITS, NOW, POINT, facts, only
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.detectors import detect
from superlearner.observing.monitoring.facts import Incident, LoopHold
from superlearner.observing.monitoring.incidents import Incidents
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.settings.settings import Settings

OFTEN = [LoopHold(NOW - 0.5 * n, 0.35, "0.7.0", "till", "Till", "till.py:3") for n in range(20)]


def test_short_holds_that_take_a_large_part_of_the_time_are_a_finding() -> None:
    """Regression: 83 holds of 0.35 s in a minute, 77 % of the time, were no problem."""
    found = only(detect(facts(holds=OFTEN), LIMITS))
    assert found.description == (
        "till held the event loop for 70 % of the last 10 s: 20 times, for up to 0.35 s, at till.py:3"
    )
    assert (found.type, found.severity, found.pid, found.count) == ("busy_loop", "high", "0.7.0", 20)
    assert (found.threshold, found.setting, found.last) == (0.5, "anomaly_loop_held", NOW)
    assert only(detect(facts(holds=OFTEN[:8]), LIMITS)).severity == "medium"


def test_a_busy_service_with_short_callbacks_and_a_single_long_hold_are_no_busy_loop() -> None:
    brief = [replace(OFTEN[0], at=NOW - 0.5 * n, seconds=0.06) for n in range(20)]
    assert not detect(facts(holds=brief), LIMITS)
    assert only(detect(facts(holds=[replace(OFTEN[0], seconds=4.5)]), LIMITS)).type == "blocked_loop"
    assert not detect(facts(holds=[replace(one, at=one.at - 10) for one in OFTEN]), LIMITS)
    others = [replace(one, pid=f"0.{n}.0", name=None) for n, one in enumerate(OFTEN)]
    assert not detect(facts(holds=others), LIMITS)


def test_time_without_a_processor_is_no_part_of_a_busy_loop() -> None:
    starved = [replace(POINT, at=NOW - 2 * n, starved_percent=60.0) for n in range(5)]
    assert not detect(facts(holds=OFTEN, points=starved), LIMITS)
    assert detect(facts(holds=OFTEN, points=[replace(one, starved_percent=10.0) for one in starved]), LIMITS)


def test_a_busy_loop_is_stored_once_it_is_over_with_its_largest_part() -> None:
    alarms, incidents, stored = Alarms(), Incidents(), list[Incident]()
    for later in range(0, 60, 2):
        now = NOW + later
        known = facts(now=now, holds=[replace(one, at=one.at + min(later, 8)) for one in OFTEN])
        _, over = alarms.update(detect(known, LIMITS), now)
        stored += incidents.take(alarms.active.values(), over, now, LIMITS.anomaly_window)
    (text,) = [one.text for one in stored]
    assert text == "till held the event loop for 70 % of 10 s: 20 times, for up to 0.35 s, at till.py:3"
    assert [one.until for one in stored] == [NOW + 8]


class StutteringEncoder(otp.GenServer[None]):
    """Holds the loop for a moment with each request."""

    @otp.impl
    def init(self, arg: None) -> otp.Ok[None]:
        return otp.Ok(None)

    @otp.impl
    def handle_call(self, request: float, caller: otp.From, state: None) -> otp.Reply[None, None]:
        threading.Event().wait(request)
        return otp.Reply(None, state)


def test_a_server_that_holds_the_loop_again_and_again_is_found_at_its_line() -> None:
    async def main() -> str:
        async with otp.Node("held") as node:
            monitor = Monitor(lambda: Settings(anomaly_loop_held=0.4), Ledger())
            monitor.watch(node)
            monitor.ready()
            encoder = await node.start(StutteringEncoder, None, name="encoder")
            for _ in range(9):
                await otp.GenServer.call(encoder, 0.3)
            turned = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0, turned.set_result, None)
            await turned
            await monitor.fresh()
            monitor.close()
            return only([alarm.finding for alarm in monitor.alarms.active.values()]).description

    line = f"test_busy_loop.py:{StutteringEncoder.handle_call.__code__.co_firstlineno + 2}"
    assert re.fullmatch(
        rf"encoder held the event loop for \d\d % of the last 10 s: 9 times, for up to 0\.3\d* s, at {line} .*",
        asyncio.run(main()),
    )
