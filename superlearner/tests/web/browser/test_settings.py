"""The page /settings on a real platform, as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS


@pytest.fixture(scope="module")
def program(start_for_all: Callable[..., Any]) -> Any:
    """A separate platform, since its settings are changed."""
    return start_for_all()


@pytest.fixture(scope="module")
def served(program: Any) -> str:
    return program.url.rstrip("/")


def part(page: Page, name: str) -> None:
    """Goes to a part of the page, and waits until it has its facts."""
    page.get_by_role("tab", name=name).click()
    expect(page.locator("#settings")).to_have_attribute("data-ready", name.lower(), timeout=20_000)


@pytest.fixture
def owned(open_page: Callable[..., Page], program: Any, served: str) -> Page:
    """The page of a user with the owner's token."""
    page = open_page(f"{served}/settings", ready=False)
    part(page, "Configuration")
    page.get_by_role("link", name="Sign in with it").click()
    page.get_by_label("Token").fill((program.data_dir / "token").read_text().strip())
    page.keyboard.press("Enter")
    expect(page.locator("#settings")).to_have_attribute("data-user", "owner", timeout=20_000)
    return page


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_everybody_can_read_every_part(open_page: Callable[..., Page], served: str, theme: str, width: int) -> None:
    page = open_page(f"{served}/settings", theme=theme, width=width, ready=False)
    for name in ("Appearance", "Configuration", "Access", "Data"):
        part(page, name)
        assert broken_rules(page) == [], name
        assert page.evaluate(SIDEWAYS) == 0


def test_without_sign_in_the_page_says_what_requires_a_credential(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/settings#access", ready=False)
    expect(page.locator("#me-name")).to_have_text("Not signed in")
    expect(page.locator("#me-scopes")).to_have_text("read, operate")
    expect(page.get_by_text("Seeing and making tokens takes the scope")).to_be_visible()
    part(page, "Configuration")
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)


def test_appearance_is_applied_at_once_and_kept(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/settings", ready=False, reduced_motion="no-preference")
    html = page.locator("html")
    still = "import('/static/base/motion.js').then(({ still }) => still())"
    assert page.evaluate(still) is False
    page.get_by_text("Dark", exact=True).click()
    expect(html).to_have_attribute("data-theme", "dark")
    page.get_by_label("Appearance").get_by_text("Compact", exact=True).click()
    page.get_by_text("Reduced", exact=True).click()
    page.goto(f"{served}/supervisors")
    for name, value in {"theme": "dark", "density": "compact", "motion": "reduced"}.items():
        expect(html).to_have_attribute(f"data-{name}", value)
    assert page.evaluate(still) is True
    page.get_by_role("button", name="Switch to the light theme").click()
    page.goto(f"{served}/settings")
    expect(page.get_by_role("radio", name="As the system").first).to_be_checked()
    expect(page.get_by_role("radio", name="Compact")).to_be_checked()
    page.get_by_text("Comfortable", exact=True).click()
    expect(html).not_to_have_attribute("data-density", re.compile(""))


@pytest.mark.page("/settings")
def test_a_setting_is_refused_beside_its_field_then_set_and_reset(owned: Page) -> None:
    part(owned, "Configuration")
    owned.get_by_role("searchbox", name="Find a setting").fill("kill_wait")
    field = owned.get_by_label("kill_wait")
    field.fill("-1")
    owned.get_by_role("button", name="Apply").click()
    expect(owned.get_by_text("expected a number greater than 0, got -1")).to_be_visible()
    expect(field).to_be_focused()
    field.fill("2.5")
    owned.keyboard.press("Enter")
    line = owned.locator("[data-setting=kill_wait]")
    expect(line).to_contain_text("set here, until a restart")
    line.get_by_role("button", name="Reset").click()
    expect(line).not_to_contain_text("set here")
    owned.get_by_role("searchbox", name="Find a setting").fill("port")
    expect(owned.locator("[data-setting=port]")).to_contain_text("takes effect after a restart")


def test_a_token_is_shown_once_and_revoked_after_a_question(owned: Page) -> None:
    part(owned, "Access")
    owned.get_by_label("Name", exact=True).fill("no spaces")
    owned.get_by_role("button", name="Make the token").click()
    expect(owned.locator("#token-wrong")).to_contain_text("letters, digits")
    owned.get_by_label("Name", exact=True).fill("ada")
    owned.get_by_label("operate").check()
    owned.get_by_role("button", name="Make the token").click()
    expect(owned.locator("#token-secret")).to_have_text(re.compile("^sl_"))
    owned.get_by_role("button", name="I have it").click()
    expect(owned.locator("#token-secret")).to_have_text("")
    line = owned.locator("[data-token=ada]")
    expect(line).to_contain_text("read, operate")
    line.get_by_role("button", name="Revoke ada").click()
    owned.get_by_role("dialog", name="Revoke ada?").get_by_role("button", name="Revoke").click()
    expect(line).to_contain_text("revoked")


def test_a_user_is_added_signs_in_by_the_link_and_loses_what_the_role_no_longer_allows(
    owned: Page, open_page: Callable[..., Page], served: str
) -> None:
    part(owned, "Access")
    form = owned.locator("#user-form")
    form.get_by_label("User name").fill("Tim T")
    form.get_by_role("button", name="Add and make a link").click()
    expect(owned.locator("#user-wrong")).to_contain_text("expected letters, digits")
    form.get_by_label("User name").fill("tim")
    form.get_by_label("Role").select_option("teacher")
    form.get_by_role("button", name="Add and make a link").click()
    dialog = owned.get_by_role("dialog", name="Sign-in link for tim")
    expect(dialog.get_by_role("img", name="The link as a QR code")).to_be_visible()
    expect(dialog.locator("#link-note")).to_contain_text("Only this machine can open it")
    assert broken_rules(owned) == []
    link = dialog.locator("#link-url").inner_text()
    dialog.get_by_role("button", name="Done").click()
    expect(owned.locator("#link-url")).to_be_empty()

    tim = open_page(link, fresh=True, ready=False)
    expect(tim.get_by_role("heading", name="Sign in as tim")).to_be_visible()
    assert broken_rules(tim) == []
    tim.get_by_role("button", name="Sign in").click()
    tim.wait_for_url(f"{served}/")
    tim.goto(f"{served}/supervisors")
    expect(tim.locator("#live")).to_have_attribute("data-status", "live")
    with tim.expect_navigation(timeout=5_000):  # the page loads again, so that it shows nothing from before
        owned.get_by_label("Role of tim").select_option("viewer")
    expect(tim.locator("#live")).to_have_attribute("data-status", "live")
    owned.get_by_role("button", name="Remove tim").click()
    owned.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(owned.locator("#user-rows th")).to_have_text(["owner"])


def test_a_deletion_is_announced_and_must_be_typed(owned: Page) -> None:
    part(owned, "Data")
    owned.get_by_role("button", name="Back up").click()
    expect(owned.locator("#store-said")).to_contain_text("A copy of the database is in")
    owned.get_by_label("older than").select_option("0")
    owned.get_by_role("button", name="Delete…").click()
    dialog = owned.get_by_role("dialog", name="Delete rows?")
    expect(dialog).to_contain_text(re.compile(r"This would delete \d+ rows of restarts"))
    sure = dialog.get_by_role("button", name="Delete")
    expect(sure).to_be_disabled()
    dialog.get_by_role("textbox").fill("delete")
    sure.click()
    expect(owned.locator("#store-said")).to_contain_text("were deleted")


def test_the_parts_are_reached_by_arrows_home_and_end(open_page: Callable[..., Page], served: str) -> None:
    page = open_page(f"{served}/settings", ready=False)
    page.get_by_role("tab", name="Appearance").focus()
    for key, name in (("End", "Data"), ("ArrowRight", "Appearance"), ("ArrowLeft", "Data"), ("Home", "Appearance")):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_without_the_clipboard_of_the_browser_copying_works_the_old_way_and_the_focus_stays(
    open_page: Callable[..., Page], served: str
) -> None:
    """As over plain http to another machine."""
    page = open_page(f"{served}/settings", ready=False)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("tab", name="Data").focus()
    assert page.evaluate(
        """async () => {
            const { copy } = await import("/static/base/copying.js");
            let copied = "";
            document.addEventListener("copy", () => { copied = document.activeElement.value; });
            return [await copy("what was said"), copied];
        }"""
    ) == [True, "what was said"]
    expect(page.get_by_role("tab", name="Data")).to_be_focused()
