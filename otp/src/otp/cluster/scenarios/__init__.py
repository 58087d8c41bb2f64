"""Scenario files: faults and operations as JSON steps, with what is expected, on simulated or real members.

>>> from otp.cluster.scenarios import Scenario, play
>>> from otp.testing import Scheduler
>>> steps = [{"do": "kill", "member": "n2"}, {"expect": {"members": ["n1"]}, "on": "n1", "within": 3}]
>>> Scheduler(seed=1).run(lambda: play(Scenario("a loss", ["n1", "n2"], steps))).failed
[]
"""

from __future__ import annotations

from otp.cluster.scenarios.playing import Failure, Verdict
from otp.cluster.scenarios.real_members import play_real
from otp.cluster.scenarios.scenario import Scenario, ScenarioError, read_scenario
from otp.cluster.scenarios.simulated_stage import play

__all__ = ["Failure", "Scenario", "ScenarioError", "Verdict", "play", "play_real", "read_scenario"]
