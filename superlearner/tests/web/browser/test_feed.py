"""The feed of events in words, and announcements for screen readers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

SHOP = "app/shop_sup"
SENTENCE = (
    "ledger crashed: ValueError('negative amount'); shop_sup (rest_for_one) restarted ledger, and with it cart and "
    "mailer; 2 of 3 restarts left in 5 s"
)


def event(number: int, text: str = SENTENCE, **more: Any) -> dict[str, Any]:
    parts = {
        "who": "ledger",
        "reason": "ValueError('negative amount')",
        "by": "shop_sup",
        "restarted": ["ledger", "cart", "mailer"],
    }
    base = {
        "id": number,
        "at": 1000.0 + number,
        "kind": "restarted",
        "level": "bad",
        "key": f"{SHOP}/ledger",
        "text": text,
        "parts": parts,
    }
    return base | more


def test_events_stand_newest_first_in_the_words_of_the_server(page: Page, platform: Any) -> None:
    expect(page.locator("#events > .hint")).to_be_visible()
    platform.delta(e=[event(1)])
    platform.delta(e=[event(2, "cart was started", kind="started", level="ok", parts=None)])
    expect(page.locator("#events li p")).to_have_text(["cart was started", SENTENCE])
    expect(page.locator("#events > .hint")).to_be_hidden()


def test_entries_that_were_stored_earlier_stand_below_the_events(open_page: Callable[..., Page], platform: Any) -> None:
    """Regression: after a restart of the platform, one stored entry was shown, and none beside new events."""
    page = open_page(f"{platform.url}/learn", ready=False)
    outage = {"at": 1763850009.5, "line": "the platform did not run from 02:03:31 to 02:03:34", "outage": True}
    crash = {
        "at": 1763850000.5, "line": "till crashed and was restarted", "kept": True, "ref": "0a1b2c3d4e5f.7",
        "name": "till", "reason": "ValueError('empty')", "supervisor": "shop", "strategy": "one_for_one", "started": 1,
    }  # fmt: skip
    storm = {"at": 1763840000.5, "line": "leak crashed 300 times in 3 s: ValueError", "kept": False}
    page.route("**/api/v1/restarts?*", lambda route: route.fulfill(json={"data": [outage, crash, storm]}))
    page.goto(f"{platform.url}/supervisors")
    rows = page.locator("#events > .events > li")
    expect(rows).to_have_count(3)
    expect(rows.first).to_have_text("No new events. Stored earlier:")
    expect(rows.nth(1)).to_contain_text("till crashed and was restarted: ValueError('empty')")
    expect(rows.nth(1)).to_contain_text(re.compile("22 Nov|Nov 22"))
    expect(rows.nth(1).get_by_role("link", name="Why?")).to_have_attribute("href", re.compile("/why/0a1b2c3d4e5f.7"))
    in_timeline = rows.nth(2).get_by_role("link", name="Timeline")
    expect(in_timeline).to_have_attribute("href", re.compile(r"/timeline\?.*at=1763840000\.5"))
    platform.delta(e=[event(1, at=time.time())])
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("ledger crashed")
    expect(rows.nth(1)).to_have_text("Stored earlier:")
    expect(page.locator("#events > .hint")).to_be_hidden()


def test_a_failed_start_on_request_leads_to_the_tab_why_of_its_child(page: Page, platform: Any) -> None:
    """Regression: its entry in the Tree had no link, unlike those in the Timeline and on Start."""
    failed = "shop_sup could not start ledger on a request: OSError('no disk')"
    parts = {"who": "ledger", "by": "shop_sup", "reason": "OSError('no disk')"}
    platform.delta(e=[event(1, failed, kind="start_failed", parts=parts)])
    page.locator("[data-kind=start_failed]").get_by_role("button", name="Why? ledger").click()
    expect(page.get_by_role("tab", name="Why", exact=True)).to_have_attribute("aria-selected", "true")


def test_a_repeated_event_replaces_itself(page: Page, platform: Any) -> None:
    platform.delta(e=[event(1), event(2, "cart crashed")])
    platform.delta(e=[event(1, "ledger crashed 41 times in 2 s")])
    expect(page.locator("#events li p")).to_have_text(["cart crashed", "ledger crashed 41 times in 2 s"])


def test_an_event_leads_to_its_process_even_in_a_closed_branch(page: Page, platform: Any) -> None:
    platform.delta(e=[event(1)])
    page.get_by_role("button", name="Close all").click()
    page.locator("#events").get_by_role("button", name="ledger").click()
    expect(page.locator("#process")).to_have_attribute("data-key", f"{SHOP}/ledger")
    expect(page.locator(":focus")).to_have_attribute("data-key", f"{SHOP}/ledger")


def test_listeners_hear_one_sentence_at_most_every_three_seconds(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page("about:blank", ready=False)
    page.clock.install()
    page.goto(f"{platform.url}/supervisors")
    spoken = page.locator("#announce")
    expect(page.locator("#supervisors")).to_have_attribute("data-ready", "tree")
    platform.delta(e=[event(1)])
    expect(spoken).to_have_text(SENTENCE)
    platform.delta(e=[event(2), event(3)])
    platform.delta(e=[event(4)])
    expect(page.locator("#events li")).to_have_count(4)
    expect(spoken).to_have_text(SENTENCE)
    page.clock.fast_forward(3000)
    expect(spoken).to_have_text("3 crashes, 9 restarts in shop_sup")
    killed = event(5)
    killed["parts"]["reason"] = "killed"
    platform.delta(e=[killed, event(6)])
    expect(page.locator("#events")).to_contain_text("crashed 5×")
    page.clock.fast_forward(3000)
    expect(spoken).to_have_text("1 kill, 1 crash, 6 restarts in shop_sup")


def test_restart_counters_are_not_live_regions(page: Page) -> None:
    assert page.locator("[role=tree] [aria-live], [role=tree] [role=status]").count() == 0


def storm(count: int, *, first: int = 1, each_s: float = 0.05) -> list[dict[str, Any]]:
    """Crashes of the ledger, twenty a second, as events from number `first` on."""
    now = time.time() - count * each_s
    return [event(first + place, kind="restarted", at=now + place * each_s) for place in range(count)]


def test_a_storm_of_twenty_crashes_a_second_is_one_row_that_counts_in_place(page: Page, platform: Any) -> None:
    crashes = storm(40)
    platform.delta(e=crashes[:20])
    platform.delta(e=[event(900, "cart was started", key=f"{SHOP}/cart", kind="started", level="ok", parts=None)])
    rows = page.locator("#events > .events > li")
    expect(rows.locator("> p")).to_have_text(
        ["cart was started", re.compile(r"^ledger crashed 20× in 1\ss ValueError$")]
    )
    row = rows.last.element_handle()
    for crash in crashes[20:]:
        platform.delta(e=[crash])
    expect(rows.last).to_contain_text("ledger crashed 40×")
    assert row.evaluate("(one) => one === document.querySelector('#events > .events > li:last-child')")
    expect(rows).to_have_count(2)
    assert sum(page.locator("#events .bars rect").evaluate_all("all => all.map((one) => one.height.baseVal.value > 0)"))
    burning = page.get_by_role("button", name="40× ledger crashed")
    expect(burning).to_be_visible()
    burning.click()
    expect(page.locator("#process")).to_have_attribute("data-key", f"{SHOP}/ledger")


def test_a_storm_unfolds_into_its_entries(page: Page, platform: Any) -> None:
    platform.delta(e=storm(7))
    row = page.locator("#events > .events > li")
    row.get_by_role("button", name="Show all").click()
    expect(row.locator(".each > li")).to_have_count(7)
    expect(row.locator(".each > li").first).to_contain_text(SENTENCE)
    page.mouse.move(0, 0)
    platform.delta(e=storm(1, first=8))
    expect(row.locator(".each > li")).to_have_count(8)
    row.get_by_role("button", name="Show less").click()
    expect(row.locator(".each")).to_have_count(0)


def test_the_feed_holds_still_under_the_pointer_and_under_the_focus(page: Page, platform: Any) -> None:
    platform.delta(e=[event(1)])
    rows, note = page.locator("#events > .events > li"), page.locator("#events .held")
    rows.first.hover()
    before = rows.first.bounding_box()
    platform.delta(e=[event(number, "cart was started", key=f"{SHOP}/cart", parts=None) for number in (2, 3, 4)])
    expect(note).to_have_text("3 new, held while you read")
    expect(rows).to_have_count(1)
    assert rows.first.bounding_box() == before
    page.locator("#find").hover()
    expect(rows).to_have_count(4)
    expect(note).to_have_text("")
    page.locator("#find").focus()
    page.locator("#events .events").focus()
    page.keyboard.press("ArrowDown")
    platform.delta(e=[event(5)])
    expect(note).to_have_text("1 new, held while you read")
    page.locator("#find").focus()
    expect(rows).to_have_count(5)


def test_a_click_in_a_storm_ends_on_the_row_where_it_began(page: Page, platform: Any) -> None:
    platform.delta(e=[event(1, "ledger was started", kind="started", parts=None)])
    row = page.locator("#events > .events > li").first
    row.hover()
    page.mouse.down()
    platform.delta(e=[event(2, "cart was started", key=f"{SHOP}/cart", kind="started", parts=None)])
    expect(page.locator("#events .held")).to_have_text("1 new, held while you read")
    page.mouse.up()
    expect(page.locator("#process")).to_have_attribute("data-key", f"{SHOP}/ledger")
