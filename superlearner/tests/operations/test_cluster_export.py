"""The state of the cluster as a file: the same document for real and simulated members."""

from __future__ import annotations

import json
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import otp
import superlearner
from otp.cluster import DistributedRegistry, DistributedSupervisor, Global, pg
from otp.cluster.cluster import membership_of
from otp.distribution import TEACHING
from otp.distribution.faults import Cut
from superlearner.demo.counters import NAMES, DemoCounter
from superlearner.operations.builtin import cluster_export
from superlearner.operations.engine.registry import all_operations
from two_members import COOKIE, B, Inside, clustered

N1, N2 = "n1@simulated", "n2@simulated"
SETTINGS = {"heartbeat": TEACHING.heartbeat, "dead": TEACHING.dead, "settle": TEACHING.dead}
KEYS = {
    "format", "exported_at", "node", "versions", "settings", "missing", "shortened", "topology", "health", "events",
    "registries", "supervisors", "names", "groups", "map", "moves", "simulation",
}  # fmt: skip


async def export(platform: Any) -> dict[str, Any]:
    """Return the exported document, after checks of what holds for every cluster."""
    found = (await platform.get("/api/v1/cluster/export"))["data"]
    assert (found["media_type"], found["size"]) == ("application/json", len(found["content"].encode()))
    assert re.fullmatch(r"cluster-[\w.-]+-\d{4}-\d\d-\d\dT\d{6}\.json", found["filename"])
    document = json.loads(found["content"])
    assert set(document) == KEYS
    assert (document["format"], document["shortened"]) == (1, [])
    assert document["versions"]["superlearner"] == superlearner.__version__
    times = [one["since"] for one in document["topology"]["nodes"]] + [
        one["at"] for one in document["events"]["events"]
    ]
    assert all(datetime.fromisoformat(one).tzinfo for one in [*times, document["exported_at"]])
    return document


def entries(document: dict[str, Any], part: str) -> list[tuple[str, str, str]]:
    return [(one["table"], one["key"], one["node"]) for one in document[part]["entries"]]


@pytest.mark.operation("cluster.export")
def test_the_export_has_what_the_members_share_and_names_the_one_that_is_lost(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        home = platform.platform.node.name
        async with clustered(platform, tmp_path) as both:
            await both.node.start(DistributedRegistry, name="rooms")
            workers = await both.node.start(DistributedSupervisor, name="workers")
            await DistributedSupervisor.start_child(workers, DemoCounter.child_spec(None, id="c1"), on=B)
            till = both.node.whereis("till")
            await Global.register("api_key=k-123", till, cluster=both.there)
            pg.join("shops", till, cluster=both.there)
            found = await export(platform)
            assert [one["name"] for one in found["topology"]["nodes"]] == [home, B]
            assert (found["topology"]["mode"], found["settings"], found["missing"]) == ("multi_node", SETTINGS, [])
            assert [one["what"] for one in found["health"]["node_statuses"][B]["evidence"]] == [
                "memory", "cpu", "processes",
            ]  # fmt: skip
            assert found["versions"]["members"][home]["otp"] == otp.__version__
            assert found["registries"]["running_on"] == {"rooms": [B]}
            assert entries(found, "supervisors") == [("workers", "c1", B)]
            assert entries(found, "names") == [("global", "api_key=***", B)]
            assert entries(found, "groups") == [("pg", "shops", B)]
            assert [(one["key"], one["node"]) for one in found["map"]["keys"]] == [("c1", B)]
            assert found["simulation"]["enabled"] is False
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            lost = await export(platform)
            assert [one["node"] for one in lost["missing"]] == [B]
            assert lost["missing"][0]["reason"]
            assert [one["what"] for one in lost["events"]["events"][:2]] == ["stranded", "lost"]
            assert lost["health"]["node_statuses"][B]["status"] == "down"

    inside(test)


@pytest.mark.operation("cluster.export")
def test_the_export_of_simulated_members_has_their_faults_and_the_children_on_both_sides(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        client, simulator = platform.client, platform.platform.simulator
        alone = await export(platform)
        assert (alone["topology"]["mode"], alone["topology"]["nodes"]) == ("single_node", [])
        assert alone["settings"] == dict.fromkeys(SETTINGS)
        await client.post("/api/v1/cluster/simulation", json={"nodes": 2, "seed": 7})
        membership = membership_of(simulator.clusters()[N1])
        while sum(len(one.nodes) for one in simulator.children()) < len(NAMES):
            await membership.changed()
        found = await export(platform)
        assert (found["topology"]["mode"], found["settings"]) == ("simulated", SETTINGS)
        assert [(one["name"], one["simulated"]) for one in found["topology"]["nodes"]] == [(N1, True), (N2, True)]
        assert found["versions"]["members"][N1]["otp"] == otp.__version__
        assert [key for _, key, _ in entries(found, "supervisors")] == list(NAMES)
        assert {one["node"] for one in found["map"]["keys"]} == {N1, N2}
        await client.post("/api/v1/cluster/simulation/fail", json={"node": "n2"})
        failed = await export(platform)
        assert [one["node"] for one in failed["missing"]] == [N2]
        assert failed["simulation"]["faults"] == [{"kind": "fail", "members": [N2], "one_way": False}]
        assert failed["health"]["node_statuses"][N2]["status"] == "down"

    inside(test)


@pytest.mark.operation("cluster.export")
def test_the_export_has_no_cookie_and_is_written_outside_of_the_loop(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redact, threads = cluster_export.without_secrets, set[threading.Thread]()

    def redact_here(text: str) -> str:
        threads.add(threading.current_thread())
        return redact(text)

    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await Global.register(f"cookie={COOKIE}", both.node.whereis("till"), cluster=both.there)
            found = await export(platform)
            assert COOKIE not in json.dumps(found)
            assert threads
            assert threading.current_thread() not in threads

    monkeypatch.setattr(cluster_export, "without_secrets", redact_here)
    inside(test)


@pytest.mark.parametrize("part", sorted(cluster_export.PARTS))
def test_each_time_in_a_part_of_the_export_is_text(part: str) -> None:
    model = next(one.result for one in all_operations() if one.name == cluster_export.PARTS[part][0])
    schema = model.model_json_schema()
    for shape in (schema, *schema.get("$defs", {}).values()):
        fields = shape.get("properties", {})
        times = {name for name, one in fields.items() if "since 1970" in one.get("description", "")}
        assert times == set(fields) & cluster_export.TIMES, shape["title"]
