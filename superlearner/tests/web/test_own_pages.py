"""Pages and live feeds for users with nothing but the scope `own`: they show only the user's own things."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from open_sockets import OpenSocket
from owned_things import attaching, call, user
from superlearner.live.log_source import log_source
from superlearner.observing.logs import LogLine
from superlearner.web.pages import PAGES

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
FOREIGN = "sandbox-of_zelda@127.0.0.1"


async def signed_in(inside: Any, name: str) -> dict[str, str]:
    """Add a learner; return the headers of their browser."""
    for path, body in (("", {"name": name, "role": "learner"}), (f"/{name}/link", {})):
        answer = await inside.client.post(f"/api/v1/users{path}", json=body, headers=OWNER)
    link = httpx.URL(answer.json()["data"]["url"]).path
    signed = await inside.client.post(link, headers={"sec-fetch-site": "same-origin"})
    inside.client.cookies.clear()
    return {"cookie": signed.headers["set-cookie"].partition(";")[0]}


@pytest.mark.operation("arsenal.whoami")
def test_a_learner_opens_the_pages_of_their_own_things(inside: Inside, nodes_here: Any, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform, client = inside_.platform, inside_.client
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        browser = await signed_in(inside_, "ada")
        zelda = user("zelda", "learner", 2)
        await call(platform, "sandbox.create", zelda, sandbox_id="of_zelda", demo="shop", source=None)
        for page in PAGES:
            path = f"{page.href}/1" if page.below else page.href
            shown = await client.get(path, headers=browser)
            assert (path, shown.status_code) == (path, 200 if page.of_own else 403)
            assert "zelda" not in shown.text
        for path, status in (("/metrics", 403), ("/api/docs", 200), ("/health/live", 200)):
            assert (await client.get(path, headers=browser)).status_code == status
        for path in ("/", "/sandboxes"):
            hidden = await client.get(path, params={"node": FOREIGN}, headers=browser)
            unknown = await client.get(path, params={"node": FOREIGN.replace("zelda", "no_one")}, headers=browser)
            assert hidden.status_code == unknown.status_code
            assert hidden.text.replace("zelda", "no_one") == unknown.text
        me = (await client.get("/api/v1/arsenal/whoami", headers=browser)).json()["data"]
        assert (me["scopes"], me["may"]) == (["own"], ["read", "operate", "code"])

    inside(test, data_dir=tmp_path)


def test_a_page_for_teachers_says_so_to_a_learner(inside: Inside, tmp_path: Path) -> None:
    """Regression: a learner who was signed in got the form that asks for the token."""

    async def test(inside_: Any) -> None:
        browser = await signed_in(inside_, "ada") | {"accept": "text/html"}
        for path, what in (("/class", "Class"), ("/cluster", "Cluster")):
            answer = await inside_.client.get(path, headers=browser)
            assert (answer.status_code, 'name="token"' in answer.text) == (403, False)
            assert f"<h1>{what}</h1>" in answer.text
            assert "This page is for teachers. You are signed in as <b>ada</b>." in answer.text
            offered = re.findall(r'<a href="(/[a-z]*)">', answer.text)
            assert offered == ["/", "/supervisors", "/timeline", "/sandboxes", "/learn", "/system"]
            nowhere = await inside_.client.get("/nowhere", headers=browser)
            assert (nowhere.status_code, "is for teachers" in nowhere.text) == (404, False)
            assert "Nothing is at /nowhere." in nowhere.text
            bar = answer.text.partition('<nav id="nav"')[2].partition("</nav>")[0]
            assert re.findall(r'href="([^"]*)"', bar) == offered[1:]
            for link in offered:
                assert (await inside_.client.get(link, headers=browser)).status_code == 200

    inside(test, data_dir=tmp_path)


def test_a_learner_chooses_what_is_kept_in_the_browser_and_a_pupil_without_a_link_is_told_whom_to_ask(
    inside: Inside, tmp_path: Path
) -> None:
    """Regression: the gear of a learner led to a page that refused them, and the sign-in page asked for the token."""

    async def test(inside_: Any) -> None:
        browser = await signed_in(inside_, "ada")
        mine, all_ = [(await inside_.client.get("/settings", headers=one)).text for one in (browser, OWNER)]
        for word, of_teachers in (("Theme", False), ("Density", False), ('role="tab"', True), ("Tokens", True)):
            assert (word, word in mine, word in all_) == (word, not of_teachers, True)
        assert ("settings/settings.js" in mine, "settings/appearance.js" in mine) == (False, True)
        page = (await inside_.client.get("/sign-in", headers={"accept": "text/html"})).text
        assert "ask your teacher for a new one." in page

    inside(test, data_dir=tmp_path)


def test_a_learner_may_answer_in_lessons_and_run_their_own_code(inside: Inside, tmp_path: Path) -> None:
    """Regression: lessons and the playground told a learner to get a scope that their own things do not need."""

    async def test(inside_: Any) -> None:
        browser = await signed_in(inside_, "ada")
        for path, absent in (
            ("/learn/3", ("data-no-operate", "data-no-code", 'id="rights"')),
            ("/sandboxes", ("needs-sign-in",)),
        ):
            text = (await inside_.client.get(path, headers=browser)).text
            assert [word for word in absent if word in text] == []
        anonymous = (await inside_.client.get("/learn/3")).text
        assert ("data-no-operate" in anonymous, "data-no-code" in anonymous) == (False, True)

    inside(test, data_dir=tmp_path)


def test_live_feeds_of_a_learner_have_only_their_own_nodes(inside: Inside, nodes_here: Any, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        browser = await signed_in(inside_, "ada")
        ada, zelda = user("ada", "learner"), user("zelda", "learner", 2)
        await call(platform, "sandbox.create", zelda, sandbox_id="of_zelda", demo="shop", source=None)
        await call(platform, "supervisor.list", ada)
        for topic in ("supervisors", "traces", "system", "processes"):
            for node in (FOREIGN, platform.node.name, "nowhere@127.0.0.1"):
                socket = OpenSocket(inside_, browser, f"/live/{topic}", f"node={node}")
                assert await socket.closed() == 4404
        nodes, everybody = platform.node_list.of(ada), platform.node_list
        assert nodes is platform.node_list.of(ada)
        assert msgspec.json.decode(nodes.snapshot())["nodes"] == ["sandbox-home-ada-1@127.0.0.1"]
        assert FOREIGN in msgspec.json.decode(everybody.snapshot())["nodes"]
        viewer = nodes.attach()
        await viewer.next()
        await call(platform, "sandbox.create", ada, sandbox_id="of_ada", demo="shop", source=None)
        names: list[str] = []
        while "sandbox-of_ada@127.0.0.1" not in names:
            names = msgspec.json.decode(await viewer.next())["nodes"]
        assert len(names) == 2

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("audit.list")
def test_refused_pages_and_live_feeds_are_in_the_audit_log(inside: Inside, nodes_here: Any, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform, client = inside_.platform, inside_.client
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        browser = await signed_in(inside_, "ada")
        zelda = user("zelda", "learner", 2)
        await call(platform, "sandbox.create", zelda, sandbox_id="of_zelda", demo="shop", source=None)
        first = platform.audit.entries()[-1].number
        home = "sandbox-home-ada-1@127.0.0.1"
        await OpenSocket(inside_, browser, "/live/system").closed()  # the home does not run
        await OpenSocket(inside_, browser, "/live/system", f"node={home}").closed()
        await client.get("/system", params={"node": home}, headers=browser)
        assert platform.audit.entries(first) == []
        for path in ("/class", "/metrics", "/system?node=sandbox-of_zelda@127.0.0.1"):
            await client.get(path, headers=browser)
        for node in (FOREIGN, platform.node.name):
            await OpenSocket(inside_, browser, "/live/traces", f"node={node}").closed()
        await OpenSocket(inside_, browser, "/live/elsewhere").closed()
        found = [(one.operation, one.parameters["path"], one.node) for one in platform.audit.entries(first)]
        assert found == [
            ("web.open", "/class", None),
            ("web.open", "/metrics", None),
            ("web.open", "/system", FOREIGN),
            ("web.live", "/live/traces", FOREIGN),
            ("web.live", "/live/traces", platform.node.name),
        ]
        assert {(one.user, one.door, one.claims, one.outcome) for one in platform.audit.entries(first)} == {
            ("ada", "session", "page", "missing_scope")
        }

    inside(test, data_dir=tmp_path)


def test_the_log_of_a_learner_has_lines_of_their_nodes_alone(inside: Inside, nodes_here: Any) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        ada = user("ada", "learner")
        for who in (ada, user("zelda", "learner", 2)):
            await call(platform, "sandbox.create", who, sandbox_id=f"of_{who.name}", demo="shop", source=None)
            platform.log.take(f"sandbox-of_{who.name}@127.0.0.1", LogLine(1.0, "error", "shop", f"by {who.name}"))
        live = msgspec.json.decode(
            log_source(platform.log, platform.nodes, platform.settings.viewer_queue, ada).snapshot()
        )
        assert [line[4] for line in live["lines"]] == ["by ada"]
        assert [line["text"] for line in (await call(platform, "log.list", ada)).data] == ["by ada"]
        tim = user("tim", "teacher")
        assert {"by ada", "by zelda"} <= {line["text"] for line in (await call(platform, "log.list", tim)).data}

    inside(test)
