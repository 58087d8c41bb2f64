"""Two nodes in a program: every operation acts on the one that `node` names."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp
from local_link import remote
from superlearner.demo import DemoOneForOne
from superlearner.operations.rights.users import OWNER as ADMIN
from superlearner.web.live import source_of

BARE = {ord("{"): None, ord("}"): None}
OTHER = "till@127.0.0.1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


@asynccontextmanager
async def another_node(platform: Any) -> Any:
    """Start a node with the demo's tree, whose names are those of the platform's own."""
    async with otp.Node(OTHER) as node:
        platform.nodes.attach(node)

        async def life() -> None:
            await DemoOneForOne.start_link(None, name="demo_one_for_one")
            await otp.receive(otp.Is("end"))

        node.spawn(life)
        await node.wait_registered("counter_1")
        yield node


@pytest.mark.operation("node.list")
def test_nodes_are_listed_the_own_first_until_they_close(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        async with another_node(running.platform):
            own, other = (await running.get("/api/v1/nodes"))["data"]
            assert (own["name"], own["own"]) == ("superlearner@127.0.0.1", True)
            assert (other["name"], other["own"], other["supervisors"], other["life"]) == (OTHER, False, 1, "open")
        assert [one["own"] for one in (await running.get("/api/v1/nodes"))["data"]] == [True]
        gone = await running.client.get(f"/api/v1/processes?node={OTHER}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "node_not_found")

    inside(test)


def test_a_kill_acts_on_the_named_node_and_is_counted_there(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        async with another_node(running.platform) as node:

            async def of(path: str, **query: Any) -> Any:
                return (await running.get(f"/api/v1{path}", params=query))["data"]

            ours, theirs = running.node.whereis("counter_1"), node.whereis("counter_1")
            killed = await running.client.delete("/api/v1/processes/counter_1", params={"node": OTHER})
            assert killed.json()["data"]["terminated"]
            await node.wait_registered("counter_1")
            assert (running.node.whereis("counter_1"), otp.is_alive(theirs)) == (ours, False)
            here, there = "/supervisors/demo_one_for_one/analytics", {"node": OTHER, "sync": True}
            assert (await of(here, **there))["total_restarts"] == 1
            assert (await of(here))["total_restarts"] == 0
            names = {one["name"] for one in await of("/processes", node=OTHER)}
            assert {"demo_one_for_one", "counter_1", "printer_1"} <= names
            assert "web" not in names

    inside(test)


def test_states_and_their_backups_belong_to_one_node(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        async with another_node(running.platform):
            at = {"params": {"node": OTHER}, "headers": OWNER}
            path = "/api/v1/processes/counter_2/state"
            changed = await running.client.put(path, json={"state": 7}, **at)
            assert changed.status_code == 200, changed.text
            assert (await running.get(path, **at))["data"]["state"] == "7"
            assert (await running.get(path))["data"]["state"] == "100"
            assert len((await running.get(f"{path}/backups", **at))["data"]) == 1
            assert (await running.get(f"{path}/backups", headers=OWNER))["data"] == []

    inside(test)


def test_no_process_is_critical_on_a_node_without_the_platform(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        async with another_node(running.platform) as node:
            found = node.spawn(otp.receive)
            await otp.GenServer.call(("demo_one_for_one", node), "count_children")
            answer = await running.client.delete(f"/api/v1/processes/{str(found).strip('<>')}", params={"node": OTHER})
            assert answer.json()["data"]["terminated"]

    inside(test)


def test_every_request_accepts_or_refuses_the_name_of_a_node(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        async with another_node(running.platform):
            asked = 0
            for one in running.platform.arsenal:
                if one.method != "GET" or any(each.required and each.place == "query" for each in one.parameters):
                    continue
                if any(each.name == "node" for each in one.parameters):  # node management works for missing nodes, too
                    continue
                bare = (
                    one.path.replace("{item}", "links")
                    .replace("{seq}", "1")
                    .replace("{event}", "1")
                    .replace(":path", "")
                    .translate(BARE)
                )
                path = f"/api/v1{bare}"
                answer = await running.client.get(path, params={"node": "nobody"}, headers=OWNER)
                expected = "node_not_found" if one.on_node else "validation_error"
                assert answer.json()["error"]["code"] == expected, one.name
                ends = {"timeout_ms": 1} if one.streams else {}
                answer = await running.client.get(path, params={"node": OTHER, **ends}, headers=OWNER)
                assert answer.status_code != 500, (one.name, answer.text)
                asked += 1
            assert asked > 40

    inside(test)


@asynccontextmanager
async def meant(platform: Any) -> Any:
    """Start the default node in another process."""
    platform.nodes.default = OTHER
    async with otp.Node(OTHER) as node, remote(platform, node):
        await node.start(DemoOneForOne, None, name="demo_one_for_one")
        yield node


def test_requests_without_a_name_go_to_the_default_node(
    inside: Callable[..., Any],
) -> None:
    async def test(running: Any) -> None:
        async with meant(running.platform) as node:
            ours, theirs = running.node.whereis("counter_1"), node.whereis("counter_1")
            await running.client.delete("/api/v1/processes/counter_1")
            await node.wait_registered("counter_1")
            assert (otp.is_alive(ours), otp.is_alive(theirs)) == (True, False)
            await running.client.delete(f"/api/v1/processes/counter_1?node={running.node.name}")
            assert not otp.is_alive(ours)
            nodes = (await running.get("/api/v1/nodes"))["data"]
            assert [(one["own"], one["default"]) for one in nodes] == [(True, False), (False, True)]
            page = (await running.client.get("/supervisors")).text
            assert f'<option value="" selected>{OTHER}</option>' in page
            assert f'<option value="{running.node.name}">' in page

    inside(test)


def test_while_the_default_node_is_down_its_reason_is_shown_and_the_platform_answers(
    inside: Callable[..., Any],
) -> None:
    async def test(running: Any) -> None:
        async with meant(running.platform):
            running.platform.nodes.detach(OTHER, "killed by SIGKILL")
            gone = await running.client.get("/api/v1/processes")
            error = gone.json()["error"]
            assert (gone.status_code, error["code"]) == (503, "node_unavailable")
            assert error["message"] == f"{OTHER} is not available now: killed by SIGKILL"
            named = await running.client.get(f"/api/v1/processes?node={OTHER}")
            assert (named.status_code, named.json()["error"]["message"]) == (503, error["message"])
            for path in ("/supervisors", f"/supervisors?node={OTHER}", "/sandboxes", "/api/v1/settings"):
                assert (await running.client.get(path)).status_code == 200, path
            assert (await running.client.get("/api/v1/learning/tours")).status_code == 200
            source = await source_of(
                running.platform, "platform", running.platform.nodes.find(running.node.name), {}, ADMIN
            )
            shown = json.loads(source.snapshot())
            assert (shown["nodes"], shown["rests"]) == ([OTHER, running.node.name], True)
            assert shown["left"][OTHER] == "killed by SIGKILL"

    inside(test)


def test_commands_name_every_node_but_the_default_one(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        nodes, own = running.platform.nodes, running.node.name
        assert [None, None, OTHER] == [nodes.option_of(name) for name in (None, own, OTHER)]
        nodes.default = OTHER  # the user's tree has a node of its own
        assert [None, own, None] == [nodes.option_of(name) for name in (None, own, OTHER)]

    inside(test)
