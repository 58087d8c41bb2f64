"""The tree of /supervisors, on a platform that says what the test tells it to."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from page_tree import line, names

SHOP = "app/shop_sup"
LEDGER = f"{SHOP}/ledger"


def crash(reason: str = "ValueError('negative amount')") -> dict[str, Any]:
    return {"at": time.time(), "reason": reason, "crash": True}


def test_every_state_has_a_shape_and_a_word(page: Page, platform: Any) -> None:
    since = time.time()
    for state, shape, word in (
        ("running", "i-running", "running"),
        ("restarting", "i-restarting", "restarting"),
        ("crashed", "i-crashed", "crashed"),
        ("stopped", "i-stopped", "stopped"),
        ("exiting", "i-restarting", "shutting down"),
        ("stuck", "i-stuck", "not answering"),
        ("suspended", "i-suspended", "suspended"),
    ):
        platform.delta(p=[[LEDGER, {"state": state, "since": since}]])
        expect(line(page, LEDGER)).to_have_attribute("data-state", state)
        expect(line(page, LEDGER).locator(".glyph use")).to_have_attribute("href", f"#{shape}")
        expect(line(page, LEDGER).locator(".st")).to_contain_text(word)
    expect(line(page, SHOP).locator(".glyph use")).to_have_attribute("href", "#i-supervisor")


def test_names_and_reasons_are_text_and_never_html(page: Page, platform: Any, row: Callable[..., Any]) -> None:
    evil = "<img src=x onerror=alert(1)><b>bold</b>"
    key = f"{SHOP}/evil"
    platform.delta(
        n=[row(key, id=evil, name=evil, what=evil, after=LEDGER, last=crash(evil), state="crashed")],
        e=[{"id": 1, "at": 1.0, "kind": "crashed", "level": "bad", "key": key, "text": f"{evil} crashed: {evil}",
            "parts": {"who": evil, "reason": evil}}],
    )  # fmt: skip
    expect(line(page, key).locator(".id")).to_have_text(evil)
    line(page, key).locator(".id").click()
    expect(page.locator("#process-title")).to_have_text(evil)
    expect(page.locator("#events li").first).to_contain_text(evil)
    assert page.locator("main img, main b b, aside img, .id b").count() == 0


def test_a_kill_shows_in_the_frame_of_the_click_and_asks_the_platform(page: Page, platform: Any) -> None:
    pid = line(page, LEDGER).get_attribute("data-pid")
    pending = page.evaluate(
        """(key) => {
            const line = document.querySelector(`[data-key="${key}"]`), ask = window.fetch;
            let asked = false; // to send a request takes longer than all that the line says: the picture comes first
            window.fetch = (...request) => { asked = true; return ask(...request); };
            line.querySelector(".kill").click();
            return [line.hasAttribute("data-pending"), line.querySelector(".st").textContent, asked];
        }""",
        LEDGER,
    )
    assert pending == [True, "killing…", False]
    platform.delta(p=[[LEDGER, {"pid": "0.99.0", "restarts": 1, "last": crash("killed")}]])
    expect(line(page, LEDGER)).to_have_attribute("data-pid", "0.99.0")
    expect(line(page, LEDGER)).not_to_have_attribute("data-pending", "")
    expect(line(page, LEDGER).locator(".rs")).to_have_text("1")
    assert platform.asked == [("DELETE", f"/api/v1/processes/{pid}", {"reason": "kill", "force": False})]


def test_a_refused_kill_says_why_and_what_to_try(page: Page, platform: Any, failure: Callable[..., Any]) -> None:
    platform.on_command = lambda *_: failure("forbidden", "ledger may not be killed", 403, "Ask its owner.")
    line(page, LEDGER).locator(".kill").click()
    expect(page.locator(".toast")).to_contain_text("Kill ledger: ledger may not be killed Ask its owner.")
    expect(line(page, LEDGER)).not_to_have_attribute("data-pending", "")
    expect(line(page, LEDGER).locator(".st")).to_have_text("running")
    expect(line(page, LEDGER).locator(".st")).to_be_visible()


def test_a_critical_process_is_killed_only_after_a_confirmation(page: Page, platform: Any) -> None:
    dialog = page.get_by_role("dialog")
    line(page, "app/web").locator(".kill").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert platform.asked == []
    line(page, "app/web").locator(".kill").click()
    with page.expect_request("**/api/v1/processes/*") as asked:
        dialog.get_by_role("button", name="Kill web").click()
    assert asked.value.post_data_json == {"reason": "kill", "force": True}


def test_a_visitor_without_the_scope_admin_is_told_who_may_kill_a_critical_process(page: Page, platform: Any) -> None:
    page.evaluate("document.documentElement.setAttribute('data-no-admin', '')")
    line(page, "app/web").locator(".kill").click()
    expect(page.locator(".toast")).to_contain_text("Only the owner can end a process of the platform itself.")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert platform.asked == []


def test_a_crash_that_was_over_before_the_frame_is_held_and_then_let_go(
    page: Page, platform: Any, looks: Callable[..., Any]
) -> None:
    """A restart takes less than a frame: without a delay, it would be invisible."""
    ledger, cart = looks(page, LEDGER), looks(page, f"{SHOP}/cart")
    stopped = {"at": time.time(), "reason": "shutdown", "crash": False}
    platform.delta(
        p=[
            [LEDGER, {"pid": "0.91.0", "restarts": 1, "last": crash()}],
            [f"{SHOP}/cart", {"pid": "0.92.0", "restarts": 1, "last": stopped}],
        ]
    )
    expect(line(page, LEDGER)).to_have_attribute("data-restarts", "1")
    expect(line(page, LEDGER)).to_have_attribute("data-look", "running")
    expect(line(page, f"{SHOP}/cart")).to_have_attribute("data-look", "running")
    assert ledger() == ["crashed", "running"]
    assert cart() == ["restarting", "running"]
    expect(line(page, LEDGER).locator(".why")).to_have_text("after ValueError('negative amount')")


def test_the_budget_counts_back_by_the_clock_without_a_word_from_the_server(page: Page, platform: Any) -> None:
    budget = line(page, SHOP).locator(".bu")
    budget.evaluate(
        "(one) => { window.left = []; new MutationObserver(() => window.left.push(one.dataset.left))"
        ".observe(one, {attributeFilter: ['data-left']}); }"
    )
    expires = [time.time() + 1, time.time() + 2]
    spent = {"used": 2, "max": 3, "window_s": 5.0, "resets_at": expires[-1], "expires": expires}
    platform.delta(p=[[SHOP, {"budget": spent}]])
    expect(budget).to_have_text("1 of 3 restarts left in 5 s")
    expect(budget.locator("i[data-left]")).to_have_count(1)
    expect(budget).to_have_text("3 of 3 restarts left in 5 s")
    assert page.evaluate("window.left") == ["1", "2", "3"]
    assert (platform.seq, platform.connections) == (1, 1)


def test_a_supervisor_that_gave_up_says_so_and_when_it_starts_again(page: Page, platform: Any) -> None:
    now = time.time()
    spent = {"used": 3, "max": 3, "window_s": 5.0, "resets_at": now + 5, "expires": [now + 4, now + 4.5, now + 5]}
    platform.delta(p=[
        [SHOP, {"state": "gave_up", "pid": None, "since": now, "again_at": now + 900, "budget": spent}],
        [LEDGER, {"state": "stopped", "pid": None, "since": now}],
    ])  # fmt: skip
    expect(line(page, SHOP).locator(".st")).to_have_text("gave up, again in 900 s")
    expect(line(page, LEDGER).locator(".kill")).to_be_disabled()
    line(page, SHOP).click()
    expect(page.locator("#process .plain")).to_contain_text(
        "shop_sup gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed. It starts again in"
    )
    platform.delta(p=[[SHOP, {"state": "running", "pid": "0.70.0", "again_at": None}]])
    expect(line(page, SHOP).locator(".st")).to_have_text("running")


def test_a_supervisor_that_was_restarted_after_it_gave_up_says_so(page: Page, platform: Any) -> None:
    """Regression: its line had a restart and nothing about the reason."""
    ended = {"at": time.time(), "reason": "shutdown", "crash": False}
    platform.delta(p=[[SHOP, {"restarts": 1, "last": ended}]])
    expect(line(page, SHOP).locator(".rs")).to_have_text("1")
    expect(line(page, SHOP).locator(".why")).to_have_text("")  # stopped and started on request
    fell = {"id": 1, "at": time.time(), "kind": "gave_up", "level": "bad", "key": SHOP, "text": "shop_sup gave up"}
    platform.delta(e=[fell], p=[[SHOP, {"restarts": 2, "last": ended}]])
    expect(line(page, SHOP).locator(".why")).to_have_text("after it gave up")


def test_a_callback_that_does_not_return_shows_since_when_and_where(page: Page, platform: Any) -> None:
    platform.delta(p=[[LEDGER, {"state": "stuck", "since": time.time() - 8, "doing": "handle_call at shop.py:41"}]])
    expect(line(page, LEDGER).locator(".st")).to_have_text("not answering")
    expect(line(page, LEDGER).locator(".why")).to_have_text(
        re.compile(r"^since \d\d:\d\d:\d\d: handle_call at shop.py:41$")
    )
    expect(page.locator("#count-stuck")).to_have_text("1 not answering")


def test_lines_keep_their_order_whatever_happens_to_them(page: Page, platform: Any, row: Callable[..., Any]) -> None:
    before = names(page)
    platform.delta(p=[[key, {"state": "crashed", "pid": None}] for key in (f"{SHOP}/mailer", LEDGER)])
    expect(line(page, LEDGER)).to_have_attribute("data-state", "crashed")
    assert names(page) == before
    platform.delta(n=[row("app/pool/0.82.0", id="order 82", after="app/pool/0.81.0")], x=["app/pool/0.81.0"])
    expect(line(page, "app/pool/0.82.0")).to_be_visible()
    assert names(page) == [{"order 81": "order 82"}.get(name, name) for name in before]


def test_a_dynamic_child_that_is_gone_stays_a_moment_as_it_ended(page: Page, platform: Any) -> None:
    key = "app/pool/0.81.0"
    told = {"id": 1, "at": 1.0, "kind": "crashed", "level": "bad", "key": key, "text": "order 81 crashed: killed"}
    platform.delta(x=[key], e=[told | {"parts": {"who": "order 81", "reason": "killed"}}])
    gone = page.locator(f'[data-key="{key}"][data-gone]')
    expect(gone).to_have_attribute("data-look", "crashed")
    expect(page.locator(f'[role=treeitem][data-key="{key}"]')).to_have_count(0)


def test_a_collapsed_branch_summarises_its_content_and_stays_collapsed(page: Page, platform: Any) -> None:
    line(page, SHOP).locator(".twist").click()
    expect(line(page, SHOP)).to_have_attribute("aria-expanded", "false")
    expect(line(page, LEDGER)).to_have_count(0)
    platform.delta(p=[[LEDGER, {"state": "crashed"}]])
    expect(line(page, SHOP).locator(".why")).to_have_text("3 processes, 1 not running")
    page.reload()
    expect(line(page, SHOP)).to_have_attribute("aria-expanded", "false")
    page.get_by_role("button", name="Open all").click()
    expect(line(page, LEDGER)).to_be_visible()


def test_the_whole_tree_is_walked_by_keyboard(page: Page, platform: Any) -> None:
    page.get_by_role("tree").locator("[tabindex='0']").focus()
    focused = page.locator(":focus")
    for key, expected in (
        ("ArrowDown", SHOP), ("ArrowRight", LEDGER), ("ArrowLeft", SHOP), ("ArrowLeft", SHOP),
        ("End", "app/web"), ("Home", "app"), ("ArrowDown", SHOP), ("ArrowRight", SHOP), ("ArrowDown", LEDGER),
        ("ArrowDown", f"{SHOP}/cart"), ("ArrowUp", LEDGER), ("p", "app/pool"), ("ArrowUp", f"{SHOP}/mailer"),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(focused).to_have_attribute("data-key", expected)
    assert page.locator("[role=treeitem][tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    expect(page.locator("#process")).to_have_attribute("data-key", f"{SHOP}/mailer")
    with page.expect_request("**/api/v1/processes/*") as asked:
        page.keyboard.press("Delete")
    assert asked.value.method == "DELETE"
    page.keyboard.press("Escape")
    expect(page.locator("#process .pane")).to_be_hidden()


def test_the_focus_stays_in_the_tree_when_its_line_goes(page: Page, platform: Any) -> None:
    line(page, "app/pool/0.81.0").click()
    platform.delta(x=["app/pool/0.81.0"])
    expect(page.locator(":focus")).to_have_attribute("data-key", "app/web")
    expect(page.locator("#process .tag")).to_have_text("gone")


def test_several_are_selected_and_killed_together(page: Page, platform: Any) -> None:
    line(page, LEDGER).click()
    expect(page.locator("#several")).to_be_hidden()
    page.keyboard.press("Shift+ArrowDown")
    line(page, "app/pool/0.81.0").click(modifiers=["Control"])
    button = page.get_by_role("button", name="Kill 3 selected")
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Kill 3 processes").click()
    expect(page.locator("[role=treeitem][data-pending]")).to_have_count(3)
    platform.delta(p=[[key, {"pid": "0.99.0"}] for key in (LEDGER, f"{SHOP}/cart", "app/pool/0.81.0")])
    expect(page.locator("[role=treeitem][data-pending]")).to_have_count(0)
    assert len(platform.asked) == 3


def test_search_shows_what_fits_and_what_stands_above_it(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("cart")
    expect(page.locator("[role=treeitem]")).to_have_count(3)
    assert names(page) == ["app", "shop_sup", "cart"]
    expect(page.locator("#found")).to_have_text("1 of 6")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_attribute("data-key", f"{SHOP}/cart")
    page.keyboard.press("/")
    page.keyboard.type("cartoon")
    expect(page.get_by_text("No process matches “cartoon”.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[role=treeitem]")).to_have_count(8)


@pytest.mark.parametrize("count", [100, 1000])  # all lines in the page, and those near the view
def test_the_lines_of_a_long_tree_are_patched_one_by_one(
    page: Page, platform: Any, row: Callable[..., Any], count: int
) -> None:
    platform.nodes = [row("app", strategy="one_for_one"), *(row(f"app/w_{number}") for number in range(count))]
    platform.epoch = "e2"
    platform.snapshot()
    third = line(page, "app/w_2")
    expect(third).to_have_attribute("aria-setsize", str(count))
    page.locator(".tree").evaluate(
        """(tree) => {
            window.changes = 0;
            const all = {subtree: true, childList: true, attributes: true, characterData: true};
            new MutationObserver((changes) => window.changes += changes.length).observe(tree, all);
        }"""
    )
    platform.delta(p=[["app/w_2", {"mailbox": 7}]])
    expect(third.locator(".mq")).to_have_text("7")
    assert page.evaluate("window.changes") <= 5


def test_of_ten_thousand_lines_those_near_the_view_are_in_the_page(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    groups = [f"app/s{number}" for number in range(20)]
    platform.nodes = [
        row("app", strategy="one_for_one"),
        *(
            one
            for key in groups
            for one in (row(key, strategy="one_for_one"), *(row(f"{key}/w_{n}") for n in range(499)))
        ),
    ]
    platform.epoch = "e2"
    platform.snapshot()
    page.get_by_role("button", name="Tree and map").click()
    lines = page.locator("[role=treeitem]")
    expect(page.locator("#map")).to_have_attribute("data-cells", "10001")
    expect(line(page, "app/s0/w_3")).to_have_attribute("aria-setsize", "499")
    assert lines.count() < 200
    lines.first.focus()
    page.keyboard.press("End")
    last = line(page, "app/s19/w_498")
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport(ratio=1)
    expect(last).to_have_attribute("aria-posinset", "499")
    tops = lines.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert tops == sorted(tops)
    page.locator(".tree-scroll").evaluate("(one) => { one.scrollTop = one.scrollHeight / 2; }")
    expect(line(page, "app/s10/w_3")).to_be_in_viewport()
    expect(last).to_be_focused()
    assert lines.count() < 200
    platform.delta(p=[["app/s10/w_3", {"mailbox": 7}], ["app/s2/w_3", {"mailbox": 8}]])
    expect(line(page, "app/s10/w_3").locator(".mq")).to_have_text("7")
    page.keyboard.press("ArrowUp")
    expect(line(page, "app/s19/w_497")).to_be_in_viewport(ratio=1)
    page.evaluate("document.getElementById('tree').reveal('app/s2/w_3')")
    expect(line(page, "app/s2/w_3")).to_be_in_viewport(ratio=1)
    expect(line(page, "app/s2/w_3").locator(".mq")).to_have_text("8")


def test_a_line_that_slides_under_a_resting_pointer_is_not_killed(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    """After a snapshot, lines may be elsewhere: the click was meant for the line that stood there."""
    page.emulate_media(reduced_motion="reduce")
    box = line(page, "app/web").locator(".kill").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    place = next(index for index, one in enumerate(platform.nodes) if one["key"] == "app/web")
    platform.nodes.insert(place, row("app/pool/0.82.0", id="order 82"))
    platform.snapshot()
    expect(line(page, "app/pool/0.82.0").locator(".kill:hover")).to_have_count(1)  # a browser looks there in its time
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".toast")).to_contain_text("Nothing was killed")
    assert platform.asked == []
    with page.expect_request("**/api/v1/processes/*"):
        page.mouse.down()
        page.mouse.up()


TOP = "(one) => Math.round(one.getBoundingClientRect().top)"


@pytest.mark.parametrize("hand", ["pointer", "focus"])
@pytest.mark.parametrize("scrolled", [False, True], ids=["short", "scrolled"])
def test_the_line_at_hand_stays_where_it_is(
    page: Page, platform: Any, row: Callable[..., Any], hand: str, scrolled: bool
) -> None:
    """Children start and end above it, in a tree that can scroll and in one that cannot."""
    page.emulate_media(reduced_motion="reduce")
    if scrolled:
        page.set_viewport_size({"width": 1440, "height": 420})
        page.locator(".tree-scroll").evaluate("(one) => { one.scrollTop = 30; }")
    web = line(page, "app/web")
    if hand == "pointer":
        web.hover()
    else:
        web.click()
        page.mouse.move(5, 5)
    before = web.evaluate(TOP)
    orders = [f"app/pool/0.{number}.0" for number in range(82, 90)]
    platform.delta(n=[row(key, id=key, after=after) for after, key in pairwise(["app/pool/0.81.0", *orders])])
    expect(line(page, orders[-1])).to_be_attached()
    assert web.evaluate(TOP) == before
    platform.delta(n=[row("app/mailer", after="app/pool")])
    expect(line(page, "app/mailer")).to_be_attached()
    assert web.evaluate(TOP) == before
    platform.delta(x=["app/mailer"])
    expect(line(page, "app/mailer")).to_have_count(0)
    expect(page.locator(".tree [data-gone]")).to_have_count(0)
    assert web.evaluate(TOP) == before
    page.mouse.move(5, 5)
    page.locator("#find").focus()
    assert (
        page.locator(".tree-scroll").evaluate("(one) => one.style.paddingBottom + one.lastChild.style.marginTop") == ""
    )


def test_the_line_of_a_child_that_ended_under_the_pointer_stays_until_it_leaves(page: Page, platform: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    web, gone = line(page, "app/web"), page.locator(".tree [data-gone]")
    web.hover()
    with page.expect_event("console", lambda message: message.text == "later"):  # later than such lines go
        platform.delta(x=["app/web"])
        expect(gone).to_have_count(1)
        page.evaluate("setTimeout(() => console.log('later'), 1000)")
    expect(gone).to_have_count(1)
    page.mouse.move(5, 5)
    expect(gone).to_have_count(0)


def test_the_end_of_the_root_is_called_the_end(page: Page, platform: Any) -> None:
    dialog = page.get_by_role("dialog")
    line(page, "app").locator(".kill").click()
    expect(dialog).to_contain_text("This ends SuperLearner")
    expect(dialog).not_to_contain_text("starts it again.")
    expect(dialog).not_to_contain_text("restarts it")
    dialog.get_by_role("button", name="Cancel").click()
    assert platform.asked == []


def test_delete_means_the_selection_when_several_are_selected_wherever_the_focus_is(page: Page, platform: Any) -> None:
    line(page, LEDGER).click()
    page.keyboard.press("Shift+ArrowDown")
    line(page, "app/web").evaluate("(one) => one.focus()")
    for where in ("tree", "elsewhere"):
        if where == "elsewhere":
            page.get_by_role("button", name="Help").focus()
        page.keyboard.press("Delete")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("ledger, cart.")
        dialog.get_by_role("button", name="Cancel").click()
    assert platform.asked == []
    page.keyboard.press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Kill 2 processes").click()
    expect(page.locator("[role=treeitem][data-pending]")).to_have_count(2)


def test_delete_does_not_hit_the_neighbour_of_a_line_that_ended(page: Page, platform: Any) -> None:
    page.get_by_role("tree").locator("[tabindex='0']").focus()
    page.keyboard.press("o")
    expect(page.locator(":focus")).to_have_attribute("data-key", "app/pool/0.81.0")
    platform.delta(x=["app/pool/0.81.0"])
    expect(page.locator(":focus")).to_have_attribute("data-key", "app/web")
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.locator(".toast").first).to_contain_text("Nothing was killed: the line you were on has ended.")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog")).to_contain_text("Kill web?")


def test_the_keyboards_place_follows_a_focus_set_by_a_script(page: Page, platform: Any) -> None:
    pid = line(page, LEDGER).get_attribute("data-pid")
    line(page, LEDGER).evaluate("(one) => one.focus()")
    expect(page.locator("[role=treeitem][tabindex='0']")).to_have_attribute("data-key", LEDGER)
    with page.expect_request("**/api/v1/processes/*") as asked:
        page.keyboard.press("Delete")
    assert asked.value.url.endswith(f"/{pid}")


def test_a_stopped_child_can_be_started_and_has_no_kill(page: Page, platform: Any) -> None:
    platform.delta(p=[[LEDGER, {"state": "stopped", "pid": None}]])
    expect(line(page, LEDGER).get_by_role("button", name="Kill ledger")).to_have_count(0)
    with page.expect_request("**/restart") as asked:
        line(page, LEDGER).get_by_role("button", name="Start ledger").click()
    shop = line(page, SHOP).get_attribute("data-pid")
    assert asked.value.url.endswith(f"/api/v1/supervisors/{shop}/children/ledger/restart")
    expect(line(page, LEDGER).locator(".st")).to_have_text("starting…")
    platform.delta(p=[[LEDGER, {"state": "running", "pid": "0.99.0"}]])
    expect(line(page, LEDGER).get_by_role("button", name="Kill ledger")).to_be_visible()


def test_the_place_of_a_failed_start_is_apart_from_its_sentence(
    page: Page, platform: Any, failure: Callable[..., Any]
) -> None:
    """Regression: sentence, place and source ran together in one line."""
    said = "the child failed to start: ValueError('no port')\n  shop.py, line 7, in Ledger.init\n    bind()"
    platform.on_command = lambda _m, path, _b: failure("start_failed", said, 409) if "restart" in path else None
    platform.delta(p=[[LEDGER, {"state": "stopped", "pid": None}]])
    line(page, LEDGER).get_by_role("button", name="Start ledger").click()
    note = page.locator(".toast")
    expect(note.locator("b")).to_have_text("Start ledger: the child failed to start: ValueError('no port')")
    assert note.locator("code").inner_text() == "shop.py, line 7, in Ledger.init\n  bind()"


def test_a_child_that_cannot_be_started_alone_offers_no_start(page: Page, platform: Any) -> None:
    platform.delta(p=[[LEDGER, {"state": "stopped", "pid": None}], [SHOP, {"state": "restarting", "pid": None}]])
    expect(line(page, SHOP)).to_have_attribute("data-state", "restarting")
    expect(line(page, LEDGER).locator(".kill")).to_be_hidden()
    expect(line(page, SHOP).locator(".kill")).to_be_hidden()


def test_dynamic_children_come_and_go_and_nothing_below_them_moves(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    def order(number: int, after: str | None) -> dict[str, Any]:
        return row(f"app/pool/0.{number}.0", id=f"Order 0.{number}.0", what="Order", pid=f"0.{number}.0", after=after)

    platform.delta(n=[order(82, "app/pool/0.81.0")])
    expect(line(page, "app/pool/0.82.0")).to_be_visible()
    tops = "(one) => one.getBoundingClientRect().top"
    web, second = line(page, "app/web").evaluate(tops), line(page, "app/pool/0.82.0").evaluate(tops)
    platform.delta(x=["app/pool/0.81.0", "app/pool/0.82.0"])
    expect(page.locator(".tree [data-gone]")).to_have_count(2)
    expect(page.locator(".tree [data-gone] .st").first).to_have_text("ended")
    expect(page.locator(".tree [data-gone] .kill:visible")).to_have_count(0)
    assert line(page, "app/web").evaluate(tops) == web
    platform.delta(n=[order(83, None)])
    expect(line(page, "app/pool/0.83.0")).to_be_visible()
    platform.delta(x=["app/pool/0.83.0"], n=[order(84, None)])
    expect(line(page, "app/pool/0.84.0")).to_be_visible()
    assert line(page, "app/web").evaluate(tops) == web
    platform.delta(n=[order(85, "app/pool/0.84.0")])
    expect(line(page, "app/pool/0.85.0")).to_be_visible()
    assert line(page, "app/pool/0.85.0").evaluate(tops) == second
    platform.delta(n=[order(86, "app/pool/0.85.0")])
    expect(line(page, "app/pool/0.86.0")).to_be_visible()
    assert line(page, "app/web").evaluate(tops) > web


def test_empty_lines_are_given_back_when_no_hand_is_on_the_tree(
    open_page: Callable[..., Page], platform: Any, row: Callable[..., Any]
) -> None:
    page = open_page("about:blank", ready=False)
    page.clock.install()
    page.goto(f"{platform.url}/supervisors")
    line(page, "app/web").click()
    platform.delta(x=["app/pool/0.81.0"])
    gone = page.locator(".tree [data-gone]")
    expect(gone).to_have_count(1)
    # No timer may expire: a feed that was silent for so long would reconnect, with a new snapshot.
    page.clock.set_system_time(datetime.now() + timedelta(seconds=40))
    platform.delta(n=[row("app/mailer")])
    expect(line(page, "app/mailer")).to_be_visible()
    expect(gone).to_have_count(1)
    page.locator("#find").click()
    expect(gone).to_have_count(0)
    assert line(page, "app/mailer").is_visible()


def test_the_number_of_restarts_never_goes_back(page: Page, platform: Any, row: Callable[..., Any]) -> None:
    total = page.locator("#count-restarts b")
    expect(total).to_have_text("3")
    platform.delta(r=5, p=[[LEDGER, {"restarts": 2}]])
    expect(total).to_have_text("5")
    platform.delta(x=[SHOP], n=[row(SHOP, strategy="rest_for_one", after=None)])
    expect(line(page, LEDGER)).to_have_count(0)
    expect(total).to_have_text("5")


def test_a_process_shows_one_name_and_its_class_where_that_adds_something(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    key = f"{SHOP}/Counter"
    platform.delta(n=[row(key, name="tally", what="Counter", after=LEDGER)])
    platform.delta(n=[row("app/pool/0.82.0", id="Order 0.82.0", what="Order", pid="0.82.0", after="app/pool/0.81.0")])
    expect(line(page, key).locator(".id")).to_have_text("tally")
    expect(line(page, key).locator(".what")).to_have_text("Counter")
    expect(line(page, "app/pool/0.82.0").locator(".no")).to_be_hidden()
    line(page, key).locator(".id").click()
    expect(page.locator("#process-title")).to_have_text("tally")


def test_restarts_left_of_a_very_large_budget_are_not_counted(page: Page, platform: Any) -> None:
    budget = {"used": 0, "max": 10_000, "window_s": 1.0, "resets_at": None, "expires": []}
    platform.delta(p=[[SHOP, {"budget": budget}]])
    expect(line(page, SHOP).locator(".bu")).to_have_text("10,000 restarts allowed in 1 s")
    line(page, SHOP).click()
    expect(page.locator("#process")).to_contain_text("10,000 restarts allowed in 1 s.")
    platform.delta(p=[[SHOP, {"budget": None}]])
    expect(page.locator("#process")).to_contain_text("Unlimited restarts.")
    expect(line(page, SHOP).locator(".bu")).to_have_text("unlimited restarts")
    platform.delta(p=[[SHOP, {"budget": budget | {"max": 3, "window_s": 1e9}}]])
    expect(line(page, SHOP).locator(".bu")).to_have_text("3 of 3 restarts left")
    expect(page.locator("#process")).to_contain_text("It gives up when more than 3 restarts are needed.")


def test_on_a_phone_a_restart_with_a_sibling_has_a_line_of_its_own(
    open_page: Callable[..., Page], platform: Any
) -> None:
    """Regression: its count was drawn over the name."""
    page = open_page(f"{platform.url}/supervisors", width=390)
    platform.delta(p=[[LEDGER, {"restarted_along": 2}]])
    told = line(page, LEDGER).locator(".rs")
    expect(told).to_have_attribute("data-along", "2")
    name, below = line(page, LEDGER).locator(".id").bounding_box(), told.bounding_box()
    assert name is not None
    assert below is not None
    assert name["y"] + name["height"] <= below["y"] + 1
    assert told.evaluate("(cell) => getComputedStyle(cell, '::after').content") == '"restarted 2× with a sibling"'
