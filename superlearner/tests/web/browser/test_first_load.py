"""First loads of each page, with an empty cache: few bytes, all modules at once, nothing from other hosts, no shift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from layout_shifts import layout_shift
from page_variants import first_of
from superlearner.web.pages import PAGES

MOST = 235_000
MOST_AT_THE_START = 165_000
QUICK = ("/", "/sandboxes", "/supervisors", "/timeline", "/learn/12", "/api/docs")
"""A page of each kind, the heaviest among them; `make full` loads the others, too."""
OTHERS = (
    *(page.href for page in PAGES if not page.below and page.href not in QUICK),
    "/why/1",
    "/supervisors?view=map",
    "/timeline?kind=crashes",
    "/system?view=log",
    "/api/docs/supervisor",
    "/nothing",
)
LOADED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((one) => [one.name, one.transferSize])"""
"""Each file of the page, and the bytes that came over the network for it: 0 for one that the browser had."""


NOTHING_LATER = (
    "{ const begin = setTimeout; window.setTimeout = (fn, ms, ...more) => ms < 3000 ? begin(fn, ms, ...more) : 0; }"
)
"""Keeps a page from loading its palette after three seconds: a slow machine would count it."""

MESSAGES_LATER = """{
    const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
    const loaded = new Promise((then) => addEventListener("load", then));
    window.WebSocket = class extends WebSocket {
        constructor(...all) {
            super(...all);
            const held = [];
            const hold = (event) => { event.stopImmediatePropagation(); held.push(event.data); };
            this.addEventListener("message", hold);
            loaded.then(() => painted(() => {
                this.removeEventListener("message", hold);
                for (const data of held) this.dispatchEvent(new MessageEvent("message", { data }));
            }));
        }
    };
}"""
"""Holds live messages until the loaded page was painted, as it is on a slow machine."""


def load(page: Page, address: str) -> list[tuple[str, int]]:
    page.goto(address)
    expect(page.get_by_role("heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page.evaluate(LOADED)


def static(loaded: list[tuple[str, int]]) -> dict[str, int]:
    return {name: size for name, size in loaded if "/static/" in name}


@pytest.mark.parametrize("path", first_of([*QUICK, *OTHERS], len(QUICK)))
def test_the_first_load_is_light_and_still_and_the_second_asks_for_no_static_file(
    path: str, open_page: Callable[..., Page], untouched: Any
) -> None:
    """No module waits for its importer, except modules that are loaded on demand and what they import."""
    page = open_page("about:blank", ready=False, fresh=True)
    page.add_init_script(NOTHING_LATER)
    page.add_init_script(MESSAGES_LATER)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    scripts: list[Any] = []
    network.on("Network.requestWillBeSent", lambda sent: sent["type"] == "Script" and scripts.append(sent))
    loaded = load(page, f"{untouched.url}{path}")
    assert [name for name, _ in loaded if not name.startswith(untouched.url)] == []
    assert loaded[0][1] > 0, "expected a browser that has nothing yet"
    heaviest = sorted(loaded, key=lambda one: -one[1])[:5]
    assert sum(size for _, size in loaded) < (MOST_AT_THE_START if path == "/" else MOST), heaviest
    first = static(loaded)
    assert len(first) > 15
    assert [name for name, size in first.items() if size == 0] == []
    network.detach()
    assert modules_that_wait(scripts) == []
    moved, what = layout_shift(page)
    assert moved < 0.02, what
    second = static(load(page, f"{untouched.url}{path}"))
    both = first.keys() & second.keys()  # a slow page loads the last ones while idle
    assert len(both) > 15
    assert [name for name, size in second.items() if size > 0 and name in both] == []


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


SHOWN = ("/", "/supervisors", "/timeline", "/system", "/learn", "/why/1")


@pytest.mark.parametrize("width", first_of([390, 1024]))
def test_nothing_moves_while_a_page_loads(width: int, open_page: Callable[..., Page], untouched: Any) -> None:
    """A layout shift of 0.02 at most: what comes later has its room from the start."""
    for path in (*SHOWN, "/supervisors?view=map", "/timeline?kind=crashes", "/timeline?view=messages"):
        page = open_page(f"{untouched.url}{path}", ready=False, fresh=True, width=width)
        page.wait_for_load_state("networkidle")
        expect(page.locator("main, [data-ready]").first).not_to_have_attribute("data-ready", "loading")
        moved, what = layout_shift(page)
        assert moved < 0.02, (path, what)
        page.close()
