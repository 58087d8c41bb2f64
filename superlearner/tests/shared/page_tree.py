"""Rows of the tree on `/supervisors`, without ended ones that are still shown."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

__all__ = ["line", "names"]


def line(page: Page, key: str) -> Locator:
    return page.locator(f'[role=treeitem][data-key="{key}"]:not([data-gone])')


def names(page: Page) -> list[str]:
    return page.locator("[role=treeitem]:not([data-gone]) .id").all_text_contents()
