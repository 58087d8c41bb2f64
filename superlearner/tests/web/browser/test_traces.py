"""The page /traces as a person uses it, on a platform that is real."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_variants import VARIANTS, first_of

Open = Callable[..., Page]
BOMB = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def shop(start_for_all: Callable[..., Any]) -> Any:
    """A platform with the shop; the tests of this module share it."""
    return start_for_all()


@pytest.fixture(scope="module")
def traced(shop: Any) -> str:
    """A trace that has ended: calls, a cast that is HTML, a crash and a restart."""
    with shop.client() as client:
        begun = client.post("/api/v1/traces", json={"supervisor": "demo_one_for_one", "auto_cleanup": False})
        trace = begun.json()["data"]["trace_id"]
        for message, way in (
            (["add", 3], "cast"),
            ("get_value", "call"),
            (["add", BOMB], "cast"),
            ("get_value", "call"),
        ):
            body = {"message": message, "message_type": way}
            client.post("/api/v1/processes/counter_1/message", json=body)
        client.post("/api/v1/processes/counter_2/message", json={"message": "crash", "message_type": "cast"})
        client.post("/api/v1/processes/counter_1/message", json={"message": "get_value", "message_type": "call"})
        client.post(f"/api/v1/traces/{trace}/stop")
    return trace


@pytest.mark.parametrize("width", first_of([390, 1440]))
def test_a_followed_trace_stays_at_a_kill_until_the_reader_follows_on(open_page: Open, shop: Any, width: int) -> None:
    with shop.client() as client:
        begun = client.post("/api/v1/traces", json={"supervisor": "checkout_sup", "auto_cleanup": False})
        trace = begun.json()["data"]["trace_id"]
        page = open_page(f"{shop.url}/timeline?view=messages&trace={trace}", ready=False, width=width)
        sequence = page.locator("#sequence")
        expect(sequence.get_by_role("button", name="Following")).to_be_visible()

        def ask(times: int) -> None:
            """Ask for the balance, and wait until the page has the messages."""
            for _ in range(times):
                body = {"message": "balance", "message_type": "call"}
                assert client.post("/api/v1/processes/ledger/message", json=body).is_success
            page.wait_for_function(
                "least => +document.querySelector('#sequence [role=option]')?.ariaSetSize >= least", arg=2 * times
            )

        ask(20)
        client.request("DELETE", "/api/v1/processes/ledger", json={"reason": "kill"})
        expect(sequence.get_by_role("status")).to_have_text("Following stopped: ledger was killed.")
        expect(sequence.locator("text.why.crashed")).to_be_in_viewport()
        ask(40)
        kill = sequence.get_by_role("option", name=re.compile("ledger crashed: killed"))
        expect(kill).to_be_in_viewport()
        expect(sequence.get_by_role("option", name=re.compile("ledger was started"))).to_be_in_viewport()
        sequence.get_by_role("button", name="Follow on").click()
        expect(kill).not_to_be_attached()
        expect(sequence.get_by_role("button", name="Following")).to_be_visible()
        client.delete(f"/api/v1/traces/{trace}")


@pytest.mark.page("/timeline?view=messages")
def test_one_click_traces_the_checkout_and_shows_why_the_cart_asks_for_another_account(
    open_page: Open, shop: Any
) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages", ready=False)
    page.get_by_role("button", name="Trace it and kill the ledger").click()
    expect(page.get_by_role("heading", name="checkout_sup and all below it")).to_be_visible()
    messages = page.get_by_role("listbox", name=re.compile("Messages"))
    page.get_by_label("Kind").select_option(label="Ends, starts and signals")
    expect(messages.get_by_role("option", name=re.compile("ledger crashed: killed"))).to_be_attached()
    expect(messages.get_by_role("option", name=re.compile("ledger was started"))).to_be_attached()
    page.get_by_label("Kind").select_option(label="Calls and answers")
    expect(messages.get_by_role("option", name=re.compile("cart calls ledger: 'open_account'"))).to_be_attached()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#one-counts")).to_contain_text("stopped")


def test_a_trace_begins_by_the_form_with_the_process_that_the_address_names(open_page: Open, shop: Any) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages&process=counter_2", ready=False)
    form = page.get_by_role("region", name="New trace")
    expect(form.get_by_role("list", name="Traced")).to_contain_text("counter_2")
    form.get_by_text("Patterns, limits, duration").click()
    form.get_by_label("Messages a second").fill("0")
    form.get_by_role("button", name="Start the trace").click()
    expect(form.get_by_label("Messages a second")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_text("expected at least 1, got 0")).to_be_visible()
    form.get_by_label("Messages a second").fill("500")
    form.get_by_role("button", name="Start the trace").click()
    expect(page.get_by_role("heading", name="counter_2")).to_be_visible()
    expect(page.locator("#list")).to_contain_text("counter_2")
    page.goto(f"{shop.url}/timeline?view=messages&process=counter_2")
    expect(page.get_by_role("heading", name="counter_2")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("region", name="New trace")).to_be_visible()


def test_a_name_that_is_typed_in_full_counts_as_chosen(open_page: Open, shop: Any) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages", ready=False)
    form = page.get_by_role("region", name="New trace")
    who = form.get_by_label("Which process")
    form.get_by_role("button", name="Start the trace").click()
    expect(form.get_by_text("Choose at least one process.")).to_be_visible()
    page.route("**/processes?*", lambda route: None)  # the message goes by what is typed, not by what is found
    who.fill("counter")
    expect(form.get_by_text("Choose at least one process.")).to_have_count(0)
    form.get_by_role("button", name="Start the trace").click()
    expect(form.get_by_text("No living process is called counter.")).to_be_visible()
    who.fill("counter_2")
    form.get_by_role("button", name="Start the trace").click()
    expect(page.get_by_role("heading", name="counter_2")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(form).to_be_visible()


def test_the_list_keeps_the_focus_while_its_numbers_change_and_tabs_know_home_and_end(
    open_page: Open, shop: Any, traced: str
) -> None:
    with shop.client() as client:
        begun = client.post("/api/v1/processes/counter_2/trace", json={"auto_cleanup": False})
        page = open_page(f"{shop.url}/timeline?view=messages&trace={traced}", ready=False)
        line = page.locator("#list li").filter(has_text="counter_2")
        stop = line.get_by_role("button", name="Stop")
        stop.focus()
        client.post("/api/v1/processes/counter_2/message", json={"message": ["add", 3], "message_type": "cast"})
        expect(line).to_contain_text(re.compile("1 message"))
        expect(stop).to_be_focused()
        client.delete(f"/api/v1/traces/{begun.json()['data']['trace_id']}")
    page.get_by_role("tab", name="Messages").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Latency")).to_be_focused()
    page.keyboard.press("Home")
    expect(page.get_by_role("tabpanel", name="Messages")).to_be_visible()


def test_messages_can_be_walked_by_keyboard_and_are_read_out(open_page: Open, shop: Any, traced: str) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages&trace={traced}", ready=False)
    messages = page.get_by_role("listbox", name=re.compile("Messages"))
    expect(messages.get_by_role("option").first).to_be_attached()
    page.get_by_label("Kind").select_option(label="Calls and answers")
    messages.focus()
    page.keyboard.press("Home")
    said = page.locator("sl-sequence .said")
    expect(said).to_contain_text(re.compile("Kind\\s*call"))
    expect(said).to_contain_text(re.compile("answered in .* (µs|ms)"))
    page.keyboard.press("Enter")
    expect(said).to_contain_text(re.compile("Kind\\s*reply"))
    expect(messages.locator("[aria-selected=true]")).to_have_attribute("aria-label", re.compile("replies to"))
    page.get_by_role("button", name="Table").click()
    expect(page.get_by_role("table").locator("tr[aria-selected=true]")).to_contain_text("reply")
    page.get_by_role("tab", name="Latency").click()
    page.get_by_role("button", name=re.compile("Show the slowest")).first.click()
    expect(said).to_contain_text("answered in")


def test_callers_that_are_not_processes_share_a_lane(open_page: Open, shop: Any, traced: str) -> None:
    """Each request to the API makes its call with a new pid, which gets the answer."""
    page = open_page(f"{shop.url}/timeline?view=messages&trace={traced}", ready=False)
    outside = page.locator("#sequence .head").get_by_text("outside", exact=True)
    expect(outside).to_have_attribute("title", re.compile("^Code outside of every process"))
    expect(page.locator("#sequence .head").filter(has_text=re.compile("outside|0\\."))).to_have_count(1)


def test_html_in_a_message_is_text(open_page: Open, shop: Any, traced: str) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages&trace={traced}", ready=False)
    page.get_by_label("Find in messages").fill("onerror")
    expect(page.get_by_role("option", name=re.compile("onerror"))).not_to_have_count(0)
    assert page.locator("main img").count() == 0


def test_a_trace_that_is_gone_says_so_and_how_to_keep_the_next(open_page: Open, shop: Any) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages&trace=t99", ready=False)
    expect(page.get_by_role("heading", name="This trace is not here any more")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_the_page_is_accessible_and_fits(open_page: Open, shop: Any, traced: str, theme: str, width: int) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages&trace={traced}", ready=False, theme=theme, width=width)
    expect(page.get_by_role("option").first).to_be_attached()
    page.get_by_role("option", name=re.compile("get_value")).first.click()
    assert broken_rules(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_on_a_phone_the_tools_are_behind_a_button(open_page: Open, shop: Any, traced: str) -> None:
    page = open_page(f"{shop.url}/timeline?view=messages&trace={traced}", ready=False, width=390)
    opener, find = page.get_by_role("button", name="Tools"), page.get_by_role("searchbox", name="Find in messages")
    expect(opener).to_be_visible()
    expect(find).to_be_hidden()
    opener.click()
    expect(find).to_be_visible()
    expect(page.get_by_role("button", name="Save as recording")).to_be_visible()
    opener.click()
    expect(find).to_be_hidden()
