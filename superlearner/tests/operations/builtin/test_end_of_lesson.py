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
