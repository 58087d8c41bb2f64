"""Keys, names, groups and ids that cannot be looked up on other members are refused."""

from __future__ import annotations

from typing import Any

import pytest

from distributed_children import Counter
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.cluster import DistributedRegistry, DistributedSupervisor, Global, pg
from otp.cluster.simulation import SimulatedCluster
from otp.kernel.values.errors import BadArgument
from otp.testing import Scheduler

NAN = float("nan")
TABLES = [
    DistributedRegistry.child_spec(name="rooms"),
    DistributedRegistry.child_spec(name="topics", keys="duplicate"),
    DistributedSupervisor.child_spec(name="workers"),
]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ([], "that can be hashed, got \\[\\]; try a str"),
        ((1, {}), "that can be hashed, got \\(1, {}\\); try a str"),
        (NAN, "that equals itself, got nan; try a str"),
        ((1, frozenset([NAN])), "that equals itself, got "),
    ],
)
def test_a_key_that_cannot_be_looked_up_is_refused(key: Any, text: str) -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=TABLES) as sim:
            operations: list[Any] = [
                lambda: Global.register(key),
                lambda: pg.join(key),
                lambda: DistributedRegistry.register("rooms", key),
                lambda: DistributedRegistry.register_many("rooms", [("a", 1), (key, 2)]),
                lambda: DistributedRegistry.register("topics", key),
                lambda: DistributedRegistry.unregister("rooms", key),
                lambda: DistributedRegistry.unregister("topics", key),
                lambda: Global.unregister(key),
                lambda: DistributedSupervisor.terminate_child("workers", key),
                lambda: Counter.start_link(0, name=DistributedRegistry.via("rooms", key)),
            ]
            for operation in operations:
                with pytest.raises(BadArgument, match=text):
                    await sim.on("n1", operation)
            with pytest.raises(
                (BadArgument, InvalidChildSpec), match=r"id: expected a hashable value|child id that equals itself"
            ):
                await sim.on("n1", lambda: DistributedSupervisor.start_child("workers", Counter.child_spec(0, id=key)))
            assert {"rooms": {}, "topics": {}} == sim.view("n1").registries == sim.view("n2").registries

    Scheduler(seed=1).run(main)
