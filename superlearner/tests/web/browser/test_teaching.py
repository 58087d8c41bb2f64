"""Strategies changed, restarts predicted, signals drawn and causes explained, on the real shop."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from page_tree import line
from page_width import SIDEWAYS

SHOP = "superlearner/playground/shop"
DEMO = "superlearner/playground/demo_one_for_one"


@pytest.fixture(scope="module")
def shop(start_for_all: Callable[..., Any]) -> Any:
    """A platform for all tests; each has its own supervisor, since restarts are counted."""
    return start_for_all()


def opened(page: Page, key: str, tab: str) -> Locator:
    """The tab of a process, or what is behind a button of its tab Relations."""
    line(page, key).locator(".id").click()
    within = {"Predict": "Predict a restart", "Strategy": "Compare strategies"}.get(tab)
    page.get_by_role("tab", name="Relations" if within else tab).click()
    if within:
        page.get_by_role("button", name=within).click()
    return page.locator(f"#panel-{tab.lower()}")


def predict(page: Page, victim: str, *expected: str) -> Locator:
    """Pick the processes that are expected to restart, kill one, and return the game with its result."""
    asked = opened(page, victim, "Predict")
    for one in expected:
        pick(asked, one).click()
    asked.get_by_role("button", name="Lock in and kill").click()
    expect(asked.get_by_role("group", name="Result")).to_be_visible(timeout=15_000)
    return asked


def pick(asked: Locator, name: str) -> Locator:
    return asked.locator(f'.pick[data-id$="/{name}"]')


def expect_in_tree(page: Page, name: str, signals: str) -> None:
    page.locator(".events li", has_text=name).first.get_by_role("button", name="Show in the tree").click()
    expect(page.locator("sl-signals")).to_contain_text(signals)


def verdicts(asked: Locator) -> list[str]:
    return asked.get_by_role("group", name="Result").get_by_role("listitem").all_inner_texts()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_rest_for_one_is_predicted_and_a_mistake_is_explained(
    open_page: Callable[..., Page], shop: Any, theme: str, width: int
) -> None:
    victim = f"{SHOP}/checkout_sup/cart" if theme == "light" else f"{DEMO}/counter_1"
    page = open_page(f"{shop.url}/supervisors", theme=theme, width=width)
    asked = opened(page, victim, "Predict")
    expect(asked.get_by_role("heading", level=2)).to_contain_text("is killed. Which processes get a new pid?")
    expect(asked).to_contain_text("The kill is real.")
    asked = predict(page, victim, victim.rpartition("/")[2])
    if theme == "light":
        assert verdicts(asked) == [
            "Missed: mailer started after cart, so checkout_sup stopped it and started it again."
        ]
        expect(asked).to_contain_text("1 of 2 found")
        expect(asked).to_contain_text("rest_for_one restarts the child that ended and those started after it.")
        expect(asked.locator("restart-stage")).to_have_attribute("data-stage", "6")
        expect(page.get_by_role("region", name="The newest restart")).to_be_hidden()  # it plays beside the tree
        expect(page.locator("sl-signals")).to_have_count(0)
        with page.expect_download() as saved:
            asked.get_by_role("button", name="Save as a file").click()
        assert saved.value.suggested_filename.startswith("cart-restarted")
        expect_in_tree(page, "cart", "5 signals in")
    else:
        expect(asked).to_contain_text("Right: counter_1")
        expect(asked).to_contain_text("counter_1 was killed. demo_one_for_one started it again.")
        expect(asked.locator(".streak")).to_contain_text("1 in a row")
        asked.get_by_role("button", name="Another process").click()
        expect(asked.get_by_role("button", name="Lock in and kill")).to_be_disabled()
        expect(asked.get_by_role("heading", level=2)).not_to_contain_text("counter_1")
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0


def test_a_give_up_is_seen_to_the_end_and_explained_from_its_first_cause(
    open_page: Callable[..., Page], shop: Any
) -> None:
    page = open_page(f"{shop.url}/supervisors")
    strategy = opened(page, f"{SHOP}/warehouse_sup", "Strategy")
    strategy.get_by_label("At most").fill("0")
    strategy.get_by_role("button", name="Set", exact=True).click()
    expect(strategy.get_by_role("status")).to_have_text("Set. Restarts that were counted stay counted.")
    expect(strategy).to_contain_text("With restart 1 within 5 s it gives up")
    asked = predict(page, f"{SHOP}/warehouse_sup/robot", "robot", "shelves")
    assert verdicts(asked) == [
        "Missed: warehouse_sup had no restarts left and gave up. shop started it again.",
    ]
    expect(asked).to_contain_text("A supervisor with no restarts left stops its children and ends.")
    expect_in_tree(page, "robot", "8 signals in")
    why = opened(page, f"{SHOP}/warehouse_sup/shelves", "Why")
    steps = why.locator(".why-chain > li")
    expect(steps).to_have_count(4)
    expect(steps.nth(0)).to_contain_text("was killed, by your request from the page (process.kill)")
    expect(steps.nth(1)).to_contain_text("warehouse_sup gave up: it allows no restarts")
    expect(steps.nth(2)).to_contain_text("shop (one_for_one) restarted warehouse_sup ")
    expect(steps.nth(3)).to_contain_text("warehouse_sup started shelves ")
    steps.nth(2).get_by_role("button").click()
    expect(page.locator("#process-title")).to_have_text("warehouse_sup")


def test_a_strategy_is_compared_on_the_real_children_and_changed_while_it_runs(
    open_page: Callable[..., Page], shop: Any
) -> None:
    page = open_page(f"{shop.url}/supervisors")
    line(page, f"{SHOP}/checkout_sup").locator(".id").click()
    page.get_by_role("button", name="Change it").click()
    strategy = page.locator("#panel-strategy")
    fates = strategy.get_by_role("table")
    # If the second of three children is killed:
    expect(fates.get_by_role("row", name="Restarted")).to_have_text("Restarted1 of 32 of 33 of 3")
    expect(fates.get_by_role("row", name="cart")).to_have_text("cart killed" + "restarts" * 3)
    expect(fates.get_by_role("row", name="mailer")).to_have_text("mailer" + "stays up" + "restarts" * 2)
    strategy.get_by_role("group", name="Child that is killed").get_by_role("button", name="mailer").click()
    expect(fates.get_by_role("row", name="ledger")).to_have_text("ledger" + "stays up" * 2 + "restarts")
    expect(fates.get_by_role("row", name="Restarted")).to_have_text("Restarted1 of 31 of 33 of 3")
    strategy.get_by_role("button", name="one_for_all", exact=True).click()
    strategy.get_by_role("button", name="Change to one_for_all").click()
    expect(line(page, f"{SHOP}/checkout_sup")).to_contain_text("one_for_all")
    expect(strategy.get_by_role("status")).to_contain_text("The strategy is one_for_all now.")
    strategy.get_by_role("button", name="rest_for_one", exact=True).click()
    strategy.get_by_role("button", name="Change to rest_for_one").click()
    expect(line(page, f"{SHOP}/checkout_sup")).to_contain_text("rest_for_one")
    strategy.get_by_label("At most").fill("many")
    strategy.get_by_role("button", name="Set", exact=True).click()
    expect(strategy.get_by_role("status")).to_contain_text("expected a whole number")
    dynamic = opened(page, f"{SHOP}/orders", "Strategy")
    expect(dynamic).to_contain_text("Its strategy cannot be changed while it runs")


def test_a_change_of_what_the_platform_needs_is_asked_for_first(open_page: Callable[..., Page], shop: Any) -> None:
    page = open_page(f"{shop.url}/supervisors?platform=open", extra_http_headers=shop.owner)
    strategy = opened(page, "superlearner/services", "Strategy")
    strategy.get_by_role("button", name="Set", exact=True).click()
    dialog = page.get_by_role("dialog", name="Change what the platform needs?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(strategy.get_by_role("status")).to_have_text("Nothing was changed.")


HELD = """() => {
    const timer = window.setTimeout;
    window.held = [];
    window.setTimeout = (run, time, ...rest) => (time === 160 ? window.held.push(run) : timer(run, time, ...rest));
}"""


ONE_HELD = """() => new Promise((done) => {
    const look = () => (window.held.length === 1 ? done() : requestAnimationFrame(look));
    look();
})"""  # `wait_for_function` evaluates a string each time it looks, which the rules of the page forbid


def test_signals_travel_in_their_order_and_can_be_seen_again(open_page: Callable[..., Page], shop: Any) -> None:
    page = open_page(f"{shop.url}/supervisors", reduced_motion="no-preference")
    page.set_viewport_size({"width": 1440, "height": 740})  # no room for the pane that plays restarts
    page.evaluate(HELD)
    line(page, f"{DEMO}/counter_2").get_by_role("button", name="Kill").click()
    page.evaluate(ONE_HELD)  # rapid kills skip parts of the drawing
    signals = page.locator("sl-signals")
    assert signals.count() == 0
    page.evaluate("window.held.pop()()")
    expect(signals).to_have_attribute("data-playing", "")
    expect(signals).not_to_have_attribute("data-playing", "", timeout=15_000)
    expect(signals.locator("[data-n]")).to_have_count(3)
    assert [one.get_attribute("data-kind") for one in signals.locator("[data-n]").all()] == ["kill", "exit", "start"]
    expect(page.locator("#map .map-signals [data-n]")).to_have_count(3)
    signals.get_by_role("button", name="As a list").click()
    expect(signals.get_by_role("listitem")).to_have_count(3)
    expect(signals.get_by_role("listitem").nth(1)).to_have_text("demo_one_for_one saw the end of counter_2: killed.")
    signals.get_by_role("button", name="Again").click()
    expect(signals).to_have_attribute("data-playing", "")
    page.keyboard.press("Escape")
    expect(signals).to_be_hidden()
    expect(page.locator("#map .map-signals [data-n]")).to_have_count(0)


def test_no_arrows_are_drawn_beside_the_pane_that_plays_the_restart(open_page: Callable[..., Page], shop: Any) -> None:
    page = open_page(f"{shop.url}/supervisors", reduced_motion="no-preference")
    page.evaluate(HELD)
    line(page, f"{DEMO}/counter_2").get_by_role("button", name="Kill").click()
    page.evaluate(ONE_HELD)
    expect(page.get_by_role("region", name="The newest restart")).to_be_visible()
    page.evaluate("window.held.pop()()")
    expect(page.locator("restart-live restart-stage")).to_have_attribute("data-stage", "6")
    expect(page.locator("sl-signals")).to_have_count(0)
    page.locator(".events li", has_text="counter_2").first.get_by_role("button", name="Show in the tree").click()
    expect(page.locator("sl-signals").locator("[data-n]")).to_have_count(3)


def test_with_reduced_motion_numbered_arrows_appear_at_once(open_page: Callable[..., Page], shop: Any) -> None:
    page = open_page(f"{shop.url}/supervisors", reduced_motion="reduce")
    line(page, f"{DEMO}/printer_1").get_by_role("button", name="Kill").click()
    entry = page.locator(".events li", has_text="printer_1").first
    entry.get_by_role("button", name="Show in the tree").click()
    signals = page.locator("sl-signals")
    expect(signals.locator("[data-n]")).to_have_count(3)
    expect(signals).not_to_have_attribute("data-playing", "")
    assert signals.evaluate("(element) => element.getAnimations({subtree: true}).length") == 0
    page.get_by_role("tab", name="Why").click()
    expect(page.locator(".why-chain > li")).to_have_count(2)
    watch = page.get_by_role("link", name="Watch this restart")
    expect(watch).to_have_attribute("href", re.compile(r"/why/\d+\?at=\d+$"))
    number = re.findall(r"/why/(\d+)", watch.get_attribute("href") or "")[0]
    entry.get_by_role("link", name="Why?").click()
    expect(page.get_by_role("heading", name="Why printer_1 restarted", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/why/[0-9a-f]+\.{number}$"))


def test_why_a_process_restarted_is_one_key_away_from_its_line(open_page: Callable[..., Page], shop: Any) -> None:
    page = open_page(f"{shop.url}/supervisors")
    line = page.locator(f'[role=treeitem][data-key="{SHOP}/checkout_sup/ledger"]')
    line.focus()
    line.press("Shift+Enter")
    expect(page.get_by_role("tab", name="Why", selected=True)).to_be_visible()
    expect(page.get_by_role("region", name="Process details")).to_contain_text("ledger")


def test_an_answer_can_be_given_with_the_keyboard_alone(open_page: Callable[..., Page], shop: Any) -> None:
    page = open_page(f"{shop.url}/supervisors")
    asked = opened(page, f"{DEMO}/printer_1", "Predict")
    pick(asked, "counter_1").focus()
    while "printer_1" not in page.evaluate("document.activeElement.dataset.id"):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(asked.get_by_role("heading", name="Right: printer_1")).to_be_visible(timeout=15_000)
    expect(asked.get_by_role("button", name="Another process")).to_be_focused()
