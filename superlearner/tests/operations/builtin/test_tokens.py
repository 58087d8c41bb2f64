"""Tokens for other users: created once, shown once, revoked at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from open_sockets import OpenSocket
from superlearner.store import StoreUnavailable

Run = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
TOKENS = "/api/v1/tokens"


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def make(platform: Any, name: str, *scopes: str, **more: Any) -> str:
    body = {"name": name, "scopes": scopes or ("read",), **more}
    answer = await platform.client.post(TOKENS, json=body, headers=OWNER)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["secret"]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.operation("token.create", "token.list", "token.revoke")
def test_a_token_grants_its_scopes_until_it_is_revoked(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        secret = await make(platform, "laptop", "read", user="ada")
        assert (await client.get("/api/v1/supervisors", headers=bearer(secret))).status_code == 200
        kill = await client.request("DELETE", "/api/v1/processes/counter_1", headers=bearer(secret))
        assert code(kill) == (403, "missing_scope")
        assert "ada has read" in kill.json()["error"]["message"]
        assert code(await client.get(TOKENS, headers=bearer(secret))) == (403, "missing_scope")
        (line,) = (await client.get(TOKENS, headers=OWNER)).json()["data"]
        assert (line["name"], line["user"], line["scopes"], line["state"]) == ("laptop", "ada", ["read"], "live")
        assert line["used_at"] >= line["created_at"]
        assert line["expires_at"] == pytest.approx(line["created_at"] + 90 * 24 * 3600, abs=60)
        assert "secret" not in line
        dry = await client.request("DELETE", f"{TOKENS}/laptop?dry_run=true", headers=OWNER)
        assert dry.json()["data"]["would"] == "revoke the token laptop"
        assert (await client.get("/api/v1/supervisors", headers=bearer(secret))).status_code == 200
        done = await client.request("DELETE", f"{TOKENS}/laptop", headers=OWNER)
        assert (200, {"name": "laptop", "revoked": True}) == (done.status_code, done.json()["data"])
        assert code(await client.get("/api/v1/supervisors", headers=bearer(secret))) == (401, "unauthorized")
        assert code(await client.request("DELETE", f"{TOKENS}/laptop", headers=OWNER)) == (404, "token_not_found")
        (line,) = (await client.get(TOKENS, headers=OWNER)).json()["data"]
        assert (line["state"], line["revoked_at"] is None) == ("revoked", False)
        file = platform.platform.settings.data_dir / "superlearner.db"
        kept = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
        assert secret.encode() not in kept

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("token.create", "token.revoke")
def test_connections_and_sessions_end_with_the_token(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        ada, bob = await make(platform, "ada"), await make(platform, "bob")
        form = {"token": ada, "next": "/"}
        signed_in = await client.post("/sign-in", data=form)
        cookie = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        client.cookies.clear()
        assert (await client.get("/supervisors", headers=cookie)).status_code == 200
        open_ = [OpenSocket(platform, bearer(ada)), OpenSocket(platform, cookie), OpenSocket(platform, bearer(bob))]
        for socket in open_:
            await socket.accepted.wait()
        await client.request("DELETE", f"{TOKENS}/ada", headers=OWNER)
        assert [await socket.closed() for socket in open_[:2]] == [4401, 4401]
        assert not open_[2].task.done()
        assert (await client.get("/supervisors", headers=cookie)).status_code == 401
        open_[2].task.cancel()

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("token.create")
def test_an_expired_token_grants_nothing_and_ends_its_connections(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        secret = await make(platform, "short", expires_days=0.5 / 24 / 3600)
        socket = OpenSocket(platform, bearer(secret))
        assert await socket.closed() == 4401
        assert code(await platform.client.get("/api/v1/supervisors", headers=bearer(secret))) == (401, "unauthorized")
        (line,) = (await platform.client.get(TOKENS, headers=OWNER)).json()["data"]
        assert line["state"] == "expired"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("audit.list", "token.create")
def test_the_audit_log_names_the_holder_and_never_the_secret(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        secret = await make(platform, "desk", "read", "operate", user="ada")
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", headers=bearer(secret))
        await platform.client.request("DELETE", "/api/v1/tokens/desk", headers=bearer(secret))
        answer = await platform.client.get("/api/v1/audit", headers=OWNER)
        assert [(line["user"], line["operation"], line["outcome"]) for line in answer.json()["data"]] == [
            ("ada", "token.revoke", "missing_scope"),
            ("ada", "process.kill", "ok"),
            ("owner", "token.create", "ok"),
        ]
        assert answer.json()["data"][0]["parameters"] == {"name": "desk"}
        assert secret not in answer.text

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("token.create")
@pytest.mark.parametrize("name", ["owner", "Anonymous", "a b", "", "\u202eowner", "<b>", "a\n", "ö", "x" * 65, "../x"])
def test_names_that_would_be_misread_in_the_audit_log_are_refused(inside: Run, tmp_path: Path, name: str) -> None:
    async def test(platform: Any) -> None:
        for body in ({"name": name}, {"name": "fine", "user": name}):
            answer = await platform.client.post(TOKENS, json=body, headers=OWNER)
            assert code(answer) == (422, "validation_error")
        assert (await platform.client.get(TOKENS, headers=OWNER)).json()["data"] == []

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("token.create")
def test_the_name_of_a_revoked_token_is_not_reused(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await make(platform, "laptop")
        await platform.client.request("DELETE", f"{TOKENS}/laptop", headers=OWNER)
        again = await platform.client.post(TOKENS, json={"name": "laptop"}, headers=OWNER)
        assert code(again) == (409, "name_taken")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("token.revoke", "token.list")
def test_while_the_store_is_down_cached_tokens_work_and_the_owner_can_revoke(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        client, store = platform.client, platform.platform.store
        ada, bob = await make(platform, "ada"), await make(platform, "bob")

        def down() -> Any:
            raise StoreUnavailable("the disk is full", "free some space")

        monkeypatch.setattr(store.records, "_opened", down)
        assert (await client.get("/api/v1/supervisors", headers=bearer(ada))).status_code == 200
        assert code(await client.get(TOKENS, headers=OWNER)) == (503, "store_unavailable")
        refused = await client.request("DELETE", f"{TOKENS}/ada", headers=OWNER)
        assert code(refused) == (503, "store_unavailable")
        assert "is revoked only until the platform restarts" in refused.json()["error"]["message"]
        assert code(await client.get("/api/v1/supervisors", headers=bearer(ada))) == (401, "unauthorized")
        assert (await client.get("/api/v1/supervisors", headers=bearer(bob))).status_code == 200
        monkeypatch.undo()
        assert (await client.request("DELETE", f"{TOKENS}/ada", headers=OWNER)).status_code == 200

    inside(test, data_dir=tmp_path)


def test_a_token_that_cannot_be_verified_is_not_called_invalid(inside: Run, tmp_path: Path) -> None:
    """Only the owner's token is a file, so it is valid without the database."""
    with sqlite3.connect(tmp_path / "superlearner.db") as database:
        database.execute("CREATE TABLE superlearner_schema (version_num VARCHAR(32))")
        database.execute("INSERT INTO superlearner_schema VALUES ('9999')")
    database.close()

    async def test(platform: Any) -> None:
        for _ in range(12):
            answer = await platform.client.get("/api/v1/supervisors", headers=bearer(f"sl_{'x' * 43}"))
            assert code(answer) == (503, "store_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert (await platform.client.get("/api/v1/supervisors", headers=OWNER)).status_code == 200

    inside(test, data_dir=tmp_path)


def test_a_link_of_a_token_signs_in_its_holder_and_not_the_owner(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        secret = await make(platform, "ada")
        link = await client.post("/sign-in/link", headers=bearer(secret))
        await client.get(f"/?token={link.json()['data']['code']}")
        assert code(await client.get("/api/v1/audit")) == (403, "missing_scope")
        killed = await client.request("DELETE", "/api/v1/processes/counter_1")
        assert code(killed) == (403, "missing_scope")
        assert "ada has read" in killed.json()["error"]["message"]

    inside(test, data_dir=tmp_path)


def test_signing_out_ends_the_session_for_all_copies_of_the_cookie(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        await client.get(f"/?token={platform.platform.credentials.new_code()}")
        (name, value) = next(iter(client.cookies.items()))
        stolen = {"cookie": f"{name}={value}"}
        page = await client.get("/supervisors")
        assert 'action="/sign-out"' in page.text
        socket = OpenSocket(platform, stolen)
        await socket.accepted.wait()
        foreign = await client.post("/sign-out", headers={"sec-fetch-site": "cross-site"})
        assert code(foreign) == (403, "foreign_origin")
        out = await client.post("/sign-out", headers={"sec-fetch-site": "same-origin"})
        assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
        assert await socket.closed() == 4401
        assert not client.cookies
        assert (await client.get("/api/v1/supervisors", headers=stolen)).status_code == 401

    inside(test, data_dir=tmp_path, auth="all")
