"""Violations that axe finds in a page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

__all__ = ["broken_rules", "broken_rules_of_colour"]

OF_COLOUR = ["color-contrast", "link-in-text-block"]
"""The rules that depend on the theme. All others give the same in both."""
RUN = "(options) => axe.run({ resultTypes: ['violations'], ...options }).then(({ violations }) => violations)"


def broken_rules(page: Page) -> list[str]:
    """Return a text per violation in `page`, with a fix."""
    return _run(page, {})


def broken_rules_of_colour(page: Page) -> list[str]:
    """Return the violations of the rules that depend on the theme: half the time, for a page known in the other one."""
    return _run(page, {"runOnly": OF_COLOUR})


def _run(page: Page, options: dict[str, object]) -> list[str]:
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(RUN, options)
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
