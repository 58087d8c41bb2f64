"""The operations of the simulated cluster, and those of the real one on simulated members."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from otp.cluster import Member
from otp.cluster.cluster import membership_of
from superlearner.demo.counters import NAMES

Inside = Callable[..., Any]
N1, N2, N3 = "n1@simulated", "n2@simulated", "n3@simulated"
ALL = [N1, N2, N3]
EVENTS_S = 20.0


class Simulation:
    """A platform, and its operations of the cluster."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.moments = platform.platform.moments
        self.place = 0

    async def ask(self, path: str, status: int = 200, method: str = "GET", **body: Any) -> Any:
        more = {} if method == "GET" else {"json": body}
        answer = await self.platform.client.request(method, f"/api/v1/cluster{path}", **more)
        assert answer.status_code == status, answer.text
        return answer.json()["data" if status == 200 else "error"]

    async def do(self, what: str, status: int = 200, **body: Any) -> Any:
        return await self.ask(f"/simulation{what}", status, "POST", **body)

    async def simulate(self) -> None:
        """Simulate three members, and wait until each has two of the six counters."""
        await self.do("", nodes=3, seed=7)
        simulator = self.platform.platform.simulator
        membership = membership_of(simulator.clusters()[N1])
        while sorted(Counter(node for one in simulator.children() for node in one.nodes).values()) != [2, 2, 2]:
            await membership.changed()

    async def until_recorded(self, words: str, count: int) -> None:
        """Wait until so many moves or conflicts with these words are recorded."""
        while count > 0:
            for self.place, row in await self.moments.wait_for_news(self.place, EVENTS_S):
                count -= words in row.line


def simulating(inside: Inside, test: Callable[[Simulation], Any], **settings: Any) -> None:
    async def run(platform: Any) -> None:
        await test(Simulation(platform))

    inside(run, **settings)


@pytest.mark.operation("cluster.simulation", "cluster.simulate", "cluster.end_simulation", "cluster.fail")
@pytest.mark.operation("cluster.restart")
def test_a_failed_member_is_missing_everywhere_and_its_children_move_with_a_reason(inside: Inside) -> None:
    async def test(cluster: Simulation) -> None:
        off = await cluster.ask("/simulation")
        assert (off["enabled"], off["simulated"], off["members"]) == (False, True, [])
        await cluster.simulate()
        begun = await cluster.ask("/simulation")
        assert (begun["enabled"], begun["simulated"], begun["seed"]) == (True, True, 7)
        assert ([one["name"] for one in begun["members"]], begun["healthy_nodes"]) == (ALL, ALL)
        assert all(one["simulated"] and one["processes"] > 3 for one in begun["members"])
        assert sorted(child for one in begun["members"] for child in one["children"]) == list(NAMES)
        failed = await cluster.do("/fail", node="n2")
        assert (failed["failed_nodes"], failed["members"][1]["status"]) == ([N2], "failed")
        assert failed["faults"] == [{"kind": "fail", "members": [N2], "one_way": False}]
        assert [one["node"] for one in (await cluster.ask("/processes"))["missing"]] == [N2]
        health = await cluster.ask("/health")
        assert (health["node_statuses"][N2]["status"], health["partition_status"]) == ("down", "partial_partition")
        assert (await cluster.ask("/nodes/n2/info"))["status"] == "down"
        await cluster.until_recorded("was lost", 2)
        shown = await cluster.ask("/simulation")
        assert all(f"{N2} was lost (connection closed)" in one["text"] for one in shown["moves"][:2])
        assert (await cluster.ask("/moves"))["moves"] == shown["moves"]
        assert {node for one in shown["children"] for node in one["nodes"]} == {N1, N3}
        back = await cluster.do("/restart", node="n2")
        assert (back["failed_nodes"], back["members"][1]["incarnation"]) == ([], 2)
        events = (await cluster.ask("/events"))["events"]
        assert [(one["node"], one["what"]) for one in events[:2]] == [(N2, "joined"), (N2, "lost")]
        restarts = (await cluster.platform.get("/api/v1/restarts"))["data"]
        assert [one["name"] for one in restarts if one["node"] == N2][:2] == [N2, N2]  # its return, and its loss
        ended = await cluster.ask("/simulation", method="DELETE")
        assert (ended["enabled"], ended["members"], ended["moves"]) == (False, [], [])
        assert [one["name"] for one in (await cluster.platform.get("/api/v1/nodes"))["data"]] == [
            cluster.platform.platform.node.name
        ]

    simulating(inside, test)


@pytest.mark.operation("cluster.partition", "cluster.heal", "cluster.cut")
def test_a_conflict_is_resolved_after_the_heal(inside: Inside) -> None:
    async def test(cluster: Simulation) -> None:
        await cluster.simulate()
        tried = await cluster.platform.client.post(
            "/api/v1/cluster/simulation/partition?dry_run=true", json={"nodes": ["n1"]}
        )
        assert tried.json()["data"]["would"] == "cut n1@simulated off from the other members"
        parted = await cluster.do("/partition", nodes=["n1"])
        assert [(one["members"], one["one_way"]) for one in parted["faults"]] == [([N1, N2], False), ([N1, N3], False)]
        await cluster.until_recorded("was lost (silent", len(NAMES))  # each child starts on the side that has lost it
        shown = await cluster.ask("/simulation")
        for move in shown["moves"]:  # was *moved …; down for 1.1 s*, although it runs on both sides
            assert re.fullmatch(
                r"a second copy of (\w+) started on n\d@simulated: "
                r"n\d@simulated was lost \(silent for too long\), but still runs it",
                move["text"],
            )
        assert (shown["sides"], shown["partitioned_nodes"]) == ([[N1], [N2, N3]], ALL)
        assert [len(one["nodes"]) for one in shown["children"]] == [2] * len(NAMES)
        assert (await cluster.ask("/topology"))["partition_status"] == "partial_partition"
        drawn = await cluster.ask("/map")
        assert (drawn["sides"], drawn["members"][0]["share"]) == ([[N1], [N2, N3]], 1.0)
        assert 1 == pytest.approx(sum(one["share"] for one in drawn["members"][1:]))
        twice = [(one["key"], one["node"]) for one in (await cluster.ask("/supervisors"))["entries"]]
        assert len(twice) == 2 * len(NAMES)
        healed = await cluster.do("/heal")
        assert healed["faults"] == []
        events = (await cluster.ask("/events"))["events"]
        [heal, cut] = [one for one in events if one["what"] in ("cut", "healed")]  # newest first
        assert ("healed", N1) == (heal["what"], heal["node"])
        assert re.fullmatch(r"after a cut of \d+ s", heal["reason"])
        assert ("cut", N1, f"from {N2}, {N3}") == (cut["what"], cut["node"], cut["reason"])
        await cluster.until_recorded("ran on both", len(NAMES))
        assert (await cluster.ask("/topology"))["partition_status"] == "healthy"
        shown = await cluster.ask("/simulation")
        assert [len(one["nodes"]) for one in shown["children"]] == [1] * len(NAMES)
        assert len([one for one in shown["moves"] if one["conflict"]]) == len(NAMES)
        assert "stays, and the one on" in shown["moves"][0]["text"]
        cut = await cluster.do("/cut", to="n3", one_way=True, **{"from": "n1"})
        assert cut["faults"] == [{"kind": "cut", "members": [N1, N3], "one_way": True}]

    simulating(inside, test)


def test_the_moves_of_a_failed_member_have_that_failure_and_no_earlier_cut_as_their_reason(inside: Inside) -> None:
    async def test(cluster: Simulation) -> None:
        await cluster.simulate()
        await cluster.do("/cut", to="n3", **{"from": "n2"})
        third = cluster.platform.platform.simulator.clusters()[N3]
        while [one.name for one in third.lost()] != [N2]:
            await membership_of(third).changed()
        await cluster.do("/fail", node="n2")
        await cluster.until_recorded(f"{N2} was lost", 2)
        for move in (await cluster.ask("/moves"))["moves"][:2]:  # one said *silent for too long*, by the cut
            assert f"{N2} was lost (connection closed); down for " in move["text"]

    simulating(inside, test)


@pytest.mark.operation("cluster.topology", "cluster.node_info", "cluster.map", "cluster.trees", "cluster.supervisors")
def test_the_operations_of_a_real_cluster_work_on_simulated_members(inside: Inside) -> None:
    async def test(cluster: Simulation) -> None:
        home = cluster.platform.platform.node.name
        assert (await cluster.ask("/topology"))["mode"] == "single_node"
        await cluster.simulate()
        found = await cluster.ask("/topology")
        assert (found["mode"], found["simulation_enabled"], found["total_nodes"]) == ("simulated", True, 4)
        assert found["connected_nodes"] == [home, *ALL]
        assert [(one["name"], one["simulated"]) for one in found["nodes"]] == [(name, True) for name in ALL]
        assert all(one["bytes_received"] > 0 and one["observed"] for one in found["nodes"])
        info = await cluster.ask("/nodes/n2/info?include_processes=true")
        assert (info["name"], info["simulated"], info["status"]) == (N2, True, "up")
        assert "counters" in {one["name"] for one in info["process_list"]}
        trees = (await cluster.ask("/supervision-trees"))["supervision_trees"]
        assert set(trees) == {home, *ALL}
        entries = (await cluster.ask("/supervisors"))["entries"]
        assert [one["key"] for one in entries] == list(NAMES)
        assert {one["node"] for one in entries} <= set(ALL)
        drawn = await cluster.ask("/map?without=n3")
        assert ([one["name"] for one in drawn["members"]], drawn["without"]) == (ALL, N3)
        assert {one["goes_to"] for one in drawn["keys"] if one["node"] == N3} <= {N1, N2}
        lines = (await cluster.platform.get("/api/v1/nodes"))["data"]
        assert [(one["name"], one["simulated"]) for one in lines] == [(home, False), *((name, True) for name in ALL)]
        listed = (await cluster.platform.get("/api/v1/processes?node=n1"))["data"]
        assert "counter_starter" in {one["child_id"] for one in listed}

    simulating(inside, test)


@pytest.mark.operation("process.list")
def test_a_request_to_a_failed_or_unknown_member_says_why(inside: Inside) -> None:
    async def test(cluster: Simulation) -> None:
        async def ask(node: str, status: int) -> Any:
            answer = await cluster.platform.client.get("/api/v1/processes", params={"node": node})
            assert answer.status_code == status, answer.text
            return answer.json()

        await cluster.do("", nodes=2)
        await ask("n2", 200)
        await cluster.do("/fail", node="n2")
        failed, unknown = (await ask("n2", 404))["error"], (await ask("n9", 404))["error"]
        assert (failed["code"], unknown["code"]) == ("node_not_found", "node_not_found")
        assert f"{N2} has been lost since " in failed["message"]
        assert "there is no node 'n9'" in unknown["message"]
        await cluster.do("/partition", nodes=["n1"])
        assert (await ask("n1", 200))["data"]  # the platform sees all sides

    simulating(inside, test)


def test_bad_input_gets_a_sentence_and_changes_nothing(inside: Inside) -> None:
    async def test(cluster: Simulation) -> None:
        for what in ("/heal", "/fail", "/cut"):
            body: dict[str, Any] = {"/fail": {"node": "n1"}, "/cut": {"from": "n1", "to": "n2"}}.get(what, {})
            error = await cluster.do(what, 409, **body)
            assert (error["code"], error["message"]) == (
                "conflict", "no members are simulated; start a simulation first",
            )  # fmt: skip
        for nodes in (-1, 13, "three", 2.5):
            assert (await cluster.do("", 422, nodes=nodes))["code"] == "validation_error"
        assert (await cluster.do("", 422, seed=-1))["code"] == "validation_error"
        assert (await cluster.ask("/simulation"))["enabled"] is False
        await cluster.do("", nodes=2)
        assert "2 simulated members run already" in (await cluster.do("", 409))["message"]
        unknown = await cluster.do("/fail", 404, node="n9")
        assert (unknown["code"], f"{N1}, {N2}" in unknown["details"][-1]["hint"]) == ("node_not_found", True)
        assert (await cluster.do("/partition", 422, nodes=[]))["code"] == "validation_error"
        assert "fewer than all 2" in (await cluster.do("/partition", 409, nodes=["n1", "n2"]))["message"]
        await cluster.do("/fail", node=N1)
        assert "has failed already" in (await cluster.do("/fail", 409, node=N1))["message"]
        await cluster.do("", nodes=0)
        assert (await cluster.ask("/simulation"))["enabled"] is False

    simulating(inside, test)


def test_no_members_are_simulated_beside_real_ones(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(cluster: Simulation) -> None:
        members = cluster.platform.platform.members
        monkeypatch.setattr(type(members), "connected", lambda _: [Member("a", 1), Member("b", 1)])
        error = await cluster.do("", 409, nodes=3)
        assert error["message"] == "real members are connected: b; end or disconnect them first"

    simulating(inside, test)


def test_the_simulation_ends_with_the_platform(inside: Inside) -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def test(cluster: Simulation) -> None:
        await cluster.do("", nodes=3)
        await cluster.do("/partition", nodes=["n1"])
        simulator = cluster.platform.platform.simulator
        nodes = [one.node for one in simulator.clusters().values()]
        await simulator.close()
        assert {node.life for node in nodes} == {"closed"}
        tasks.extend(asyncio.all_tasks())

    simulating(inside, test)
    assert all(task.done() for task in tasks)
