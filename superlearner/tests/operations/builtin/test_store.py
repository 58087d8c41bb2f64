"""The store over HTTP, while it works and while it does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from superlearner.store import Restart, StoreUnavailable, database_info

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


async def kill(platform: Any, name: str) -> int:
    request = platform.client.build_request("DELETE", f"/api/v1/processes/{name}", json={}, headers=OWNER)
    return (await platform.client.send(request)).status_code


@pytest.mark.operation("audit.list")
def test_the_audit_log_lists_users_actions_and_refusals(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async def listed(query: str = "") -> list[Any]:
            return (await platform.get(f"/api/v1/audit{query}", headers=OWNER))["data"]

        assert await listed() == []
        assert await kill(platform, "counter_1") == 200
        assert await kill(platform, "nobody") == 404
        assert await kill(platform, "web") == 403
        outcomes = [(line["operation"], line["outcome"]) for line in await listed()]
        refused = [("process.kill", "critical_process_protection"), ("process.kill", "process_not_found")]
        assert outcomes == [*refused, ("process.kill", "ok")]
        (done,) = await listed("?outcome=ok")
        assert (done["user"], done["door"], done["claims"]) == ("owner", "token", "rest")
        assert done["parameters"] == {"pid": "counter_1", "reason": "kill", "force": False}
        assert done["did"].startswith("send the exit signal kill to counter_1")
        assert [line["outcome"] for line in await listed(f"?since={done['at'] + 1e-6}&per_page=1&page=2")] == [
            "process_not_found"
        ]
        assert await listed("?user=bob") == []
        page = await platform.get("/api/v1/audit?per_page=2&page=2", headers=OWNER)
        assert page["meta"] == {"total": 3, "page": 2, "per_page": 2, "total_pages": 2}

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("audit.list")
def test_the_audit_log_can_be_filtered_by_node(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with otp.Node("till@127.0.0.1") as till:
            platform.platform.nodes.attach(till)
            drawer = str(till.spawn(otp.receive)).strip("<>")
            assert await kill(platform, f"{drawer}?node=till@127.0.0.1") == 200
            assert await kill(platform, "counter_1") == 200
            for node, name in (("till@127.0.0.1", drawer), (platform.node.name, "counter_1")):
                found = await platform.get(f"/api/v1/audit?node={node}", headers=OWNER)
                assert [(node, name)] == [(line["node"], line["parameters"]["pid"]) for line in found["data"]]
                assert 1 == found["meta"]["total"]

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("audit.list")
def test_actions_of_an_earlier_run_are_listed(inside: Inside, tmp_path: Path) -> None:
    async def first(platform: Any) -> None:
        assert await kill(platform, "counter_1") == 200

    async def second(platform: Any) -> None:
        (line,) = (await platform.get("/api/v1/audit", headers=OWNER))["data"]
        assert line["operation"] == "process.kill"
        assert line["run"] != platform.platform.store.run

    inside(first, data_dir=tmp_path, auth="all")
    inside(second, data_dir=tmp_path, auth="all")


def test_the_audit_log_requires_the_scope_code(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get("/api/v1/audit")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("store.info")
def test_the_store_reports_its_size(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        before = (await platform.get("/api/v1/store"))["data"]
        assert (before["state"], before["kind"], before["rows"]["audit"]) == ("open", "sqlite", 0)
        await kill(platform, "counter_1")
        await platform.platform.store.sync()
        after = (await platform.get("/api/v1/store"))["data"]
        assert (after["waiting"], after["dropped"], after["rows"]["audit"]) == (0, {}, 1)
        assert after["stored"] == sum(after["rows"].values()) > 0  # analytics stores the restart after the kill

    inside(test, data_dir=tmp_path)


def test_the_path_of_the_database_is_shown_with_a_credential_only(inside: Inside, tmp_path: Path) -> None:
    async def open_to_all(platform: Any) -> None:
        await platform.platform.store.sync()
        assert (await platform.get("/api/v1/store"))["data"]["database"] is None

    async def asked(platform: Any) -> None:
        await platform.platform.store.sync()
        shown = (await platform.get("/api/v1/store", headers=OWNER))["data"]["database"]
        assert shown == f"sqlite:///{tmp_path / 'superlearner.db'}"

    inside(open_to_all, data_dir=tmp_path)
    inside(asked, data_dir=tmp_path, auth="all")


def test_the_platform_runs_with_an_unusable_database(inside: Inside, tmp_path: Path) -> None:
    file = tmp_path / "superlearner.db"
    file.write_bytes(b"not a database at all\n" * 100)
    before = file.read_bytes()

    async def test(platform: Any) -> None:
        with pytest.raises(StoreUnavailable, match="not an SQLite database"):
            await platform.platform.store.sync()
        assert await kill(platform, "counter_1") == 200
        answer = await platform.client.get("/api/v1/audit", headers=OWNER)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (503, "store_unavailable")
        assert str(tmp_path) not in answer.text
        shown = (await platform.get("/api/v1/store", headers=OWNER))["data"]
        assert (shown["state"], shown["stored"], shown["rows"]) == ("unavailable", 0, None)
        assert shown["waiting"] == shown["accepted"] > 0
        assert f"mv {file} {file}.old" in shown["hint"]
        health = (await platform.get("/api/v1/system/health", headers=OWNER))["data"]
        assert (health["status"], health["parts"]["store"]) == ("degraded", False)
        assert (await platform.client.get("/health/ready")).status_code == 200
        assert b"the store is unavailable: the file superlearner.db is not an SQLite" in platform.hub.snapshot()
        assert file.read_bytes() == before

        file.rename(tmp_path / "superlearner.db.old")
        again = asyncio.Event()
        platform.platform.store.tell = lambda level, text: again.set()
        otp.send(platform.node.whereis("store"), "open")
        await again.wait()
        (line,) = (await platform.get("/api/v1/audit", headers=OWNER))["data"]
        assert line["operation"] == "process.kill"

    inside(test, data_dir=tmp_path, auth="all")


def test_without_a_data_directory_nothing_is_stored_and_that_is_no_error(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await platform.get("/api/v1/store", headers=OWNER))["data"]["state"] == "off"
        assert (await platform.client.get("/api/v1/audit", headers=OWNER)).status_code == 503
        assert (await platform.get("/api/v1/system/health", headers=OWNER))["data"]["status"] == "healthy"

    inside(test, auth="all")


async def ask(platform: Any, method: str, path: str, **body: Any) -> Any:
    """Return the data of the owner's request, or the status and code of its error."""
    answer = await platform.client.request(method, f"/api/v1/store/{path}", json=body, headers=OWNER)
    shown = answer.json()
    return shown["data"] if answer.status_code == 200 else (answer.status_code, shown["error"]["code"])


async def rows_of(platform: Any) -> Any:
    await platform.node.wait_registered("counter_1")  # killed, and restarted later on a loaded machine
    platform.platform.moments.catch_up()  # else the replay of a restart is stored once it has settled
    await platform.platform.store.sync()
    return (await platform.get("/api/v1/store", headers=OWNER))["data"]["rows"]


@pytest.mark.operation("store.export")
def test_the_audit_log_is_exported_into_a_file_of_the_data_directory(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        assert await kill(platform, "counter_1") == 200
        written = await ask(platform, "POST", "export", table="audit", name="log")
        assert (written["rows"], written["file"]) == (1, str(tmp_path / "exports" / "log.jsonl"))
        (line,) = (tmp_path / "exports" / "log.jsonl").read_text().splitlines()
        assert json.loads(line)["parameters"] == {"pid": "counter_1", "reason": "kill", "force": False}
        assert (await ask(platform, "POST", "export", table="audit", until=1))["rows"] == 0
        assert await ask(platform, "POST", "export", table="audit", name="log") == (409, "name_taken")
        assert await ask(platform, "POST", "export", table="tokens") == (422, "validation_error")
        for name in ("../log", "", ".log", "a/b", "a\n", "x" * 65):
            assert await ask(platform, "POST", "export", name=name) == (422, "validation_error")
        assert {line["operation"] for line in (await platform.get("/api/v1/audit", headers=OWNER))["data"]} == {
            "process.kill",
            "store.export",
        }

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("store.backup")
def test_a_backup_is_a_database_with_the_same_rows(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        assert await kill(platform, "counter_1") == 200
        before = await rows_of(platform)
        written = await ask(platform, "POST", "backup")
        assert Path(written["file"]).parent == tmp_path / "backups"
        assert (await otp.Task.run_blocking(database_info, Path(written["file"]))).rows == before
        dry = await platform.client.post("/api/v1/store/backup?dry_run=true", json={"name": "dry"}, headers=OWNER)
        assert dry.json()["data"]["would"] == "copy the database to dry.db"
        assert not (tmp_path / "backups" / "dry.db").exists()

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("store.delete", "store.compact")
def test_old_rows_are_deleted_and_disk_space_is_freed(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        store = platform.platform.store
        store.append_restarts(Restart(float(at), "shop", "till", "restarted", reason="x" * 3000) for at in range(1000))
        assert await kill(platform, "counter_1") == 200
        before = await rows_of(platform)
        dry = await platform.client.request(
            "DELETE", "/api/v1/store/rows?dry_run=true", json={"before": 900}, headers=OWNER
        )
        assert dry.json()["data"]["would"].startswith("delete 900 rows of restarts that are older than 1970-01-01")
        assert await ask(platform, "DELETE", "rows", before=900) == {"table": "restarts", "deleted": 900}
        after = await rows_of(platform)
        assert (after["restarts"], after["audit"]) == (before["restarts"] - 900, before["audit"] + 1)
        (line,) = (await platform.get("/api/v1/audit?operation=store.delete", headers=OWNER))["data"]
        assert line["did"].startswith("delete 900 rows of restarts")
        size = await ask(platform, "POST", "compact")
        assert size["bytes_after"] < size["bytes_before"] / 2
        assert await ask(platform, "DELETE", "rows", before=-1) == (422, "validation_error")
        assert await ask(platform, "DELETE", "rows", before=1, table="users") == (422, "validation_error")

    inside(test, data_dir=tmp_path)


@pytest.mark.parametrize("path", ["export", "backup", "compact", "rows"])
def test_deleting_and_exporting_data_requires_the_scope_code(inside: Inside, tmp_path: Path, path: str) -> None:
    async def test(platform: Any) -> None:
        method, body = ("DELETE", {"before": 1}) if path == "rows" else ("POST", {})
        answer = await platform.client.request(method, f"/api/v1/store/{path}", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")

    inside(test, data_dir=tmp_path)
