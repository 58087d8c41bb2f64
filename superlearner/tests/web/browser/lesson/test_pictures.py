"""Pictures and measurements of a lesson, which come from runs."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from axe import broken_rules
from layout_shifts import layout_shift
from lesson_page import exercise

CONTRAST = """(picture) => {
  const parts = (colour) => { // of a canvas, which knows every notation
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (all) => all.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0.05);
  const below = parts(getComputedStyle(picture.querySelector("run-picture")).backgroundColor);
  return Math.min(...[...picture.querySelectorAll("[data-when=later] text")].map((text) => {
    let seen = 1;
    for (let one = text; one; one = one.parentElement) seen *= Number(getComputedStyle(one).opacity);
    const colour = parts(getComputedStyle(text).fill).map((part, place) => part * seen + below[place] * (1 - seen));
    const [a, b] = [light(colour), light(below)].sort((one, other) => other - one);
    return a / b;
  }));
}"""
"""The least contrast of the text of a step that comes later."""


def test_a_recorded_restart_is_played_in_the_place_of_its_picture(lesson: Callable[..., Page]) -> None:
    page = lesson()
    figure = page.locator("#s12-w2")
    clip = figure.locator("restart-clip")
    expect(figure.get_by_role("img")).to_be_attached()
    figure.scroll_into_view_if_needed()
    expect(clip.get_by_role("button", name="Play")).to_be_attached()
    expect(figure).to_contain_text("cart crashes, mailer is stopped, and both start again.")
    clip.get_by_role("button", name="Step forward").click()
    expect(clip.locator("restart-stage")).not_to_have_attribute("data-stage", "0")
    assert broken_rules(page) == []


def test_the_messages_of_a_run_are_stepped_through(lesson: Callable[..., Page]) -> None:
    page = lesson()
    picture = exercise(page, "s12-w1")
    picture.scroll_into_view_if_needed()
    said, rows = picture.locator(".say"), picture.locator(".row")
    expect(said).to_have_text("0 s: client calls server with 'sweep'.")
    expect(picture.get_by_role("button", name="Step back")).to_be_disabled()
    picture.get_by_role("button", name="Step forward").click()
    expect(said).to_have_text("1 s: server answers client with 'sweep, done'.")
    expect(rows.nth(1)).to_have_attribute("data-when", "now")
    expect(rows.locator("text.middle")).to_contain_text(["call 'sweep'", "reply 'sweep, done'", "cast 'wash up'"])
    expect(rows.nth(2)).to_have_attribute("data-when", "later")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert picture.evaluate(CONTRAST) >= 4.5, scheme
    step = picture.get_by_role("slider", name="Step")
    step.press("End")
    expect(step).to_have_attribute("aria-valuetext", "Step 8 of 8")
    expect(said).to_contain_text("too late: it is dropped")
    rows.nth(3).click()
    expect(said).to_have_text("1 s: client casts 'wash up' to server.")
    picture.get_by_text("All steps as text").click()
    expect(picture.get_by_role("listitem")).to_have_count(8)
    expect(picture.get_by_role("listitem").nth(6)).to_contain_text("client goes on with CallTimeout after 0.5 s")
    picture.get_by_role("button", name="Play").click()
    expect(picture.get_by_role("button", name="Pause")).to_be_visible()
    step.press("Home")
    expect(picture.get_by_role("button", name="Play")).to_be_visible()
    assert broken_rules(page) == []


def test_callbacks_and_a_mailbox_are_stepped_through_with_the_arrow_keys(lesson: Callable[..., Page]) -> None:
    page = lesson()
    state = exercise(page, "s12-w3")
    state.scroll_into_view_if_needed()
    stage = state.get_by_role("group", name="Callbacks of a run")
    expect(stage).to_contain_text("none yet")
    stage.press("ArrowRight")
    expect(stage).to_contain_text("('remember', 'colour', 'blue')")
    expect(stage.locator("mark")).to_have_text(["'memory': {'colour': 'blue'},"])
    stage.press("End")
    expect(state.locator(".say")).to_contain_text("The server stops: terminate runs. The state stays.")
    mailbox = exercise(page, "s12-w4")
    queue = mailbox.get_by_role("group", name="A mailbox during a run")
    queue.press("End")
    expect(queue.get_by_role("listitem")).to_have_text(
        [re.compile("ref 1, 'blue'.*no match, stays"), re.compile("ref 2, 'Ann'.*matches, taken")]
    )
    queue.press("ArrowLeft")
    expect(mailbox.locator(".say")).to_contain_text("1.1 s: (ref 2, 'Ann') arrives")
    assert broken_rules(page) == []


def test_a_picture_whose_run_is_not_there_says_so_and_has_its_text(lesson: Callable[..., Page]) -> None:
    page = lesson()
    page.route("**/api/v1/course/pictures/*", lambda route: route.abort())
    page.reload()
    picture = exercise(page, "s12-w1")
    picture.scroll_into_view_if_needed()
    expect(picture.get_by_role("alert")).to_contain_text("The run could not be loaded")
    expect(picture).to_contain_text("A call waits, a cast does not.")
    page.unroute("**/api/v1/course/pictures/*")
    picture.get_by_role("button", name="Try again").click()
    expect(picture.locator(".say")).to_contain_text("client calls server with 'sweep'")


def test_little_moves_while_pictures_come_during_the_reading(lesson: Callable[..., Page]) -> None:
    page = lesson()
    for id in ("s12-w1", "s12-w3", "s12-w4"):
        exercise(page, id).scroll_into_view_if_needed()
        expect(exercise(page, id).get_by_role("button", name="Play")).to_be_enabled()
    moved, what = layout_shift(page)
    assert moved < 0.02, what


def test_a_measurement_runs_and_shows_figures_and_messages(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-m1")
    expect(one).to_contain_text("The same crashes show differences.")
    one.get_by_role("button", name="Measure it").click()
    expect(one.get_by_role("group", name="Result")).to_contain_text("The run: Of seven crashes, one a minute")
    row = one.get_by_role("row", name=re.compile("^Pause before a restart"))
    expect(row.get_by_role("cell")).to_have_text(["0.1 s", "0 s"])
    expect(one.get_by_role("img")).to_have_accessible_name(re.compile("ann ends with 'boom'"))
    expect(one.get_by_role("status")).to_contain_text("Measured: of seven crashes")
    expect(one.get_by_role("button", name="Measure again")).to_be_focused()
    assert broken_rules(page) == []
    page.route("**/api/v1/course/measures/*", lambda route: route.abort())
    one.get_by_role("button", name="Measure again").click()
    expect(one.get_by_role("alert")).to_contain_text("The server does not answer.")
