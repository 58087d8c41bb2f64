"""The page /sandboxes as its tests use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from axe import broken_rules
from page_width import SIDEWAYS
from superlearner.sandbox import SandboxManager
from superlearner.sandbox.happenings import Destroy

TOKEN = "a-token-of-the-tests-that-is-long-enough"
OWNER = {"extra_http_headers": {"authorization": f"Bearer {TOKEN}"}}
TYPED = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor

class Counter(GenServer):
    def init(self, start):
        return Ok(start)
    def handle_cast(self, request, n):
        while request == "spin":
            pass
        return NoReply(n + 1)

class Main(Supervisor):
    def init(self, config):
        return Children([Counter.child_spec(n, id=name, name=name) for n, name in [(0, "left"), (40, "right")]])
"""
MINE = f"{TYPED}# my own\n"


def opened(open_page: Callable[..., Page], at_work: Any, path: str = "/sandboxes", **more: Any) -> Page:
    page = open_page(f"{at_work.url}{path}", ready=False, **more)
    expect(page.locator("#sandboxes")).to_have_attribute("data-ready", "yes")
    return page


def typed(page: Page, text: str, label: str = "Source") -> None:
    """Paste over the whole content of the editor."""
    visible = page.locator("sl-code").and_(page.locator(":visible"))
    visible.hover()
    expect(visible).to_have_attribute("data-ready", "editor")
    editor = page.get_by_role("textbox", name=label)
    editor.click()
    page.keyboard.press("Control+a")
    editor.evaluate(
        """(editor, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            editor.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )


def text(page: Page) -> str:
    """Return the text of an editor, whether its plain field or CodeMirror shows it."""
    return page.locator("#source").evaluate("editor => editor.value")


def beside(page: Page, pane: str = "Processes") -> None:
    """Show what stands beside the code; a phone shows one of them at a time."""
    tab = page.get_by_role("group", name="What is shown").get_by_role("button", name=pane)
    if tab.is_visible():
        tab.click()


def made(page: Page, name: str, text: str = TYPED) -> None:
    beside(page, "Code")
    typed(page, text)
    beside(page)
    page.get_by_label("Name", exact=True).fill(name)
    beside(page, "Code")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")


def restored(page: Page) -> None:
    expect(page.locator("#draft")).to_have_text(re.compile(r"^Your draft of \d\d:\d\d:\d\d was restored\. Discard$"))


def destroy(page: Page) -> None:
    page.get_by_role("tab", name="Limits").click()
    page.get_by_role("button", name="Destroy").click()
    page.get_by_role("dialog").get_by_role("button", name="Destroy").click()
    expect(page.get_by_role("heading", name="Your tree appears here")).to_be_visible()


ON_RESET = 1
"""Attempts after a connection that the server closed, idle for too long, as the next request began."""


def cast(page: Page, at_work: Any, name: str, process: str, message: str) -> None:
    address = f"{at_work.url}/api/v1/processes/{process}/message?node=sandbox-{name}@127.0.0.1"
    answer = page.request.post(address, data={"message": message, "message_type": "cast"}, max_retries=ON_RESET)
    assert answer.ok, answer.text()


def state(page: Page, at_work: Any, name: str, process: str) -> str:
    address = f"{at_work.url}/api/v1/processes/{process}/state?node=sandbox-{name}@127.0.0.1"
    return page.request.get(address, max_retries=ON_RESET).json()["data"]["state"]


def lose(at_work: Any, name: str) -> None:
    """Remove a sandbox without the page, as a restart of the server does with one that has ended."""
    node = at_work.platform.node
    at_work.do(lambda: SandboxManager.ask(Destroy(None, name, force=True), node=node))


def accessible(page: Page) -> None:
    assert broken_rules(page) == []
    assert 0 == page.evaluate(SIDEWAYS)
