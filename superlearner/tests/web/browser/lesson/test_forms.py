"""Exercises that are answered in a form: lists, boxes, times and lines of a listing."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from axe import broken_rules
from lesson_page import exercise


def test_choices_are_made_in_lists_and_boxes_and_come_back_after_a_reload(lesson: Callable[..., Page]) -> None:
    page = lesson()
    pairs = exercise(page, "s12-requirements")
    pairs.get_by_label("high availability").select_option("catching every exception")
    pairs.get_by_label("fault tolerance").select_option("isolated processes, links and monitors")
    pairs.get_by_label("new code while it runs").select_option("code_change while the server is suspended")
    pairs.get_by_role("button", name="Check").click()
    expect(pairs.get_by_role("group", name="Verdict")).to_contain_text("'concurrent connections' has none")
    pairs.get_by_label("concurrent connections").select_option("one cheap process each")
    pairs.get_by_role("button", name="Check").click()
    expect(pairs.get_by_role("group", name="Verdict")).to_contain_text("Look at this:")
    page.reload()
    expect(pairs.get_by_label("fault tolerance")).to_have_value("isolated processes, links and monitors")
    pairs.get_by_label("high availability").select_option("supervision and restarts")
    pairs.get_by_label("high availability").press("Control+Enter")
    expect(pairs.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    boxes = exercise(page, "s12-remember")
    for name in ("confirmation", "back-pressure", "other reader"):
        boxes.get_by_role("checkbox", name=name).check()
    boxes.get_by_role("button", name="Check").click()
    expect(boxes.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    page.reload()
    expect(boxes.get_by_role("checkbox", name="other reader")).to_be_checked()
    expect(boxes.get_by_role("checkbox", name="faster")).not_to_be_checked()
    expect(boxes).to_contain_text("Your answer has passed.")


def test_crash_times_are_moved_on_an_axis_or_typed(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-limits")
    form, code = one.locator(".times-form"), one.locator("sl-code")
    typed = code.get_by_role("textbox")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    for _ in range(4):
        form.get_by_role("button", name="Add a crash").click()
    expect(typed).to_have_text("times = [0, 1, 2, 3]")
    expect(form).to_contain_text("4 crashes in the 5 s up to 3 s; 3 restarts are allowed.")
    last = form.get_by_role("slider", name="Crash 4")
    last.press("PageUp")
    last.press("PageUp")
    last.press("ArrowRight")
    expect(last).to_have_attribute("aria-valuetext", "5.1 s, 3 crashes in the 5 s up to it")
    expect(typed).to_have_text("times = [0, 1, 2, 5.1]")
    assert broken_rules(page) == []
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    mark = last.locator(".mark").bounding_box()
    assert mark is not None
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.down()
    page.mouse.move(mark["x"] + 160, mark["y"], steps=4)
    page.mouse.up()
    expect(form).to_contain_text("1 crash in the 5 s up to")
    last.press("Delete")
    expect(typed).to_have_text("times = [0, 1, 2]")
    expect(form.get_by_role("slider", name="Crash 3")).to_be_focused()
    page.reload()
    expect(form.get_by_role("slider")).to_have_count(3)
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    typed.fill("times = [0.5, 2]")
    expect(form.get_by_role("slider", name="Crash 1")).to_have_attribute("aria-valuenow", "0.5")
    typed.fill("times = soon")
    expect(form).to_contain_text("What is typed below is no list of times, so it is not drawn.")


def test_lines_of_a_listing_are_marked_with_clicks_and_keys(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-generic")
    first = one.get_by_role("button", name="Line 1: while True:")
    expect(first).to_have_accessible_name(re.compile("not marked"))
    first.click()
    expect(first).to_have_accessible_name(re.compile("generic$"))
    second = one.get_by_role("button", name="Line 2: agent.memory")
    second.press("Space")
    second.press("Space")
    expect(second).to_have_accessible_name(re.compile("specific$"))
    assert broken_rules(page) == []
    page.reload()
    expect(second).to_have_accessible_name(re.compile("specific$"))
