"""Pairs of an exercise are made by dragging cards, with a mouse or a finger."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
SUPERVISION = "supervision and restarts"


@pytest.fixture
def pairs(open_page: Callable[..., Page], stored_platform: Any) -> Callable[..., Locator]:
    """Opens session 12 and returns the exercise of requirements and mechanisms."""

    def open_one(**more: Any) -> Locator:
        page = open_page(f"{stored_platform.url}/learn/12", ready=False, extra_http_headers=OWNER, **more)
        one = page.locator("#s12-requirements")
        expect(one.get_by_label("high availability")).to_be_attached()
        one.locator(".choice").scroll_into_view_if_needed()
        return one

    return open_one


def middle(of: Locator) -> tuple[float, float]:
    box = of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_card_that_is_dropped_on_a_line_is_its_value_and_nothing_moves(pairs: Callable[..., Locator]) -> None:
    one = pairs()
    mouse, card = one.page.mouse, one.locator(".card", has_text=SUPERVISION)
    field, before = one.get_by_label("high availability"), one.bounding_box()
    line = one.locator(".pairing", has_text="high availability")
    mouse.move(*middle(card))
    mouse.down()
    mouse.move(*middle(line), steps=4)
    expect(line).to_have_attribute("data-over", re.compile("before|after"))
    assert one.bounding_box() == before
    mouse.up()
    expect(field).to_have_value(SUPERVISION)
    expect(line).not_to_have_attribute("data-over", re.compile(""))
    assert one.bounding_box() == before
    expect(one.locator("[data-dragged]")).to_have_count(0)
    mouse.move(*middle(card))
    mouse.down()
    mouse.move(*middle(one.locator("legend")), steps=4)
    mouse.up()
    expect(one.get_by_label("fault tolerance")).to_have_value("")
    field.select_option("importing the module again")
    one.page.reload()
    expect(field).to_have_value("importing the module again")


def test_a_finger_drags_a_card_while_the_page_stays(pairs: Callable[..., Locator]) -> None:
    one = pairs(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    card, field = one.locator(".card", has_text=SUPERVISION), one.get_by_label("high availability")
    touch: Any = one.page.context.new_cdp_session(one.page)
    begin, end = middle(card), middle(one.locator(".pairing", has_text="high availability"))
    scrolled = one.page.evaluate("scrollY")

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    send("touchStart", begin)
    for part in (0.3, 0.6, 1):
        send("touchMove", (begin[0] + part * (end[0] - begin[0]), begin[1] + part * (end[1] - begin[1])))
    send("touchEnd")
    expect(field).to_have_value(SUPERVISION)
    assert one.page.evaluate("scrollY") == scrolled
