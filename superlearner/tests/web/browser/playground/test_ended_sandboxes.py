"""Sandboxes that gave up, failed to start or are gone, and how they run again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from playground_page import (
    MINE,
    OWNER,
    TYPED,
    accessible,
    lose,
    made,
    opened,
    text,
    typed,
)


def test_the_page_shows_what_ended_the_program_and_it_restarts_when_fixed(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    made(page, "leaves", TYPED.replace("pass", "__import__('os')._exit(7)"))
    page.get_by_role("link", name="Open its tree").click()
    expect(page.get_by_role("treeitem", name=re.compile("^left, "))).to_be_visible()
    address = f"{at_work.url}/api/v1/processes/left/message?node=sandbox-leaves@127.0.0.1"
    page.request.post(address, data={"message": "spin", "message_type": "cast"}, max_retries=1)
    gone = page.get_by_role("alert").filter(has_text="The sandbox leaves has ended: ended the interpreter")
    expect(gone.get_by_role("link", name="Its code and what happened")).to_have_attribute(
        "href", "/sandboxes?sandbox=leaves"
    )
    line = (
        "link => Math.abs(link.getBoundingClientRect().top - link.closest('p').firstChild.getBoundingClientRect().top)"
    )
    assert 10 > gone.get_by_role("link", name="superlearner@127.0.0.1").evaluate(line)
    expect(page.locator("#nav")).not_to_have_attribute("data-more", re.compile(".*"))
    expect(page.get_by_role("region", name="Events")).to_contain_text("The node is not connected, and no earlier event")
    expect(page.locator("#count-running")).to_be_hidden()
    expect(page.get_by_role("button", name="Kill left")).to_be_hidden()
    gone.get_by_role("button", name="Start it again").click()
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.get_by_role("button", name="Kill left")).to_be_visible()
    page.request.post(address, data={"message": "spin", "message_type": "cast"}, max_retries=1)
    expect(gone).to_be_visible()
    page.goto(f"{at_work.url}/supervisors?view=table&node=sandbox-leaves@127.0.0.1")
    expect(page.get_by_role("heading", name="The sandbox leaves has ended")).to_be_visible()
    expect(page.get_by_role("button", name="Start it again")).to_be_visible()
    page.get_by_role("link", name="Its code and what happened").click()
    expect(page.locator("#one-reason")).to_contain_text("It has ended: ended the interpreter with os._exit(7)")
    expect(page.locator("#crashed")).to_contain_text("leaves ended at line 8: ended the interpreter with os._exit(7)")
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_have_text("It runs again.")
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#one-reason")).to_be_hidden()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("button", name="Go back to version 1")).to_be_visible()


def test_a_tree_that_gave_up_stays_with_each_row_stopped_in_its_column(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "falls", TYPED.replace('"right")]])', '"right")]], max_restarts=0)'))
    expect(page.locator("#said")).to_have_text("falls runs. Change the code and run it again.")
    page.get_by_role("button", name="Kill left").click()
    expect(page.locator("#one-reason")).to_contain_text("It has ended: Main gave up")
    expect(page.locator("#said")).to_be_empty()
    for name in ("Main", "left", "right"):
        expect(page.get_by_role("treeitem", name=re.compile(f"^{name}, .*stopped"))).to_be_visible()
    head = page.locator("#tree .tree-head span", has_text="State").bounding_box()
    states = [one.bounding_box() for one in page.locator("#tree .st").all()]
    assert head is not None
    assert [round(head["x"])] * 3 == [round(one["x"]) for one in states if one is not None]


def test_the_give_up_of_a_whole_tree_is_played_and_can_be_watched_again_after_its_end(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the program ended with the tree, before the page had read the signals of the end."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "falls", TYPED.replace('"right")]])', '"right")]], max_restarts=0)'))
    page.get_by_role("button", name="Kill left").click()
    replay = page.get_by_role("region", name="The newest restart")
    expect(replay).to_contain_text("Main gave up")
    expect(page.locator("#one-status")).to_have_text("ended")
    expect(replay.locator("restart-stage")).to_have_attribute("data-stage", "6")
    reason = page.locator("#one-reason")
    expect(reason).to_contain_text(
        "it allows no restarts (last: left was killed). Run starts it again; its options stay."
    )
    replay.get_by_role("button", name="Close the replay of restarts").click()
    expect(replay).to_be_hidden()
    reason.get_by_role("button", name="Watch how it ended").click()
    expect(replay).to_be_visible()
    replay.get_by_role("link", name="Watch it again").click()
    expect(replay.locator("restart-stage")).to_have_attribute("data-stage", "6")
    expect(page).to_have_url(re.compile("sandbox=falls"))
    happened = page.get_by_role("tabpanel", name="What happened")
    expect(happened.locator("li").filter(has_text=re.compile("[0-9]Main gave up"))).to_have_count(1)
    expect(happened.locator("li").filter(has_text=re.compile("[0-9]left was killed.*Why"))).to_have_count(1)
    stored = {
        "ref": "0123456789ab.9",
        "event": 9,
        "at": time.time() - 2,  # a second before a start counts as a part of its run
        "line": "left was killed",
        "count": 1,
        "kept": True,
        "name": "left",
        "reason": "ValueError('no')",
        "where": "main.py:3 in init",
    }
    page.route("**/api/v1/restarts?*settled=true*", lambda route: route.fulfill(json={"data": [stored]}))
    page.reload()  # the events went with the program
    expect(page.locator("#crashed")).to_contain_text("left crashed at line 3: ValueError: no")  # as before its end
    why = happened.get_by_role("link", name="Why? left")
    expect(why).to_have_attribute("href", "/why/0123456789ab.9?node=sandbox-falls%40127.0.0.1")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    happened.get_by_text(re.compile("^Before the restart at [0-9]")).click()
    expect(happened.locator(".earlier li").filter(has_text=re.compile("[0-9]left was killed"))).to_be_visible()
    expect(why).to_be_visible()  # the evidence of the earlier run stays
    expect(replay).to_be_hidden()
    expect(reason).to_be_hidden()


def test_the_replay_of_a_sandbox_ends_when_another_one_is_chosen(open_page: Callable[..., Page], at_work: Any) -> None:
    """It played on beside the other sandbox, which offered it as its own end."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "still")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#one-status")).to_have_text("ended")
    page.get_by_role("link", name="New").click()
    made(page, "falls", TYPED.replace('"right")]])', '"right")]], max_restarts=0)'))
    page.get_by_role("button", name="Kill left").click()
    replay, ended = page.get_by_role("region", name="The newest restart"), page.locator("#one-reason")
    expect(replay).to_contain_text("Main gave up")
    expect(ended.get_by_role("button", name="Watch how it ended")).to_be_visible()
    page.locator("#mine").select_option("still")
    expect(page.locator("#one-title")).to_have_text("still")
    assert replay.is_hidden()
    expect(ended).to_contain_text("It has ended")
    expect(ended.get_by_role("button", name="Watch how it ended")).to_be_hidden()


def test_a_failed_start_shows_its_error_and_line_and_a_good_one_clears_the_mark(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the editor kept its red frame while the corrected tree ran."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, TYPED.replace("Ok(start)", "Ok(start.nothing)"))
    page.get_by_label("Name", exact=True).fill("late")
    page.get_by_role("button", name="Run", exact=True).click()
    failed = page.locator("#said .failure p")
    expect(failed).to_have_text(
        [
            "AttributeError: 'int' object has no attribute 'nothing'; `start` is a number, which has no nothing.",
            "Line 5 in Counter.init · Main failed to start: its child left does not start.",
        ]
    )
    source = page.locator("#source")
    expect(source).to_have_attribute("data-wrong", "")
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(source).not_to_have_attribute("data-wrong", "")
    left = page.get_by_role("treeitem", name=re.compile("^left, "))
    expect(left).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#one-status")).to_have_text("ended")
    expect(left).to_be_visible()
    step = page.locator("#next-step")
    typed(page, TYPED.replace("Ok(start)", "Ok(start.nothing)"))
    expect(step).to_have_text("Next: press Run (Ctrl-Enter) to start this code.")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(step).to_contain_text("Next: this code did not start: the message below it says why.")
    expect(page.get_by_role("treeitem")).to_have_count(0)  # none of the previous run beside this error
    expect(page.locator("#one-reason p")).to_have_text(["It did not start. The message below the code says why."])
    accessible(page)
    typed(page, "print('no supervisor in here')\n")
    expect(page.locator("#one-reason")).not_to_contain_text("The message below")  # which went with its line
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-reason b")).to_have_text("The previous run has ended.")


def test_a_wrong_init_that_came_by_a_hot_reload_is_marked_when_the_tree_gives_up(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the mark was removed again, as the last process to end had been killed."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "wrong")
    typed(page, TYPED.replace("return Ok(start)", "return start"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Version 2 runs, and it has 1 mistake.")
    expect(page.locator("#said")).to_contain_text("Line 5: init returns start, and the runtime expects Ok(…)")
    page.get_by_role("button", name="Kill left").click()
    expect(page.locator("#one-status")).to_have_text("ended")
    for _ in range(2):
        expect(page.locator("#crashed")).to_contain_text("left crashed at line 5: init returned 0")
        expect(page.locator(".cm-lintRange-error")).to_have_text("return start")
        expect(page.locator("#next-step")).to_contain_text("Next: line 5, where left crashed, is marked. Fix it")
        page.reload()


def test_code_and_limits_of_a_sandbox_outlive_its_record_and_run_again(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: an ended sandbox was lost with a restart of the server, and the page offered only a template.

    It ran again with the usual limits, whatever had been chosen.
    """
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    page.locator("#options summary").click()
    page.get_by_label("Memory, MB").fill("300")
    page.get_by_label("Restarts allowed").fill("7")
    made(page, "lost")
    typed(page, MINE)
    lose(at_work, "lost")
    expect(page.get_by_role("heading", name="lost is not here any more")).to_be_visible()
    assert MINE == text(page)  # what was typed stays, too
    accessible(page)
    page.reload()
    again = page.get_by_role("button", name="Run it again")
    expect(again).to_be_visible()
    assert MINE == text(page)
    again.click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#said")).to_have_text("It runs again.")
    assert (MINE, "lost") == (text(page), page.locator("#one-title").inner_text())
    page.get_by_role("tab", name="Limits").click()
    expect(page.get_by_role("definition").filter(has_text="300 MB")).to_be_visible()
    expect(page.locator("#about-limits")).to_contain_text("Restarts allowed7")


def test_the_view_of_a_lost_sandbox_is_loaded_again_after_a_failure(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: it was missing until the page was reloaded."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "lost")
    view = "**/sandbox-gone.js*"
    page.route(view, lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "sandbox-gone.js" in request.url):
        lose(at_work, "lost")
    expect(page.locator("#gone-one")).to_be_visible()
    expect(page.locator("#gone-title")).to_have_text("This sandbox is not here any more")
    page.unroute(view)
    page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#gone-title")).to_have_text("lost is not here any more")


def test_a_new_sandbox_can_begin_with_the_code_of_one_that_is_gone(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    page.locator("#options summary").click()
    page.get_by_label("Memory, MB").fill("300")
    page.get_by_label("Stop when idle for, min").fill("7")
    page.get_by_label("Restarts allowed").fill("4")
    page.get_by_label("Custom config").fill("[1]")
    made(page, "lost")
    lose(at_work, "lost")
    page.get_by_role("button", name="Start a new one with this code").click()
    expect(page.get_by_label("Start from")).to_have_value("code-of:lost")
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("lost")
    expect(page.locator("#draft")).to_be_hidden()
    assert TYPED == text(page)
    expect(page.get_by_label("Memory, MB")).to_have_value("300")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    page.get_by_role("tab", name="Limits").click()
    limits = page.locator("#about-limits")
    for limit in ("Memory300 MB", "Stopped when idle for7 min", "Restarts allowed4", "Custom config[1]"):
        expect(limits).to_contain_text(limit)


def test_a_sandbox_of_which_nothing_is_known_leads_to_a_new_one(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?sandbox=never", **OWNER)
    expect(page.get_by_role("heading", name="never is not here any more")).to_be_visible()
    expect(page.get_by_role("button", name="Run it again")).to_be_hidden()
    page.get_by_role("link", name="Start a new one").click()
    expect(page.get_by_label("Start from")).to_have_value("counter")
