"""The audit log has what the server saw, and keeps apart what a client claims."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


@pytest.mark.operation("audit.list")
def test_the_audit_log_has_the_interface_that_the_server_saw(inside: Callable[..., Any], tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        await platform.platform.store.sync(30)
        made = {"name": "tea", "scopes": ["read", "operate"]}
        secret = (await client.post("/api/v1/tokens", json=made, headers=OWNER)).json()["data"]["secret"]
        signed_in = await client.post("/sign-in", data={"token": secret})
        client.cookies.clear()
        browser = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        for headers in ({}, OWNER, browser):
            lying = {**headers, "x-door": "mcp"}
            await client.request("DELETE", "/api/v1/processes/counter_1", headers=lying)
        answer = await client.get("/api/v1/audit?operation=process.kill", headers=OWNER)
        assert [(line["user"], line["door"], line["claims"]) for line in answer.json()["data"]] == [
            ("tea", "session", "mcp"),
            ("owner", "token", "mcp"),
            ("anonymous", "loopback", "mcp"),
        ]
        only = await client.get("/api/v1/audit?operation=process.kill&door=session", headers=OWNER)
        assert [line["user"] for line in only.json()["data"]] == ["tea"]

    inside(test, data_dir=tmp_path)
