"""A session of the course as its tests use it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from superlearner.course.course import FOLDER

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
RIGHT = FOLDER / "solutions" / "s12_minimal.py"


def exercise(page: Page, id: str = "s12-minimal") -> Locator:
    return page.locator(f"#{id}")


def write(page: Page, text: str, id: str = "s12-minimal") -> None:
    """Replace the answer in the editor of the exercise."""
    code = exercise(page, id).locator("sl-code")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    field = code.get_by_role("textbox")
    field.press("Control+a")
    field.press("Delete")
    page.keyboard.insert_text(text)
