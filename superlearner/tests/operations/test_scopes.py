"""Scopes at every interface: requests without the scope have no effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute

import otp
from superlearner.operations import PREFIX
from superlearner.operations.engine.registry import all_operations
from superlearner.web.app import create_routes

Run = Callable[..., Any]
BEARER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
JSON = {"content-type": "application/json"}
EXAMPLES = {"pid": "counter_1", "name": "demo_one_for_one", "child_id": "counter_1"}


def address(path: str) -> str:
    """Return a path of the route with existing names."""
    return PREFIX + re.sub(r"\{(\w+)(:path)?\}", lambda found: EXAMPLES.get(found[1], "counter_1"), path)


async def wait_as(name: str) -> None:
    otp.register(name, otp.self())
    await otp.receive(otp.Is("end"))


async def pids(platform: Any) -> Any:
    tree = await platform.get("/api/v1/supervisors?per_page=1000", headers=BEARER)
    children = await platform.get("/api/v1/supervisors/demo_one_for_one", headers=BEARER)
    return [one["pid"] for one in (*tree["data"], *children["data"]["children"])]


def test_no_operation_runs_without_its_scope(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        before = await pids(platform)
        assert before
        secrets = {}
        await platform.platform.store.sync()
        for grants in (("own",), ("read", "own"), ("read", "operate"), ("operate", "code")):
            body = {"name": "-".join(grants), "scopes": grants}
            made = await client.post("/api/v1/tokens", json=body, headers=BEARER)
            secrets[grants] = {"authorization": f"Bearer {made.json()['data']['secret']}"}
        refused, claims = 0, cycle(("rest", "page", "cli", "console", "mcp", "link", "owner"))
        for operation in platform.platform.arsenal:
            for grants, headers in secrets.items():
                if operation.scope in grants or operation.of == "everyone":
                    continue
                if "own" in grants and operation.of not in ("node", "platform"):
                    continue  # the owner of the thing decides
                if grants == ("own",) and operation.of == "node":
                    continue  # applies to the user's own home, as no node is named
                # The scope is checked before the body, which is invalid.
                broken = {} if operation.method == "GET" else {"content": b"{", "headers": {**headers, **JSON}}
                claimed = {"x-door": next(claims)}  # what a client says it is gives no scope
                asked: Any = {"headers": headers, **broken}
                asked["headers"] = asked["headers"] | claimed
                answer = await client.request(operation.method, address(operation.path), **asked)
                context = (operation.name, grants, answer.text[:300])
                assert answer.status_code == 403, context
                assert answer.json()["error"]["code"] == "missing_scope", context
                refused += 1
        assert refused > len(list(platform.platform.arsenal))
        assert before == await pids(platform)
        assert {entry.did for entry in platform.platform.audit.entries() if entry.user != "owner"} == {None}

    inside(test, data_dir=tmp_path, quota_requests_per_second=10_000)


@pytest.mark.parametrize("auth", [None, "all"])
def test_operations_with_scope_code_always_need_a_credential(inside: Run, auth: str | None) -> None:
    expected = (401, "unauthorized") if auth else (403, "missing_scope")

    async def test(platform: Any) -> None:
        for operation in platform.platform.arsenal:
            if operation.scope == "code" or auth:
                answer = await platform.client.request(operation.method, address(operation.path))
                assert (answer.status_code, answer.json()["error"]["code"]) == expected, operation.name
        if not auth:
            shown = await platform.client.get("/api/v1/processes/counter_1/state?redact=false")
            assert (shown.status_code, shown.json()["error"]["code"]) == expected

    inside(test, auth=auth)


def test_other_routes_need_the_scope_read(inside: Run, tmp_path: Path) -> None:
    """Pages, metrics, streams: all existing routes, so new ones are covered."""

    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        body = {"name": "blind", "scopes": ["operate", "code"]}
        made = await platform.client.post("/api/v1/tokens", json=body, headers=BEARER)
        blind = {"authorization": f"Bearer {made.json()['data']['secret']}"}
        operations = {PREFIX + operation.path for operation in platform.platform.arsenal}
        asked = 0
        for path in routes_of(platform.running):
            if path in operations or path.startswith(("/static", "/health/")):
                continue
            answer = await platform.client.get(path.replace("{path:path}", "x"), headers=blind)
            assert answer.status_code == 403, path
            asked += 1
        assert asked > 2

    inside(test, data_dir=tmp_path)


def routes_of(running: Any) -> list[str]:
    """Return the paths of the application that the document describes."""
    found: list[BaseRoute] = create_routes(running.platform, running).routes
    return [*(getattr(route, "path", "") for route in found), "/live/supervisors", "/metrics", "/api/v1/events"]


def test_the_scope_own_gives_all_scopes_on_own_nodes_and_none_elsewhere(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client, nodes = platform.client, platform.platform.nodes
        await platform.platform.store.sync()
        made = await client.post("/api/v1/tokens", json={"name": "ada", "scopes": ["own"]}, headers=BEARER)
        ada = {"authorization": f"Bearer {made.json()['data']['secret']}"}
        async with otp.Node("ada@127.0.0.1") as hers, otp.Node("bob@127.0.0.1") as his:
            nodes.attach(hers, owner="ada")
            nodes.attach(his, owner="bob")
            hers.spawn(wait_as, "target")
            allowed = {}
            for name in ("ada@127.0.0.1", "bob@127.0.0.1", "superlearner@127.0.0.1", "nobody@127.0.0.1", ""):
                answer = await client.get(f"/api/v1/processes?node={name}", headers=ada)
                allowed[name] = answer.status_code
            assert allowed.pop("ada@127.0.0.1") == 200
            assert set(allowed.values()) == {403}
            # Of the platform's own node they get the events about themselves.
            for path, others in (("/events?timeout_ms=1&", 200), ("/processes/target/state?redact=false&", 403)):
                answers = [
                    await client.get(f"/api/v1{path}node={name}", headers={**ada, "accept": "application/json"})
                    for name in ("ada@127.0.0.1", "bob@127.0.0.1", "superlearner@127.0.0.1")
                ]
                assert [answer.status_code for answer in answers] == [200, 403, others], path
            await client.request("DELETE", "/api/v1/processes/target", headers=ada)
            assert hers.whereis("target") is not None
            killed = await client.request("DELETE", "/api/v1/processes/target?node=ada@127.0.0.1", headers=ada)
            assert (killed.status_code, hers.whereis("target")) == (200, None)
            for operation in platform.platform.arsenal:
                if operation.of == "platform":  # belongs to the platform, whatever node is named
                    path = address(operation.path) + "?node=ada@127.0.0.1"
                    assert (await client.request(operation.method, path, headers=ada)).status_code == 403, path

    inside(test, data_dir=tmp_path, quota_requests_per_second=10_000)


def test_changes_need_more_than_the_scope_read() -> None:
    assert [one.name for one in all_operations() if one.changes and one.scope == "read"] == []
