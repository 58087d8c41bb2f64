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


def beside(page: Page, pane: str = "Tree") -> None:
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
    page.goto(f"{at_work.url}/supervisors?view=table&node=sandbox-mine@127.0.0.1&type=supervisor")
    page.locator(".grid-body .grid-row .id").first.click()
    page.keyboard.press("Delete")
    expect(asked).to_contain_text("All below Main end with it. It has no supervisor, so nothing starts them again.")
    asked.get_by_role("button", name="Cancel").click()
    page.goto(f"{at_work.url}/sandboxes?sandbox=mine")
    expect(page.locator("#one-status")).to_have_text("running")
    cast(page, at_work, "mine", "right", "tick")
    cast(page, at_work, "mine", "left", "spin")
    page.get_by_role("tab", name="What happened").click()
    expect(page.get_by_role("tabpanel", name="What happened")).to_contain_text(
        re.compile(r"left held the loop for 2 s: main\.py, line [78]; it was ended there")
    )
    typed(page, TYPED.replace("while request", "if request").replace("n + 1", "n + 100"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 2 runs, and 3 processes kept pid")
    page.get_by_role("button", name="What became of the states").click()
    report = page.get_by_role("tabpanel", name="Versions")
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
    page.goto(f"{at_work.url}/supervisors?view=table&node=sandbox-leaves@127.0.0.1")
    expect(page.get_by_role("heading", name="The sandbox leaves has ended")).to_be_visible()
    expect(page.get_by_role("button", name="Start it again")).to_be_visible()
    page.get_by_role("link", name="Its code and what happened").click()
    expect(page.locator("#one-reason")).to_contain_text("It has ended: ended the interpreter with os._exit(7)")
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_have_text("It runs again.")
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
    expect(page.locator("#said")).to_have_text("At line 11, column 22: invalid syntax")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    page.keyboard.type("# the cursor has stayed where it was")
    expect(page.locator(".cm-line").last).to_have_text("# the cursor has stayed where it was")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("invalid syntax")
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
    expect(page.get_by_role("textbox", name="Source")).to_have_text("    x")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()


def test_typing_over_everything_while_the_editor_loads_replaces_it_without_shortcuts(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    held: list[Any] = []
    page.route("**/codemirror.js", lambda route: held.append(route))
    with page.expect_request("**/codemirror.js"):
        page.get_by_role("textbox", name="Source").focus()
    page.keyboard.press("Control+a")
    held.pop().continue_()
    expect(page.locator("sl-code#source")).to_have_attribute("data-ready", "editor")
    page.keyboard.type("g s?n")
    expect(page.get_by_role("textbox", name="Source")).to_have_text("g s?n")
    expect(page.locator("dialog#keys")).to_be_hidden()
    assert page.url.endswith("/sandboxes")


def test_letters_typed_into_the_code_that_runs_stay_there_and_are_looked_at(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, **OWNER)
    made(page, "letters")
    typed(page, "")
    page.keyboard.type("one two")
    expect(page.get_by_role("textbox", name="Source")).to_have_text("one two")
    expect(page.locator("#said")).to_have_text("At line 1, column 5: invalid syntax")
    typed(page, TYPED)
    expect(page.locator("#said")).to_be_empty()
    reloads: list[Any] = []
    page.route("**/hot-reload", lambda route: reloads.append(route))
    typed(page, f"{TYPED}# more\n")
    with page.expect_request("**/hot-reload"):
        page.get_by_role("button", name="Run", exact=True).click()
    typed(page, f"{TYPED}# while it reloads")
    reloads.pop().continue_()
    expect(page.locator("#said")).to_contain_text("version 2 runs")
    expect(page.locator(".cm-line:visible").last).to_have_text("# while it reloads")
    page.get_by_role("link", name="New sandbox").click()
    expect(page.get_by_label("Start from")).to_have_value("counter")


def test_without_a_credential_built_in_code_starts_and_is_shown(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work)
    template = text(page)
    expect(page.locator("#source .paint .k", has_text="class").first).to_be_visible()  # coloured before it is touched
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#source")).to_contain_text("class Counter")
    assert template == text(page)
    cast(page, at_work, "counter", "counter", "crash")
    expect(page.locator("#crashed")).to_contain_text("counter crashed at line 33: RuntimeError")
    expect(page.locator(".cm-lintRange-error")).to_be_in_viewport()  # the full editor was not loaded before
    destroy(page)
    typed(page, TYPED)
    told = page.locator("#said")
    expect(told).to_contain_text("takes the scope code, which the owner's credential has")
    expect(told.get_by_role("link", name="sign in with it")).to_have_attribute(
        "href", "/sign-in?next=%2Fsandboxes%3Fnew"
    )
    page.get_by_label("Start from").select_option("Demo: two counters and a printer")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#source")).to_contain_text("class DemoOneForOne")
    expect(page.locator("#said")).to_be_empty()
    destroy(page)


def test_a_next_step_is_shown_after_a_run_a_kill_a_crash_and_its_repair(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """The guidance was part of the form of a new sandbox, so that it was gone after the first run."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    step = page.locator("#next-step")
    expect(step).to_be_hidden()
    made(page, "steps", TYPED.replace("pass", "1 / 0"))
    expect(step).to_contain_text("Next: kill a process in the tree; its supervisor starts it again. Or make one crash")
    page.get_by_role("button", name="Kill right").click()
    expect(step).to_contain_text("Next: its supervisor started it again, see What happened. Make one crash")
    cast(page, at_work, "steps", "left", "spin")
    expect(step).to_have_text("Next: line 8, where left crashed, is marked. Fix it and press Run (Ctrl-Enter).")
    typed(page, "print('no supervisor in here')\n")
    page.get_by_role("textbox", name="Source").press("Control+Enter")
    expect(step).to_contain_text("Next: this code was refused: the message at the code says why. The tree beside it is")
    typed(page, TYPED.replace("while request", "if request"))
    page.get_by_role("textbox", name="Source").press("Control+Enter")
    expect(step).to_contain_text("Next: the new code runs.")
    page.get_by_role("link", name="New sandbox").click()
    expect(step).to_be_hidden()


def test_ctrl_enter_starts_changes_and_restarts_and_a_crash_leads_to_its_line(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    broken = TYPED.replace("pass", "1 / 0") + "# a long tail\n" * 80
    typed(page, broken)
    page.get_by_label("Name", exact=True).fill("quick")
    page.get_by_role("textbox", name="Source").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.get_by_role("textbox", name="Source")).to_be_focused()
    assert broken == text(page)
    page.get_by_role("button", name="Kill right").click()
    expect(page.get_by_role("treeitem", name=re.compile("^right, .*, 1 restart"))).to_be_visible()
    expect(page.locator("#crashed")).to_be_empty()  # a kill has no line
    cast(page, at_work, "quick", "left", "spin")
    expect(page.locator("#crashed")).to_contain_text("left crashed at line 8: ZeroDivisionError")
    expect(page.locator(".cm-lintRange-error")).to_be_in_viewport()
    happened = page.get_by_role("tabpanel", name="What happened")
    expect(happened.get_by_role("button", name="Line 8")).to_be_visible()
    typed(page, broken.replace("1 / 0", "pass").replace("while", "if") + "# typed\n")
    cast(page, at_work, "quick", "left", "spin")
    expect(happened.get_by_role("button", name="Line 8")).to_have_count(2)
    expect(page.locator(".cm-line", has_text="# typed")).to_be_in_viewport()  # it does not move what is being typed
    page.get_by_role("button", name="Go to line 8").click()
    expect(page.locator(".cm-line", has_text="        pass").first).to_be_in_viewport()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 2 runs")
    expect(page.locator("#crashed")).to_be_empty()
    cast(page, at_work, "quick", "left", "spin")
    expect(page.get_by_role("treeitem", name=re.compile("^left, .*, 2 restarts"))).to_be_visible()
    page.get_by_role("button", name="Restart", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.locator("#said")).to_have_text("Restarted: all states are new.")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#one-reason")).to_contain_text("it was stopped. Run starts it again")
    expect(page.locator("#one")).to_have_attribute("data-state", "stopped")
    expect(page.get_by_role("treeitem", name=re.compile("^left, .*stopped"))).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_have_text("It runs again.")
    expect(page.get_by_role("button", name="Kill left")).to_be_visible()
    page.goto(f"{at_work.url}/sandboxes")
    expect(page).to_have_url(re.compile(r"\?sandbox=quick$"))  # the newest of one's own opens by itself
    expect(page.get_by_label("Sandbox", exact=True)).to_have_value("quick")


def destroy(page: Page) -> None:
    page.get_by_role("tab", name="Limits").click()
    page.get_by_role("button", name="Destroy").click()
    page.get_by_role("dialog").get_by_role("button", name="Destroy").click()
    expect(page.get_by_role("heading", name="Your tree appears here")).to_be_visible()


MINE = f"{TYPED}# my own\n"


def text(page: Page) -> str:
    """Return the text of an editor, whether its plain field or CodeMirror shows it."""
    return page.locator("#source").evaluate("editor => editor.value")


def restored(page: Page) -> None:
    expect(page.locator("#draft")).to_have_text(re.compile(r"^Your draft of \d\d:\d\d:\d\d was restored\. Discard$"))


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
    expect(page.locator("#said")).to_be_empty()
    expect(page.locator("#template-about")).not_to_be_empty()
    expect(page.locator("#draft")).to_be_hidden()
    assert template == text(page)


def test_a_draft_is_there_again_after_another_page(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, MINE)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Learn").click()
    expect(page).to_have_url(re.compile("/learn$"))
    page.go_back()
    restored(page)
    assert MINE == text(page)


def test_a_draft_of_a_running_sandbox_outlives_a_reload_until_it_runs(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    typed(page, MINE)
    page.reload()
    restored(page)
    assert MINE == text(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("version 2 runs")
    expect(page.locator("#draft")).to_be_hidden()
    page.reload()
    expect(page.locator("#one-status")).to_have_text("running")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_have_text(
        "This source runs already. Restart starts its tree again, with new states."
    )
    assert "[]" == page.evaluate("localStorage.getItem('superlearner.drafts')")


def test_a_change_of_template_keeps_the_draft(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, MINE)
    page.get_by_label("Start from").select_option("An empty page")
    assert MINE != text(page)
    expect(page.locator("#draft")).to_have_text(re.compile("^Your changes to “.+” are kept. Go back to them$"))
    accessible(page)
    page.get_by_role("button", name="Go back to them").click()
    restored(page)
    assert MINE == text(page)
    expect(page.get_by_label("Start from")).to_have_value("counter")
    page.get_by_label("Start from").select_option("Demo: the shop")
    page.get_by_label("Start from").select_option(index=0)
    assert MINE == text(page)


def test_a_draft_stays_while_the_connection_is_lost(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the source that was read after a failed request replaced what was typed."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "mine")
    typed(page, MINE)
    sources = re.compile(r"/sandboxes/mine/source")
    page.route(sources, lambda route: route.abort())
    page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#said")).to_contain_text("The server does not answer.")
    page.get_by_role("textbox", name="Source").press("Control+End")
    page.keyboard.type("# while it is lost")
    page.unroute(sources)
    with page.expect_response(sources):
        page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
    expect(page.locator("#said")).not_to_contain_text("The server does not answer.")
    assert f"{MINE}# while it is lost" == text(page)


def test_a_tree_that_gave_up_stays_with_each_row_stopped_in_its_column(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "falls", TYPED.replace('"right")]])', '"right")]], max_restarts=0)'))
    expect(page.locator("#said")).to_have_text("falls runs. Change the code and run it again.")
    page.get_by_role("button", name="Kill left").click()
    expect(page.locator("#one-reason")).to_contain_text("It has ended: Main gave up")
    expect(page.locator("#said")).to_be_empty()
    for name in ("Main", "left", "right"):
        expect(page.get_by_role("treeitem", name=re.compile(f"^{name}, .*stopped"))).to_be_visible()
    head = page.locator("#tree .tree-head span", has_text="State").bounding_box()
    states = [one.bounding_box() for one in page.locator("#tree .st").all()]
    assert head is not None
    assert [round(head["x"])] * 3 == [round(one["x"]) for one in states if one is not None]


def test_a_failed_start_shows_its_sentence_exception_and_line_and_a_good_one_clears_the_mark(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the editor kept its red frame while the corrected tree ran."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    typed(page, TYPED.replace("Ok(start)", "Ok(start.nothing)"))
    page.get_by_label("Name", exact=True).fill("late")
    page.get_by_role("button", name="Run", exact=True).click()
    failed = page.locator("#said .failure p")
    expect(failed).to_have_text(
        [
            "Main failed to start: its child left does not start.",
            "AttributeError: 'int' object has no attribute 'nothing'",
            "Line 5 return Ok(start.nothing) in Counter.init",
        ]
    )
    source = page.locator("#source")
    expect(source).to_have_attribute("data-wrong", "")
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(source).not_to_have_attribute("data-wrong", "")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#one-status")).to_have_text("ended")
    typed(page, TYPED.replace("Ok(start)", "Ok(start.nothing)"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-reason p")).to_have_text(
        [
            "It has ended.",
            "Main failed to start: its child left does not start.",
            "AttributeError: 'int' object has no attribute 'nothing'",
            "Line 5 return Ok(start.nothing) in Counter.init",
            "Run starts it again; its options stay.",
        ]
    )
    accessible(page)


def test_on_a_phone_run_is_always_in_view_and_stop_is_in_a_menu(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the bar was 440 pixels wide, with Run beyond the edge of the screen."""
    page = opened(open_page, at_work, "/sandboxes?new=", width=390, **OWNER)
    made(page, "a_name_that_is_rather_long")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_in_viewport(ratio=1)
    expect(page.locator("#next-step")).not_to_contain_text("Ctrl-Enter", use_inner_text=True)
    assert 0 == page.evaluate(SIDEWAYS)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    menu = page.get_by_role("button", name="Restart or stop")
    menu.click()
    expect(page.get_by_role("button", name="Restart", exact=True)).to_be_in_viewport(ratio=1)
    accessible(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("ended")
    expect(menu).to_have_attribute("aria-expanded", "false")


def test_the_hint_of_a_template_goes_with_its_code(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    hint = page.locator("#template-about")
    expect(hint).to_have_text("What to try stands at the top of the code.")
    typed(page, TYPED)
    expect(hint).to_be_hidden()
    page.get_by_role("textbox", name="Source").press("Control+z")
    expect(hint).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#next-step")).to_contain_text("send a process the cast crash")
    typed(page, TYPED)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("version 2 runs")
    page.reload()
    expect(page.locator("#next-step")).to_contain_text("raise an error in a callback, and press Run (Ctrl-Enter)")


def test_the_page_shows_no_node_of_the_platform(open_page: Callable[..., Page], at_work: Any) -> None:
    page = open_page("about:blank", ready=False, **OWNER)
    with page.expect_websocket(lambda socket: "/live/platform" in socket.url) as socket:
        page.goto(f"{at_work.url}/sandboxes?new=")
    with socket.value.expect_event("framereceived"):
        made(page, "runs")
    expect(page.locator("#node")).to_be_hidden()


def test_a_kill_is_played_and_leads_to_its_restart(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "played")
    page.get_by_role("button", name="Kill left").click()
    pane = page.get_by_role("region", name="The newest restart")
    expect(pane).to_contain_text("left restarted")
    moment = re.compile(r"^/why/\d+\?node=sandbox-played%40127\.0\.0\.1$")
    expect(pane.get_by_role("link", name="Watch it again")).to_have_attribute("href", moment)
    happened = page.get_by_role("tabpanel", name="What happened")
    why = happened.get_by_role("link", name="Why? left")
    expect(why).to_have_attribute("href", moment)
    accessible(page)
    page.get_by_role("tab", name="What happened").focus()
    expect(pane).to_be_hidden()
    why.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("left")


def lose(at_work: Any, name: str) -> None:
    """Remove a sandbox without the page, as a restart of the server does with one that has ended."""
    node = at_work.platform.running_node()
    at_work.do(lambda: SandboxManager.ask(Destroy(None, name, force=True), node=node))


def test_the_code_of_a_sandbox_outlives_its_record_and_runs_again(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: an ended sandbox was lost with a restart of the server, and the page offered only a template."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "lost")
    typed(page, MINE)
    lose(at_work, "lost")
    expect(page.get_by_role("heading", name="lost is not here any more")).to_be_visible()
    assert MINE == text(page)  # what was typed stays, too
    accessible(page)
    page.reload()
    again = page.get_by_role("button", name="Run it again")
    expect(again).to_be_visible()
    assert MINE == text(page)
    again.click()
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#said")).to_have_text("It runs again.")
    assert (MINE, "lost") == (text(page), page.locator("#one-title").inner_text())


def test_a_new_sandbox_can_begin_with_the_code_of_one_that_is_gone(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "lost")
    lose(at_work, "lost")
    page.get_by_role("button", name="Start a new one with this code").click()
    expect(page.get_by_label("Start from")).to_have_value("code-of:lost")
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("lost")
    expect(page.locator("#draft")).to_be_hidden()
    assert TYPED == text(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")


def test_a_sandbox_of_which_nothing_is_known_leads_to_a_new_one(open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, "/sandboxes?sandbox=never", **OWNER)
    expect(page.get_by_role("heading", name="never is not here any more")).to_be_visible()
    expect(page.get_by_role("button", name="Run it again")).to_be_hidden()
    page.get_by_role("link", name="Start a new one").click()
    expect(page.get_by_label("Start from")).to_have_value("counter")


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_the_page_is_for_everybody(width: int, theme: str, open_page: Callable[..., Page], at_work: Any) -> None:
    page = opened(open_page, at_work, width=width, theme=theme, **OWNER)
    accessible(page)
    beside(page)
    page.locator("#walls summary").click()
    page.locator("#options summary").click()
    accessible(page)
    made(page, "shown")
    accessible(page)
    beside(page)
    for tab in ("Output", "What happened", "Versions", "Limits"):
        page.get_by_role("tab", name=tab).click()
        accessible(page)
    expect(page.get_by_role("tabpanel", name="Limits")).to_contain_text("access only to its own folder")
    page.get_by_role("link", name="All sandboxes").click()
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
