"""The pages of a node in another process: the same as those of any other, until it is gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from superlearner.operations.context import Context
from superlearner.operations.engine.execution import checked, execute
from superlearner.operations.rights.users import OWNER

SECOND = "shop@127.0.0.1"
LEDGER = '[role=treeitem][data-key="shop/checkout_sup/ledger"]'


def test_its_trees_are_shown_and_what_is_killed_there_comes_back(
    open_page: Callable[..., Page], remote_node_page: Any
) -> None:
    page = open_page(f"{remote_node_page.url}/supervisors?node={SECOND}")
    second = open_page(f"{remote_node_page.url}/supervisors?node={SECOND}")
    ours = remote_node_page.do(lambda: remote_node_page.platform.node.whereis("ledger"))
    line = page.locator(LEDGER)
    expect(line).to_be_visible()
    line.hover()
    line.get_by_role("button", name="Kill ledger").click()
    for looking in (page, second):
        expect(looking.locator(LEDGER)).to_have_attribute("data-restarts", "1")
        expect(looking.locator("#events")).to_contain_text("ledger was killed")
    assert remote_node_page.do(lambda: remote_node_page.platform.node.whereis("ledger")) == ours


def test_the_page_of_a_restart_there_has_its_node_in_the_switcher_although_the_address_has_none(
    open_page: Callable[..., Page], remote_node_page: Any
) -> None:
    page = open_page(f"{remote_node_page.url}/supervisors?node={SECOND}")
    page.locator(LEDGER).hover()
    page.locator(LEDGER).get_by_role("button", name="Kill ledger").click()
    expect(page.locator("#events")).to_contain_text("ledger was killed")
    page.goto(f"{remote_node_page.url}/")
    last = page.locator("#last a").filter(has_text="ledger was killed").first
    page.goto(f"{remote_node_page.url}{str(last.get_attribute('href')).partition('?')[0]}")
    expect(page).to_have_url(re.compile(r"/why/[0-9a-f]+\.[0-9]+\?node=shop%40127\.0\.0\.1$"))
    expect(page.get_by_label("Node")).to_have_value(SECOND)


def test_its_processes_and_figures_are_shown(open_page: Callable[..., Page], remote_node_page: Any) -> None:
    page = open_page(f"{remote_node_page.url}/supervisors?view=table&node={SECOND}", ready=False)
    expect(page.get_by_role("row", name=re.compile("stocktaking"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("counter_1"))).to_have_count(0)
    page.get_by_role("searchbox").first.fill("ledger")
    expect(page.get_by_role("row", name=re.compile("ledger"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("stocktaking"))).to_have_count(0)
    page.goto(f"{remote_node_page.url}/system?node={SECOND}")
    bar = page.locator(".bar").first
    expect(bar).to_contain_text(re.compile(r"\d+\s*processes"))
    told = re.search(r"(\d+)\s*processes", bar.inner_text())
    assert told is not None
    assert int(told[1]) < remote_node_page.do(lambda: len(remote_node_page.platform.node.processes())) / 2


def test_the_tabs_of_a_process_there_are_filled(open_page: Callable[..., Page], remote_node_page: Any) -> None:
    page = open_page(f"{remote_node_page.url}/supervisors?node={SECOND}&process=ledger&tab=state")
    pane = page.get_by_role("region", name="Process details")
    expect(pane.get_by_role("heading", name="State", exact=True)).to_be_visible()
    expect(pane).to_contain_text(remote_node_page.do(lambda: str(remote_node_page.node.whereis("ledger")).strip("<>")))
    pane.get_by_role("tab", name="Relations").click()
    expect(pane).to_contain_text("checkout_sup")
    pane.get_by_role("tab", name="Now").click()
    pane.get_by_role("button", name="Open mailbox").click()
    expect(pane.get_by_role("tabpanel")).to_contain_text(re.compile("mailbox|message", re.IGNORECASE))
    pane.get_by_role("tab", name="Code").click()
    expect(pane.get_by_role("tabpanel")).not_to_be_empty()


def test_its_messages_are_traced(open_page: Callable[..., Page], remote_node_page: Any) -> None:
    page = open_page(f"{remote_node_page.url}/timeline?view=messages&node={SECOND}", ready=False)
    trace = remote_node_page.do(lambda: traced(remote_node_page))
    page.goto(f"{remote_node_page.url}/timeline?view=messages&node={SECOND}&trace={trace}")
    expect(page.get_by_role("main")).to_contain_text("ledger")


async def traced(remote_node_page: Any) -> str:
    """Trace the ledger there; the id of the trace."""
    platform = remote_node_page.platform
    operation = platform.arsenal.get("trace.start")
    answer = await execute(
        platform.services, operation, Context(platform.nodes, OWNER, on=SECOND), checked(operation, {"pid": "ledger"})
    )
    return str(answer.data["trace_id"])


def test_when_it_is_gone_its_pages_say_so(open_page: Callable[..., Page], remote_node_page: Any) -> None:
    page = open_page(f"{remote_node_page.url}/supervisors?node={SECOND}")
    page.locator(LEDGER).click()
    pane = page.locator("#process")
    expect(pane.get_by_role("button", name="Send")).to_be_visible()
    expect(pane.get_by_role("button", name="Suspend ledger")).to_be_visible()
    pane.get_by_role("button", name="Kill ledger").click()
    shown = page.locator("#events").get_by_role("button", name="Show in the tree ledger").first
    expect(shown).to_be_visible()
    others = [open_page(f"{remote_node_page.url}/{one}?node={SECOND}", ready=False) for one in ("processes", "traces")]
    for other in others:
        expect(other.locator("#live")).to_have_text("Live")
    remote_node_page.do(lambda: remote_node_page.platform.nodes.detach(SECOND))
    for other in others:  # the page does not retry, so nothing else follows
        expect(other.get_by_role("alert")).to_have_text(re.compile(f"^The node {SECOND} is no longer observed"))
    said = page.get_by_role("alert").filter(has_text=f"The node {SECOND} is no longer observed")
    expect(said.get_by_role("link")).to_have_text("superlearner@127.0.0.1")
    expect(page.locator("#live")).to_have_text("Not connected")
    expect(shown).to_have_count(0)  # no signals can be shown in its tree
    for action in ("Send", "Suspend ledger", "Kill ledger", "Watch messages"):
        expect(pane.get_by_role("button", name=action)).to_have_count(0)  # hidden
