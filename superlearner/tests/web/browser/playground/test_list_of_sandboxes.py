"""All sandboxes: filters, owners, and the removal of ended ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from playground_page import (
    OWNER,
    opened,
)


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


def test_without_any_sandbox_the_list_leads_to_a_new_one(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: it said that no sandbox fits, and offered to show all."""
    page = opened(open_page, at_work, "/sandboxes?all=", **OWNER)
    expect(page.get_by_text("There are no sandboxes yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Show all")).to_be_hidden()
    page.get_by_role("main").get_by_role("link", name="New sandbox").last.click()
    expect(page.get_by_role("heading", name="Your tree appears here")).to_be_visible()
