"""From the first kill to a shared moment: what a reader does in ten minutes, by visible texts and roles only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from page_width import SIDEWAYS
from superlearner.sandbox import SandboxManager
from superlearner.sandbox.happenings import Destroy

TOKEN = "a-token-of-the-tests-that-is-long-enough"
OWNER = {"authorization": f"Bearer {TOKEN}"}
GOOD = """\
from otp import Children, GenServer, Ok, Supervisor

class Lamp(GenServer):
    def init(self, watts):
        return Ok(watts)

class House(Supervisor):
    def init(self, config):
        return Children([Lamp.child_spec(60, id=room, name=room) for room in ("kitchen", "cellar")], max_restarts=1)
"""
BAD = GOOD.replace("return Ok(watts)", "return Ok(watts / 0)")


class Reader:
    """A person with a mouse, or with a keyboard alone."""

    def __init__(self, page: Page, *, keys: bool) -> None:
        self.page = page
        self.keys = keys

    def press(self, wanted: Locator) -> None:
        """Press a button, a link or an entry."""
        expect(wanted).to_be_visible()
        if self.keys:
            wanted.focus()
            self.page.keyboard.press("Enter")
        else:
            wanted.click()

    def go(self, place: str) -> None:
        """Open one of the five places."""
        link = self.page.get_by_role("navigation", name="Main").get_by_role("link", name=place, exact=True)
        self.press(link)
        expect(link).to_have_attribute("aria-current", "page")
        self.page.wait_for_load_state()  # its style sheets are there
        assert self.page.evaluate(SIDEWAYS) == 0

    def button(self, name: str | re.Pattern[str], **more: Any) -> Locator:
        """Return the first button of a name."""
        return self.page.get_by_role("button", name=name, **more).first

    def command(self, text: str) -> None:
        """Run a command of the palette, and confirm it."""
        self.page.keyboard.press("Control+k")
        self.page.get_by_role("dialog").get_by_role("combobox").fill(text)
        expect(self.page.get_by_role("group", name="Commands").get_by_role("option").first).to_be_visible()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("dialog").get_by_role("button", name=re.compile(text, re.I))).to_be_focused()
        self.page.keyboard.press("Enter")

    def write(self, text: str) -> None:
        """Replace the source in the editor."""
        code = self.page.get_by_role("group", name="What is shown").get_by_role("button", name="Code")
        if code.is_visible():
            self.press(code)
        self.page.locator("sl-code").and_(self.page.locator(":visible")).hover()
        editor = self.page.get_by_role("textbox", name="Source")
        expect(editor).to_have_attribute("contenteditable", "true")
        editor.focus()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def beside(self) -> None:
        """Show what stands beside the code; a phone shows one of them at a time."""
        tree = self.page.get_by_role("group", name="What is shown").get_by_role("button", name="Processes")
        if tree.is_visible():
            self.press(tree)


@pytest.fixture
def platform_with_code(real_platform: Any) -> Iterator[Any]:
    yield real_platform

    async def clear() -> None:
        node = real_platform.platform.node
        for one in real_platform.platform.sandboxes.all():
            await SandboxManager.ask(Destroy(None, one.id, force=True), node=node)

    real_platform.do(clear)


@pytest.mark.parametrize(
    ("theme", "width", "keys", "motion"),
    [
        pytest.param("light", 1440, False, "no-preference", id="mouse"),
        pytest.param("dark", 1024, True, "reduce", id="keyboard", marks=pytest.mark.slow),
        pytest.param("dark", 390, False, "no-preference", id="phone", marks=pytest.mark.slow),
        pytest.param("light", 390, True, "reduce", id="phone-keyboard", marks=pytest.mark.slow),
        pytest.param("dark", 1440, False, "reduce", id="still", marks=pytest.mark.slow),
    ],
)
def test_from_a_first_kill_to_a_shared_moment(
    open_page: Callable[..., Page], platform_with_code: Any, theme: str, width: int, keys: bool, motion: str
) -> None:
    page = open_page(
        f"{platform_with_code.url}/",
        ready=False,
        theme=theme,
        width=width,
        reduced_motion=motion,
        extra_http_headers=OWNER,
        permissions=["clipboard-read", "clipboard-write"],
    )
    reader = Reader(page, keys=keys)

    # kill, and see why
    steps = page.get_by_role("region", name="First steps")
    reader.press(steps.get_by_role("button", name="Kill ledger"))
    expect(steps).to_contain_text("checkout_sup is rest_for_one")
    reader.press(steps.get_by_role("link", name="Watch it again"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Why ledger restarted")
    expect(page.get_by_text("2 of 3 restarts left in 5 s.").first).to_be_visible()

    # predict one level right and one wrong
    reader.go("Learn")
    reader.press(page.get_by_role("link", name="Play Predict"))
    question = page.get_by_role("heading", level=2, name=re.compile("Which processes get a new pid"))
    expect(question).to_be_visible()
    victim = (question.text_content() or "").split()[0]
    nodes = page.get_by_role("group", name="Processes of")
    reader.press(nodes.get_by_role("button", name=re.compile(f"^{victim}, ")))
    if keys:  # Enter locks in, Space picks
        page.keyboard.press("Space")
    reader.press(reader.button("Lock in"))
    result = page.get_by_role("group", name="Result")
    expect(result).to_contain_text(f"Right: {victim}")
    reader.press(reader.button("Next level"))
    expect(page.get_by_text(re.compile("^Level 2 of 10 ·"))).to_be_visible()
    reader.press(reader.button("None of them"))
    reader.press(reader.button("Lock in"))
    expect(result).to_contain_text("Missed: ")

    # switch a strategy
    reader.go("Tree")
    expect(page.get_by_role("treeitem", name=re.compile("^checkout_sup, "))).to_be_visible()
    reader.command("set checkout_sup one_for_all")
    expect(page.get_by_text("checkout_sup is one_for_all now.")).to_be_visible()

    # start own code, break it, fix it
    reader.go("Playground")
    reader.write(GOOD)
    reader.beside()
    page.get_by_label("Name", exact=True).fill("lamps")
    reader.press(reader.button("Run", exact=True))
    reader.beside()
    expect(page.get_by_role("treeitem", name=re.compile("^kitchen, "))).to_be_visible()
    reader.write(BAD)
    reader.press(reader.button("Run", exact=True))
    expect(page.get_by_text(re.compile("^Hot-reloaded: version"))).to_be_visible()
    reader.beside()
    if keys:
        page.get_by_role("treeitem", name=re.compile("^kitchen, ")).focus()
        page.keyboard.press("Delete")
    else:
        reader.press(reader.button("Kill kitchen"))
    failure = page.get_by_text(re.compile("ZeroDivisionError|its tree gave up")).and_(page.locator(":visible"))
    expect(failure.first).to_be_visible()
    reader.write(GOOD)
    reader.press(reader.button("Run", exact=True))
    reader.beside()
    expect(page.get_by_role("treeitem", name=re.compile("^kitchen, ")).first).to_be_visible()

    # go back in time
    reader.go("Timeline")
    ended = page.get_by_role("list", name="What happened").get_by_role(
        "button", name=re.compile("ledger .* was killed$")
    )
    reader.press(ended.first)
    expect(page.get_by_role("slider", name="Moment")).to_have_attribute("aria-valuetext", re.compile("was killed$"))

    # share the moment
    reader.press(page.get_by_role("link", name=re.compile("Why: .*ledger")).first)
    reader.press(reader.button("Copy the link to this restart"))
    address = page.evaluate("navigator.clipboard.readText()")
    other = open_page(address, ready=False, theme=theme, width=width, extra_http_headers=OWNER)
    expect(other.get_by_role("heading", level=1)).to_have_text("Why ledger restarted")
