"""A session that is still to come: its place in the list, and the page that says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
HERE = {"sec-fetch-site": "same-origin"}


def test_sessions_that_are_to_come_are_last_in_their_phase(inside: Any) -> None:
    async def test(platform: Any) -> None:
        page = (await platform.client.get("/learn", headers=OWNER)).text
        first = page.partition('id="phase-1"')[2].partition("</section>")[0]
        assert [False, True] == sorted({"to-come" in one for one in re.findall(r"<li ([^>]*)>", first)})
        ready = ["to-come" not in one for one in re.findall(r"<li ([^>]*)>", first)]
        assert sorted(ready, reverse=True) == ready

    inside(test)


def test_the_page_of_a_session_to_come_keeps_name_and_sign_out(inside: Any, tmp_path: Path) -> None:
    """Regression: its header had lost both."""

    async def test(platform: Any) -> None:
        client = platform.client
        await platform.platform.store.sync()
        (await client.post("/api/v1/users", json={"name": "ada"}, headers=OWNER)).raise_for_status()
        made = (await client.post("/api/v1/users/ada/link", json={}, headers=OWNER)).json()["data"]
        signed_in = await client.post(httpx.URL(made["url"]).path, headers=HERE)
        client.cookies.clear()
        ada = {"cookie": signed_in.headers["set-cookie"].partition(";")[0], "accept": "text/html"}
        page = await client.get("/learn/1", headers=ada)
        assert page.status_code == 404
        assert "Signed in as" in page.text
        assert "/sign-out" in page.text

    inside(test, data_dir=tmp_path, auth="all")
