"""The violations that axe finds in a page. Passed rules are left out: listing them doubles the time."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["broken_rules"]


def broken_rules(page: Page) -> list[str]:
    """Return a text for each violation in `page` and its frames: rule, element and how to fix it."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
