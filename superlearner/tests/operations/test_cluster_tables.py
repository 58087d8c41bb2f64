"""Operations of the cluster: its registries, supervisors, names and groups, its map, and moves of children."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, impl
from otp.cluster import DistributedRegistry, DistributedSupervisor, Global, pg
from otp.distribution.faults import Cut
from superlearner.demo.counters import DemoCounter
from two_members import BEARER, B, Both, Inside, clustered


class Visitor(GenServer[str]):
    """Registers the key that its argument names."""

    @impl
    async def init(self, key):
        await DistributedRegistry.register("rooms", key)
        return Ok(key)


async def start_tables(both: Both) -> None:
    """Start both tables on both nodes, with a key on each and a child on `b`."""
    home = both.platform.platform.node
    for node in (both.node, home):
        await node.start(DistributedRegistry, name="rooms")
        await node.start(DistributedSupervisor, name="workers")
    await both.node.start(Visitor, "lobby")
    await home.start(Visitor, "kitchen")
    await DistributedSupervisor.start_child(both.node.whereis("workers"), DemoCounter.child_spec(None, id="c1"), on=B)


def owners(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["table"], one["key"], one["node"]) for one in answer["entries"]]


@pytest.mark.operation("cluster.registries", "cluster.registry", "cluster.supervisors", "node.tables")
def test_the_tables_name_the_member_of_each_key_and_child(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            assert (await both.get("/registries"))["entries"] == []
            await start_tables(both)
            home = platform.platform.node.name
            rooms = await both.get("/registries")
            assert [("rooms", "kitchen", home), ("rooms", "lobby", B)] == owners(rooms)
            assert rooms["entries"] == (await both.get("/registries/rooms"))["entries"]
            assert {"rooms": [B, home]} == rooms["running_on"]
            error = await both.get("/registries/room", 404)
            assert ("registry_not_found", "expected one of rooms") == (error["code"], error["details"][0]["hint"])
            children = await both.get("/supervisors")
            assert [("workers", "c1", B)] == owners(children)
            (child,) = children["entries"]
            info = await platform.client.get(f"/api/v1/processes/{child['pid']}/info?node={B}")
            assert "DemoCounter" in info.json()["data"]["what"]
            own = (await platform.client.get(f"/api/v1/nodes/tables?node={B}&limit=1")).json()["data"]
            assert (1, 3, ["rooms", "workers"]) == (len(own["entries"]), own["total"], own["tables"])

    inside(test)


@pytest.mark.operation("cluster.supervisors", "cluster.supervisor", "cluster.moves", "cluster.events")
def test_a_supervisor_whose_last_member_is_lost_names_its_children_and_what_to_start(
    inside: Inside, tmp_path: Path
) -> None:
    """Regression: it vanished from the page and all lists without a word."""

    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await both.node.start(DistributedSupervisor, name="workers")
            for id in ("c1", "c2"):
                await DistributedSupervisor.start_child(
                    both.node.whereis("workers"), DemoCounter.child_spec(None, id=id)
                )
            assert [] == (await both.get("/supervisors"))["stranded"]
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            await both.until_nodes(lambda names: B not in names)
            text = "workers: no member left to run c1, c2 (last on b); start one: `superlearner node b`"
            expected = [{"table": "workers", "children": {"c1": B, "c2": B}, "text": text}]
            for path in ("/supervisors", "/supervisors/workers", "/moves"):
                assert expected == (await both.get(path))["stranded"]
            newest = (await both.get("/events"))["events"][0]
            assert ("stranded", text) == (newest["what"], newest["reason"])
            await both.get("/nodes/b/forget", method="POST")
            assert [] == (await both.get("/supervisors"))["stranded"]

    inside(test)


@pytest.mark.operation("cluster.names", "cluster.groups")
def test_names_and_groups_of_the_cluster_are_listed_with_their_processes(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            till = both.node.whereis("till")
            await Global.register("cashier", till, cluster=both.there)
            pg.join("shops", till, cluster=both.there)
            pg.join("shops", till, scope="street", cluster=both.there)
            assert [("global", "cashier", B)] == owners(await both.get("/names"))
            assert [("pg", "shops", B), ("street", "shops", B)] == owners(await both.get("/groups"))

    inside(test)


@pytest.mark.operation("node.start_child", "node.terminate_child")
def test_a_member_starts_and_stops_children_that_may_run_elsewhere(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await start_tables(both)
            client, home = platform.client, platform.platform.node.name
            start = {"supervisor": "workers", "start": "superlearner.demo.counters:DemoCounter", "id": "c2", "on": home}
            started = await client.post(f"/api/v1/nodes/children?node={B}", json=start, headers=BEARER)
            assert ("c2", home) == (started.json()["data"]["id"], started.json()["data"]["node"])
            which = f"node={B}&supervisor=workers&id=c2"
            stopped = await client.delete(f"/api/v1/nodes/children?{which}", headers=BEARER)
            assert home == stopped.json()["data"]["node"]
            assert [("workers", "c1", B)] == owners(await both.get("/supervisors"))

    inside(test)


@pytest.mark.operation("cluster.start_child", "cluster.terminate_child", "cluster.supervisor")
def test_a_child_is_started_and_stopped_on_any_member(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await start_tables(both)
            home = platform.platform.node.name
            start = {"start": "superlearner.demo.counters:DemoCounter", "id": "c2", "on": home}
            started = await both.get("/supervisors/workers/children", method="POST", json=start)
            assert ("c2", home) == (started["id"], started["node"])
            again = await both.get("/supervisors/workers/children", 409, "POST", json=start)
            assert "already_started" == again["code"]
            await DistributedSupervisor.start_child(
                both.node.whereis("workers"), DemoCounter.child_spec(None, id=("a", 7))
            )
            assert "('a', 7)" in {one["key"] for one in (await both.get("/supervisors"))["entries"]}
            await both.get("/supervisors/workers/children/('a', 7)", method="DELETE")
            await both.get("/supervisors/workers/children/c1", method="DELETE")
            found = await both.get("/supervisors/workers")
            assert ([("workers", "c2", home)], []) == (owners(found), found["moves"])

    inside(test)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/supervisors/worker/children", {"start": "a:B"}, 404, "supervisor_not_found"),
        ("POST", "/supervisors/workers/children", {"start": "a:B"}, 422, "validation_error"),
        ("POST", "/supervisors/workers/children", {"start": "os:system", "arg": "id"}, 422, "validation_error"),
        (
            "POST", "/supervisors/workers/children",
            {"start": "superlearner.demo.counters:DemoCounter", "on": "c"}, 404, "node_not_found",
        ),
        ("DELETE", "/supervisors/workers/children/c7", None, 404, "child_not_found"),
        ("GET", "/supervisors/worker", None, 404, "supervisor_not_found"),
        ("GET", "/names?node=c", None, 404, "node_not_found"),
        ("POST", "/nodes/c/drain", None, 404, "node_not_found"),
    ],
)  # fmt: skip
def test_a_wrong_name_changes_nothing(
    inside: Inside, tmp_path: Path, method: str, path: str, body: Any, status: int, code: str
) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await start_tables(both)
            assert code == (await both.get(path, status, method, json=body))["code"]
            assert [("workers", "c1", B)] == owners(await both.get("/supervisors"))

    inside(test)


@pytest.mark.operation("cluster.processes")
def test_processes_are_filtered_and_each_node_has_its_share(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            below = await both.get("/processes?application=kiosk&type=genserver")
            assert [(B, "till")] == [(one["node"], one["name"]) for one in below["processes"]]
            assert {"application": "kiosk", "type": "genserver"} == below["filters_applied"]
            assert [] == below["missing"]
            everything = await both.get("/processes")
            two = await both.get("/processes?limit=2")
            assert [B, platform.platform.node.name] == [one["node"] for one in two["processes"]]
            assert everything["total_count"] == two["total_count"] > 2

    inside(test)


@pytest.mark.operation("cluster.map")
def test_the_map_says_where_keys_go_when_a_member_leaves(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await start_tables(both)
            home = platform.platform.node.name
            now = await both.get("/map?key=lobby")
            assert {B, home} == {one["name"] for one in now["members"]}
            assert 1 == pytest.approx(sum(one["share"] for one in now["members"]))
            assert all(0.4 < one["share"] < 0.6 for one in now["members"])
            assert [("workers", "c1", B, None)] == [
                (one["table"], one["key"], one["node"], one["goes_to"]) for one in now["keys"]
            ]
            then = await both.get("/map?key=lobby&without=b")
            assert [("c1", home)] == [(one["key"], one["goes_to"]) for one in then["keys"]]
            assert then["tried"]["goes_to"] == (home if now["tried"]["node"] == B else None)
            assert "node_not_found" == (await both.get("/map?without=c", 404))["code"]
            await both.there.drain()
            (child,) = (await both.get("/supervisors"))["entries"]
            assert child["node"] == then["keys"][0]["goes_to"]

    inside(test)


@pytest.mark.operation("cluster.map")
def test_on_the_map_a_child_goes_only_where_its_supervisor_runs(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await both.node.start(DistributedSupervisor, name="workers")
            await DistributedSupervisor.start_child(both.node.whereis("workers"), DemoCounter.child_spec(None, id="c1"))
            (child,) = (await both.get("/map?without=b"))["keys"]
            assert (B, None) == (child["node"], child["goes_to"])

    inside(test)


@pytest.mark.operation("cluster.map")
def test_the_map_follows_the_placement_of_a_supervisor(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            home = platform.platform.node
            for node in (both.node, home):
                await node.start(DistributedSupervisor, name="workers", placement="least_loaded")
            for id in (1, "two"):
                child = DemoCounter.child_spec(None, id=id)
                await DistributedSupervisor.start_child(both.node.whereis("workers"), child, on=B)
            keys = (await both.get("/map?without=b"))["keys"]
            assert {("1", home.name), ("two", home.name)} == {(one["key"], one["goes_to"]) for one in keys}
            await both.there.drain()
            assert {home.name} == {one["node"] for one in (await both.get("/supervisors"))["entries"]}

    inside(test)


@pytest.mark.operation("node.drain", "cluster.drain")
@pytest.mark.parametrize("path", [f"/nodes/drain?node={B}", f"/cluster/nodes/{B}/drain", "/cluster/nodes/b/drain"])
def test_a_member_is_drained_before_it_leaves(inside: Inside, tmp_path: Path, path: str) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await start_tables(both)
            answer = await platform.client.post(f"/api/v1{path}", headers=BEARER)
            assert {"moved": ["workers: c1"], "kept": []} == answer.json()["data"]
            (child,) = (await both.get("/supervisors"))["entries"]
            assert child["node"] == platform.platform.node.name
            assert "leaving" == (await both.get("/topology"))["nodes"][1]["status"]

    inside(test)


def test_a_node_in_no_cluster_has_no_tables_and_cannot_be_drained(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = (await platform.client.get("/api/v1/nodes/tables")).json()["data"]
        assert {"entries": [], "tables": [], "total": 0} == found
        refused = await platform.client.post("/api/v1/nodes/drain", headers=BEARER)
        assert (503, "node_unavailable") == (refused.status_code, refused.json()["error"]["code"])

    inside(test)


async def moves_of(both: Both, count: int) -> list[Any]:
    """Return the moves once there are `count` rows; those of a member arrive a moment later."""
    moments, place = both.platform.platform.moments, 0
    while place < count:
        place = (await moments.wait_for_news(place, 5))[-1][0]
    return (await both.get("/moves"))["moves"]


@pytest.mark.operation("cluster.moves", "restart.show", "restart.export", "restart.list")
def test_a_child_that_moves_is_listed_and_shown_like_a_restart(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            assert [] == (await both.get("/moves"))["moves"]
            await start_tables(both)
            await both.there.drain()
            (moved,) = await moves_of(both, 1)
            assert ("c1 moved from b to superlearner: b is leaving the cluster", False) == (
                moved["text"],
                moved["conflict"],
            )
            assert platform.platform.node.name == moved["node"]
            shown = (await platform.client.get(f"/api/v1/restarts/{moved['ref']}")).json()["data"]
            assert (moved["text"], True) == (shown["summary"], shown["moved"])
            assert ["b", "superlearner"] == [one["name"] for one in shown["root"]["children"]]
            assert ["stop", "start"] == [one["kind"] for one in shown["events"]]
            assert ("c1 moved from b to superlearner", "b is leaving the cluster") == (
                shown["facts"]["what"], shown["facts"]["why"],
            )  # fmt: skip
            saved = (await platform.client.get(f"/api/v1/restarts/{moved['ref']}/file")).json()["data"]
            assert saved["filename"].startswith("c1-moved-from-b-to-superlearner")
            listed = (await platform.client.get("/api/v1/restarts")).json()["data"]
            assert [moved["text"]] == [one["line"] for one in listed]

    inside(test)


@pytest.mark.operation("cluster.moves")
def test_a_move_to_another_member_is_listed_by_the_platform(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await start_tables(both)
            home = platform.platform.node
            child = DemoCounter.child_spec(None, id="c2")
            here, there = (home.whereis("workers"), both.node.whereis("workers"))
            await DistributedSupervisor.start_child(here, child, on=home.name)
            otp.exit(here, "kill")  # its children start elsewhere
            (moved,) = await moves_of(both, 1)
            text = r"c2 moved from superlearner to b: its supervisor on superlearner ended; "
            text += r"down for (0\.\d\d?|\d+(\.\d)?) s"
            assert re.fullmatch(text, moved["text"])
            assert B == moved["node"]
            shown = (await platform.client.get(f"/api/v1/restarts/{moved['ref']}?node={B}")).json()["data"]
            assert ["crash", "crash", "signal", "decide", "start"] == [one["kind"] for one in shown["events"]]
            assert otp.is_alive(there)

    inside(test)
