"""The cluster at the prompt: its members, what changes, and the processes of simulated members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from superlearner.cli.console.calls import Caller
from superlearner.cli.console.failures import NoField, OperationFailed, WrongCall
from superlearner.cli.console.names import namespace
from superlearner.cli.remote import Remote

pytestmark = pytest.mark.program

N1, N2 = "n1@simulated", "n2@simulated"


@pytest.fixture(scope="module")
def names(start_for_all: Callable[..., Any]) -> dict[str, Any]:
    remote = Remote("console", data_dir=start_for_all().data_dir)
    return namespace(Caller(remote, {line["name"]: line for line in remote.operations()}))


@pytest.fixture
def simulator(names: dict[str, Any]) -> Any:
    """Two simulated members."""
    simulator = names["SingleNodeSimulator"]
    simulator.enable_simulation(2)
    yield simulator
    if simulator.simulation_enabled():
        simulator.disable_simulation()


def test_changes_of_the_cluster_are_read_at_the_prompt(names: dict[str, Any], simulator: Any) -> None:
    subscribe = names["ClusterStateManager"].subscribe_to_changes
    began = subscribe(2, last=2)
    assert [(N1, "joined"), (N2, "joined")] == [(one.data.member, one.data.what) for one in began]
    simulator.simulate_node_failure("n2")
    [failed] = subscribe(1, 20_000, last_id=began[-1].id)
    assert (N2, "lost", [N2]) == (failed.data.member, failed.data.what, failed.data.lost)
    assert "minority_partition" == failed.data.partition_status
    assert N2 in failed.text


def test_the_cluster_is_found_and_awaited_at_the_prompt(names: dict[str, Any], simulator: Any) -> None:
    discovery, home = names["ClusterDiscovery"], names["Node"].self()
    assert [home, N1, N2] == discovery.discover_nodes() == discovery.wait_for_cluster(3)
    assert [home, N1] == discovery.discover_nodes(2)
    assert (True, False) == (discovery.cluster_formed(3), discovery.cluster_formed(4))
    assert ("simulated", 3) == (discovery.cluster_info().mode, discovery.cluster_info().total_nodes)
    with pytest.raises(TimeoutError, match=f"expected 4 members after 0.1 s, got 3: {home}, {N1}, {N2}"):
        discovery.wait_for_cluster(4, timeout=0.1)
    with pytest.raises(NoField, match="node_index'; members have names, not numbers"):
        _ = discovery.node_index


def test_the_node_of_a_process_is_found(names: dict[str, Any], simulator: Any) -> None:
    home, node_of = names["Node"].self(), simulator.get_process_node
    assert (home, None) == (node_of("counter_1"), node_of("no such process"))
    assert home == node_of(names["process"].info("counter_1").pid)
    with pytest.raises(WrongCall, match=f"several nodes have one: {N1}, {N2}"):
        node_of("counter_tree")


def test_nodes_are_connected_and_listed_at_the_prompt(names: dict[str, Any], simulator: Any) -> None:
    node = names["Node"]
    assert ([N1, N2], False) == (node.list(), node.self() in node.list())
    assert "counter_tree" in [one.name for one in names["process"].list(node="n1")]
    with pytest.raises(OperationFailed, match=r"node_unavailable: .*tcp/127.0.0.1:9"):
        node.connect("tcp/127.0.0.1:9")
