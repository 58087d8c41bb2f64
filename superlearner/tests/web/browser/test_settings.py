"""The page /settings on a real platform, as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def served(start_for_all: Callable[..., Any]) -> str:
    """A platform of its own: its settings are changed."""
    return start_for_all().url.rstrip("/")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_everybody_can_read_it(open_page: Callable[..., Page], served: str, theme: str, width: int) -> None:
    page = open_page(f"{served}/settings", theme=theme, width=width, ready=False)
    expect(page.get_by_role("radio", name="Comfortable")).to_be_checked()
    found = Axe().run(page).response["violations"]
    assert [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]] == []
    assert page.evaluate(SIDEWAYS) == 0


def test_appearance_is_applied_at_once_and_kept(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/settings", ready=False)
    html = page.locator("html")
    page.get_by_text("Dark", exact=True).click()
    expect(html).to_have_attribute("data-theme", "dark")
    page.get_by_text("Compact", exact=True).click()
    page.get_by_text("Reduced", exact=True).click()
    page.goto(f"{served}/supervisors")
    for name, value in {"theme": "dark", "density": "compact", "motion": "reduced"}.items():
        expect(html).to_have_attribute(f"data-{name}", value)
    page.get_by_role("button", name="Switch to the light theme").click()
    page.goto(f"{served}/settings")
    expect(page.get_by_role("radio", name="As the system").first).to_be_checked()
    expect(page.get_by_role("radio", name="Compact")).to_be_checked()
    page.get_by_text("Comfortable", exact=True).click()
    expect(html).not_to_have_attribute("data-density", re.compile(""))
