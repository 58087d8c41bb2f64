"""The judge of access itself: it names what is wrong, and is content with what is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from axe import broken_rules, broken_rules_of_colour


def test_every_place_that_breaks_a_rule_is_named_with_what_to_do(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page(f"{platform.url}/supervisors")
    assert broken_rules(page) == []
    page.evaluate(
        """() => {
            document.querySelector("h1").after(document.createElement("button"), document.createElement("input"));
        }"""
    )
    button, field = broken_rules(page)
    assert button.startswith("button-name: ")
    assert "does not have inner text" in button
    assert field.startswith("label: ")
    page.get_by_role("link", name="Learn").evaluate("(link) => { link.style.color = '#ccc' }")
    (link,) = broken_rules_of_colour(page)
    assert link.startswith("color-contrast: ")
