"""The page /replay as a person uses it, on a platform that is real."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from otp.trace import Row, pack
from page_variants import first_of

Open = Callable[..., Page]
BOMB = "<img src=x onerror=alert(1)>"
SUP, LEDGER, CART = "<0.2.0>", "<0.3.0>", "<0.4.0>"
PEOPLE: list[dict[str, str | None]] = [
    {"process": SUP, "parent": None, "name": "shop_sup", "what": "ShopSup"},
    {"process": LEDGER, "parent": SUP, "name": "ledger", "what": "Ledger"},
    {"process": CART, "parent": SUP, "name": "cart", "what": "Cart"},
]
RESTART = {"used": 1, "allowed": 3, "window": 5, "strategy": "one_for_one", "reason": "ValueError"}


def crash() -> bytes:
    """The cart calls the ledger, which answers, then crashes on a message, is down for a second, and starts again."""
    call = {"to": LEDGER, "way": "call", "message": "('book', 1)", "ref": "#1"}
    told: list[tuple[int, str, str, int, dict[str, Any]]] = [
        (0, "sent", CART, 0, call),
        (1, "received", LEDGER, 1, {"way": "call", "message": "('book', 1)"}),
        (1, "state_changed", LEDGER, 2, {"state": "Book(total=1)"}),
        (2, "sent", LEDGER, 2, {"to": CART, "way": "reply", "message": "1", "ref": "#1"}),
        (2, "received", CART, 4, {"way": "reply", "message": "1"}),
        (5, "sent", CART, 0, {"to": LEDGER, "way": "cast", "message": BOMB}),
        (6, "sent", CART, 0, {"to": LEDGER, "way": "cast", "message": "'waits'"}),
        (7, "received", LEDGER, 6, {"way": "cast", "message": BOMB}),
        (8, "exited", LEDGER, 8, {"reason": "ValueError"}),
        (9, "child_terminated", SUP, 9, {"id": "ledger", "child": LEDGER, "reason": "ValueError", "by": "exit"}),
        (1009, "spawned", "<0.9.0>", 0, {"parent": SUP, "name": "ledger", "what": "Ledger"}),
        (1010, "child_restarted", SUP, 9, {"id": "ledger", "child": "<0.9.0>", "old": LEDGER, **RESTART}),
    ]
    rows = [Row(seq, at * 1_000_000, "shop", kind, pid, cause, data)
            for seq, (at, kind, pid, cause, data) in enumerate(told, 1)]  # fmt: skip
    return pack(rows, node="shop@127.0.0.1", processes=PEOPLE, started=1000.0)


def keep(client: Any, name: str, content: bytes) -> None:
    body = {"name": name, "content": base64.b64encode(content).decode()}
    assert client.post("/api/v1/recordings/file", json=body).status_code == 200


def without_tree() -> bytes:
    """Return a recording like a saved trace: a message and an end."""
    rows = [Row(1, 0, "shop", "sent", CART, 0, {"to": LEDGER, "way": "cast", "message": "'buy'"}),
            Row(2, 1, "shop", "exited", LEDGER, 0, {"reason": "killed"})]  # fmt: skip
    return pack(rows, node="shop@127.0.0.1", processes=PEOPLE, started=1000.0)


@pytest.fixture(scope="module")
def shop(start_for_all: Callable[..., Any]) -> Any:
    """A platform that has a recording of a crash; the tests of this module share it."""
    program = start_for_all()
    with program.client() as client:
        keep(client, "crash", crash())
        keep(client, "treeless", without_tree())
    return program


def replay(open_page: Open, shop: Any, **more: Any) -> Page:
    page = open_page(f"{shop.url}/timeline?view=replay&recording=crash", ready=False, **more)
    expect(page.locator("#replay")).to_have_attribute("data-ready", "yes")
    return page


def test_the_keys_walk_through_the_events_and_the_playhead_says_where_it_is(open_page: Open, shop: Any) -> None:
    page = replay(open_page, shop)
    playhead = page.get_by_role("slider", name="Playhead")
    expect(page.locator("#about")).to_have_text(re.compile(r"events · 1 crash · \d+\.\d{3} s$"))
    page.keyboard.press("End")
    expect(playhead).to_have_attribute(
        "aria-valuetext", "Event 8 of 8: ledger crashed: ValueError; shop_sup restarted ledger"
    )
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(playhead).to_have_attribute("aria-valuetext", "Event 6 of 8: ledger crashed: ValueError")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(playhead).to_have_attribute("aria-valuetext", re.compile("^Event 2 of 8: ledger has the state"))
    page.keyboard.press("]")
    expect(page.get_by_label("Speed")).to_have_value("5")
    playhead.focus()
    page.keyboard.press("ArrowLeft")
    expect(playhead).to_have_attribute("aria-valuetext", "Event 1 of 8: cart calls ledger: ('book', 1)")


@pytest.mark.parametrize("path", ["replay?recording=crash&at=6", "timeline?recording=crash&at=6&view=lanes"])
def test_shared_addresses_open_the_recording_at_their_moment(open_page: Open, shop: Any, path: str) -> None:
    page = open_page(f"{shop.url}/{path}", ready=False)
    expect(page.get_by_role("slider", name="Playhead")).to_have_attribute(
        "aria-valuetext", re.compile("^Event 4 of 8: cart casts to ledger")
    )
    expect(page).to_have_url(re.compile(r"/timeline\?(?=.*view=replay)(?=.*recording=crash)(?=.*at=6)"))


def test_the_tree_the_state_and_the_mailbox_are_those_of_the_moment(open_page: Open, shop: Any) -> None:
    page = replay(open_page, shop)
    page.get_by_role("group", name="Crashes").get_by_role("button").click()
    page.get_by_role("tab", name="Tree").click()
    tree = page.get_by_role("list", name="Supervision tree at the playhead")
    expect(tree.get_by_role("listitem").filter(has_text="ledger")).to_contain_text("0.3.0")
    page.get_by_role("tab", name="Events").click()
    page.get_by_role("button", name=re.compile("cart casts to ledger: 'waits'")).click()
    page.locator("sl-stage").get_by_role("button", name="ledger").click()
    about = page.get_by_role("tabpanel", name="Process")
    expect(about).to_contain_text("Book(total=1)")
    expect(about).to_contain_text("Mailbox, 2 messages")
    expect(about).to_contain_text(BOMB)
    assert page.locator("main img, #replay img").count() == 0
    page.keyboard.press("End")
    expect(about).to_contain_text("0.9.0")
    expect(about).to_contain_text("Mailbox, 0 messages")
    page.get_by_role("tab", name="Tree").click()
    expect(tree.get_by_role("listitem").filter(has_text="ledger")).to_contain_text("1 restart")


def test_it_plays_to_its_end_and_from_the_beginning_again(open_page: Open, shop: Any) -> None:
    page = replay(open_page, shop, reduced_motion="no-preference")
    page.get_by_label("Speed").select_option(label="20×")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#place")).to_have_text("8 of 8")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_label("Speed").select_option(label="1/16×")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator("#place")).to_have_text("1 of 8")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_recording_without_a_tree_says_so_and_how_to_get_one(open_page: Open, shop: Any) -> None:
    page = open_page(f"{shop.url}/timeline?view=replay&recording=treeless", ready=False)
    page.get_by_role("tab", name="Tree").click()
    about = page.get_by_role("tabpanel", name="Tree")
    expect(about).to_contain_text("This recording has no supervision tree")
    expect(about).to_contain_text("press “Record now”")


def test_while_it_plays_the_sentence_follows_slowly_enough_to_be_read_and_is_not_spoken(
    open_page: Open, shop: Any
) -> None:
    page = replay(open_page, shop, reduced_motion="no-preference")
    page.evaluate("""() => {
        window.told = [];
        const say = document.getElementById("say");
        new MutationObserver(() => document.getElementById("replay").dataset.playing === "true"
            && told.push([say.textContent, say.getAttribute("aria-live")]))
            .observe(say, { childList: true, characterData: true, subtree: true });
    }""")
    page.get_by_label("Speed").select_option(label="1/2×")
    began = page.evaluate("performance.now()")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#place")).to_have_text("8 of 8")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    took = page.evaluate("performance.now()") - began
    told = page.evaluate("told")
    assert len({text for text, _ in told}) > 1
    assert {live for _, live in told} == {"off"}
    assert len(told) <= took / 250 + 1
    expect(page.locator("#say")).to_have_text("ledger crashed: ValueError; shop_sup restarted ledger")
    expect(page.locator("#say")).not_to_have_attribute("aria-live", "off")


@pytest.mark.page("/timeline?view=replay")
def test_one_click_records_the_checkout_and_plays_why_the_ledger_crashed(open_page: Open, shop: Any) -> None:
    page = open_page(f"{shop.url}/timeline?view=replay", ready=False)
    page.get_by_role("button", name="Record it and play it").click()
    expect(page.locator("#replay")).to_have_attribute("data-ready", "yes")
    expect(page.locator("#replay")).to_have_attribute("data-playing", re.compile("true|false"))  # absent before
    expect(page).to_have_url(re.compile(r"\?view=replay&recording=[^&]+$"))
    expect(page.get_by_role("group", name="Crashes").get_by_role("button")).not_to_have_count(0)
    page.get_by_role("group", name="Crashes").get_by_role("button").first.click()
    expect(page.get_by_role("slider", name="Playhead")).to_have_attribute(
        "aria-valuetext", re.compile("ledger was killed")
    )


def test_a_file_is_downloaded_and_a_broken_one_is_refused_with_what_to_do(
    open_page: Open, shop: Any, tmp_path: Path
) -> None:
    page = replay(open_page, shop)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    kept = tmp_path / "mine.jsonl.gz"
    saved.value.save_as(kept)
    assert kept.read_bytes() == crash()
    page.goto(f"{shop.url}/timeline?view=replay")
    page.get_by_label("Recording file").set_input_files(kept)
    expect(page.get_by_role("link", name="mine", exact=True)).to_be_visible()
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(b"nothing of the kind")
    page.get_by_label("Recording file").set_input_files(broken)
    expect(page.locator(".toast[data-level=bad]")).to_contain_text("expected a recording")
    half = tmp_path / "half.jsonl.gz"
    half.write_bytes(crash()[:-12])
    page.get_by_label("Recording file").set_input_files(half)
    page.get_by_role("dialog", name="Open what can be read?").get_by_role("button", name="Open it").click()
    page.get_by_role("link", name="half", exact=True).click()
    expect(page.locator("#replay")).to_have_attribute("data-ready", re.compile("yes|failed"))
    expect(page.get_by_text(re.compile("no proper end"))).to_be_visible()


def test_a_recording_that_is_not_here_says_what_to_do(open_page: Open, shop: Any) -> None:
    page = open_page(f"{shop.url}/timeline?view=replay&recording=nobody", ready=False)
    expect(page.get_by_role("alert")).to_contain_text("There is no recording nobody")
    expect(page.get_by_role("button", name="Open a file…")).to_be_visible()


@pytest.mark.parametrize(
    ("theme", "width", "tab"),
    first_of([("dark", 390, "Tree"), ("light", 1440, "Tree"), ("dark", 1440, "Process"), ("light", 390, "Events")], 2),
)
def test_the_page_is_accessible_and_fits(open_page: Open, shop: Any, theme: str, width: int, tab: str) -> None:
    page = replay(open_page, shop, theme=theme, width=width)
    page.keyboard.press("End")
    page.get_by_role("tab", name=tab).click()
    assert broken_rules(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_on_a_phone_the_tools_are_behind_a_button(open_page: Open, shop: Any) -> None:
    page = replay(open_page, shop, width=390)
    link, opener = page.get_by_role("button", name="Copy link"), page.get_by_role("button", name="Tools")
    expect(page.locator("#clock")).to_be_visible()
    expect(link).to_be_hidden()
    closed = page.locator("#stage").bounding_box()
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    for control in (link, page.get_by_role("button", name="Download"), page.get_by_role("combobox", name="Lanes")):
        expect(control).to_be_visible()
    opener.click()
    expect(link).to_be_hidden()
    assert closed == page.locator("#stage").bounding_box()
    assert closed is not None
    assert closed["y"] < 200
