"""The HTTP door: what is the same for all operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp

Inside = Callable[..., Any]
TOKEN = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


def test_a_dry_run_over_http_says_who_would_feel_it_and_ends_nobody(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = platform.node.whereis("counter_1")
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_1?dry_run=true")
        data = answer.json()["data"]
        assert (answer.status_code, data["dry_run"]) == (200, True)
        assert data["would"].startswith("send the exit signal kill to counter_1 (0.")
        assert [one.partition(" ")[0] for one in data["affects"]] == ["counter_1", "demo_one_for_one"]
        assert otp.is_alive(before)
        assert platform.platform.audit.entries() == []

    inside(test)


def test_a_dry_run_of_what_must_not_be_is_refused_like_the_real_one(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.request("DELETE", "/api/v1/processes/superlearner?dry_run=true")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "critical_process_protection")

    inside(test)


def test_parameters_of_a_delete_come_in_the_query_as_well_as_in_the_body(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_1?reason=shutdown")
        assert answer.json()["data"]["reason"] == "shutdown"
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_2", json={"reason": "boom"})
        assert answer.json()["data"]["reason"] == "boom"
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_1?force=perhaps")
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "force")

    inside(test)


def test_changes_are_in_the_audit_log_with_user_and_door(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", headers={"x-door": "page"})
        await platform.client.request("DELETE", "/api/v1/processes/superlearner")
        entries = platform.platform.audit.entries()
        assert [(one.user, one.door, one.operation, one.outcome) for one in entries] == [
            ("anonymous", "page", "process.kill", "ok"),
            ("anonymous", "rest", "process.kill", "critical_process_protection"),
        ]

    inside(test)


def test_who_shows_the_token_is_the_owner(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", headers=TOKEN)
        (entry,) = platform.platform.audit.entries()
        assert entry.user == "owner"

    inside(test, auth="all")


@pytest.mark.operation("arsenal.operations", "arsenal.docs")
def test_all_operations_are_listed_with_the_schema_of_their_form(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        listed = (await platform.get("/api/v1/arsenal/operations"))["data"]
        assert len(listed) == len(platform.platform.arsenal)
        kill = next(one for one in listed if one["name"] == "process.kill")
        assert (kill["method"], kill["path"], kill["scope"]) == ("DELETE", "/api/v1/processes/{pid}", "operate")
        assert kill["parameters"]["properties"]["pid"]["x-picker"] == "process"
        document = await platform.get("/api/v1/arsenal/docs")
        routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
        assert {(one["method"], one["path"]) for one in listed} == routes

    inside(test)
