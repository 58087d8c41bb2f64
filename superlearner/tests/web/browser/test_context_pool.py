"""Isolation of kept browser contexts: tests and pages share no state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from context_pool import ContextPool

LEAVE = """() => {
    localStorage.theme = "dark";
    sessionStorage.theme = "dark";
    document.cookie = "left=1; path=/";
    return new Promise((done) => {
        const opening = indexedDB.open("left");
        opening.onsuccess = () => { opening.result.close(); done(); };
    });
}"""
FIND = """async () => [
    localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length,
    history.length, navigator.onLine,
]"""


@pytest.fixture
def contexts(browser: Browser) -> Iterator[ContextPool]:
    kept = ContextPool(browser)
    yield kept
    kept.close()


def test_nothing_that_was_stored_is_there_for_the_next(contexts: ContextPool, platform: Any) -> None:
    def found(page: Page) -> Any:
        page.goto(f"{platform.url}/static/icon.svg")
        return page.evaluate(FIND)

    context = contexts.take()
    page = context.new_page()
    clean = found(page)
    page.evaluate(LEAVE)
    assert found(page) != clean
    context.route("**/*", lambda route: route.abort())
    context.set_offline(True)
    contexts.give_back(context)
    assert contexts.take() is context
    assert found(context.new_page()) == clean


def test_storage_of_an_earlier_page_is_gone_too(contexts: ContextPool, platform: Any) -> None:
    context = contexts.take()
    page = context.new_page()
    page.goto(f"{platform.url}/static/icon.svg")
    page.evaluate(LEAVE)
    page.goto("about:blank")
    contexts.give_back(context)
    again = contexts.take().new_page()
    again.goto(f"{platform.url}/static/icon.svg")
    assert again.evaluate("localStorage.length") == 0


def test_a_context_whose_clock_was_replaced_is_not_used_again(contexts: ContextPool) -> None:
    context = contexts.take()
    context.new_page().clock.install()
    contexts.give_back(context)
    assert contexts.take() is not context


def test_each_gets_one_of_its_own_with_the_options_it_asked_for(contexts: ContextPool) -> None:
    first, second = contexts.take(color_scheme="light"), contexts.take(color_scheme="light")
    assert first is not second
    contexts.give_back(first)
    assert contexts.take(color_scheme="dark") is not first
    assert contexts.take(color_scheme="light") is first


def test_two_pages_of_one_test_know_nothing_of_each_other(open_page: Callable[..., Page], platform: Any) -> None:
    first = open_page(f"{platform.url}/supervisors")
    first.evaluate(LEAVE)
    second = open_page(f"{platform.url}/supervisors")
    assert second.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_a_later_page_starts_no_renderer_process(browser: Browser, contexts: ContextPool, platform: Any) -> None:
    """Chromium 150 started one for each page: a quarter of the processor time of opening it."""
    session = browser.new_browser_cdp_session()

    def renderers() -> set[int]:
        found = session.send("SystemInfo.getProcessInfo")["processInfo"]
        return {one["id"] for one in found if one["type"] == "renderer"}

    def open_one() -> set[int]:
        context = contexts.take()
        context.new_page().goto(f"{platform.url}/static/icon.svg")
        used = renderers()
        contexts.give_back(context)
        return used

    first = open_one()
    assert open_one() <= first
    session.detach()
