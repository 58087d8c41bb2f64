"""The learning path as a person walks it: a step is ticked by what really happened, and by nothing else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS

OWN = """
from otp import Children, GenServer, Ok, Supervisor, impl


class One(GenServer[int]):
    @impl
    def init(self, start): return Ok(start)


class Own(Supervisor):
    @impl
    def init(self, arg): return Children([One.child_spec(0, id="one", name="one")], strategy="one_for_one")
"""


@pytest.fixture(scope="module")
def program(start_for_all: Callable[..., Any]) -> Any:
    return start_for_all()


def strip(page: Page) -> Locator:
    return page.get_by_role("region", name="Tour", exact=True)


@pytest.mark.page("/learn")
def test_a_crash_ticks_a_step_and_a_look_the_next_one(open_page: Callable[..., Page], program: Any) -> None:
    page = open_page(f"{program.url}/learn", ready=False)
    page.get_by_role("link", name="Start: Crash one process").click()
    tour = strip(page)
    expect(tour.get_by_role("heading")).to_have_text("1 of 2 · Let counter_1 crash")
    assert "tour=" not in page.url
    tour.get_by_role("button", name="Hint").click()
    expect(tour).to_contain_text("Type crash into the field")
    page.get_by_label("Message", exact=True).or_(page.get_by_placeholder("A text, or JSON")).first.fill("crash")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(tour).to_contain_text(re.compile(r"counter_1 <.*> crashed: RuntimeError"))
    expect(tour.get_by_role("status").last).to_contain_text("Step 1 is done.")
    page.reload()
    expect(tour).to_contain_text("The process has ended")
    tour.get_by_role("button", name="Next step").click()
    expect(tour.get_by_role("heading")).to_be_focused()
    expect(tour.get_by_role("button", name="Finish")).to_be_hidden()
    page.goto(f"{program.url}/learn")
    expect(page.locator("[data-tour=crash]")).to_contain_text("1 of 2 done")
    page.locator("[data-tour=crash]").get_by_role("link", name="Go on: Crash one process").click()
    expect(tour.get_by_role("heading")).to_have_text("2 of 2 · Read why")
    page.get_by_role("tab", name="Why").click()
    tour.get_by_role("button", name="Finish").click()
    expect(tour).to_contain_text("a crash ends one process and leaves a reason")
    tour.get_by_role("link", name="Back to the path").click()
    expect(page.get_by_text("1 of 12 tours done")).to_be_visible()
    expect(page.get_by_role("link", name="Again: Crash one process")).to_be_visible()
    expect(tour).to_have_count(0)
    page.get_by_role("button", name="Reset the tours").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(page.get_by_text("0 of 12 tours done")).to_be_visible()


def test_a_step_for_the_terminal_is_ticked_by_the_terminal_and_not_by_the_page(
    open_page: Callable[..., Page], program: Any, superlearner: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    page = open_page(f"{program.url}/supervisors?process=counter_1&tour=terminal")
    tour = strip(page)
    expect(tour.get_by_role("heading")).to_have_text("1 of 3 · Send a message")
    expect(tour).to_contain_text(f"superlearner --data-dir {program.data_dir} process message counter_1")
    page.get_by_placeholder("A text, or JSON").fill("increment")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Sent.", exact=True)).to_be_visible()
    expect(tour.get_by_role("button", name="Next step")).to_be_hidden()
    done = superlearner("process", "message", "counter_1", '"increment"', SUPERLEARNER_DATA_DIR=str(program.data_dir))
    assert done.returncode == 0, done.stderr
    expect(tour).to_contain_text("owner did process.message")
    tour.get_by_role("button", name="Next step").click()
    tour.get_by_role("link", name="Go to /arsenal").click()
    expect(page).to_have_url(re.compile("/arsenal.operation=process.kill$"))
    expect(tour.get_by_role("heading")).to_have_text("2 of 3 · Kill with the command or curl")
    with program.client() as client:
        assert client.delete("/api/v1/processes/ledger").status_code == 200
    expect(tour).to_contain_text("did process.kill")
    tour.get_by_role("button", name="Next step").click()
    page.get_by_role("tab", name="Audit log").click()
    expect(tour.get_by_role("button", name="Finish")).to_be_visible()
    tour.get_by_role("button", name="End tour").click()
    expect(tour).to_have_count(0)
    page.goto(f"{program.url}/learn")
    expect(page.get_by_role("link", name="Again: Use the terminal")).to_be_visible()


def test_the_tour_of_links_shows_linked_ends_and_monitors(open_page: Callable[..., Page], program: Any) -> None:
    page = open_page(f"{program.url}/supervisors?process=checkout_sup&tour=links")
    tour, pane = strip(page), page.locator("#process")

    def go_on(title: str) -> None:
        tour.get_by_role("button", name="Next step").click()
        expect(tour.get_by_role("heading")).to_have_text(title)

    pane.get_by_role("tab", name="Relations").click()
    for child in ("ledger", "cart", "mailer"):
        expect(pane.get_by_role("tabpanel")).to_contain_text(child)
    go_on("2 of 6 · End one side of the links")
    pane.get_by_role("button", name="Kill checkout_sup").click()
    expect(tour).to_contain_text(re.compile("checkout_sup <.*> was killed"))
    go_on("3 of 6 · Find the first cause")
    page.locator("[role=treeitem][data-key$='/mailer']").click()
    pane.get_by_role("tab", name="Why").click()
    expect(pane.get_by_role("tabpanel")).to_contain_text("was killed")
    go_on("4 of 6 · Let an order wait for the robot")
    tour.get_by_role("link", name="Go to /arsenal").click()
    page.get_by_label("pid").fill("robot")
    page.get_by_role("button", name="Suspend a server", exact=True).click()
    expect(tour).to_contain_text("did process.suspend")
    go_on("5 of 6 · Kill what they wait for")
    tour.get_by_role("link", name="Go to /supervisors").click()
    expect(page.locator("[role=treeitem][data-key*='/orders/']").filter(has_text="not answering").first).to_be_visible()
    expect(pane.get_by_role("tabpanel")).to_contain_text("Order")
    with program.client() as client:
        waiting = client.get("/api/v1/processes/robot/ties").json()["data"]["waited_for_by"]
        pane.get_by_role("button", name="Kill robot").click()
        go_on("6 of 6 · See which processes survived")
        page.locator("[role=treeitem][data-key$='/orders']").click()
        tour.get_by_role("button", name="Finish").click()
        expect(tour).to_contain_text("A monitor notifies the watcher")
        asked = {"types": "exited", "last": 200, "limit": 200, "timeout_ms": 1}
        told = client.get("/api/v1/events", params=asked, headers={"accept": "application/json"}).json()
        ended = told["data"]["items"]
        pids = {one["pid"] for one in waiting}
        assert pids
        assert [] == [one["text"] for one in ended if one["pid"] in pids and one["data"]["abnormal"]]
        assert "robot" in {one["name"] for one in ended}


def test_with_a_tree_of_ones_own_the_path_says_what_it_needs(
    start_for_all: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    own = start_for_all("own.py:Own", files={"own.py": OWN})
    page = open_page(f"{own.url}/learn", ready=False)
    expect(page.get_by_text("Most tours are about processes of the demo")).to_be_visible()
    page.goto(f"{own.url}/supervisors?tour=kill")
    expect(strip(page)).to_contain_text("This tour is about ledger, cart, mailer of the demo")


def test_on_another_node_the_path_leads_back_to_the_demo(open_page: Callable[..., Page], program: Any) -> None:
    wanted = {"sandbox_id": "learners", "template": "counter"}
    made = httpx.post(f"{program.url}/api/v1/sandboxes", json=wanted, timeout=60)  # it starts a program
    assert made.is_success, made.text
    page = open_page(f"{program.url}/learn?node=sandbox-learners@127.0.0.1", ready=False)
    expect(page.get_by_text("they do not run on sandbox-learners@127.0.0.1")).to_be_visible()
    page.get_by_role("link", name="Open this page for the platform's own node").click()
    expect(page.get_by_role("link", name="Start: Crash one process")).to_be_visible()
    expect(page.get_by_text("Most tours are about processes of the demo")).to_be_hidden()
    httpx.delete(f"{program.url}/api/v1/sandboxes/learners")


ABOUT_A_PROCESS = {
    "process": "counter_1", "crash": "counter_1", "kill": "ledger", "links": "checkout_sup", "strategy": "ledger",
    "give-up": "counter_1", "change": "demo_one_for_one", "terminal": "counter_1",
}  # fmt: skip
"""The tours that begin in the tree, and the process of their first step."""


@pytest.mark.parametrize("height", [pytest.param(900, marks=pytest.mark.slow), 560])
def test_a_tour_opens_with_its_process_in_view_and_chooses_nothing_for_the_reader(
    open_page: Callable[..., Page], program: Any, height: int
) -> None:
    """Regression: the strip took the room of the line, or the tree was too long to show it."""
    page = open_page(f"{program.url}/learn", ready=False)
    page.set_viewport_size({"width": 1280, "height": height})
    for tour, name in ABOUT_A_PROCESS.items():
        page.goto(f"{program.url}/learn")
        page.locator(f"[data-tour={tour}]").get_by_role("heading").get_by_role("link").click()
        expect(strip(page).get_by_role("heading")).to_be_visible()
        line = page.locator(f"[role=treeitem][data-key$='/{name}']")
        expect(line).to_be_in_viewport(ratio=0.9)
        covered = """line => {
            const box = line.getBoundingClientRect();
            return !line.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
        }"""
        assert not line.evaluate(covered)
        if tour == "process":
            expect(page.locator("[role=treeitem][aria-selected=true]")).to_have_count(0)
        strip(page).get_by_role("button", name="End tour").click()


def test_in_a_low_window_a_tour_takes_two_lines_and_leaves_the_rest_to_the_tree(
    open_page: Callable[..., Page], program: Any
) -> None:
    """Regression: with large text on a projector, header and tour left three rows of the tree."""
    page = open_page(f"{program.url}/supervisors?tour=links", ready=False, theme="dark")
    page.set_viewport_size({"width": 853, "height": 480})
    for words in ("it lists the processes that it is linked to", "the tabs are at the top of its details"):
        expect(strip(page)).to_contain_text(words, use_inner_text=True)
        box = strip(page).bounding_box()
        assert box is not None
        assert box["height"] <= 66
        for act in strip(page).get_by_role("button").all():
            expect(act).to_be_in_viewport(ratio=1)
        for name in ("counter_1", "checkout_sup", "ledger"):
            expect(page.locator(f"[role=treeitem][data-key$='/{name}']")).to_be_in_viewport(ratio=0.9)
        strip(page).get_by_role("button", name="Hint").click()


def test_a_tour_of_ones_own_sandbox_stays_on_its_node(open_page: Callable[..., Page], program: Any) -> None:
    with program.client() as client:
        made = client.post("/api/v1/sandboxes", json={"sandbox_id": "learning", "demo": "demo_one_for_one"})
        node = made.json()["data"]["node"]
    page = open_page(f"{program.url}/learn?node={node}", ready=False)
    page.locator("[data-tour=crash]").get_by_role("heading").get_by_role("link").click()
    tour = strip(page)
    expect(tour.get_by_role("heading")).to_have_text("1 of 2 · Let counter_1 crash")
    expect(tour).not_to_contain_text("This tour is about")
    assert f"node={node.replace('@', '%40')}" in page.url or f"node={node}" in page.url
    expect(tour).to_have_attribute("data-waits", "crashed")  # for the event, from now on
    crash = {"message": "crash", "message_type": "cast"}
    with program.client() as client:
        client.post("/api/v1/processes/counter_1/message", json=crash)  # of the platform: another process
        expect(page.locator("[role=treeitem][data-key$='/counter_1']")).to_have_attribute("data-restarts", "0")
        expect(tour.get_by_role("button", name="Next step")).to_be_hidden()
        client.post(f"/api/v1/processes/counter_1/message?node={node}", json=crash)
    expect(tour).to_contain_text("The process has ended")
    tour.get_by_role("button", name="Next step").click()
    page.get_by_role("tab", name="Why").click()
    tour.get_by_role("button", name="Finish").click()
    expect(tour.get_by_role("link", name="Back to the path")).to_have_attribute(
        "href", re.compile("/learn.node=sandbox")
    )
    page.goto(f"{program.url}/supervisors?node={node}&tour=give-up")
    expect(tour).to_contain_text("not all of its steps work on this node")  # the sandbox ends with its top supervisor


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_and_the_strip_covers_nothing(
    open_page: Callable[..., Page], program: Any, theme: str, width: int
) -> None:
    page = open_page(f"{program.url}/learn", ready=False, theme=theme, width=width)
    expect(page.get_by_text("0 of 12 tours done")).to_be_visible()
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
    page.goto(f"{program.url}/supervisors?tour=process")
    expect(strip(page).get_by_role("heading")).to_have_text("1 of 3 · Look at counter_1")
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
    box, main = strip(page).bounding_box(), page.locator("#supervisors").bounding_box()
    assert box and main
    assert box["y"] + box["height"] <= main["y"] + 1 or main["y"] + main["height"] <= box["y"] + 1
