"""Cells of a lesson: one workbench, its names, processes and tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from lesson_page import OWNER, exercise


def run_cell(page: Page, source: str) -> Locator:
    """Run code in the cell, and return its output."""
    cell = exercise(page, "s12-c1")
    code = cell.locator("sl-code")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    field = code.get_by_role("textbox")
    field.press("Control+a")
    field.press("Delete")
    field.fill(source)
    field.press("Control+Enter")
    return cell.get_by_role("group", name="Output")


def test_cells_run_one_after_the_other_with_the_same_names_and_processes(
    lesson: Callable[..., Page], served: Any
) -> None:
    page = lesson()
    cell = exercise(page, "s12-c1")
    cell.get_by_role("button", name="Run", exact=False).click()
    output = cell.get_by_role("group", name="Output")
    expect(output).to_contain_text("6")
    run_cell(page, "import otp\nkept = await otp.Agent.start_link(dict, name='kept')\nprint('made')")
    expect(output).to_contain_text("made")
    run_cell(page, "otp.whereis('kept') is kept")
    expect(output).to_contain_text("True")
    run_cell(page, "print('so far')\nraise ValueError('no')")
    expect(output).to_contain_text("so far")
    expect(output).to_contain_text("line 2: ValueError: no")
    expect(cell.locator(".cm-lintRange-error")).to_be_visible()
    run_cell(page, "1 +")
    expect(output).to_contain_text("line 1, column 4: invalid syntax")
    run_cell(page, "print('long' * 2000)")
    expect(output).to_contain_text("The output is cut after 4,000 characters.")
    run_cell(page, "while True: pass")
    expect(output).to_contain_text("Stopped: line 1 ran for 2 s without waiting.")
    run_cell(page, "await otp.receive()")
    expect(output).to_be_hidden()
    cell.get_by_role("button", name="Interrupt").click()
    expect(output).to_contain_text("Interrupted. Names that were made are kept.")
    tree = cell.get_by_role("link", name="See its tree")
    expect(tree).to_have_attribute("href", re.compile("node=sandbox-workbench-12"))
    expect(exercise(page, "s12-generic").locator(".no").first).to_be_visible()  # the tree brought its style
    assert broken_rules(page) == []
    page.reload()
    run_cell(page, "print('kept', kept is not None)")
    expect(output).to_contain_text("kept True")
    cell.get_by_role("button", name="Forget all names").click()
    expect(output).to_be_hidden()
    run_cell(page, "kept")
    expect(output).to_contain_text("NameError: name 'kept' is not defined.")
    expect(output).not_to_contain_text("cells above")  # none defines it
    cell.get_by_role("button", name="Start over").click()
    expect(cell.locator("sl-code").get_by_role("textbox")).to_contain_text("print(sum(range(4)))")


TREE = """import otp
from otp import Agent, Children, Supervisor, impl


class Top(Supervisor):
    @impl
    def init(self, arg):
        return Children([Agent.child_spec(dict, name=one, id=one) for one in ("left", "right")], strategy="one_for_all")


top = await Top.start_link(None, name="top")
"""


def test_the_living_tree_stands_beside_the_cell_that_ran_last(lesson: Callable[..., Page], served: Any) -> None:
    page = lesson()
    run_cell(page, TREE)
    runs = exercise(page, "s12-c1").get_by_role("group", name="What runs in the workbench")
    expect(runs.get_by_role("treeitem", name=re.compile("^top, supervisor"))).to_be_visible()
    runs.get_by_role("button", name="Kill left").click()
    expect(runs.get_by_role("treeitem", name=re.compile("^left, .*, 1 restart$"))).to_be_visible()
    assert broken_rules(page) == []
    other = exercise(page, "s12-c2")
    other.get_by_role("button", name="Run", exact=False).click()
    beside = other.get_by_role("group", name="What runs in the workbench")
    expect(beside.get_by_role("treeitem", name=re.compile("^left, "))).to_be_visible()
    expect(runs.get_by_role("treeitem")).to_have_count(0)
    other.get_by_role("button", name="Forget all names").click()
    expect(beside.get_by_role("treeitem", name=re.compile("^top, "))).to_have_count(0)


def test_the_tree_shows_the_processes_of_a_cell_while_it_runs(lesson: Callable[..., Page], served: Any) -> None:
    """Regression: it was empty until the cell had ended, so a server that hangs was never seen to hang."""
    page = lesson()
    cell = exercise(page, "s12-c1")
    run_cell(
        page, "import asyncio, otp\nslow = await otp.Agent.start_link(dict, name='slow')\nawait asyncio.Event().wait()"
    )
    runs = cell.get_by_role("group", name="What runs in the workbench")
    expect(runs.get_by_role("treeitem", name=re.compile("^slow, "))).to_be_visible()
    cell.get_by_role("button", name="Interrupt").click()
    expect(cell.get_by_role("group", name="Output")).to_contain_text("Interrupted.")


def test_a_cell_starts_its_workbench_again_if_it_was_destroyed(lesson: Callable[..., Page], served: Any) -> None:
    page = lesson()
    run_cell(page, "kept = 1\nprint('made')")
    output = exercise(page, "s12-c1").get_by_role("group", name="Output")
    expect(output).to_contain_text("made")
    destroyed = page.request.delete(f"{served.url}/api/v1/sandboxes/workbench-12-owner", headers=OWNER)
    assert destroyed.ok, destroyed.text()
    run_cell(page, "'kept' in globals()")
    expect(output).to_contain_text("False")


def test_cells_of_a_visitor_without_the_scope_code_cannot_be_run(lesson: Callable[..., Page]) -> None:
    page = lesson(signed_in=False)
    cell = exercise(page, "s12-c1")
    expect(cell.get_by_role("button", name="Run", exact=False)).to_be_disabled()
    expect(cell.get_by_role("link", name="Sign in")).to_be_visible()


PLACE = """(code) => {
    const root = code.shadowRoot, text = root.querySelector(".cm-line") ?? root.querySelector(".paint");
    const words = document.createTreeWalker(text, NodeFilter.SHOW_TEXT), first = document.createRange();
    first.setStart(words.nextNode(), 0);
    first.setEnd(words.currentNode, 1);
    const { x, y } = first.getBoundingClientRect(), frame = code.getBoundingClientRect();
    return [Math.round(x - frame.x), Math.round(y - frame.y), Math.round(frame.height)];
}"""


def test_code_stays_where_it_is_when_its_editor_is_loaded(lesson: Callable[..., Page]) -> None:
    code = exercise(lesson(), "s12-c1").locator("sl-code")
    code.page.mouse.move(0, 0)
    expect(code).not_to_have_attribute("data-ready", "editor")
    before = code.evaluate(PLACE)
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    assert code.evaluate(PLACE) == before


def test_nothing_on_the_page_moves_when_a_cell_runs_or_a_process_is_killed(
    lesson: Callable[..., Page], served: Any
) -> None:
    """Regression: the output, the tree and the sentence about a kill pushed the text below down."""
    page = lesson()
    cell = exercise(page, "s12-c1")
    height = cell.evaluate("(cell) => cell.offsetHeight")
    expect(run_cell(page, f"{TREE}print('begun')")).to_contain_text("begun")
    runs = cell.get_by_role("group", name="What runs in the workbench")
    expect(runs.get_by_role("treeitem", name=re.compile("^top, supervisor"))).to_be_visible()
    assert cell.evaluate("(cell) => cell.offsetHeight") == height
    for restarts in range(1, 4):
        runs.get_by_role("button", name="Kill left").click()
        expect(runs.get_by_role("treeitem", name=re.compile(f"^left, .*, {restarts} restart"))).to_be_visible()
        assert cell.evaluate("(cell) => cell.offsetHeight") == height
    runs.get_by_role("button", name="Kill left").click()
    expect(runs).to_contain_text("gave up")
    assert cell.evaluate("(cell) => cell.offsetHeight") == height


def test_what_earlier_cells_have_started_is_folded_when_there_is_much(lesson: Callable[..., Page], served: Any) -> None:
    """Regression: a dozen processes stood beside each later cell, its own the last of them."""
    page = lesson()
    many = "import otp\nfor n in range(8): await otp.Agent.start_link(dict, name=f'old {n}')\nprint('begun')"
    expect(run_cell(page, many)).to_contain_text("begun")
    runs = exercise(page, "s12-c1").get_by_role("group", name="What runs in the workbench")
    expect(runs.get_by_role("treeitem", name=re.compile("^old "))).to_have_count(8)
    expect(run_cell(page, "await otp.Agent.start_link(dict, name='mine')\nprint('more')")).to_contain_text("more")
    expect(runs.get_by_role("treeitem", name=re.compile("^mine, "))).to_be_visible()
    expect(runs.get_by_role("treeitem", name=re.compile("^old "))).to_have_count(0)
    runs.get_by_role("button", name="Show 8 processes of earlier runs").click()
    expect(runs.get_by_role("treeitem", name=re.compile("^old "))).to_have_count(8)
    assert broken_rules(page) == []
