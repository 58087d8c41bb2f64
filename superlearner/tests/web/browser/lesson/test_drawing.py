"""A tree that is drawn: with keys, with a mouse, as text; and its processes, which are killed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from lesson_page import exercise


@pytest.fixture
def one(lesson: Callable[..., Page]) -> Locator:
    """The exercise in which a tree is drawn."""
    found = exercise(lesson(), "s12-tree")
    found.scroll_into_view_if_needed()
    return found


def node(one: Locator, name: str) -> Locator:
    return one.get_by_role("tree", name="The drawn tree").get_by_role("treeitem", name=name)


def written(one: Locator) -> str:
    """Return the drawing as text."""
    return str(one.locator("sl-code").evaluate("(code) => code.value")).split('"""')[1].strip("\n")


def draw(one: Locator) -> None:
    """Draw a tree that passes, with keys alone."""
    keys = one.page.keyboard
    node(one, "Root").focus()
    for button in ("Add supervisor", "Add dynamic supervisor", "Add store"):
        one.get_by_role("button", name=button).press("Enter")
        keys.press("ArrowLeft")
    expect(node(one, "Root")).to_be_focused()
    keys.press("End")
    expect(node(one, "Store")).to_be_focused()
    keys.press("Alt+ArrowUp")
    keys.press("Alt+ArrowUp")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(one.get_by_label("Name")).to_be_focused()
    keys.type("Crew")
    keys.press("Enter")
    expect(node(one, "Crew")).to_be_focused()
    for name, count in (("Crew", 3), ("Pool", 2)):
        for _ in range(count):
            keys.press("Insert")
            keys.press("ArrowLeft")
            expect(node(one, name)).to_be_focused()
        for _ in range(count + 1):
            keys.press("ArrowDown")


DRAWN = """Root (rest_for_one)
  Store
  Crew (one_for_one)
    Worker 1
    Worker 2
    Worker 3
  Pool (dynamic)
    Agent 1
    Agent 2"""


def test_a_tree_is_drawn_with_keys_changed_with_the_mouse_and_checked(one: Locator) -> None:
    page, undo = one.page, one.get_by_role("button", name="Undo")
    draw(one)
    assert written(one) == DRAWN
    assert broken_rules(page) == []
    node(one, "Crew").press("Delete")
    expect(node(one, "Pool")).to_be_focused()
    expect(one.get_by_role("treeitem")).to_have_count(5)
    undo.click()
    assert written(one) == DRAWN
    card, target = node(one, "Worker 2").bounding_box(), node(one, "Pool").bounding_box()
    assert card is not None
    assert target is not None
    page.mouse.move(card["x"] + 100, card["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 100, target["y"] + target["height"] / 2, steps=4)
    page.mouse.up()
    expect(node(one, "Worker 2")).to_have_attribute("aria-posinset", "3")
    expect(node(one, "Worker 2")).to_have_attribute("aria-selected", "true")  # the click of the mouse chose its old row
    assert page.evaluate("String(getSelection())") == ""
    page.keyboard.press("Control+z")
    assert written(one) == DRAWN
    node(one, "Crew").click()
    one.get_by_label("Strategy").select_option("one_for_all")
    expect(node(one, "Crew")).to_have_accessible_name("Crew, supervisor one_for_all")
    one.get_by_label("Kind").select_option("worker")
    expect(one.locator(".drawing-said")).to_have_text(
        "Line 4: Crew is a worker and has children: only supervisors have children."
    )
    undo.click()
    undo.click()
    for name, count in (("a worker", 1), ("a temporary agent", 1), ("the dynamic supervisor", 3), ("the store", 8)):
        one.get_by_label(name, exact=True).fill(str(count))
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    page.reload()
    expect(node(one, "Agent 2")).to_have_attribute("aria-level", "3")
    expect(one.get_by_label("the store", exact=True)).to_have_value("8")
    one.get_by_role("button", name="Show the solution").click()
    solution = one.get_by_role("group", name="The solution")
    expect(solution.get_by_role("listitem").filter(has_text="Agent 1").last).to_have_text("Agent 1")
    expect(solution.get_by_role("term")).to_have_text(
        ["a worker", "a temporary agent", "the dynamic supervisor", "the store"]
    )
    expect(solution).to_contain_text("A tree of another shape has other numbers.")


def test_a_node_that_is_dragged_below_the_tree_to_the_left_leaves_its_branch(one: Locator) -> None:
    page = one.page
    draw(one)
    node(one, "Crew").press("Alt+ArrowDown")
    last = node(one, "Worker 3")
    box = last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 150, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + box["height"] + 20, steps=4)
    page.mouse.up()
    expect(node(one, "Worker 3")).to_have_attribute("aria-level", "2")
    assert written(one).endswith("    Worker 2\n  Worker 3")


def test_typed_text_is_drawn_and_a_fault_is_marked_at_its_line(one: Locator) -> None:
    one.get_by_text("The same as text").click()
    code = one.locator("sl-code")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    code.get_by_role("textbox").fill('drawing = """\nRoot\n  Store\nOther\n"""\n')
    expect(one.locator(".drawing-said")).to_have_text("Line 4: Other stands beside Root: a tree has one root.")
    expect(code.locator(".cm-lintRange-error")).to_have_text("Other")
    expect(node(one, "Store")).to_have_attribute("aria-level", "2")
    code.get_by_role("textbox").fill('drawing = """\n  Root\n  /  \\\n Store Sup\n"""\n')
    expect(one.locator(".drawing-place")).to_contain_text("Trees with names side by side stay text")


def test_a_drawn_tree_runs_and_what_is_killed_in_it_restarts(one: Locator) -> None:
    draw(one)
    start = one.get_by_role("button", name="Run this tree")
    expect(start).to_be_disabled()
    expect(one).to_contain_text("Predict first")
    for name in ("a worker", "a temporary agent", "the dynamic supervisor", "the store"):
        one.get_by_label(name, exact=True).fill("1")
    start.click()
    running = one.get_by_role("group", name="The processes of the drawing")
    expect(running.get_by_role("treeitem")).to_have_count(9)
    root = running.get_by_role("treeitem").first
    expect(root).to_have_accessible_name("Root, supervisor rest_for_one, running")
    # Regression: two lines a row stood below the head of one with columns
    expect(running.locator(".tree-head")).to_be_hidden()
    worker = running.get_by_role("treeitem", name="Worker 2")
    worker.click()
    worker.press("Delete")
    expect(worker).to_have_accessible_name("Worker 2, Worker, running, 1 restart")
    expect(running.get_by_role("treeitem", name="Worker 1")).to_have_accessible_name("Worker 1, Worker, running")
    running.get_by_role("button", name="Kill Store").click()
    expect(running.get_by_role("treeitem", name="Store")).to_have_accessible_name("Store, Store, running, 1 restart")
    expect(running.get_by_role("treeitem")).to_have_count(7)
    one.get_by_role("button", name="Start it again").click()
    expect(running.get_by_role("treeitem")).to_have_count(9)
    node(one, "Store").press("Delete")
    expect(one).to_contain_text("The drawing has changed since. Below is the old one.")


def test_the_kind_of_a_new_worker_follows_the_name_that_is_typed(one: Locator) -> None:
    """Regression: it stayed a worker, and the text said `StateStore (worker)`."""
    keys = one.page.keyboard
    node(one, "Root").focus()
    for name, kind in (("StateStore", "store"), ("Pool", "dynamic supervisor"), ("Storefront", "worker")):
        keys.press("+")
        keys.press("Enter")
        keys.type(name)
        keys.press("Enter")
        expect(node(one, name)).to_have_accessible_name(re.compile(f"^{name}, {kind}"))
        keys.press("Home")
    assert "StateStore (worker)" not in written(one)
    node(one, "StateStore").click()
    one.get_by_label("Kind").select_option("worker")
    one.get_by_label("Name").fill("BigStore")
    expect(node(one, "BigStore, worker")).to_be_visible()  # a kind that was chosen stays


def test_an_agent_of_the_dynamic_supervisor_is_called_a_temporary_agent(one: Locator) -> None:
    """Regression: a screen reader called it a worker."""
    node(one, "Root").focus()
    one.get_by_role("button", name="Add dynamic supervisor").press("Enter")
    one.page.keyboard.press("Insert")
    expect(one.get_by_role("treeitem", name=re.compile(", temporary agent$"))).to_be_visible()


def test_what_start_over_replaced_comes_back_only_until_another_edit(one: Locator) -> None:
    """Regression: two buttons were called *Undo*, and *Start over* was gone until the next check."""
    draw(one)
    one.get_by_role("button", name="Start over").click()
    expect(one.get_by_role("button", name="Undo")).to_have_count(1)
    back = one.get_by_role("button", name="Bring my answer back")
    expect(back).to_be_visible()
    node(one, "Root").focus()
    one.get_by_role("button", name="Add store").press("Enter")
    expect(back).to_have_count(0)
    expect(one.get_by_role("button", name="Start over")).to_be_visible()
