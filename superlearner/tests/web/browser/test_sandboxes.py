"""The page /sandboxes on a real platform: type, start, kill, break, repair."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_variants import VARIANTS
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


@pytest.fixture
def at_work(two_nodes: Any) -> Iterator[Any]:
    """A platform that has no sandbox when the test is over."""
    yield two_nodes

    async def clear() -> None:
        node = two_nodes.platform.running_node()
        for one in two_nodes.platform.sandboxes.all():
            await SandboxManager.ask(Destroy(None, one.id, force=True), node=node)

    two_nodes.do(clear)


def opened(open_page: Callable[..., Page], at_work: Any, path: str = "/sandboxes", **more: Any) -> Page:
    page = open_page(f"{at_work.url}{path}", ready=False, **more)
    expect(page.locator("#sandboxes")).to_have_attribute("data-ready", "yes")
    return page


def typed(page: Page, text: str, label: str = "Source of the new sandbox") -> None:
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


def made(page: Page, name: str, text: str = TYPED) -> None:
    typed(page, text)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")


def cast(page: Page, at_work: Any, name: str, process: str, message: str) -> None:
    address = f"{at_work.url}/api/v1/processes/{process}/message?node=sandbox-{name}@127.0.0.1"
    answer = page.request.post(address, data={"message": message, "message_type": "cast"})
    assert answer.ok, answer.text()


def state(page: Page, at_work: Any, name: str, process: str) -> str:
    address = f"{at_work.url}/api/v1/processes/{process}/state?node=sandbox-{name}@127.0.0.1"
    return page.request.get(address).json()["data"]["state"]


@pytest.mark.page("/sandboxes")
def test_typed_started_killed_broken_by_an_endless_loop_and_mended_with_the_state_kept(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    assert page.url.endswith("/sandboxes?sandbox=mine")  # reloading the page keeps the state
    page.get_by_role("link", name="Open its tree").click()
    expect(page.get_by_role("treeitem", name=re.compile("^left, "))).to_be_visible()
    page.get_by_role("button", name="Kill Main").click()
    asked = page.get_by_role("dialog", name="End the whole tree of Main?")
    expect(asked).to_contain_text("Main and the 2 processes below it end. Main has no supervisor")
    expect(asked).to_contain_text("The sandbox ends with its tree; it can be started again.")
    asked.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Kill left").click()
    expect(page.get_by_role("treeitem", name=re.compile("^left, .*, 1 restart"))).to_be_visible()
    page.goto(f"{at_work.url}/processes?node=sandbox-mine@127.0.0.1&type=supervisor")
    page.locator(".grid-body .grid-row .id").first.click()
    page.keyboard.press("Delete")
    expect(asked).to_contain_text("All below Main end with it. It has no supervisor, so nobody starts them again.")
    asked.get_by_role("button", name="Cancel").click()
    page.goto(f"{at_work.url}/sandboxes?sandbox=mine")
    expect(page.locator("#one-status")).to_have_text("running")
    cast(page, at_work, "mine", "right", "tick")
    cast(page, at_work, "mine", "left", "spin")
    page.get_by_role("tab", name="What happened").click()
    expect(page.get_by_role("tabpanel", name="What happened")).to_contain_text(
        re.compile(r"left held the loop for 2 s: main\.py, line [78]; it was ended there")
    )
    page.get_by_role("tab", name="Code").click()
    typed(page, TYPED.replace("while request", "if request").replace("n + 1", "n + 100"), "Source of the sandbox")
    page.get_by_role("button", name="Hot reload").click()
    report = page.get_by_role("tabpanel", name="Code")
    expect(report).to_contain_text("Version 2 runs: 3 processes went over to it")
    expect(report.get_by_role("row", name=re.compile("^right Counter .* 41 kept"))).to_be_visible()
    cast(page, at_work, "mine", "left", "spin")
    cast(page, at_work, "mine", "right", "tick")
    assert ("100", "141") == (state(page, at_work, "mine", "left"), state(page, at_work, "mine", "right"))


def test_the_page_shows_what_ended_the_program_and_it_restarts_when_fixed(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    made(page, "leaves", TYPED.replace("pass", "__import__('os')._exit(7)"))
    page.get_by_role("link", name="Open its tree").click()
    expect(page.get_by_role("treeitem", name=re.compile("^left, "))).to_be_visible()
    address = f"{at_work.url}/api/v1/processes/left/message?node=sandbox-leaves@127.0.0.1"
    page.request.post(address, data={"message": "spin", "message_type": "cast"})
    gone = page.get_by_role("alert").filter(has_text="The sandbox leaves has ended: ended the interpreter")
    expect(gone.get_by_role("link", name="Its code and what happened")).to_have_attribute(
        "href", "/sandboxes?sandbox=leaves"
    )
    line = (
        "link => Math.abs(link.getBoundingClientRect().top - link.closest('p').firstChild.getBoundingClientRect().top)"
    )
    assert 10 > gone.get_by_role("link", name="superlearner@127.0.0.1").evaluate(line)
    expect(page.locator("#nav")).not_to_have_attribute("data-more", re.compile(".*"))
    expect(page.get_by_role("region", name="Events")).to_contain_text("The node has ended.")
    expect(page.locator("#count-running")).to_be_hidden()
    expect(page.get_by_role("button", name="Kill left")).to_be_hidden()
    gone.get_by_role("button", name="Start it again").click()
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.get_by_role("button", name="Kill left")).to_be_visible()
    page.request.post(address, data={"message": "spin", "message_type": "cast"})
    expect(gone).to_be_visible()
    page.goto(f"{at_work.url}/processes?node=sandbox-leaves@127.0.0.1")
    expect(page.get_by_role("heading", name="The sandbox leaves has ended")).to_be_visible()
    expect(page.get_by_role("button", name="Start it again")).to_be_visible()
    page.get_by_role("link", name="Its code and what happened").click()
    expect(page.locator("#one-reason")).to_contain_text("It has ended: ended the interpreter with os._exit(7)")
    expect(page.get_by_role("list", name="Sandboxes").get_by_text("os._exit(7)")).to_be_visible()
    typed(page, TYPED, "Source of the sandbox")
    page.get_by_role("button", name="Restart with this code").click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#one-reason")).to_be_hidden()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("button", name="Go back to version 1")).to_be_visible()


def test_an_error_is_marked_at_its_line_while_it_is_typed_and_nothing_starts(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    expect(page.locator("#source .numbers")).to_have_text(re.compile(r"^1\n2\n3\n[\d\n]*$"))
    typed(page, TYPED.replace("class Main(Supervisor)", "class Main(Supervisor"))
    expect(page.locator("#make-said")).to_have_text("At line 11, column 22: invalid syntax")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    page.keyboard.type("# the cursor has stayed where it was")
    expect(page.locator(".cm-line").last).to_have_text("# the cursor has stayed where it was")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#make-said")).to_contain_text("invalid syntax")
    typed(page, TYPED)
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    assert {} == dict(at_work.platform.sandboxes.fleet.sandboxes)


def test_tab_indents_and_escape_leads_out_of_the_editor(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, **OWNER)
    typed(page, "class A: pass")
    page.keyboard.press("Control+a")
    page.keyboard.type("x")  # over a selection: what the browser would say of its styles fails the test
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Source of the new sandbox")).to_have_text("    x")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_focused()


def test_typing_over_everything_while_the_editor_loads_replaces_it_without_shortcuts(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    held: list[Any] = []
    page.route("**/codemirror.js", lambda route: held.append(route))
    with page.expect_request("**/codemirror.js"):
        page.get_by_role("textbox", name="Source of the new sandbox").focus()
    page.keyboard.press("Control+a")
    held.pop().continue_()
    expect(page.locator("sl-code#source")).to_have_attribute("data-ready", "editor")
    page.keyboard.type("g s?n")
    expect(page.get_by_role("textbox", name="Source of the new sandbox")).to_have_text("g s?n")
    expect(page.locator("dialog#keys")).to_be_hidden()
    assert page.url.endswith("/sandboxes")


def test_letters_typed_into_the_code_that_runs_stay_there_and_are_looked_at(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    made(page, "letters")
    typed(page, "", "Source of the sandbox")
    page.keyboard.type("one two")
    expect(page.get_by_role("textbox", name="Source of the sandbox")).to_have_text("one two")
    expect(page.locator("#code-said")).to_have_text("At line 1, column 5: invalid syntax")
    typed(page, TYPED, "Source of the sandbox")
    expect(page.locator("#code-said")).to_be_empty()
    reloads: list[Any] = []
    page.route("**/hot-reload", lambda route: reloads.append(route))
    typed(page, f"{TYPED}# more\n", "Source of the sandbox")
    with page.expect_request("**/hot-reload"):
        page.get_by_role("button", name="Hot reload").click()
    typed(page, f"{TYPED}# while it reloads", "Source of the sandbox")
    reloads.pop().continue_()
    expect(page.locator("#code-said")).to_contain_text("Version 2 runs")
    expect(page.locator(".cm-line:visible").last).to_have_text("# while it reloads")
    expect(page.get_by_role("button", name="Hot reload")).to_be_enabled()
    page.get_by_role("link", name="New sandbox").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def test_without_a_credential_built_in_code_starts_and_is_shown(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work)
    template = text(page)
    expect(page.locator("#source .paint .k", has_text="class").first).to_be_visible()  # coloured before it is touched
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#running-source")).to_contain_text("class Counter")
    assert template == text(page, "#running-source")
    destroy(page)
    typed(page, TYPED)
    told = page.locator("#make-said")
    expect(told).to_contain_text("takes the scope code, which the owner's credential has")
    expect(told.get_by_role("link", name="sign in with it")).to_have_attribute("href", "/sign-in?next=%2Fsandboxes")
    page.get_by_role("radio", name="Demo: two counters and a printer").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#running-source")).to_contain_text("class DemoOneForOne")
    expect(page.locator("#code-said")).to_be_empty()
    destroy(page)


def destroy(page: Page) -> None:
    page.get_by_role("button", name="Destroy").click()
    page.get_by_role("dialog").get_by_role("button", name="Destroy").click()
    expect(page.get_by_role("heading", name="Run your own tree")).to_be_visible()
    expect(page.locator("#no-sandboxes")).to_be_visible()


MINE = f"{TYPED}# my own\n"


def text(page: Page, editor: str = "#source") -> str:
    """Return the text of an editor, whether its plain field or CodeMirror shows it."""
    return page.locator(editor).evaluate("editor => editor.value")


def restored(page: Page, note: str = "#make-draft") -> None:
    expect(page.locator(note)).to_have_text(re.compile(r"^Your draft of \d\d:\d\d:\d\d was restored\. Discard$"))


def test_a_draft_outlives_the_sign_in_and_can_be_discarded(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=")
    template = text(page)
    typed(page, MINE)
    page.get_by_role("link", name="sign in with it").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    restored(page)
    assert MINE == text(page)
    page.get_by_role("button", name="Discard").click()
    assert template == text(page)
    page.get_by_role("button", name="Undo").click()
    restored(page)
    assert MINE == text(page)
    page.get_by_role("button", name="Discard").click()
    page.reload()
    expect(page.locator("#make-said")).to_be_empty()
    expect(page.locator("#template-about")).not_to_be_empty()
    expect(page.locator("#make-draft")).to_be_hidden()
    assert template == text(page)


def test_a_draft_is_there_again_after_another_page(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, MINE)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Docs").click()
    expect(page).to_have_url(re.compile("/docs$"))
    page.go_back()
    restored(page)
    assert MINE == text(page)


def test_a_draft_of_a_running_sandbox_outlives_a_reload_until_it_runs(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    typed(page, MINE, "Source of the sandbox")
    page.reload()
    restored(page, "#code-draft")
    assert MINE == text(page, "#running-source")
    page.get_by_role("button", name="Hot reload").click()
    expect(page.locator("#code-said")).to_contain_text("Version 2 runs")
    expect(page.locator("#code-draft")).to_be_hidden()
    page.reload()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.get_by_role("button", name="Hot reload")).to_be_disabled()
    assert "[]" == page.evaluate("localStorage.getItem('superlearner.drafts')")


def test_a_change_of_template_keeps_the_draft(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, MINE)
    page.get_by_role("radio", name="An empty page").check()
    assert MINE != text(page)
    expect(page.locator("#make-draft")).to_have_text(re.compile("^Your changes to “.+” are kept. Go back to them$"))
    accessible(page)
    page.get_by_role("button", name="Go back to them").click()
    restored(page)
    assert MINE == text(page)
    expect(page.get_by_role("radio").first).to_be_checked()
    page.get_by_role("radio", name="Demo: the shop").check()
    page.get_by_role("radio").first.check()
    assert MINE == text(page)


def test_a_draft_stays_while_the_connection_is_lost(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the source that was read after a failed request replaced what was typed."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    typed(page, MINE, "Source of the sandbox")
    sources = re.compile(r"/sandboxes/mine/source")
    page.route(sources, lambda route: route.abort())
    page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#code-said")).to_contain_text("The server does not answer.")
    page.get_by_role("textbox", name="Source of the sandbox").press("Control+End")
    page.keyboard.type("# while it is lost")
    page.unroute(sources)
    with page.expect_response(sources):
        page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#code-said")).not_to_contain_text("The server does not answer.")
    assert f"{MINE}# while it is lost" == text(page, "#running-source")
    expect(page.get_by_role("button", name="Hot reload")).to_be_enabled()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_the_page_is_for_everybody(width: int, theme: str, open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, width=width, theme=theme, **OWNER)
    page.locator("#walls summary").click()
    page.locator("#options summary").click()
    accessible(page)
    made(page, "shown")
    accessible(page)
    for tab in ("Output", "What happened", "Versions", "Walls and limits"):
        page.get_by_role("tab", name=tab).click()
        accessible(page)
    expect(page.get_by_role("tabpanel", name="Walls and limits")).to_contain_text("access only to its own folder")
    page.get_by_role("link", name="Sandboxes").last.click()
    expect(page.get_by_role("row", name=re.compile(r"^shown running owner .* MB"))).to_be_visible()
    accessible(page)


def test_thirty_sandboxes_show_their_owners_and_ended_ones_can_be_removed_together(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    limits = {"memory_mb": 1, "processes": 1, "cpu_s": 1, "held_s": 1, "output_kb": 1, "idle_s": 1, "lifetime_s": 1}
    kept = [
        {
            "id": f"tree_{place}", "owner": ("anna", "ben", "carla")[place % 3], "status": status, "walls": [],
            "node": f"sandbox-tree_{place}@127.0.0.1", "os_pid": 7, "supervisor_pid": None, "created_at": 0,
            "restart_count": place % 2, "memory_bytes": 45_000_000,
            "configuration": {"origin": "source", "title": None, "limits": limits},
        } | ({"reason": f"it took too much memory at {place}", "ended_at": 11} if status == "ended" else {})
        for place, status in enumerate(["running", "ended"] * 15)
    ]  # fmt: skip
    destroyed: list[str] = []

    def answer(route: Any) -> None:
        id = re.search(r"/sandboxes/(\w+)$", route.request.url)
        if id is not None and route.request.method == "DELETE":
            destroyed.append(id[1])
            kept[:] = [one for one in kept if one["id"] != id[1]]
        route.fulfill(json={"success": True, "data": kept})

    page = open_page("about:blank", ready=False, **OWNER)
    page.route(re.compile(r"/api/v1/sandboxes(/|\?|$)"), answer)
    page.goto(f"{at_work.url}/sandboxes?state=ended&owner=ben")
    rows = page.locator("#all-sandboxes tr")
    expect(rows).to_have_count(5)
    expect(page.locator("#list-counts")).to_have_text("15 running, 15 ended")
    expect(
        page.get_by_role("row", name=re.compile("^tree_1 ended ben 11 s 1 45.0 MB it took too much"))
    ).to_be_visible()
    page.get_by_label("Find a sandbox").fill("memory at 7")
    expect(rows).to_have_count(1)
    page.get_by_label("Find a sandbox").fill("")
    page.get_by_label("Owner").select_option("Everybody")
    expect(rows).to_have_count(15)
    page.get_by_label("Owner").select_option("anna")
    page.get_by_role("button", name="Destroy 5 ended…").click()
    expect(page.get_by_role("dialog")).to_contain_text("tree_3, tree_9, tree_15, tree_21, tree_27. Their code")
    page.get_by_role("dialog").get_by_role("button", name="Destroy 5").click()
    expect(page.get_by_text("No sandbox fits.")).to_be_visible()
    assert ["tree_3", "tree_9", "tree_15", "tree_21", "tree_27"] == destroyed
    page.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(25)


def accessible(page: Page) -> None:
    assert broken_rules(page) == []
    assert 0 == page.evaluate(SIDEWAYS)
