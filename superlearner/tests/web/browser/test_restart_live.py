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
    expect(pane).to_contain_text("2 of 3 restarts left")
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


def test_a_phone_has_no_room_for_it(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page(f"{platform.url}/supervisors", width=390)
    platform.delta(e=[entry(1)])
    expect(page.locator("sl-feed .latest")).to_have_text("ledger was killed")
    expect(page.locator("restart-live")).to_be_hidden()
