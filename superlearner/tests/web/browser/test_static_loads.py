"""Requests for static files: all modules at once the first time, none the second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from superlearner.web.pages import PAGES

PATHS = (
    "/",
    *(page.href for page in PAGES if page.href != "/" and not page.below),
    "/why/1",
    "/api/docs",
    "/api/docs/supervisor",
    "/nothing",
)
FETCHED = """() => performance.getEntriesByType("resource")
    .filter((one) => new URL(one.name).pathname.startsWith("/static/"))
    .map((one) => [one.name.split("/static/")[1], one.transferSize])"""
"""Each static file of the page, and the bytes that came over the network for it: 0 for one that the browser had."""


def loaded(page: Page, address: str) -> list[tuple[str, int]]:
    page.goto(address)
    expect(page.get_by_role("heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page.evaluate(FETCHED)


@pytest.mark.parametrize("path", [*PATHS, "/system?view=log"])
def test_a_page_names_its_modules_and_asks_for_no_static_file_again(
    path: str, open_page: Callable[..., Page], untouched: Any
) -> None:
    """No module waits for its importer, except modules that are loaded on demand and what they import."""
    page = open_page("about:blank", ready=False, fresh=True)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    scripts: list[Any] = []
    network.on("Network.requestWillBeSent", lambda sent: sent["type"] == "Script" and scripts.append(sent))
    first = loaded(page, f"{untouched.url}{path}")
    assert len(first) > 15
    assert [name for name, size in first if size == 0] == []
    network.detach()
    assert modules_that_wait(scripts) == []
    second = loaded(page, f"{untouched.url}{path}")
    both = {name for name, _ in first} & {name for name, _ in second}  # a slow page loads the last ones while idle
    assert len(both) > 15
    assert [name for name, size in second if size > 0 and name in both] == []


def modules_that_wait(scripts: list[Any]) -> list[tuple[str, str]]:
    """Return requests for modules that neither the page names nor a module loads on demand, with their initiators."""
    named, on_demand = set[str](), set[str]()
    late: list[tuple[str, str]] = []
    for sent in scripts:
        url, begun_by = sent["request"]["url"], sent["initiator"]
        if begun_by["type"] == "parser":
            named.add(url)
        elif "stack" in begun_by or begun_by["url"] in on_demand:
            on_demand.add(url)
        else:
            late.append((url, begun_by["url"]))
    assert len(named) > 12
    return late
