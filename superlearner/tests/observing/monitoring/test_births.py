"""Start times of processes are those of their events."""

from __future__ import annotations

import pytest

import otp
from superlearner.control.clock import Clock
from superlearner.observing.monitoring.births import Births


async def stay() -> None:
    await otp.receive(otp.Is("end"))


def test_the_start_of_a_living_process_is_the_time_of_its_event() -> None:
    """Regression: an estimate between two readings could be a time at which the process did not exist yet."""

    async def main() -> None:
        node = otp.trace.node_of(otp.self())
        seen: list[otp.trace.Event] = []
        otp.trace.subscribe(node, seen.append, kinds={"spawned"})
        births, clock = Births(), Clock()
        before = otp.spawn(stay)
        births.watch(node, clock)
        after = otp.spawn(stay)
        assert [before, after] == [event.pid for event in seen]
        times = [clock.wall(event.at) for event in seen]
        assert times == pytest.approx([births.of(before), births.of(after)], abs=0.001)
        assert births.of(otp.self()) is None  # it started before the first subscription, so nothing recorded it
        births.watch(node, clock)
        assert times == pytest.approx([births.of(before), births.of(after)], abs=0.001)
        ref = otp.monitor(after)
        otp.send(after, "end")
        await otp.receive(ref)
        assert births.of(after) is None
        births.close()
        assert births.of(otp.spawn(stay)) is None

    otp.run(main)
