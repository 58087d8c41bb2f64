"""First loads of each page, with an empty cache: few bytes, nothing from other hosts, and nothing that moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from layout_shifts import layout_shift
from superlearner.web.pages import PAGES

MOST = 260_000
MOST_AT_THE_START = 200_000
WEIGHT = """() => {
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return all.map((one) => [one.name, one.transferSize]);
}"""


@pytest.mark.parametrize("path", ["/", *(page.href for page in PAGES if not page.below)])
def test_the_first_load_is_light(path: str, open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url}{path}", ready=False, fresh=True)
    expect(page.get_by_role("heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate(WEIGHT)
    assert [name for name, _ in loaded if not name.startswith(untouched.url)] == []
    assert loaded[0][1] > 0, "expected a browser that has nothing yet"
    heaviest = sorted(loaded, key=lambda one: -one[1])[:5]
    assert sum(size for _, size in loaded) < (MOST_AT_THE_START if path == "/" else MOST), heaviest


SHOWN = ("/", "/supervisors", "/timeline", "/system", "/learn", "/why/1")


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_nothing_moves_while_a_page_loads(width: int, open_page: Callable[..., Page], untouched: Any) -> None:
    """A layout shift of 0.02 at most: what comes later has its room from the start."""
    for path in (*SHOWN, "/supervisors?view=map", "/timeline?kind=crashes", "/timeline?view=messages"):
        page = open_page(f"{untouched.url}{path}", ready=False, fresh=True, width=width)
        page.wait_for_load_state("networkidle")
        expect(page.locator("main, [data-ready]").first).not_to_have_attribute("data-ready", "loading")
        moved, what = layout_shift(page)
        assert moved < 0.02, (path, what)
        page.close()
