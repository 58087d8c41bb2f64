"""The feed of events in words, and announcements for screen readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

SHOP = "app/shop_sup"
SENTENCE = (
    "ledger crashed: ValueError('negative amount'); shop_sup (rest_for_one) restarted ledger, and with it cart and "
    "mailer; restart 1 of 3 in 5 s"
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
    page.clock.fast_forward(3000)
    expect(spoken).to_have_text("1 kill, 1 crash, 6 restarts in shop_sup")


def test_restart_counters_are_not_live_regions(page: Page) -> None:
    assert page.locator("[role=tree] [aria-live], [role=tree] [role=status]").count() == 0
