"""Descriptions of operations, and the rights of the current user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


@pytest.mark.operation("arsenal.whoami")
def test_users_can_list_their_rights(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        anonymous = (await platform.get("/api/v1/arsenal/whoami"))["data"]
        assert anonymous == {
            "user": "anonymous", "role": None, "scopes": ["read", "operate"], "may": ["read", "operate"],
            "credential": False, "local": True,
        }  # fmt: skip
        owner = (await platform.get("/api/v1/arsenal/whoami", headers=OWNER))["data"]
        assert (owner["user"], owner["may"], owner["credential"]) == (
            "owner",
            ["read", "operate", "code", "admin"],
            True,
        )

    inside(test)


def test_descriptions_contain_choices_for_forms_and_mark_streams_and_files(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        lines = {one["name"]: one for one in (await platform.get("/api/v1/arsenal/operations"))["data"]}
        assert lines["trace.info"]["parameters"]["properties"]["trace_id"]["x-picker"] == "trace"
        assert lines["process.bulk"]["parameters"]["properties"]["pids"]["x-picker"] == "process"
        assert lines["store.delete"]["parameters"]["properties"]["before"]["format"] == "unix-time"
        assert [name for name, one in lines.items() if one["streams"]] == ["events.stream"]
        assert lines["system.export"]["media"] == ["text/csv"]

    inside(test)


@pytest.mark.operation("audit.list")
def test_the_audit_log_is_filtered_by_interface_and_end_time(inside: Callable[..., Any], tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await platform.client.delete("/api/v1/processes/counter_1", headers={"x-door": "page"})
        await platform.client.delete("/api/v1/processes/counter_2")

        async def found(**asked: Any) -> list[str]:
            lines = (await platform.get("/api/v1/audit", params=asked, headers=OWNER))["data"]
            return [line["parameters"]["pid"] for line in lines]

        assert await found(claims="page") == ["counter_1"]
        assert await found(claims="rest") == ["counter_2"]
        assert len(await found(door="loopback")) == 2
        assert await found(door="token") == []
        assert await found(until=1) == []
        assert len(await found(until=253402300799)) == 2
        lines = (await platform.get("/api/v1/audit", headers=OWNER))["data"]
        assert [platform.node.name] * 2 == [line["node"] for line in lines]
        await platform.client.post("/api/v1/store/compact", headers=OWNER)
        await platform.client.delete("/api/v1/processes/counter_1?node=nowhere@127.0.0.1")
        lines = (await platform.get("/api/v1/audit", headers=OWNER))["data"]
        assert ["nowhere@127.0.0.1", None] == [line["node"] for line in lines[:2]], "an unknown node, and the platform"

    inside(test, data_dir=tmp_path)
