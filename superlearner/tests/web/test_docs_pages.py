"""The documentation in the browser, as far as it needs none: every page, the search, and what is not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import escape

pytestmark = pytest.mark.program

Inside = Callable[..., Any]


def test_every_page_is_shown_and_every_address_on_it_answers(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        todo, seen = ["/docs"], set[str]()
        while todo:
            address = todo.pop()
            answer = await platform.client.get(address)
            assert (address, 200) == (address, answer.status_code)
            seen.add(address)
            if answer.headers["content-type"].startswith("text/html"):
                assert "style=" not in answer.text
                linked = re.findall(r'(?:href|src)="(/docs[^"#?]*)', answer.text)
                todo += {one.rstrip("/") for one in linked} - seen - set(todo)
        assert {f"/docs/{name}" for name in platform.platform.manual.names()} <= seen
        assert "/docs/pictures/layers.svg" in seen

    inside(test)


def test_the_search_works_without_javascript_and_shows_names_as_text(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = await platform.client.get("/docs/search", params={"q": "when to giv up"})
        assert 'href="/docs/behaviours/supervisor#when-to-give-up"' in found.text
        assert "<mark>" in found.text
        for question in ("<script>alert(1)</script>", "x" * 5000, "", "\udcff".encode("utf-8", "surrogatepass")):
            answer = await platform.client.get("/docs/search", params={"q": question})
            assert 200 == answer.status_code
            assert "<script>alert" not in answer.text

    inside(test)


def test_a_question_in_the_address_of_the_contents_is_searched(inside: Inside) -> None:
    """Regression: it was not looked at."""

    async def test(platform: Any) -> None:
        answer = await platform.client.get("/docs?q=restart+%26+give", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs/search?q=restart+%26+give")
        assert (await platform.client.get("/docs?q=+")).status_code == 200

    inside(test)


def test_old_names_of_a_page_lead_to_it_and_wrong_ones_are_reported(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name, expected in (("library.md", "library"), ("behaviours/task.md", "behaviours/task"),
                               ("decisions/README.md", "decisions"), ("library/", "library")):  # fmt: skip
            answer = await platform.client.get(f"/docs/{name}")
            assert (307, f"/docs/{expected}") == (answer.status_code, answer.headers["location"])
        for name, expected in (("message-tracing", "tracing"), ("replay", "tracing#replay"),
                               ("attach", "observing"), ("debugging", "observing")):  # fmt: skip
            answer = await platform.client.get(f"/docs/{name}")
            assert (307, f"/docs/{expected}") == (answer.status_code, answer.headers["location"])
            assert (await platform.client.get(answer.headers["location"])).status_code == 200
        missing = await platform.client.get("/docs/supervisor")
        assert 404 == missing.status_code
        assert missing.headers["content-type"].startswith("text/html")
        assert "did you mean /docs/behaviours/supervisor?" in missing.text

    inside(test)


def test_the_sidebar_names_the_pages_for_contributors_on_their_own_pages_only(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for page, shown in (("library", False), ("decisions", True), ("conformance", True)):
            text = (await platform.client.get(f"/docs/{page}")).text
            sidebar = text.partition('id="docs-nav"')[2].partition("</nav>")[0]
            assert shown == ('href="/docs/conformance"' in sidebar)
            assert shown != ('href="/docs#for-contributors"' in sidebar)
        assert 'id="for-contributors"' in (await platform.client.get("/docs")).text

    inside(test)


def test_behind_a_prefix_every_address_has_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        page = await platform.client.get("/tools/sl/docs/library")
        assert 200 == page.status_code
        assert not re.findall(r'(?:href|src)="/(?!tools/sl)', page.text)

    inside(test, root_path="/tools/sl")


def test_the_reference_of_the_api_shows_every_operation_with_its_lines_and_errors(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        front = await platform.client.get("/api/docs")
        assert 200 == front.status_code
        for operation in platform.platform.arsenal:
            assert f'/api/docs/{operation.category}#{operation.name.replace(".", "-")}"' in front.text
        shown = ""
        for category in {operation.category for operation in platform.platform.arsenal}:
            page = await platform.client.get(f"/api/docs/{category}")
            assert 200 == page.status_code
            assert "style=" not in page.text
            shown += page.text
        document = await platform.get("/api/v1/arsenal/docs")
        for item in document["paths"].values():
            for described in item.values():
                for sample in described["x-codeSamples"]:
                    assert escape(sample["source"]) in shown
                assert f'id="{described["x-operation"].replace(".", "-")}"' in shown
        assert "critical_process_protection" in shown

    inside(test)


def test_operations_are_found_without_javascript_in_the_reference_and_in_the_search(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        chosen = (await platform.client.get("/api/docs", params={"q": "post restart"})).text
        assert "#supervisor-restart" in chosen
        assert "#process-list" not in chosen
        assert "0 operations" in (await platform.client.get("/api/docs?q=<b>xyzzy</b>")).text
        assert "#simulation-chaos" in (await platform.client.get("/docs/search?q=start+chaos")).text
        missing = await platform.client.get("/api/docs/nothing")
        assert (404, "text/html; charset=utf-8") == (missing.status_code, missing.headers["content-type"])

    inside(test)
