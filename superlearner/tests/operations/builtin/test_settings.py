"""Settings over HTTP: values, sources, and changes while the platform runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from superlearner.settings.configuration import Configuration

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


async def put(platform: Any, name: str, value: Any, query: str = "") -> Any:
    return await platform.client.put(f"/api/v1/settings/{name}{query}", json={"value": value}, headers=OWNER)


async def get(platform: Any, name: str, **headers: str) -> Any:
    return (await platform.get(f"/api/v1/settings/{name}", headers=headers))["data"]


@pytest.mark.operation("settings.set", "settings.get", "settings.reset", "settings.changes")
def test_a_setting_is_changed_shown_kept_as_history_and_reset(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        before = await get(platform, "kill_wait")
        assert (before["value"], before["source"], before["unit"], before["hot"]) == (5.0, "default", "s", True)
        would = (await put(platform, "kill_wait", 1.5, "?dry_run=true")).json()["data"]["would"]
        assert would == "set kill_wait: kill_wait is 1.5 (was 5.0; the API (owner))"
        assert (await get(platform, "kill_wait"))["value"] == 5.0
        done = (await put(platform, "kill_wait", 1.5)).json()["data"]
        assert done["kept_until"] == "restart"
        assert [(one["before"], one["after"]) for one in done["changed"]] == [(5.0, 1.5)]
        after = await get(platform, "kill_wait")
        assert (after["value"], after["source"], after["where"]) == (1.5, "api", "the API (owner)")
        reset = await platform.client.delete("/api/v1/settings/kill_wait", headers=OWNER)
        assert [one["after"] for one in reset.json()["data"]["changed"]] == [5.0]
        assert (await get(platform, "kill_wait"))["source"] == "default"
        rows = (await platform.get("/api/v1/settings/changes?setting=kill_wait", headers=OWNER))["data"]
        assert [(row["before"], row["after"]) for row in rows] == [(1.5, 5.0), (5.0, 1.5)]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("settings.update", "settings.list")
def test_several_are_set_or_none_of_them(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def update(values: Any) -> Any:
            return await platform.client.put("/api/v1/settings", json={"values": values}, headers=OWNER)

        async def by_the_api() -> dict[str, Any]:
            lines = (await platform.get("/api/v1/settings?source=api"))["data"]
            return {line["name"]: line["value"] for line in lines}

        refused = await update({"kill_wait": 1.0, "scan_interval": "soon"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_error")
        (detail,) = refused.json()["error"]["details"]
        assert detail["field"] == "scan_interval"
        assert detail["problem"] == "expected a number, got 'soon'"
        assert await by_the_api() == {}
        assert (await update({"kill_wait": 1.0, "scan_interval": 9})).status_code == 200
        assert await by_the_api() == {"kill_wait": 1.0, "scan_interval": 9.0}
        assert (await update({})).status_code == 422
        assert (await update({"kill_wiat": 1})).json()["error"]["code"] == "setting_not_found"

    inside(test)


def test_the_error_for_a_setting_that_needs_a_restart_says_what_to_do(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await put(platform, "port", 4009)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "restart_needed")
        (detail,) = answer.json()["error"]["details"]
        assert "set port = 4009 in superlearner.toml and restart" in detail["hint"]

    inside(test)


WRONG = [
    ("kill_wait", 0), ("kill_wait", None), ("kill_wait", [1]), ("kill_wait", "x"), ("kill_wait", True),
    ("max_body", 1.5), ("max_body", 10**30), ("log_level", "loud"), ("enable_detailed_logging", "perhaps"),
    ("scan_interval", 0.0), ("kill_wait", {"a": 1}),
]  # fmt: skip


def test_a_wrong_value_is_refused_and_changes_nothing(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name, value in WRONG:
            before = await get(platform, name)
            answer = await put(platform, name, value)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error"), (name, value)
            assert await get(platform, name) == before

    inside(test)


def test_changes_require_the_scope_code_and_reading_hides_paths(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.put("/api/v1/settings/kill_wait", json={"value": 1})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")
        for name in ("data_dir", "database"):
            assert (await get(platform, name))["hidden"] is True
            assert (await get(platform, name))["value"] is None
        assert (await get(platform, "data_dir", **OWNER))["value"] == str(tmp_path)
        for name, hint in (("nothing", "see GET /api/v1/settings"), ("kill_wiat", "did you mean kill_wait?")):
            answer = await platform.client.get(f"/api/v1/settings/{name}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "setting_not_found")
            assert answer.json()["error"]["details"][0]["hint"] == hint

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("settings.reload", "settings.file")
def test_the_file_is_reloaded_on_request_and_errors_are_reported(inside: Inside, tmp_path: Path) -> None:
    file = tmp_path / "superlearner.toml"

    async def test(platform: Any) -> None:
        async def reload() -> Any:
            return await platform.client.post("/api/v1/settings/reload", headers=OWNER)

        async def state(**headers: str) -> Any:
            return (await platform.get("/api/v1/settings/file", headers=headers))["data"]

        assert (await state())["state"] == "absent"
        file.write_text("kill_wait = 2.0\n")
        assert [one["name"] for one in (await reload()).json()["data"]["changed"]] == ["kill_wait"]
        assert (await get(platform, "kill_wait"))["where"] == "superlearner.toml, line 1"
        file.write_text("kill_wait = 2.0\nscan_interval = 'x'\n")
        refused = await reload()
        assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (422, "scan_interval")
        assert "superlearner.toml, line 2: scan_interval: expected" in refused.json()["error"]["message"]
        shown = await state()
        assert (shown["state"], shown["path"], shown["problems"][0]["line"]) == ("refused", None, 2)
        assert (await state(**OWNER))["path"] == str(file)
        assert (await get(platform, "kill_wait"))["value"] == 2.0

    inside(test, configuration=Configuration(file))


def test_the_service_notices_a_change_of_the_file(inside: Inside, tmp_path: Path) -> None:
    file = tmp_path / "superlearner.toml"

    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/settings", json={})  # it is restarted
        await platform.node.wait_registered("settings")
        file.write_text("kill_wait = 2.0\n")
        for _ in range(2):
            await platform.call("settings", "look")
        assert (await get(platform, "kill_wait"))["value"] == 2.0
        file.write_text("kill_wait = 2.0\nscan_intervall = 1\n")
        for _ in range(2):
            await platform.call("settings", "look")
        entries = [entry.text for entry in platform.hub.feed.entries() if entry.kind == "setting_refused"]
        assert "superlearner.toml, line 2: scan_intervall: " in entries[0]
        assert "did you mean scan_interval?" in entries[0]

    inside(test, configuration=Configuration(file))
