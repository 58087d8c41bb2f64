"""The end of a lesson: learners are signed out, their sandboxes stop, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from asked_sandboxes import OWNER, SOURCE, ask, create, until

END = "/api/v1/course/end-lesson"
HERE = {"sec-fetch-site": "same-origin"}


async def signed_in(platform: Any, name: str, role: str = "learner") -> dict[str, str]:
    """Add a user, and return the headers with which they are signed in."""
    client = platform.client
    (await client.post("/api/v1/users", json={"name": name, "role": role}, headers=OWNER)).raise_for_status()
    made = (await client.post(f"/api/v1/users/{name}/link", json={}, headers=OWNER)).json()["data"]
    answer = await client.post(httpx.URL(made["url"]).path, headers=HERE)
    client.cookies.clear()
    return HERE | {"cookie": answer.headers["set-cookie"].partition(";")[0]}


@pytest.mark.operation("course.end_lesson")
def test_one_request_ends_a_lesson_and_keeps_the_code(inside: Any, tmp_path: Path) -> None:
    """Regression: learners were signed out, and their sandboxes stopped, one by one."""

    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        ada, tina = await signed_in(platform, "ada"), await signed_in(platform, "tina", "teacher")
        made = {"sandbox_id": "a", "source": SOURCE}
        assert (await platform.client.post("/api/v1/sandboxes", json=made, headers=ada)).status_code == 200
        await create(platform, "b")
        assert (await platform.client.post(END, headers=ada)).status_code == 403
        asked = await platform.client.post(f"{END}?dry_run=true", headers=tina)
        assert asked.json()["data"]["would"] == "sign out 1 learner and stop their sandboxes"
        answer = await platform.client.post(END, headers=tina)
        assert answer.json()["data"] == {"ended": True, "learners": 1, "sandboxes": ["a"]}
        assert "the lesson is over" == (await until(platform, "ended"))["reason"]
        assert (await ask(platform, "GET", "/sandboxes/a/source"))["source"] == SOURCE
        assert (await ask(platform, "GET", "/sandboxes/b"))["status"] == "running"
        known = [await platform.client.get("/api/v1/arsenal/whoami", headers=who) for who in (ada, tina)]
        assert [True, False] == ["tina" not in answer.text for answer in known]
        assert "ada" not in known[0].text

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.end_lesson")
def test_a_token_outlasts_the_lesson_but_not_a_session_opened_with_it(inside: Any, tmp_path: Path) -> None:
    """Regression: no text said that tokens for terminals stay valid."""

    async def test(platform: Any) -> None:
        client = platform.client
        await platform.platform.store.sync()
        (await client.post("/api/v1/users", json={"name": "ada", "role": "learner"}, headers=OWNER)).raise_for_status()
        made = {"name": "ada-terminal", "user": "ada", "scopes": ["own"]}
        secret = (await client.post("/api/v1/tokens", json=made, headers=OWNER)).json()["data"]["secret"]
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await client.post("/sign-in", content=f"token={secret}", headers=HERE | form)
        assert answer.status_code == 303
        client.cookies.clear()
        session = HERE | {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        terminal = {"authorization": f"Bearer {secret}"}
        (await client.post(END, headers=OWNER)).raise_for_status()
        assert "ada" not in (await client.get("/api/v1/arsenal/whoami", headers=session)).text
        assert "ada" in (await client.get("/api/v1/arsenal/whoami", headers=terminal)).text
        described = (await client.get("/api/v1/arsenal/operations", headers=OWNER)).text
        assert "stay valid: revoke them with token.revoke" in described.replace("\\n", " ")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.end_lesson")
def test_an_unused_link_says_that_the_lesson_is_over_and_how_to_get_a_new_one(inside: Any, tmp_path: Path) -> None:
    """Regression: it said that it was not valid, incomplete, or that its user was removed."""
    paths: list[str] = []

    async def made(platform: Any) -> str:
        answer = await platform.client.post("/api/v1/users/ada/link", json={}, headers=OWNER)
        return httpx.URL(answer.json()["data"]["url"]).path

    async def check_over(platform: Any) -> None:
        for request in (platform.client.get, platform.client.post):
            page = await request(paths[0], headers=HERE)
            assert (page.status_code, "The lesson is over" in page.text) == (410, True)
            assert "code and progress are kept" in page.text
            assert "Ask the person who sent it for a new one" in page.text

    async def end(platform: Any) -> None:
        await platform.platform.store.sync()
        await signed_in(platform, "ada")
        paths.append(await made(platform))
        (await platform.client.post(END, headers=OWNER)).raise_for_status()
        await check_over(platform)

    async def restarted(platform: Any) -> None:
        await platform.platform.store.sync()
        await check_over(platform)
        new = await made(platform)
        assert "There is a newer link" in (await platform.client.get(paths[0])).text
        assert (await platform.client.post(new, headers=HERE)).status_code == 303

    inside(end, data_dir=tmp_path)
    inside(restarted, data_dir=tmp_path)
