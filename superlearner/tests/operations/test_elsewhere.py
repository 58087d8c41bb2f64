"""Answers to requests without a node name their node, and say what other attached nodes have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from attached_service import OWNER
from otp import Agent, DynamicSupervisor, GenServer, Supervisor
from superlearner.control.terms import plain_pid
from superlearner.nodes.kinds import SERVICE
from superlearner.nodes.remote import protocol as p
from superlearner.operations.engine import elsewhere

Inside = Callable[..., Any]
DEPOT = "depot@127.0.0.1"


@pytest.mark.operation("error.why", "error.list", "system.anomalies", "process.list", "tree.show", "process.info")
def test_an_answer_about_one_node_names_it_and_counts_what_others_have(inside: Inside) -> None:
    """Regression: `error why ledger` explained the one of the demo, and no anomaly was listed, without a word."""

    async def test(platform: Any) -> None:
        home = platform.node.name
        alone = await platform.get("/api/v1/processes/counter_1/errors/why")
        assert "meta" not in alone
        async with otp.Node(DEPOT) as node:
            platform.platform.nodes.attach(node, kind=SERVICE)
            pid = await node.start(Agent, lambda: 0, name="counter_1")

            async def meta(path: str, **options: Any) -> dict[str, Any]:
                answer = await platform.get(f"/api/v1/{path}", **options)
                return {key: answer.get("meta", {}).get(key) for key in ("node", "elsewhere")}

            why = f"`superlearner error why counter_1 --node {DEPOT}`"
            nothing = {"node": None, "elsewhere": None}
            assert await meta("processes/counter_1/errors/why") == {
                "node": home, "elsewhere": [f"{DEPOT} also has a process of this name: {why}"],
            }  # fmt: skip
            assert await meta("processes/counter_2/errors/why") == nothing
            assert await meta("processes/counter_1/errors/why", params={"node": home}) == nothing
            assert await meta("processes/counter_1/errors/why", headers={"x-door": "page"}) == nothing
            assert await meta("restarts") == nothing  # the list has all nodes
            assert (await meta("processes"))["elsewhere"] == [
                f"for {DEPOT}, use `superlearner process list --node {DEPOT}`"
            ]
            assert (await meta("system/process-tree"))["elsewhere"] == [
                f"for {DEPOT}, use `superlearner tree --node {DEPOT}`"
            ]
            assert await meta("system/anomalies") == {"node": home, "elsewhere": [f"{DEPOT} has no anomalies"]}
            assert (await meta("errors"))["elsewhere"] == [f"{DEPOT} has no recent crashes"]
            only = f"for {DEPOT}, use `superlearner process list --type supervisor"
            assert (await meta("processes?type=supervisor&page=2"))["elsewhere"][0].startswith(f"{only} --node ")
            shop = await node.start(DynamicSupervisor, name="depot_sup")
            for path in ("supervisors/depot_sup", "system/process-tree?root=depot_sup"):  # regression: not found
                error = (await platform.get(f"/api/v1/{path}"))["error"]
                assert error["message"] == f"there is no supervisor depot_sup on {home}; it is on {DEPOT}"
            await Supervisor.stop(shop)
            await GenServer.stop(pid, "disk full")
            errors = f"`superlearner error list --node {DEPOT}`"
            assert (await meta("errors"))["elsewhere"] == [f"{DEPOT} has a recent crash: {errors}"]
            platform.platform.nodes.detach(DEPOT)

    inside(test)


@pytest.mark.operation("process.list", "process.info", "process.kill", "supervisor.terminate_child")
def test_the_only_service_is_the_default_node_of_a_platform_without_a_tree(inside: Inside) -> None:
    """Regression: `process list` and `process kill till` asked the empty node of `run --empty`."""

    async def test(platform: Any) -> None:
        home, nodes = platform.node.name, platform.platform.nodes
        about = {"node": DEPOT, "elsewhere": ["it is the only service"]}

        async def node_of(path: str, **options: Any) -> str:
            return (await platform.get(f"/api/v1/{path}", **options)).get("meta", {}).get("node") or home

        async def page(path: str) -> str:
            return (await platform.client.get(path)).text

        async with otp.Node(DEPOT) as node, otp.Node("kiosk@127.0.0.1") as kiosk:
            nodes.attach(node, kind=SERVICE)
            pid = await node.start(Agent, lambda: 0, name="shelf")
            assert await node_of("processes") == home  # it has the demo
            nodes.runs_no_tree = True
            assert await node_of("processes") == home  # its own tree has processes
            for child in await Supervisor.which_children(("playground", platform.node)):
                await Supervisor.terminate_child(("playground", platform.node), child.id)
            for path in ("processes", "processes/shelf/info", "system/process-tree"):
                assert (await platform.get(f"/api/v1/{path}"))["meta"].items() >= about.items()
            assert await node_of("processes", params={"node": home}) == home
            assert await node_of("processes", headers={"x-door": "page"}) == home  # a page shows its node
            served = f"/supervisors?node={DEPOT.replace('@', '%40')}"
            for path, leads in (("/", True), ("/supervisors", False), (served, True)):  # Start leads to the service
                assert (f'href="{served}" data-page="supervisors"' in await page(path)) == leads
            note = f'This page shows the platform itself. Your service: <a href="{served}">'
            assert note in await page("/supervisors")
            assert "the platform itself. Your" not in await page("/") + await page(served) + await page("/settings")
            error = (await platform.get("/api/v1/processes/shel/info"))["error"]
            assert error["message"] == f"there is no process 'shel' on {DEPOT}; did you mean shelf?"
            error = (await platform.get("/api/v1/supervisors/shelf"))["error"]
            assert error["message"] == f"there is no supervisor shelf on {DEPOT} (this process is not a supervisor)"
            killed = (await platform.client.delete("/api/v1/processes/shelf", headers=OWNER)).json()
            assert (killed["data"]["pid"], killed["meta"]) == (plain_pid(pid), about)

            nodes.wait_for("van@127.0.0.1", "van@127.0.0.1 is looked for")  # there are two
            assert await node_of("processes") == home
            nodes.stop_waiting("van@127.0.0.1")
            nodes.attach(kiosk, kind=SERVICE)
            assert await node_of("processes") == home
            # regression: it acted on the platform's node as soon as there were two services
            error = (await platform.client.delete("/api/v1/processes/shelf", headers=OWNER)).json()["error"]
            assert (error["code"], error["message"]) == (
                "validation_error",
                f"node: expected a name, got none: process.kill may be meant for {DEPOT}, kiosk@127.0.0.1, {home}",
            )
            nodes.detach("kiosk@127.0.0.1")
            nodes.detach(DEPOT)
            nodes.wait_for(DEPOT, f"{DEPOT} is looked for")
            assert (await platform.get("/api/v1/processes"))["error"]["code"] == "node_not_found"
            nodes.stop_waiting(DEPOT)
            assert await node_of("processes") == home

    inside(test)


class Other:
    """A connection to a service that sends `answer` to each question, or nothing."""

    def __init__(self, answer: p.Record | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def ask(self, request: bytes) -> object:
        read = p.read_request(request)
        if isinstance(read, p.Hello):
            return p.written(p.Facts(p.PROTOCOL, DEPOT, p.Fact("open", 1, 1, "3", 1)))
        if isinstance(read, (p.Names, p.Execute)):
            self.asked.append(type(read).__name__)
            if self.answer is not None:
                return p.written(self.answer)
        await asyncio.Event().wait()
        return b""

    def cast(self, request: bytes) -> None:
        pass


@pytest.mark.operation("system.anomalies")
def test_a_node_without_a_summary_of_its_anomalies_does_not_fail_the_answer_of_another(inside: Inside) -> None:
    """Regression: the answer was an internal error."""
    nothing = b'{"anomalies": [], "summary": null, "checked_at": "2026-01-01T00:00:00Z", "processes_looked_at": null}'

    async def test(platform: Any) -> None:
        platform.platform.anomaly_history.close()  # it would ask, too
        await platform.platform.nodes.attach_remote(DEPOT, Other(p.Executed(nothing)))
        answer = await platform.get("/api/v1/system/anomalies")
        shows = f"`superlearner system anomalies --node {DEPOT}`"
        assert answer["meta"]["elsewhere"] == [f"{DEPOT} does not answer now: {shows}"]
        platform.platform.nodes.detach(DEPOT)

    inside(test)


@pytest.mark.operation("process.info", "system.anomalies")
def test_a_silent_node_delays_one_request_and_not_each(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: while a service was blocked, each request for a process by its name took a second."""
    monkeypatch.setattr(elsewhere, "ANSWER_S", 0.05)

    async def test(platform: Any) -> None:
        platform.platform.anomaly_history.close()
        line = Other(None)
        await platform.platform.nodes.attach_remote(DEPOT, line)
        for _ in range(3):
            assert "meta" not in await platform.get("/api/v1/processes/counter_1/info")
        assert line.asked == ["Names"]
        [told] = (await platform.get("/api/v1/system/anomalies"))["meta"]["elsewhere"]
        assert told.startswith(f"{DEPOT} did not answer within 0.05 s: ")
        assert line.asked == ["Names"]
        platform.platform.nodes.detach(DEPOT)

    inside(test)


@pytest.mark.operation("system.anomalies", "process.list", "node.list", "process.info")
def test_an_attached_service_that_is_looked_for_is_not_left_out(inside: Inside) -> None:
    """Regression: after a service had ended, the commands found no problem, and the list of nodes lacked it."""

    async def test(platform: Any) -> None:
        home, nodes = platform.node.name, platform.platform.nodes
        why = f"{DEPOT} has not been reachable since 01:02:03, and is being looked for: it was killed"
        nodes.wait_for(DEPOT, why)
        for path in ("system/anomalies", "processes"):
            meta = (await platform.get(f"/api/v1/{path}"))["meta"]
            assert (meta["node"], meta["elsewhere"]) == (home, [why])
            asked = (await platform.get(f"/api/v1/{path}", params={"node": home})).get("meta", {})
            assert "elsewhere" not in asked
        assert "elsewhere" not in (await platform.get("/api/v1/processes/counter_1")).get("meta", {})
        shown = {one["name"]: (one["kind"], one["status"]) for one in (await platform.get("/api/v1/nodes"))["data"]}
        assert ("service", "gone") == shown[DEPOT]
        nodes.stop_waiting(DEPOT)
        assert DEPOT not in [one["name"] for one in (await platform.get("/api/v1/nodes"))["data"]]

    inside(test)
