"""The stage of a scenario that is a simulated cluster."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from otp.cluster.scenarios.actors import Actors, Outcome
from otp.cluster.scenarios.playing import Verdict, run_steps
from otp.cluster.scenarios.scenario import Program, Scenario, ScenarioError
from otp.cluster.simulation.simulated_cluster import SimulatedCluster
from otp.cluster.simulation.view import plain_view
from otp.kernel.values.errors import StartError

__all__ = ["play"]


async def play(scenario: Scenario) -> Verdict:
    """Play a scenario on a simulated cluster, in the time and with the seed of the running scheduler.

    >>> from otp.testing import Scheduler
    >>> steps = [{"do": "kill", "member": "n2"}, {"expect": {"lost": ["n2"]}, "on": "n1", "within": 3}]
    >>> Scheduler(seed=1).run(lambda: play(Scenario("a loss", ["n1", "n2"], steps))).passed
    True
    """
    program = Program(scenario)
    sim = SimulatedCluster(
        scenario.members,
        children=program.children,
        leases=scenario.leases,
        allow=program.allow,
        settings=scenario.settings,
        settle=scenario.settle,
        check=False,
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(sim)
        except StartError as error:
            raise ScenarioError(f"{scenario.name}: a member did not start: {error}") from error
        failed = await run_steps(_SimulatedStage(sim, program), scenario)
        return Verdict(failed, sim.check(), sim.history)


class _SimulatedStage:
    """A `Stage`."""

    def __init__(self, sim: SimulatedCluster, program: Program) -> None:
        self.heartbeat: float = sim.settings.heartbeat
        self._sim = sim
        self._program = program
        self._actors: dict[str, Actors] = {}

    @property
    def alive(self) -> list[str]:
        return self._sim.alive

    async def fault(self, step: Mapping[str, Any]) -> dict[str, str]:
        sim = self._sim
        match step:
            case {"do": "kill" | "stall" | "resume" as verb, "member": member}:
                getattr(sim, verb)(member)
            case {"do": "start", "member": member}:
                await sim.start(member)
                self._actors.pop(member, None)
            case {"do": "stop", "member": member}:
                actors = self._on(member)
                await sim.stop(member)
                return actors.all_ended()
            case {"do": "cut", "from": a, "to": b}:
                sim.cut(a, b, step.get("one_way", False))
            case {"do": "partition", "sides": sides}:
                sim.partition(*sides)
            case {"do": "drop", "from": a, "to": b, "share": share}:
                sim.drop(a, b, share)
            case {"do": "delay", "from": a, "to": b, "seconds": seconds}:
                sim.delay(a, b, seconds)
            case {"do": "skew", "member": member, "seconds": seconds}:
                sim.skew(member, seconds)
            case {"do": "heal"}:
                sim.heal()
            case _:
                await sim.converge(step.get("within", 60))
        return {}

    def _on(self, member: str) -> Actors:
        found = self._actors.get(member)
        if found is None:
            found = self._actors[member] = Actors(self._sim[member].cluster, self._program)
        return found

    async def act(self, on: str, step: Mapping[str, Any]) -> Outcome:
        return await self._on(on).do(step)

    async def view(self, on: str) -> dict[str, Any]:
        view = self._sim.view(on)
        return plain_view(view) | {"lost": list(view.lost)}

    async def ended(self, on: str, name: str) -> str | None:
        return self._on(on).ended(name)
