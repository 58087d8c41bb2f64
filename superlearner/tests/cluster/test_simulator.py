"""The simulated members of a platform, in virtual time: what they see, where their children run, and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, advance
from superlearner.cluster.members import Members
from superlearner.cluster.simulator import SimulatedFault, SimulationRefused, SingleNodeSimulator, UnknownMember
from superlearner.demo.counters import NAMES
from superlearner.nodes.kinds import SIMULATED
from superlearner.nodes.nodes import Nodes
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings

N1, N2, N3 = "n1@simulated", "n2@simulated", "n3@simulated"
DETECTED_S = 3.0
"""Seconds after which a loss is detected, and the children of the lost members have started elsewhere."""


@pytest.fixture(autouse=True)
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the threads that sample the loop: they have no virtual time."""
    monkeypatch.setattr(Witness, "open", lambda _: None)


def simulated(test: Callable[[SingleNodeSimulator], Awaitable[None]], count: int = 3) -> Members:
    """Run a test with simulated members, and end them; return the record of the platform."""

    async def main() -> Members:
        nodes = Nodes(otp.node(), lambda: Settings(browser=False))
        members = Members(None, nodes, otp.node)
        simulator = SingleNodeSimulator(members, nodes)
        await simulator.start(count, seed=7)
        await advance(DETECTED_S)  # the members start the counters, and share them
        await test(simulator)
        await simulator.close()
        assert [] == [one.name for one in nodes]
        assert not members.has_others
        return members

    return Scheduler(seed=1).run(main)


def places(simulator: SingleNodeSimulator) -> dict[str, list[str]]:
    return {child.key: child.nodes for child in simulator.children()}


def test_the_children_of_a_failed_member_start_elsewhere_and_the_member_can_be_restarted() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        assert list(NAMES) == list(places(simulator))
        assert {1} == {len(nodes) for nodes in places(simulator).values()}
        await simulator.fail("n2")
        await advance(DETECTED_S)
        assert {N1, N3} == {name for nodes in places(simulator).values() for name in nodes}
        assert {1} == {len(nodes) for nodes in places(simulator).values()}
        failed = simulator.states()[1]
        assert (N2, "failed", None, [], []) == (
            failed.name, failed.status, failed.incarnation, failed.sees, failed.children,
        )  # fmt: skip
        assert [SimulatedFault("fail", [N2], False)] == simulator.faults()
        await simulator.restart(N2)
        await advance(DETECTED_S)
        assert (2, {N1, N2, N3}) == (simulator.states()[1].incarnation, set(simulator.states()[1].sees))
        assert [] == simulator.faults()

    members = simulated(test)
    assert ["joined"] * 3 + ["lost", "joined"] + ["left"] * 3 == [one.what for one in members.history]


def test_both_sides_of_a_partition_run_all_children_until_it_heals() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        assert [[N1, N2, N3]] == simulator.sides()
        await simulator.partition(["n1"])
        await advance(DETECTED_S)
        assert [[N1], [N2, N3]] == simulator.sides()
        assert [1, 2, 2] == [one.side for one in simulator.states()]
        assert [[N2, N3], [N1], [N1]] == [sorted(one.lost) for one in simulator.states()]
        assert {2} == {len(nodes) for nodes in places(simulator).values()}
        assert all(N1 in nodes for nodes in places(simulator).values())
        assert "partial_partition" == simulator.partition_with(Members(None, Nodes(otp.node(), Settings), otp.node))
        await simulator.heal()
        await advance(DETECTED_S)
        assert [[N1, N2, N3]] == simulator.sides()
        assert {1} == {len(nodes) for nodes in places(simulator).values()}
        assert [] == simulator.faults()

    simulated(test)


@pytest.mark.parametrize("one_way", [True, False], ids=["one way", "both ways"])
def test_a_cut_between_two_members_is_lost_for_both_and_the_third_sees_them(one_way: bool) -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        await simulator.cut("n1", "n3", one_way=one_way)
        assert [SimulatedFault("cut", [N1, N3], one_way)] == simulator.faults()
        await advance(DETECTED_S)
        assert [[N3], [], [N1]] == [one.lost for one in simulator.states()]
        assert [[N1, N2, N3]] == simulator.sides()
        assert [f"it does not see {N3}", "it sees 2 other members"] == [one["evidence"] for one in simulator.lines()][
            :2
        ]

    simulated(test)


def test_simulated_members_are_nodes_of_the_platform_that_are_marked() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        nodes: Nodes = simulator._nodes
        assert [(N1, SIMULATED), (N2, SIMULATED), (N3, SIMULATED)] == [(one.name, one.kind) for one in nodes]
        assert nodes.find("n1") is nodes.find(N1)
        assert all(line["simulated"] and line["bytes_sent"] > 0 for line in simulator.lines())
        assert all(state.simulated for state in simulator.states())
        await simulator.fail("n1")
        absence = simulator._members.absence(N1)
        assert absence is not None
        assert "its failure was simulated" in absence.why

    simulated(test)


async def _refused(change: Awaitable[None], kind: type[Exception] = SimulationRefused) -> str:
    with pytest.raises(kind) as caught:
        await change
    return str(caught.value)


def test_what_does_not_fit_the_simulation_is_refused_and_changes_nothing() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        before = places(simulator)
        assert "3 simulated members run already" in await _refused(simulator.start(2))
        assert "no simulated member 'n9'" in await _refused(simulator.fail("n9"), UnknownMember)
        assert "no simulated member 'n9'" in await _refused(simulator.partition(["n1", "n9"]), UnknownMember)
        assert f"{N1} is running" in await _refused(simulator.restart("n1"))
        assert "fewer than all 3" in await _refused(simulator.partition(["n1", "n2", "n3"]))
        assert "got n1@simulated twice" in await _refused(simulator.cut("n1", N1))
        assert (before, []) == (places(simulator), simulator.faults())
        await simulator.fail("n1")
        assert f"{N1} has failed already" in await _refused(simulator.fail("n1"))
        await simulator.end()
        for change in (simulator.end, simulator.heal):
            assert "no members are simulated" in await _refused(change())
        await simulator.start(2)  # the next simulation starts from scratch
        assert [N1, N2] == simulator.names

    simulated(test)


def test_of_two_starts_at_once_one_is_refused() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        await simulator.end()
        first, second = await asyncio.gather(simulator.start(2), simulator.start(3), return_exceptions=True)
        assert (None, SimulationRefused) == (first, type(second))
        assert [N1, N2] == simulator.names

    simulated(test)


def test_the_members_outlive_the_process_that_asked_for_them() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        await simulator.end()

        await otp.wait_down(otp.spawn(simulator.start, 2))
        await advance(DETECTED_S)
        assert [[N1, N2]] == simulator.sides()
        await simulator.fail("n1")
        asking = otp.spawn(simulator.restart, "n1")
        await advance(0.001)
        assert simulator._turn.locked()
        otp.exit(asking, "kill")
        await advance(DETECTED_S)
        assert [[N1, N2]] == simulator.sides()

    simulated(test)


def test_after_the_platform_has_begun_to_stop_nothing_is_started() -> None:
    async def test(simulator: SingleNodeSimulator) -> None:
        await simulator.close()
        assert "the platform is stopping" in await _refused(simulator.start(2))

    simulated(test)


def test_a_real_member_that_joins_ends_the_simulation_and_the_log_says_so() -> None:
    """Regression: both were one tree `counters`, whose children seemed to run twice."""
    said: list[tuple[str, str]] = []

    async def test(simulator: SingleNodeSimulator) -> None:
        members = simulator._members
        members.tell = lambda level, text: said.append((level, text))
        members.on_real("b@127.0.0.1")
        await advance(1)
        assert not simulator.is_running
        assert [] == simulator.names

    simulated(test)
    assert ("bad", "the simulation ends: b@127.0.0.1, a real member, has joined the cluster") == said[0]


def test_members_that_start_with_the_platform_are_left_out_if_real_ones_are_there() -> None:
    async def main() -> list[Any]:
        said: list[Any] = []
        nodes = Nodes(otp.node(), Settings)
        members = Members(None, nodes, otp.node, tell=lambda *words: said.append(words))
        real: Any = type("Cluster", (), {"members": lambda _: [otp.cluster.Member("a", 1), otp.cluster.Member("b", 1)]})
        simulator = SingleNodeSimulator(members, nodes)
        simulator.begin(0)
        members.cluster = real()
        simulator.begin(3)
        await advance(5)
        with pytest.raises(SimulationRefused, match="none can be while real ones are connected: b"):
            await simulator.fail("b")  # it said *start a simulation first*, which is refused
        members.cluster = None
        assert not simulator.is_running
        simulator.begin(3)
        await advance(5)
        assert [N1, N2, N3] == simulator.names
        await simulator.close()
        return said

    (level, text), *_ = Scheduler(seed=1).run(main)
    assert ("bad", True) == (level, text.startswith("no members are simulated: real members are connected: b;"))
