"""All sessions as they open: light, still, and accessible in both themes and at both widths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules, broken_rules_of_colour
from layout_shifts import layout_shift
from lesson_page import OWNER
from page_variants import first_of
from page_width import SIDEWAYS
from superlearner.course.course import Course

LESSONS = {lesson.number: lesson for lesson in Course().lessons if lesson.number >= 3}
MOST = 200_000
Variant = tuple[int, Literal["light", "dark"], Callable[[Page], list[str]]]
SOME: tuple[Variant, ...] = (1440, "light", broken_rules), (390, "dark", broken_rules)
# At each width, the second theme can only break rules of colour.
ALL = (*SOME, (390, "light", broken_rules_of_colour), (1440, "dark", broken_rules_of_colour))
WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((one) => [one.transferSize, one.name]).sort((one, other) => other[0] - one[0])"""


@pytest.mark.parametrize(
    "variants", [pytest.param(SOME, id="some"), pytest.param(ALL, id="all", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("number", first_of(sorted(LESSONS, key=lambda number: number != 12), 3))
def test_a_session_opens_light_and_still_and_breaks_no_rule(
    open_page: Callable[..., Page], stored_platform: Any, number: int, variants: tuple[Variant, ...]
) -> None:
    url = f"{stored_platform.url}/learn/{number}"
    page = open_page(url, ready=False, fresh=True, extra_http_headers=OWNER)
    expect(page.get_by_role("heading", level=1)).to_have_text(LESSONS[number].title)
    expect(page.locator("#lesson-end")).to_be_attached()
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate(WEIGHT)
    assert 0 < sum(size for size, _ in loaded) <= MOST, loaded[:9]
    moved, what = layout_shift(page)
    assert moved < 0.02, what
    for width, theme, broken in variants:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        assert (page.evaluate(SIDEWAYS), broken(page)) == (0, []), (theme, width)
