"""What axe finds wrong in a page, and nothing else: describing all that is right takes it twice the time."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["broken_rules"]


def broken_rules(page: Page) -> list[str]:
    """One text for each place in `page` where a rule is broken, in any of its frames: rule, element and what to do."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
