"""Users made and signed in over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

__all__ = ["HERE", "OWNER", "USERS", "Run", "add", "code", "link", "names", "sign_in", "with_open_store"]

Run = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
USERS = "/api/v1/users"
HERE = {"sec-fetch-site": "same-origin"}


def with_open_store(inside: Run) -> Run:
    """Begin each test with an open store: requests wait only seconds for it, and opening it takes long under load."""

    def run(test: Callable[[Any], Any], **settings: Any) -> Any:
        async def with_store(platform: Any) -> Any:
            await platform.platform.store.sync(30)
            return await test(platform)

        return inside(with_store, **settings)

    return run


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def add(platform: Any, name: str, role: str = "learner", **more: Any) -> dict[str, Any]:
    answer = await platform.client.post(USERS, json={"name": name, "role": role, **more}, headers=OWNER)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def link(platform: Any, name: str, **more: Any) -> str:
    answer = await platform.client.post(f"{USERS}/{name}/link", json=more, headers=OWNER)
    assert answer.status_code == 200, answer.text
    return httpx.URL(answer.json()["data"]["url"]).path


async def sign_in(platform: Any, name: str) -> dict[str, str]:
    """Sign in by a link; return the headers of that browser."""
    path = await link(platform, name)
    answer = await platform.client.post(path, headers=HERE)
    platform.client.cookies.clear()
    assert answer.status_code == 303, answer.text
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


async def names(platform: Any) -> list[str]:
    return [one["name"] for one in (await platform.client.get(USERS, headers=OWNER)).json()["data"]]
