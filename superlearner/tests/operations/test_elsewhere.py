"""An answer to a request without a node says which node it is about, and what other attached nodes have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Agent, DynamicSupervisor, GenServer, Supervisor
from superlearner.nodes.kinds import SERVICE

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
                "node": home, "elsewhere": [f"{DEPOT} has a process of this name, too: {why}"],
            }  # fmt: skip
            assert await meta("processes/counter_2/errors/why") == nothing
            assert await meta("processes/counter_1/errors/why", params={"node": home}) == nothing
            assert await meta("processes/counter_1/errors/why", headers={"x-door": "page"}) == nothing
            assert await meta("restarts") == nothing  # has all of them
            assert (await meta("processes"))["elsewhere"] == [
                f"`superlearner process list --node {DEPOT}` is about {DEPOT}"
            ]
            assert (await meta("system/process-tree"))["elsewhere"] == [
                f"`superlearner tree --node {DEPOT}` is about {DEPOT}"
            ]
            assert await meta("system/anomalies") == {"node": home, "elsewhere": [f"{DEPOT} has no anomalies"]}
            assert (await meta("errors"))["elsewhere"] == [f"{DEPOT} has none"]
            only = "`superlearner process list --type supervisor"
            assert (await meta("processes?type=supervisor&page=2"))["elsewhere"][0].startswith(f"{only} --node ")
            shop = await node.start(DynamicSupervisor, name="depot_sup")
            for path in ("supervisors/depot_sup", "system/process-tree?root=depot_sup"):  # regression: not found
                error = (await platform.get(f"/api/v1/{path}"))["error"]
                assert error["message"] == f"there is no supervisor depot_sup on {home}; it is on {DEPOT}"
            await Supervisor.stop(shop)
            await GenServer.stop(pid, "disk full")
            errors = f"`superlearner error list --node {DEPOT}`"
            assert (await meta("errors"))["elsewhere"] == [f"{DEPOT} has a crash: {errors}"]
            platform.platform.nodes.detach(DEPOT)

    inside(test)
