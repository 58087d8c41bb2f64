"""Simulated clusters: members in one event loop, faults between them, and rules for their history.

`otp.testing.SimulatedCluster` is the same class.

>>> from otp.cluster.simulation import SimulatedCluster
>>> from otp.testing import Scheduler
>>> async def main():
...     async with SimulatedCluster(["a", "b"]) as sim:
...         sim.cut("a", "b")
...         await sim.converge()
...         sim.heal()
...         await sim.converge()
...         return [event.kind for event in sim.history if event.member == "a" and "member" in event.kind]
>>> Scheduler(seed=1).run(main)
['member_up', 'member_down', 'member_up']
"""

from __future__ import annotations

from otp.cluster.simulation.history import Event, HistoryViolation, Violation
from otp.cluster.simulation.rules import check_history
from otp.cluster.simulation.simulated_cluster import SimulatedCluster, SimulatedMember
from otp.cluster.simulation.view import View

__all__ = [
    "Event",
    "HistoryViolation",
    "SimulatedCluster",
    "SimulatedMember",
    "View",
    "Violation",
    "check_history",
]
