"""The pane of the tree page that plays a restart as it happens: one at a time, never in a storm."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules

RECORDED = Path(__file__).parents[1] / "js"
SHOP = "app/shop_sup"


def entry(number: int, name: str = "ledger") -> dict[str, Any]:
    """Return an entry of the feed about a restart, whose consequences are all known."""
    parts = {"who": name, "reason": "killed", "signals": {"who": [f"/{name}", ""], "list": [["e", 0, 1, 0]]}}
    told = {"kind": "killed", "level": "bad", "text": f"{name} was killed", "key": f"{SHOP}/{name}", "sup": SHOP}
    return {"id": number, "at": time.time(), "event": 100 * number, "parts": parts} | told


@pytest.fixture
def asked(open_page: Callable[..., Page], platform: Any) -> tuple[Page, list[str]]:
    """The page of the tree, and the restarts that it asks for."""
    page = open_page(f"{platform.url}/supervisors")
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url.rpartition("/")[2])
        found = json.loads((RECORDED / "moment-rest.json").read_text(encoding="utf-8"))
        route.fulfill(json={"data": found | {"id": int(asked[-1])}, "success": True})

    page.route("**/api/v1/restarts/*", answer)
    return page, asked


def test_a_restart_is_played_below_the_rows_which_stay_where_they_are(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    page, numbers = asked
    row = page.locator(f'[role=treeitem][data-key="{SHOP}/ledger"]')
    before = row.bounding_box()
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_be_hidden()
    platform.delta(e=[entry(1)])
    expect(pane).to_be_visible()
    expect(pane.locator("restart-stage")).to_have_attribute("data-stage", "6")
    expect(pane).to_contain_text("ledger restarted")
    expect(pane).to_contain_text("2 of 3 restarts were left")
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", "/why/100")
    assert (row.bounding_box(), numbers) == (before, ["100"])
    assert broken_rules(page) == []
    pane.get_by_role("button", name="Close the replay of restarts").click()
    platform.delta(e=[entry(2)])
    expect(page.locator(".events li").first).to_contain_text("ledger was killed")
    expect(pane).to_be_hidden()


def test_a_storm_is_not_played(asked: tuple[Page, list[str]], platform: Any) -> None:
    page, numbers = asked
    platform.delta(e=[entry(number) for number in range(1, 6)])
    expect(page.locator("#events li")).to_have_attribute("data-count", "5")
    expect(page.locator("restart-live")).to_be_hidden()
    assert numbers == []


def test_a_storm_that_was_there_before_the_page_is_not_played(asked: tuple[Page, list[str]], platform: Any) -> None:
    """The first restart after the page was opened took the lower half and moved the rows."""
    page, numbers = asked
    storm = [entry(number) for number in range(1, 5)]
    shown = [[entry(9)], storm, [*storm, entry(5)], [*storm, entry(5), entry(6)]]
    page.locator("restart-live").evaluate("(one, shown) => shown.forEach((feed) => one.show(feed, () => true))", shown)
    platform.delta(e=[entry(10)])
    expect(page.locator("#events li").first).to_contain_text("ledger was killed")
    assert not {"500", "600"} & set(numbers)


def test_a_supervisor_that_gives_up_is_played_also_in_a_storm(asked: tuple[Page, list[str]], platform: Any) -> None:
    page, numbers = asked
    fall = entry(5) | {"kind": "gave_up", "text": "shop_sup gave up", "key": SHOP}
    platform.delta(e=[*(entry(number) for number in range(1, 5)), fall])
    expect(page.locator("restart-live")).to_be_visible()
    platform.delta(e=[entry(number) for number in range(6, 10)])
    expect(page.locator("#events li").first).to_contain_text("ledger was killed")
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_contain_text("slow-motion replay")
    expect(pane).to_contain_text("4 newer restarts")
    assert numbers == ["500"]
    pane.get_by_role("button", name="4 newer restarts: play the last").click()
    expect(pane.get_by_role("button", name="newer")).to_have_count(0)
    assert numbers == ["500", "900"]


def test_the_line_of_the_process_stays_in_view_above_the_pane(
    asked: tuple[Page, list[str]], platform: Any, row: Callable[..., Any]
) -> None:
    page, _ = asked
    more = [row(f"app/w_{number}", after=f"app/w_{number - 1}" if number else None) for number in range(20)]
    platform.delta(n=more)
    lines = page.locator('[role=treeitem][data-key="app/w_19"]')
    lines.scroll_into_view_if_needed()
    told = entry(1) | {"key": "app/w_19", "sup": "app"}
    platform.delta(e=[told])
    expect(page.get_by_role("region", name="The newest restart")).to_be_visible()
    expect(lines).to_be_in_viewport(ratio=1)
    box, pane = lines.bounding_box(), page.locator("restart-live").bounding_box()
    assert box is not None
    assert pane is not None
    assert box["y"] + box["height"] <= pane["y"]


def test_on_a_phone_it_takes_the_lower_half_and_names_everything(
    open_page: Callable[..., Page], platform: Any, asked: tuple[Page, list[str]]
) -> None:
    page = open_page(f"{platform.url}/supervisors", width=390)
    found = json.loads((RECORDED / "moment-rest.json").read_text(encoding="utf-8"))
    page.route("**/api/v1/restarts/*", lambda route: route.fulfill(json={"data": found, "success": True}))
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_be_visible()
    expect(pane).to_contain_text("2 of 3 restarts were left")
    expect(pane.get_by_role("link", name="Watch it again")).to_be_in_viewport()
    box = pane.bounding_box()
    assert box is not None
    assert box["y"] >= 844 / 3
    assert broken_rules(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    pane.get_by_role("button", name="Close the replay of restarts").click()
    expect(pane).to_be_hidden()
