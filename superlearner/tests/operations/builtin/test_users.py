"""Users: roles decide what they may, links sign in once, changes hold at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from asked_users import HERE, OWNER, USERS, Run, add, code, link, names, sign_in, with_open_store
from open_sockets import OpenSocket
from superlearner.operations.rights.users import ROLE_SCOPES
from superlearner.store import StoreUnavailable


@pytest.fixture
def inside(inside: Run) -> Run:
    return with_open_store(inside)


@pytest.mark.operation("user.add", "user.list", "user.link", "user.role", "user.remove", "user.sign_out")
def test_a_user_signs_in_by_a_link_and_has_the_scopes_of_the_role(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        for role in ROLE_SCOPES:
            await add(platform, f"a-{role}", role)
            browser = await sign_in(platform, f"a-{role}")
            me = await platform.client.get("/api/v1/arsenal/whoami", headers=browser)
            assert me.json()["data"]["role"] == role
            assert set(me.json()["data"]["scopes"]) == ROLE_SCOPES[role]
        assert await names(platform) == ["owner", "a-viewer", "a-learner", "a-teacher", "a-owner"]
        lines = (await platform.client.get(USERS, headers=OWNER)).json()["data"]
        assert all(line["last_seen"] >= line["created_at"] for line in lines[1:])
        assert code(await platform.client.get(USERS)) == (403, "missing_scope")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.add")
def test_a_role_can_be_narrowed_and_not_widened(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        line = await add(platform, "tim", "teacher", scopes=["read", "operate"])
        assert (line["scopes"], line["narrowed"]) == (["read", "operate"], True)
        browser = await sign_in(platform, "tim")
        assert code(await platform.client.get(USERS, headers=browser)) == (403, "missing_scope")
        wide = {"name": "eve", "role": "viewer", "scopes": ["read", "code"]}
        refused = await platform.client.post(USERS, json=wide, headers=OWNER)
        assert code(refused) == (422, "validation_error")
        assert "a viewer cannot have code" in refused.json()["error"]["message"]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.add", "user.remove")
@pytest.mark.parametrize("second", ["ada", "ADA", "ａｄａ"], ids=["same", "case", "width"])
def test_two_people_cannot_have_one_name_not_even_after_one_was_removed(
    inside: Run, tmp_path: Path, second: str
) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        again = await platform.client.post(USERS, json={"name": second}, headers=OWNER)
        assert code(again) == (409, "name_taken")
        gone = await platform.client.request("DELETE", f"{USERS}/{second}", headers=OWNER)
        assert gone.json()["data"] == {"name": "ada", "removed": True, "tokens": 0}
        again = await platform.client.post(USERS, json={"name": second}, headers=OWNER)
        assert code(again) == (409, "name_taken")
        assert "removed user" in again.json()["error"]["message"]
        assert await names(platform) == ["owner"]
        rows = (await platform.client.get(f"{USERS}?removed=true", headers=OWNER)).json()["data"]
        assert [(row["name"], row["state"]) for row in rows] == [("owner", "active"), ("ada", "removed")]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.add")
def test_of_two_adds_of_one_name_at_once_one_wins(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        adds = (platform.client.post(USERS, json={"name": name}, headers=OWNER) for name in ("ada", "Ada", "ADA"))
        assert sorted([one.status_code for one in await asyncio.gather(*adds)]) == [200, 409, 409]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.add")
@pytest.mark.parametrize(
    "name", ["owner", "ＯＷＮＥＲ", "Anonymous", "a b", "", "\u202eada", "<b>", "ö", "x" * 65, "../x"]
)
def test_names_that_would_be_misread_are_refused(inside: Run, tmp_path: Path, name: str) -> None:
    async def test(platform: Any) -> None:
        assert code(await platform.client.post(USERS, json={"name": name}, headers=OWNER)) == (422, "validation_error")
        assert await names(platform) == ["owner"]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.link")
def test_a_link_shows_a_page_and_signs_in_once(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada", "viewer")
        path = await link(platform, "ada")
        for _ in range(2):  # a chat looks at it first
            page = await platform.client.get(path, headers={"sec-fetch-site": "cross-site"})
            assert (page.status_code, "Sign in as ada" in page.text) == (200, True)
            assert "set-cookie" not in page.headers
        foreign = await platform.client.post(path, headers={"sec-fetch-site": "cross-site"})
        assert code(foreign) == (403, "foreign_origin")
        done = await platform.client.post(path, headers=HERE)
        assert (done.status_code, done.headers["location"]) == (303, "/")
        assert "; HttpOnly; " in done.headers["set-cookie"]
        assert done.headers["set-cookie"].endswith("SameSite=strict")
        platform.client.cookies.clear()
        for again in (await platform.client.get(path), await platform.client.post(path, headers=HERE)):
            assert (again.status_code, "This link was used already" in again.text) == (410, True)
            assert "Ask the person who sent it for a new one" in again.text
        unknown = await platform.client.get("/sign-in/nothing")
        assert (unknown.status_code, "This link is not valid" in unknown.text) == (410, True)
        stored = platform.platform.settings.data_dir / "superlearner.db"
        kept = b"".join(one.read_bytes() for one in stored.parent.glob(f"{stored.name}*"))
        assert path.removeprefix("/sign-in/").encode() not in kept

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("user.link")
def test_a_used_link_redirects_a_browser_that_is_signed_in_as_its_user(inside: Run, tmp_path: Path) -> None:
    """Regression: pupils who opened their link again in the second lesson were told to ask for a new one."""

    async def test(platform: Any) -> None:
        client = platform.client
        for name in ("ada", "ben"):
            await add(platform, name)
        path = await link(platform, "ada")
        signed_in = await client.post(path, headers=HERE)
        client.cookies.clear()
        ada = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        ben = await sign_in(platform, "ben")
        newer = await link(platform, "ada")
        for again in (await client.get(path, headers=ada | HERE), await client.post(path, headers=ada | HERE)):
            assert (again.status_code, again.headers["location"]) == (303, "/learn")
        assert "Sign in as ada" in (await client.get(newer, headers=ada | HERE)).text
        assert (await client.get(path, headers=ben | HERE)).status_code == 410
        # Browsers withhold the SameSite=Strict cookie.
        from_chat = await client.get(path, headers={"sec-fetch-site": "cross-site"})
        assert from_chat.status_code == 410
        assert f'<meta http-equiv="refresh" content="0; url={path}?again">' in from_chat.text
        repeated = await client.get(f"{path}?again", headers={"sec-fetch-site": "cross-site"})
        assert (repeated.status_code, 'http-equiv="refresh"' in repeated.text) == (410, False)

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("user.link")
def test_of_two_uses_of_a_link_at_once_one_signs_in(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        path = await link(platform, "ada")
        uses = await asyncio.gather(*(platform.client.post(path, headers=HERE) for _ in range(5)))
        assert sorted(one.status_code for one in uses) == [303, 410, 410, 410, 410]
        assert sum("set-cookie" in one.headers for one in uses) == 1

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.link", "user.links")
def test_a_new_link_replaces_one_that_was_not_used(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        first, of_ben = await link(platform, "ada", hours=8000), await sheet_link(platform, "ben")
        made = (await platform.client.post(f"{USERS}/ada/link", json={}, headers=OWNER)).json()["data"]
        assert made["replaced"] is True
        for again in (await platform.client.get(first), await platform.client.post(first, headers=HERE)):
            assert (again.status_code, "There is a newer link" in again.text) == (410, True)
        second = httpx.URL(made["url"]).path
        assert (await platform.client.post(second, headers=HERE)).status_code == 303
        platform.client.cookies.clear()
        assert "used already" in (await platform.client.get(second)).text
        made = (await platform.client.post(f"{USERS}/ada/link", json={}, headers=OWNER)).json()["data"]
        assert made["replaced"] is False
        newer = await sheet_link(platform, "ben")
        assert ("There is a newer link" in (await platform.client.get(of_ben)).text) is True
        assert (await platform.client.post(newer, headers=HERE)).status_code == 303
        clock = platform.platform.tokens.clock
        wall = clock._wall
        monkeypatch.setattr(clock, "_wall", lambda: wall() + 40 * 24 * 3600)  # the store forgets the newer links
        await link(platform, "ben")
        assert (await platform.client.get(first)).status_code == 410

    async def sheet_link(platform: Any, name: str) -> str:
        answer = await platform.client.post(f"{USERS}/links", json={"names": name}, headers=OWNER)
        return httpx.URL(answer.json()["data"]["links"][0]["url"]).path

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.link")
def test_an_expired_link_stays_expired_when_the_clock_jumps_back(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        path = await link(platform, "ada", hours=1)
        clock = platform.platform.tokens.clock
        wall = clock._wall
        monkeypatch.setattr(clock, "_wall", lambda: wall() + 7200)
        expired = await platform.client.get(path)
        assert (expired.status_code, "This link has expired" in expired.text) == (410, True)
        monkeypatch.setattr(clock, "_wall", lambda: wall() - 7200)
        for again in (await platform.client.get(path), await platform.client.post(path, headers=HERE)):
            assert (again.status_code, "This link has expired" in again.text) == (410, True)

    inside(test, data_dir=tmp_path)


def test_a_start_with_a_clock_that_was_set_back_revives_no_token(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = ""

    async def expires(platform: Any) -> None:
        nonlocal secret
        made = await platform.client.post(
            "/api/v1/tokens", json={"name": "short", "expires_days": 1 / 24}, headers=OWNER
        )
        secret = made.json()["data"]["secret"]
        clock = platform.platform.tokens.clock
        wall = clock._wall
        monkeypatch.setattr(clock, "_wall", lambda: wall() + 7200)
        await add(platform, "later")  # the store learns the time

    async def back(platform: Any) -> None:
        headers = {"authorization": f"Bearer {secret}"}
        await names(platform)
        assert code(await platform.client.get("/api/v1/supervisors", headers=headers)) == (401, "unauthorized")

    inside(expires, data_dir=tmp_path)
    inside(back, data_dir=tmp_path)


@pytest.mark.operation("user.role")
def test_a_lowered_role_holds_at_once_and_closes_open_streams(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "tim", "teacher")
        browser = await sign_in(platform, "tim")
        socket = OpenSocket(platform, browser)
        await socket.accepted.wait()
        assert (await platform.client.get("/api/v1/tokens", headers=browser)).status_code == 200
        lowered = await platform.client.put(f"{USERS}/tim/role", json={"role": "viewer"}, headers=OWNER)
        assert lowered.json()["data"]["scopes"] == ["read"]
        assert await socket.closed() == 4410
        assert code(await platform.client.get("/api/v1/tokens", headers=browser)) == (403, "missing_scope")
        assert (await platform.client.get("/api/v1/supervisors", headers=browser)).status_code == 200

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.remove", "user.sign_out")
@pytest.mark.parametrize("how", ["remove", "sign_out"])
def test_sessions_links_and_streams_end_with_the_user(inside: Run, tmp_path: Path, how: str) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        await add(platform, "ada", "viewer")
        made = await client.post("/api/v1/tokens", json={"name": "ada-laptop", "user": "ada"}, headers=OWNER)
        token = {"authorization": f"Bearer {made.json()['data']['secret']}"}
        browser, unused = await sign_in(platform, "ada"), await link(platform, "ada")
        by_token = await client.post("/sign-in", data={"token": made.json()["data"]["secret"]}, headers=HERE)
        browsers = [browser, {"cookie": by_token.headers["set-cookie"].partition(";")[0]}]
        client.cookies.clear()
        sockets = [OpenSocket(platform, one) for one in browsers]
        for socket in sockets:
            await socket.accepted.wait()
        if how == "remove":
            await client.request("DELETE", f"{USERS}/ada", headers=OWNER)
        else:
            await client.post(f"{USERS}/ada/sign-out", headers=OWNER)
        assert [await socket.closed() for socket in sockets] == [4401, 4401]
        for one in browsers:
            assert code(await client.get("/api/v1/supervisors", headers=one)) == (401, "unauthorized")
        assert (await client.get(unused)).status_code == 410
        works = (await client.get("/api/v1/supervisors", headers=token)).status_code
        assert works == (401 if how == "remove" else 200)

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("user.remove", "user.role", "user.sign_out")
def test_the_owner_cannot_be_removed_or_lowered(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "second", "owner")
        second = await sign_in(platform, "second")
        for headers in (OWNER, second):
            for method, path, body in (
                ("DELETE", "owner", None),
                ("PUT", "Owner/role", {"role": "viewer"}),
                ("POST", "owner/sign-out", None),
            ):
                answer = await platform.client.request(method, f"{USERS}/{path}", json=body, headers=headers)
                assert code(answer) == (409, "conflict")
        assert (await platform.client.request("DELETE", f"{USERS}/second", headers=second)).status_code == 200
        missing = await platform.client.request("DELETE", f"{USERS}/second", headers=OWNER)
        assert code(missing) == (404, "user_not_found")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.add", "user.role", "user.link", "user.remove", "token.create", "token.revoke")
def test_a_teacher_manages_learners_and_viewers_and_nobody_above(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        for name, role in (("tea", "teacher"), ("tom", "teacher"), ("boss", "owner"), ("lea", "learner")):
            await add(platform, name, role)
        made = await client.post("/api/v1/tokens", json={"name": "of-boss", "user": "boss"}, headers=OWNER)
        assert made.status_code == 200
        me = await sign_in(platform, "tea")
        for name, role in (("new", "learner"), ("new2", "viewer")):
            assert (await client.post(USERS, json={"name": name, "role": role}, headers=me)).status_code == 200
        assert (await client.post(f"{USERS}/lea/link", headers=me)).status_code == 200
        assert (await client.put(f"{USERS}/lea/role", json={"role": "viewer"}, headers=me)).status_code == 200
        assert (await client.request("DELETE", f"{USERS}/lea", headers=me)).status_code == 200
        assert (await client.post(f"{USERS}/tea/link", headers=me)).status_code == 200  # for a second browser
        refused = [
            client.post(USERS, json={"name": "x", "role": "teacher"}, headers=me),
            client.post(USERS, json={"name": "x", "role": "owner"}, headers=me),
            client.put(f"{USERS}/new/role", json={"role": "teacher"}, headers=me),
            client.put(f"{USERS}/tea/role", json={"role": "owner"}, headers=me),
            client.post(f"{USERS}/owner/link", headers=me),
            *(client.post(f"{USERS}/{one}/link", headers=me) for one in ("tom", "boss")),
            *(client.post(f"{USERS}/{one}/sign-out", headers=me) for one in ("tom", "boss")),
            *(client.request("DELETE", f"{USERS}/{one}", headers=me) for one in ("tom", "boss")),
            *(client.post("/api/v1/tokens", json={"name": "y", "user": one}, headers=me) for one in ("tom", "boss")),
            client.request("DELETE", "/api/v1/tokens/of-boss", headers=me),
        ]
        for one in refused:
            assert code(await one) == (403, "missing_scope")
        assert set(await names(platform)) == {"owner", "tea", "tom", "boss", "new", "new2"}

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.add", "user.role", "user.link", "token.create")
@pytest.mark.parametrize(
    "who", ["a teacher", "a token of a teacher", "a token with code", "a token with code of an owner"]
)
def test_nobody_without_admin_obtains_it(inside: Run, tmp_path: Path, who: str) -> None:
    """Neither for themselves nor for somebody else, by token, role or link."""

    async def test(platform: Any) -> None:
        client = platform.client

        async def token(name: str, user: str, *scopes: str) -> dict[str, str]:
            body = {"name": name, "user": user, "scopes": scopes}
            made = await client.post("/api/v1/tokens", json=body, headers=OWNER)
            return {"authorization": f"Bearer {made.json()['data']['secret']}"}

        for name, role in (("tea", "teacher"), ("boss", "owner"), ("lea", "learner")):
            await add(platform, name, role)
        await token("of-bot", "bot", "read")
        await token("of-root", "root", "admin")
        user = {"a teacher": "tea", "a token of a teacher": "tea", "a token with code": "cody"}.get(who, "boss")
        me = await (sign_in(platform, user) if who == "a teacher" else token("mine", user, "read", "code"))

        async def users() -> list[dict[str, Any]]:
            lines = (await client.get(f"{USERS}?removed=true", headers=OWNER)).json()["data"]
            return [line | {"last_seen": None} for line in lines]

        rows = await users()
        for scopes in (["admin"], ["read", "operate", "code", "admin", "own"]):
            for target in (user, "new", "bot", "root", "lea", "boss", "owner"):
                body = {"name": f"t-{target}", "user": target, "scopes": scopes}
                refused = await client.post("/api/v1/tokens", json=body, headers=me)
                assert code(refused) == ((422, "validation_error") if target == "owner" else (403, "missing_scope"))
        ways = [
            client.post(USERS, json={"name": "new", "role": "owner"}, headers=me),
            client.post(USERS, json={"name": "new", "role": "owner", "scopes": ["admin"]}, headers=me),
            *(
                client.put(f"{USERS}/{one}/role", json={"role": "owner"}, headers=me)
                for one in (user, "lea", "bot", "root", "boss")
            ),
            *(client.post(f"{USERS}/{one}/link", headers=me) for one in ("owner", "ｏＷＮＥＲ", "boss", "root")),
        ]
        for way in ways:
            assert code(await way) == (403, "missing_scope")
        wide = {"name": "new", "role": "learner", "scopes": ["own", "admin"]}
        refused = await client.post(USERS, json=wide, headers=me)
        assert code(refused)[0] in (403, 422)
        assert await users() == rows

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.link")
@pytest.mark.parametrize(("setting", "name"), [("link_expires", "ada"), ("owner_link_expires", "owner")])
def test_a_changed_expiry_holds_for_the_next_link(inside: Run, tmp_path: Path, setting: str, name: str) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        values = {"values": {setting: 7200}}
        assert (await platform.client.put("/api/v1/settings", json=values, headers=OWNER)).status_code == 200
        begun = platform.platform.tokens.clock()
        made = await platform.client.post(f"{USERS}/{name}/link", json={}, headers=OWNER)
        ended = platform.platform.tokens.clock()
        assert begun + 7200 <= made.json()["data"]["expires_at"] <= ended + 7200

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.link")
def test_a_token_makes_no_link_to_scopes_that_it_lacks(inside: Run, tmp_path: Path) -> None:
    """Regression: a token with few scopes could sign its user in with all of the role."""

    async def test(platform: Any) -> None:
        await add(platform, "tea", "teacher")
        for scopes, status in ((["code"], 403), (["read", "operate", "code", "own"], 200)):
            body = {"name": f"tea-{len(scopes)}", "user": "tea", "scopes": scopes}
            made = await platform.client.post("/api/v1/tokens", json=body, headers=OWNER)
            headers = {"authorization": f"Bearer {made.json()['data']['secret']}"}
            assert (await platform.client.post(f"{USERS}/tea/link", headers=headers)).status_code == status

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.role", "user.remove")
def test_a_role_that_changes_during_a_removal_revives_nobody(inside: Run, tmp_path: Path) -> None:
    """Regression: the change was made from the user as it was before the removal."""

    async def test(platform: Any) -> None:
        await add(platform, "ada", "viewer")
        browser, path = await sign_in(platform, "ada"), f"{USERS}/ada"
        await asyncio.gather(
            platform.client.request("DELETE", path, headers=OWNER),
            platform.client.put(f"{path}/role", json={"role": "teacher"}, headers=OWNER),
        )
        assert await names(platform) == ["owner"]
        assert code(await platform.client.get("/api/v1/arsenal/whoami", headers=browser)) == (401, "unauthorized")

    inside(test, data_dir=tmp_path, auth="all")


@pytest.mark.operation("token.create", "user.list")
def test_a_token_for_a_new_name_adds_a_user_who_may_as_much(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        for name, scopes in (("one", ["read"]), ("two", ["operate"])):
            body = {"name": name, "user": "bot", "scopes": scopes}
            assert (await client.post("/api/v1/tokens", json=body, headers=OWNER)).status_code == 200
        lines = (await client.get(USERS, headers=OWNER)).json()["data"]
        line = next(one for one in lines if one["name"] == "bot")
        assert (line["role"], line["scopes"], line["tokens"]) == ("teacher", ["read", "operate"], 2)
        for name in ("one", "two"):
            await client.request("DELETE", f"/api/v1/tokens/{name}", headers=OWNER)
        assert await names(platform) == ["owner"]  # nothing is left with which the user could sign in
        await add(platform, "vic", "viewer")
        body = {"name": "three", "user": "VIC", "scopes": ["operate"]}
        assert code(await client.post("/api/v1/tokens", json=body, headers=OWNER)) == (422, "validation_error")
        made = await client.post("/api/v1/tokens", json=body | {"scopes": ["read"]}, headers=OWNER)
        assert made.json()["data"]["user"] == "vic"
        await client.request("DELETE", f"{USERS}/vic", headers=OWNER)
        body = {"name": "four", "user": "vic"}
        assert code(await client.post("/api/v1/tokens", json=body, headers=OWNER)) == (409, "name_taken")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.remove")
def test_a_removal_that_is_not_stored_holds_now_and_can_be_repeated(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada", "viewer")
        browser = await sign_in(platform, "ada")

        def down() -> Any:
            raise StoreUnavailable("the disk is full", "free some space")

        monkeypatch.setattr(platform.platform.store.records, "_opened", down)
        refused = await platform.client.request("DELETE", f"{USERS}/ada", headers=OWNER)
        assert code(refused) == (503, "store_unavailable")
        assert "until the platform restarts" in refused.json()["error"]["message"]
        assert code(await platform.client.get("/api/v1/users", headers=browser)) == (403, "missing_scope")
        monkeypatch.undo()
        assert (await platform.client.request("DELETE", f"{USERS}/ada", headers=OWNER)).status_code == 200

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.sign_out")
def test_links_end_with_a_sign_out_that_is_not_stored(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        unused = await link(platform, "ada")
        with monkeypatch.context() as failing:

            async def full(user: int) -> int:
                raise StoreUnavailable("the disk is full", "free some space")

            failing.setattr(platform.platform.store.records, "delete_links", full)
            refused = await platform.client.post(f"{USERS}/ada/sign-out", headers=OWNER)
            assert code(refused) == (503, "store_unavailable")
        assert (await platform.client.post(unused, headers=HERE)).status_code == 410
        assert await sign_in(platform, "ada")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.link")
def test_a_link_for_a_year_works_after_two_months(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "ada")
        await add(platform, "ben")
        for_a_year, for_a_day = await link(platform, "ada", hours=24 * 365), await link(platform, "ben")
        clock = platform.platform.accounts.clock
        clock.at_least(clock() + 60 * 86_400)
        await link(platform, "ben")  # forgets old ones
        assert "not valid" in (await platform.client.get(for_a_day)).text
        assert (await platform.client.post(for_a_year, headers=HERE)).status_code == 303

    inside(test, data_dir=tmp_path)
