"""The causes of stops with which a cluster moves a child to another member, or keeps one of two."""

from __future__ import annotations

from typing import Any

import otp
from otp import GenServer, Ok, impl
from otp.cluster import DistributedSupervisor
from otp.cluster.simulation import SimulatedCluster
from otp.testing import Scheduler, wait_all_idle
from superlearner.restarts.causes import why

MOVERS = DistributedSupervisor.child_spec(name="movers")


class MovedChild(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


def test_a_moved_child_was_not_stopped_because_its_supervisor_ended_later() -> None:
    """Regression: once the supervisor had ended, too, its end was the cause."""

    async def main() -> tuple[list[str], list[str]]:
        async with SimulatedCluster(2, children=(MOVERS,), allow=[MovedChild]) as sim:
            for number in range(10):
                child = MovedChild.child_spec(None, id=f"m{number}")
                await sim.on("n1", DistributedSupervisor.start_child, "movers", child)
            await sim.start("n3")
            await sim.converge()
            await sim.on("n1", DistributedSupervisor.rebalance, "movers")
            await sim.converge()
            node = sim["n1"].node
            stop = next(
                one for one in otp.trace.history(node)
                if one.kind == "child_terminated" and one.data["by"] == "supervisor"
            )  # fmt: skip
            child = str(stop.data["child"]).strip("<>")
            before = [step.text for step in why(node, child)]
            movers = node.whereis("movers")
            assert movers is not None
            otp.exit(movers, "kill")
            await wait_all_idle()
            return before, [step.text for step in why(node, child)]

    before, after = Scheduler().run(main)
    assert before == after
