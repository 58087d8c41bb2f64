"""Layout shifts of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["layout_shift"]

_SHIFTS = """(since) => new Promise((resolve) => {
    const shifts = [];
    const name = ({ node }) => (node?.nodeType === 1 ? node : node?.parentElement)?.outerHTML.slice(0, 80);
    const add = (all) => shifts.push(...all.filter(({ startTime }) => startTime >= since)
        .map((one) => [one.value, one.hadRecentInput, one.sources.map(name)]));
    const watch = new PerformanceObserver((list) => add(list.getEntries()));
    watch.observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => requestAnimationFrame(() => { add(watch.takeRecords()); resolve(shifts); }));
})"""


def layout_shift(page: Page, since: float = 0, *, after_input: bool = False) -> tuple[float, list[object]]:
    """Return the sum of a page's layout shifts, and what moved.

    Args:
        page: the page.
        since: a time of `performance.now()`, in ms; earlier shifts do not count.
        after_input: count also those within half a second of a click or a key.
    """
    found = [one for one in page.evaluate(_SHIFTS, since) if after_input or not one[1]]
    return sum(value for value, _, _ in found), [what for _, _, what in found]
