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
from layout_shifts import layout_shift

RECORDED = Path(__file__).parents[1] / "js"
SHOP = "app/shop_sup"


def recorded(name: str) -> dict[str, Any]:
    """Return a recorded restart, of the supervisor of the fake platform."""
    text = (RECORDED / f"moment-{name}.json").read_text(encoding="utf-8")
    return json.loads(text.replace('"shop/checkout_sup', f'"{SHOP}'))


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
        route.fulfill(json={"data": recorded("rest") | {"id": int(asked[-1])}, "success": True})

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
    expect(pane).to_contain_text("2 of 3 restarts left in 5 s")
    cut = "(p) => [p, p.parentElement].map((one) => one.scrollHeight - one.clientHeight)"
    assert pane.locator(".said p").evaluate(cut) == [0, 0]
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", "/why/100")
    expect(pane.get_by_role("button", name="Copy the link to this restart")).to_be_visible()
    saved = {"filename": "ledger.html", "media_type": "text/html", "content": "<!doctype html>"}
    page.route("**/api/v1/restarts/100/file", lambda route: route.fulfill(json={"success": True, "data": saved}))
    with page.expect_download() as download:
        pane.get_by_role("button", name="Save as a file").click()
    assert download.value.suggested_filename == "ledger.html"
    assert (row.bounding_box(), numbers) == (before, ["100"])
    assert broken_rules(page) == []
    pane.get_by_role("button", name="Close the replay of restarts").click()
    platform.delta(e=[entry(2)])
    expect(page.locator(".events li").first).to_contain_text("ledger was killed")
    expect(pane).to_be_hidden()


def test_a_storm_is_not_played_and_its_newest_restart_is_shown_when_it_is_over(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    """A pane that was hidden when the storm began showed nothing of it."""
    page, numbers = asked
    page.clock.install()
    page.clock.pause_at(time.time() + 60)
    platform.delta(e=[entry(number) for number in range(1, 6)])
    page.clock.run_for(900)
    expect(page.locator("#events li")).to_have_attribute("data-count", "5")
    expect(page.locator("restart-live")).to_be_hidden()
    assert numbers == []
    page.clock.resume()
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_contain_text("5 restarts skipped; showing the newest")
    expect(pane.locator("restart-stage")).to_have_attribute("data-stage", "6")
    assert numbers == ["500"]


def test_a_storm_that_was_there_before_the_page_is_not_played(asked: tuple[Page, list[str]], platform: Any) -> None:
    """The first restart after the page was opened took the lower half and moved the rows."""
    page, numbers = asked
    storm = [entry(number) for number in range(1, 5)]
    shown = [[entry(9)], storm, [*storm, entry(5)], [*storm, entry(5), entry(6)]]
    page.locator("restart-live").evaluate(
        "(one, shown) => shown.forEach((feed) => one.show(feed, () => true, 0))", shown
    )
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
    pane.get_by_role("button", name="4 newer restarts: play the newest").click()
    expect(pane.get_by_role("button", name="newer")).to_have_count(0)
    assert numbers == ["500", "900"]


def test_after_a_storm_the_pane_ends_on_the_newest_restart(asked: tuple[Page, list[str]], platform: Any) -> None:
    """It went on showing the restart before the storm, until the reader asked for the last."""
    page, numbers = asked
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_be_visible()
    platform.delta(e=[entry(number) for number in range(2, 7)])
    expect(pane.get_by_role("button", name="5 newer restarts: play the newest")).to_be_visible()
    since = page.evaluate("performance.now()")
    expect(pane).to_contain_text("5 restarts skipped; showing the newest")
    expect(pane.locator("restart-stage")).to_have_attribute("data-stage", "6")
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", "/why/600")
    expect(pane.get_by_role("button", name="newer")).to_have_count(0)
    assert numbers == ["100", "600"]
    assert layout_shift(page, since)[0] < 0.02


def test_the_give_up_of_a_root_replaces_the_restart_before_it_although_its_rows_are_gone(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    page, numbers = asked
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane.locator("restart-stage")).to_have_attribute("data-stage", "6")
    rows = page.locator("#tree [role=treeitem]").evaluate_all("(all) => all.map((one) => one.dataset.key)")
    platform.delta(x=rows, e=[entry(2) | {"kind": "gave_up", "text": "app gave up", "key": "app", "sup": None}])
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", "/why/200")
    assert numbers == ["100", "200"]


def test_a_restart_that_a_prediction_plays_has_a_link_and_is_shown_afterwards(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    page, numbers = asked
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane.locator("restart-stage")).to_have_attribute("data-stage", "6")
    kill = "(pane, key) => pane.dispatchEvent(new CustomEvent('predict-kill', { detail: key }))"
    page.locator("sl-process").evaluate(kill, f"{SHOP}/cart")
    platform.delta(e=[entry(2, "cart")])
    expect(pane.get_by_role("button", name="1 newer restart: play the newest")).to_be_visible()
    assert numbers == ["100"]
    page.locator("sl-process").dispatch_event("predict-played")
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", "/why/200")
    assert numbers == ["100", "200"]


def test_a_storm_takes_nothing_from_a_reader_who_has_paused(asked: tuple[Page, list[str]], platform: Any) -> None:
    page, numbers = asked
    platform.delta(e=[entry(1)])
    pane, stage = page.get_by_role("region", name="The newest restart"), page.locator("restart-stage")
    expect(pane).to_be_visible()
    stage.evaluate("(stage) => stage.pose(3)")
    page.clock.install()
    platform.delta(e=[entry(number) for number in range(2, 7)])
    expect(pane.get_by_role("button", name="5 newer restarts")).to_be_visible()
    page.clock.run_for(10_000)
    expect(stage).to_have_attribute("data-stage", "3")
    stage.evaluate("(stage) => stage.seek(stage.score.end)")
    page.clock.run_for(1100)
    expect(pane).to_contain_text("5 restarts skipped")
    assert numbers == ["100", "600"]


def test_the_pane_offers_a_slower_speed_and_says_that_it_is_slow_motion(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    page, _ = asked
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    slow = pane.get_by_role("group", name="Speed").get_by_role("button", name="Quarter speed")
    slow.click()
    expect(slow).to_have_attribute("aria-pressed", "true")
    assert page.locator("restart-stage").evaluate("(stage) => stage.speed") == 0.25
    expect(pane).to_contain_text("slow-motion replay of 0.56\u00a0ms")


def test_a_process_that_a_replay_shows_as_stopped_cannot_be_killed(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    """Its row kept a button that killed the process that runs now."""
    page, _ = asked
    kill = page.get_by_role("button", name="Kill mailer")
    before = kill.bounding_box()
    platform.delta(e=[entry(1)])
    expect(page.get_by_role("region", name="The newest restart")).to_be_visible()
    stage = page.locator("restart-stage")
    stage.evaluate("(stage) => stage.pose(4)")
    expect(kill).to_have_attribute("aria-disabled", "true")
    expect(kill).to_have_accessible_description(
        "The replay shows mailer as stopped. You can kill it once the replay shows it running."
    )
    assert kill.bounding_box() == before
    kill.click(force=True)
    expect(page.get_by_role("button", name="Kill web")).to_be_enabled()
    assert broken_rules(page) == []
    line = page.locator(f'[role=treeitem][data-key="{SHOP}/mailer"]')
    line.press("Delete")
    expect(page.locator("#toasts")).to_contain_text("Nothing was killed. The replay shows mailer as stopped.")
    stage.evaluate("(stage) => stage.seek(stage.score.end)")
    expect(kill).to_be_enabled()
    expect(kill).to_have_accessible_description("")
    assert platform.asked == []


def test_the_reason_that_arrives_covers_no_process(asked: tuple[Page, list[str]], platform: Any) -> None:
    """It lay on the child in the middle, which looked killed."""
    page, _ = asked
    page.emulate_media(reduced_motion="reduce")  # the reason stands still where it arrives
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_be_visible()
    pane.locator("restart-stage").evaluate("(stage) => stage.pose(2)")
    reason = pane.locator(".pulse[data-on]").bounding_box()
    tokens = [token.bounding_box() for token in pane.locator(".token").all()]
    assert len(tokens) > 3
    assert reason is not None
    for token in tokens:
        assert token is not None
        beside = token["x"] + token["width"] <= reason["x"] or reason["x"] + reason["width"] <= token["x"]
        above = reason["y"] + reason["height"] <= token["y"] or token["y"] + token["height"] <= reason["y"]
        assert beside or above, (reason, token)


def test_a_replay_for_which_the_window_has_become_too_small_disables_nothing(
    asked: tuple[Page, list[str]], platform: Any
) -> None:
    page, _ = asked
    kill = page.get_by_role("button", name="Kill mailer")
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_be_visible()
    page.locator("restart-stage").evaluate("(stage) => stage.pose(4)")
    expect(kill).to_have_attribute("aria-disabled", "true")
    page.set_viewport_size({"width": 1280, "height": 700})
    expect(pane).to_be_hidden()
    expect(kill).to_be_enabled()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(pane).to_be_visible()
    expect(kill).to_have_attribute("aria-disabled", "true")


@pytest.mark.parametrize(("levels", "share"), [(1, 0.4), (2, 0.41)])
def test_the_pane_is_as_high_as_its_drawing_needs(
    asked: tuple[Page, list[str]], platform: Any, levels: int, share: float
) -> None:
    """It took half of the page from the tree. Of one level it has room for the next one, which a give-up shows."""
    page, _ = asked
    found = recorded("gives-up" if levels == 2 else "rest")
    if levels == 1:
        found["root"] = found["root"]["children"][0]
    page.route("**/api/v1/restarts/*", lambda route: route.fulfill(json={"data": found, "success": True}))
    platform.delta(e=[entry(1)])
    expect(page.get_by_role("region", name="The newest restart")).to_be_visible()
    high, free = page.locator("restart-live").evaluate(
        """({ offsetHeight, stage: { clientHeight, layout, scale } }) =>
            [offsetHeight / innerHeight, clientHeight - layout.height * scale]"""
    )
    assert high <= share
    assert free > -1


def test_on_a_phone_the_supervisor_that_gives_up_is_in_view_in_the_tree_and_in_the_drawing(
    open_page: Callable[..., Page], platform: Any, row: Callable[..., Any], asked: tuple[Page, list[str]]
) -> None:
    page = open_page(f"{platform.url}/supervisors", width=390)
    answer = {"data": recorded("gives-up"), "success": True}
    page.route("**/api/v1/restarts/*", lambda route: route.fulfill(json=answer))
    more = [row(f"app/w_{number}", after=f"app/w_{number - 1}" if number else None) for number in range(20)]
    platform.delta(n=more)
    page.locator('[role=treeitem][data-key="app/w_19"]').scroll_into_view_if_needed()
    platform.delta(e=[entry(1) | {"kind": "gave_up", "text": "shop_sup gave up", "key": SHOP}])
    pane, stage = page.get_by_role("region", name="The newest restart"), page.locator("restart-stage")
    expect(pane).to_be_visible()
    for line in (SHOP, f"{SHOP}/mailer"):
        expect(page.locator(f'[role=treeitem][data-key="{line}"]')).to_be_in_viewport(ratio=1)
    for number, name in [(3, ""), (4, "/mailer"), (4, ""), (5, "/mailer")]:
        stage.evaluate("(stage, number) => stage.pose(number)", number)
        expect(stage.locator(f'.actor[data-id="{SHOP}{name}"] .token')).to_be_in_viewport(ratio=0.9)


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
    answer = {"data": recorded("rest"), "success": True}
    page.route("**/api/v1/restarts/*", lambda route: route.fulfill(json=answer))
    platform.delta(e=[entry(1)])
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_be_visible()
    expect(pane).to_contain_text("2 of 3 restarts left in 5 s")
    expect(pane.get_by_role("link", name="Watch it again")).to_be_in_viewport()
    box = pane.bounding_box()
    assert box is not None
    assert box["y"] >= 844 / 3
    assert broken_rules(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    pane.get_by_role("button", name="Close the replay of restarts").click()
    expect(pane).to_be_hidden()
