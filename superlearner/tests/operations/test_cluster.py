"""Operations of the cluster: its members, their health, and what they answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from platform import python_version
from types import SimpleNamespace
from typing import Any, cast

import pytest

import otp
from otp.distribution import TEACHING
from otp.distribution.faults import Cut
from superlearner.cluster import health, serving, status
from superlearner.cluster.control import records
from superlearner.cluster.members import MEMBERSHIP, Members, MembershipService, _Serving
from superlearner.cluster.status import pings, status_of
from superlearner.cluster.ways import Way
from superlearner.nodes.kinds import MEMBER, SERVICE
from superlearner.operations.builtin import cluster, cluster_health
from superlearner.operations.engine import member_health
from superlearner.operations.engine.everywhere import ask_all
from superlearner.operations.results.system import AnomalyLine
from superlearner.store import MomentRow
from two_members import B, Both, Inside, clustered

ACTIVE: dict[str, Any] = {
    "number": 1, "type": "call_cycle", "severity": "critical", "active": True, "pid": "0.7.0", "name": "till",
    "description": "a deadlock", "since": "2026-11-26T10:00:00Z", "until": None, "lasted_s": 5.0, "count": 1,
    "evidence": {"calls": 2}, "threshold": 1.0, "setting": "scan_interval", "hint": "",
}  # fmt: skip


async def main_navigation(platform: Any) -> list[str]:
    """Return the places of the main navigation."""
    page = (await platform.client.get("/system")).text
    return re.findall(r"<a [^>]*>([^<]*)</a>", page.partition('<nav id="nav"')[2].partition("</nav>")[0])


def test_every_operation_works_on_a_member(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path):
            listed = (await platform.client.get(f"/api/v1/processes?node={B}")).json()["data"]
            assert [one["name"] for one in listed] == ["kiosk", "till"]
            killed = await platform.client.delete(f"/api/v1/processes/till?node={B}")
            assert killed.status_code == 200
            kinds = (await platform.client.get("/api/v1/nodes")).json()["data"]
            assert [(one["name"], one["remote"], one["status"]) for one in kinds][-1] == (B, True, "up")

    inside(test)


@pytest.mark.operation("cluster.topology", "cluster.ping")
def test_the_topology_has_each_member_with_its_health_and_traffic(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        assert "Cluster" not in await main_navigation(platform)
        async with clustered(platform, tmp_path) as both:
            assert "Cluster" in await main_navigation(platform)
            found = await both.get("/topology")
            assert (found["mode"], found["state"], found["total_nodes"], found["missing"]) == (
                "multi_node", "member", 2, [],
            )  # fmt: skip
            own, other = found["nodes"]
            assert (own["own"], own["health"], own["round_trip_ms"]) == (True, "healthy", None)
            assert (other["name"], other["health"], other["os_pid"], other["observed"]) == (B, "healthy", 4711, True)
            assert other["round_trip_ms"] > 0
            home = platform.platform.node.name
            assert (found["cluster_name"], found["current_node"], found["connected_nodes"]) == (home, home, [home, B])
            assert found["process_distribution"][B] == 2
            assert found["node_health"][B]["status"] == "up"
            assert (found["partition_status"], found["sample_pids"]) == ("healthy", None)
            times = [found[name] for name in ("heartbeat", "dead", "settle")]
            assert times == [TEACHING.heartbeat, TEACHING.dead, TEACHING.dead]
            assert found["formation_time"] == min(one["since"] for one in (own, other))
            sampled = await both.get("/topology?include_processes=true&include_health=false")
            assert (len(sampled["sample_pids"][B]), sampled["node_health"]) == (2, None)
            later = (await both.get("/topology"))["nodes"][1]
            assert later["frames_sent"] > other["frames_sent"] > 0
            assert later["bytes_received"] > other["bytes_received"] > 0
            assert (await both.get(f"/nodes/{B}/ping"))["name"] == B
            error = await both.get("/nodes/c@127.0.0.1/ping", 404)
            assert (error["code"], B in error["details"][-1]["hint"]) == ("node_not_found", True)

    inside(test)


@pytest.mark.operation("cluster.processes", "cluster.restarts", "cluster.anomalies")
@pytest.mark.operation("cluster.trees")
def test_all_members_are_asked_at_once_and_those_that_did_not_answer_are_named(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            home = platform.platform.node.name
            killed = await platform.client.delete(f"/api/v1/processes/till?node={B}")
            assert killed.status_code == 200
            found = await both.get("/processes")
            assert found["nodes_queried"] == [B, home]
            assert {one["node"] for one in found["processes"]} == {B, home}
            assert found["missing"] == []
            assert found["total_count"] == len(found["processes"])
            only = await both.get(f"/processes?node={B}&search=till")
            assert [(one["node"], one["name"]) for one in only["processes"]] == [(B, "till")]
            assert only["filters_applied"] == {"search": "till"}
            shown = await both.get("/supervision-trees?include_process_details=true")
            trees = {name: one["roots"] for name, one in shown["supervision_trees"].items()}
            assert list(trees) == [B, home]
            assert [(one["name"], one["children"][0]["name"]) for one in trees[B]] == [("kiosk", "till")]
            assert shown["processes"][B][trees[B][0]["children"][0]["pid"]]["name"] == "till"
            summary = shown["summary"]
            assert (summary["successful"], summary["failed"], summary["errors"]) == (2, 0, [])
            roots = await both.get(f"/supervision-trees?node={B}&include_children=false&filter_application=kiosk")
            [root] = roots["supervision_trees"][B]["roots"]
            assert (root["name"], root["children"], root["more"]) == ("kiosk", [], 1)
            assert roots["summary"]["total_supervisors"] == 1
            drawn = (await both.get(f"/supervision-trees?node={B}&format=text"))["text"]
            assert re.fullmatch(rf"{B}\nkiosk [\d.]+ one_for_one \(.*\)\n└── till [\d.]+ Till \(.*\)\n", drawn), drawn
            assert (roots["text"], shown["text"]) == (None, None)
            restarts = (await both.get("/restarts"))["restarts"]
            assert ("till", B) in {(one["name"], one["node"]) for one in restarts}
            assert (await platform.client.delete("/api/v1/processes/counter_1")).status_code == 200
            await otp.Supervisor.count_children(("demo_one_for_one", platform.node))
            listed = [(one["name"], one["node"]) for one in (await platform.get("/api/v1/restarts"))["data"]]
            assert listed == [("counter_1", home), ("till", B)]
            for node, name in ((home, "counter_1"), (B, "till")):
                only = (await platform.get(f"/api/v1/restarts?node={node}"))["data"]
                assert [(one["name"], one["node"]) for one in only] == [(name, None)]
            async with otp.Node("web@127.0.0.1") as web:
                platform.platform.nodes.attach(web, kind=SERVICE)
                for path in ("/anomalies", "/supervision-trees", "/processes"):
                    asked = await both.get(path)
                    assert (asked["nodes_queried"], asked["missing"]) == ([B, "web@127.0.0.1", home], []), path
            assert (await both.get("/processes?node=c@127.0.0.1", 404))["code"] == "node_not_found"
            place, kept = 0, set[str]()
            while B not in kept:
                for place, row in await platform.platform.moments.wait_for_news(place, 20.0):
                    kept.add(row.node)
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            found = await both.get("/processes")
            assert [one["node"] for one in found["missing"]] == [B]
            drawn = (await both.get("/supervision-trees?format=text"))["text"]
            assert drawn.endswith(f"\n\n{B} is missing: {found['missing'][0]['reason']}\n")
            platform.platform.nodes.wait_for("web@127.0.0.1", "it is not running")
            for path in ("/anomalies", "/supervision-trees", "/processes"):
                missing = (await both.get(path))["missing"]
                assert [one["node"] for one in missing] == [B, "web@127.0.0.1"], path
            listed = [(one["name"], one["node"]) for one in (await platform.get("/api/v1/restarts"))["data"]]
            assert listed == [(B, B), ("counter_1", home), ("till", B)]  # its loss is the newest
            assert "silent" in found["missing"][0]["reason"]

    inside(test)


@pytest.mark.operation("cluster.topology", "cluster.node_info")
@pytest.mark.parametrize(
    ("path", "questions"),
    [
        ("/topology", {"process.list", "system.metrics", "ping"}),
        (
            f"/nodes/{B}/info?include_processes=true",
            {"system.metrics", "node.list", "application.list", "process.list", "ping"},
        ),
    ],
)
def test_all_questions_of_an_answer_are_asked_before_the_first_one_is_answered(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, questions: set[str]
) -> None:
    asked, all_asked = set[str](), asyncio.Event()

    def together(ask: Callable[..., Any], question: Callable[..., str]) -> Callable[..., Any]:
        async def wait(*args: Any, **more: Any) -> Any:
            asked.add(question(*args))
            if questions == asked:
                all_asked.set()
            async with asyncio.timeout(10):
                await all_asked.wait()
            return await ask(*args, **more)

        return wait

    for module in (cluster, cluster_health, member_health):
        if hasattr(module, "ask_all"):
            monkeypatch.setattr(module, "ask_all", together(ask_all, lambda *args: args[4]))
    monkeypatch.setattr(status, "pings", together(pings, lambda *_: "ping"))
    monkeypatch.setattr(cluster_health, "pings", together(pings, lambda *_: "ping"))

    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            assert (await both.get(path))["missing"] == []

    inside(test)


@pytest.mark.operation("cluster.events", "cluster.add", "cluster.disconnect")
def test_a_member_is_disconnected_and_connected_again(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            tried = await both.get(f"/nodes/{B}?dry_run=true", method="DELETE")
            assert tried["would"] == f"disconnect {B}"
            await both.get(f"/nodes/{B}", method="DELETE")
            await both.until_nodes(lambda names: B not in names)
            gone = await platform.client.get(f"/api/v1/processes?node={B}")
            assert (gone.status_code, "disconnected" in gone.text) == (404, True)
            again = await both.get("/nodes", method="POST", json={"address": f"sim/{B}"})
            assert B in again["members"]
            await both.until_nodes(lambda names: B in names)
            told = (await both.get("/events"))["events"]
            assert [one["what"] for one in told] == ["joined", "disconnected", "found"]

    inside(test)


@pytest.mark.operation("cluster.health", "cluster.node_info")
def test_the_health_of_each_node_is_measured_and_a_lost_member_has_none(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            home = platform.platform.node.name
            found = await both.get("/health?include_history=true")
            assert (found["overall_status"], found["nodes_total"], found["nodes_healthy"]) == ("healthy", 2, 2)
            assert set(found["performance_metrics"]["memory_usage"]) == set(found["node_statuses"]) == {B, home}
            assert found["performance_metrics"]["memory_usage"][B] > 1_000_000
            assert found["performance_metrics"]["total_processes"] > 2
            assert all(set(found["performance_metrics"][name]) == {B, home} for name in ("queues", "gc_pause_ms"))
            assert [one["what"] for one in found["health_history"]] == ["found"]
            assert found["cluster_uptime"] >= 0
            figures = found["node_statuses"][B]["evidence"]
            assert ["memory", "cpu", "processes"] == [one["what"] for one in figures]
            memory, cpu, processes = (one["limit"] for one in figures)
            assert (memory, processes) == (2**30, 5_000)
            assert cpu in (50, 70, 90)  # other programs on this machine keep its processors busy
            assert found["performance_metrics"]["memory_usage"][B] == figures[0]["measured"]
            info = await both.get("/nodes/b/info?include_processes=true&process_limit=1")
            assert (info["name"], info["status"], info["processes"], len(info["process_list"])) == (B, "up", 2, 1)
            assert info["network_info"]["round_trip_ms"] > 0
            assert (info["memory_usage"]["total"] > 1_000_000, info["cpu_usage"] >= 0) == (True, True)
            assert (info["system_info"]["python"], info["system_info"]["uptime_s"] >= 0) == (python_version(), True)
            assert (info["last_seen"] > 0, info["health"]["health_score"] > 0) == (True, True)
            assert (info["system_info"]["otp"], info["simulated"]) == (otp.__version__, False)
            assert (await both.get(f"/nodes/{home}/info"))["applications"] == ["superlearner"]
            assert (await both.get("/nodes/c/info", 404))["code"] == "node_not_found"
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            found = await both.get("/health?include_metrics=false")
            assert (found["overall_status"], found["partition_status"]) == ("degraded", "minority_partition")
            assert (found["nodes_unhealthy"], found["performance_metrics"]) == (1, None)
            lost = found["node_statuses"][B]
            assert (lost["status"], lost["health_score"]) == ("down", 0)
            assert "silent" in lost["issues"][0]
            assert [] == lost["evidence"]
            assert any(f"forget {B}" in one for one in found["recommendations"])
            assert (await both.get("/topology"))["partition_status"] == "minority_partition"
            info = await both.get(f"/nodes/{B}/info")
            assert (info["status"], info["processes"]) == ("down", None)
            assert info["last_seen"] > 0

    inside(test)


@pytest.mark.operation("cluster.forget", "node.list", "cluster.events")
@pytest.mark.usefixtures("unmeasured")
def test_a_lost_member_is_forgotten_and_the_cluster_is_healthy_again(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            refused = await both.get("/nodes/b/forget", 404, "POST")
            assert refused["code"] == "node_not_found"
            assert "there is no lost or disconnected member" in refused["message"]
            cluster = platform.platform.members.cluster
            cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            assert [one["name"] for one in (await status_of(cluster))["missing"]] == [B]
            (line,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
            assert (line["node"], line["line"], line["program"]) == (B, f"{B} is lost: {line['reason']}", True)
            assert "silent" in line["reason"]
            listed = (await platform.get("/api/v1/nodes"))["data"]
            assert [(one["name"], one["status"]) for one in listed][-1] == (B, "lost")
            absent = await platform.client.get("/api/v1/processes", params={"node": B})
            assert f"{B} has been lost since " in absent.json()["error"]["message"]
            short = await platform.client.get("/api/v1/processes", params={"node": "b"})
            assert (404, absent.json()["error"]["message"]) == (short.status_code, short.json()["error"]["message"])
            platform.platform.members.history.clear()  # as after a restart of the platform
            [kept] = (await both.get("/events"))["events"]
            assert (kept["node"], kept["what"], kept["reason"]) == (B, "lost", line["reason"])
            shown = await platform.get(f"/api/v1/restarts/{line['ref']}")
            assert shown["data"]["summary"] == line["line"]
            assert (await both.get("/nodes/b/forget", method="POST"))["name"] == B
            status = await status_of(cluster)
            assert (status["status"], status["partition"], status["missing"]) == ("healthy", "none", [])
            assert status["settings"]["settle"] == cluster.settle
            assert B not in {one["name"] for one in (await platform.get("/api/v1/nodes"))["data"]}
            await check_forgotten(both)
            assert (await both.get("/events"))["events"][0]["what"] == "forgotten"

    inside(test)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure of this process, which runs other tests as well, is a problem of a member."""
    for limits in ("MEMORY", "CPU"):
        monkeypatch.setattr(health, limits, ((2.0**60, 0, ""),))


async def check_forgotten(both: Both) -> None:
    """Check that no view names B."""
    for path in (
        "topology",
        "supervisors",
        "registries",
        "names",
        "groups",
        "supervision-trees",
        "processes",
        "health",
    ):
        assert (path, []) == (path, (await both.get(f"/{path}"))["missing"])
    found = await both.get("/health")
    assert ("healthy", 1, []) == (found["overall_status"], found["nodes_total"], found["recommendations"])
    assert (await both.get("/nodes/b/info", 404))["message"] == "there is no node 'b'"


@pytest.mark.operation("cluster.forget")
@pytest.mark.usefixtures("unmeasured")
def test_a_member_that_another_member_forgot_is_in_no_view_of_the_platform(inside: Inside, tmp_path: Path) -> None:
    """Regression: pages and health had a list of lost members of their own."""

    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            cluster = platform.platform.members.cluster
            cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            assert [B] == [one["node"] for one in (await both.get("/topology"))["missing"]]
            await cluster.forget(B)  # as the message of another member does
            await check_forgotten(both)

    inside(test)


@pytest.mark.usefixtures("unmeasured")
def test_an_answer_about_one_node_has_no_word_about_lost_members(inside: Inside, tmp_path: Path) -> None:
    """Regression: it listed the last anomalies of each lost member, and named all of them as missing."""

    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            node = platform.platform.nodes.find(B)
            known = platform.platform.anomaly_history._of[node]
            known.take([AnomalyLine.model_validate(ACTIVE)], 2e9)
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            asked = {"node": platform.node.name}
            for path in ("/anomalies", "/supervision-trees", "/processes", "/processes?application=kiosk", "/restarts",
                         "/supervisors"):  # fmt: skip
                assert [] == (await both.get(path, params=asked))["missing"], path
            assert B not in [one["node"] for one in (await both.get("/anomalies", params=asked))["anomalies"]]
            assert B in [one["node"] for one in (await both.get("/anomalies"))["anomalies"]]

    inside(test)


@pytest.mark.operation("cluster.disconnect", "cluster.add", "cluster.forget", "cluster.health")
@pytest.mark.usefixtures("unmeasured")
def test_a_disconnected_member_returns_by_its_name_or_is_forgotten_once_it_has_ended(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            members = platform.platform.members
            await both.get("/nodes/b", method="DELETE")
            await both.until_nodes(lambda names: B not in names)
            assert {B: f"sim/{B}"} == members.disconnected
            shown = await status_of(members.cluster, members.disconnected)
            assert "degraded" == shown["status"]
            assert [{"name": B, "address": f"sim/{B}", "reason": "disconnected"}] == shown["missing"]
            [advice] = (await both.get("/health"))["recommendations"]
            assert f"`superlearner cluster connect {B}`" in advice
            runs = [SimpleNamespace(name=B, os_pid=4711)]
            monkeypatch.setattr(serving, "records", lambda _folder: runs)
            refused = await both.get("/nodes/b/forget", 409, "POST")
            assert f"{B} still runs (process 4711); connect it again, or end it first" == refused["message"]
            assert B in (await both.get("/nodes", method="POST", json={"address": "b"}))["members"]
            await both.until_nodes(lambda names: B in names)
            await both.get("/nodes/b", method="DELETE")
            await both.until_nodes(lambda names: B not in names)
            unknown = await both.get("/nodes", 404, "POST", json={"address": "zz"})
            assert f"there is no member 'zz'; try an address such as tcp/127.0.0.1:7447, or {B}" == unknown["message"]
            runs.clear()
            assert B == (await both.get("/nodes/b/forget", method="POST"))["name"]
            assert {} == members.disconnected
            await check_forgotten(both)

    inside(test)


@pytest.mark.operation("cluster.events")
@pytest.mark.parametrize("stored", [False, True])
def test_a_loss_is_listed_however_many_restarts_of_members_followed(
    inside: Inside, tmp_path: Path, stored: bool
) -> None:
    async def test(platform: Any) -> None:
        moments = platform.platform.moments
        lost = MomentRow(
            B, "9f3a0c1b22d4", 1, 1, 5.0, 5.0, f"{B} is lost: it was silent for too long", kind=str(MEMBER)
        )
        moments._add(lost)
        for number in range(2, 503):
            row = replace(lost, run="000000000000", number=number, at=6.0, line="till crashed and was restarted")
            moments._add(row)
        [found] = (await platform.get("/api/v1/cluster/events"))["data"]["events"]
        assert (found["node"], found["what"]) == (B, "lost")

    inside(test, **({"data_dir": tmp_path} if stored else {}))


def test_a_restart_of_the_service_keeps_the_members(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            home = platform.platform.node
            otp.exit(home.whereis(MEMBERSHIP), "kill")
            await home.start(MembershipService, platform.platform.members, name=MEMBERSHIP)
            assert B in {one.name for one in platform.platform.nodes}
            await both.there.leave()
            await both.until_nodes(lambda names: B not in names)
            assert [one["what"] for one in (await both.get("/events"))["events"]] == ["left", "leaving", "found"]

    inside(test)


def test_without_a_cluster_the_answers_say_so(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        both = Both(platform, None, None)  # type: ignore[arg-type]
        found = await both.get("/topology")
        assert (found["mode"], found["state"], found["nodes"]) == ("single_node", "off", [])
        refused = await both.get("/nodes", 503, "POST", json={"address": "tcp/127.0.0.1:7447"})
        assert refused["code"] == "node_unavailable"

    inside(test)


def test_a_stop_during_the_join_is_silent(tmp_path: Path) -> None:
    """Regression: a platform that was asked to end logged that it is in no cluster."""
    told: list[str] = []

    async def main() -> None:
        async with otp.Node("stopped@127.0.0.1") as node:
            members = Members(Way(tmp_path), cast("Any", None), lambda: node, tell=lambda _, text: told.append(text))
            members.is_ready = True
            closing = node.begin_close()
            assert closing is not None
            await _Serving(members).join(cast("Any", None))
            await members.leave()
            await closing

    asyncio.run(main())
    assert [] == told


def test_a_socket_for_commands_that_could_not_be_opened_is_opened_by_the_next_join(tmp_path: Path) -> None:
    async def main() -> None:
        async with otp.Node("again@127.0.0.1") as node:
            members = Members(Way(tmp_path), cast("Any", None), lambda: node)
            (tmp_path / "members").touch()
            with pytest.raises(FileExistsError):
                await members.open_control()
            (tmp_path / "members").unlink()
            await members.open_control()
            assert ["again@127.0.0.1"] == [record.name for record in records(tmp_path)]
            await members.leave()
            assert [] == records(tmp_path)

    asyncio.run(main())
