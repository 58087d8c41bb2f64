"""The page of the cluster: members with their links, what happened, and the tables of all members."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS

OWN = "superlearner@127.0.0.1"


def member(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "status": "up", "own": name == OWN, "kind": "node", "incarnation": 17, "os_pid": 4711,
        "address": "tcp/127.0.0.1:7447", "http": None, "version": "0.1.0", "since": time.time() - 60,
        "health": "healthy", "evidence": "answered in 1.2 ms", "round_trip_ms": None if name == OWN else 1.2,
        "frames_sent": 10, "frames_received": 12, "bytes_sent": 1000, "bytes_received": 900, "observed": True, **more,
    }  # fmt: skip


def topology(*members: dict[str, Any], missing: tuple[dict[str, str], ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "mode": "multi_node", "state": "member", "why": None, "current_node": OWN, "connected_nodes": [],
        "total_nodes": len(members), "partition_status": "healthy", "heartbeat": 1.0, "dead": 6.0,
        "nodes": list(members), "process_distribution": {one["name"]: 12 for one in members},
        "missing": list(missing), **more,
    }  # fmt: skip


LOST = {"node": "c@127.0.0.1", "reason": "it was silent for too long"}
THREE = topology(
    member(OWN), member("b@127.0.0.1"),
    member("d@127.0.0.1", health="silent", evidence="no answer within 1 s", round_trip_ms=None), missing=(LOST,),
)  # fmt: skip


TILL = {
    "id": "till", "pid": "0.9.0", "name": "till", "what": "Till", "type": "worker", "status": "running", "restarts": 2,
    "last_exit": "'boom'", "strategy": None, "more": 0, "children": None,
}  # fmt: skip
KIOSK = TILL | {
    "id": None, "pid": "0.8.0", "name": "kiosk", "what": "Kiosk", "type": "supervisor", "restarts": 0,
    "last_exit": None, "strategy": "one_for_all",
    "children": [TILL, TILL | {"id": "safe", "pid": None, "name": None, "status": "restarting"}],
}  # fmt: skip

PLACED = [
    {"kind": "supervisor", "table": "counters", "key": f"c{number}", "node": OWN, "pid": "0.9.0", "since": 5.0}
    for number in (1, 2)
] + [{"kind": "supervisor", "table": "counters", "key": "c3", "node": None, "pid": None, "since": None}]
MOVES = [
    {
        "at": 5.0, "text": "c1 moved from c to superlearner: c was lost (silent for too long); down for 6 s",
        "conflict": False, "node": OWN, "ref": "9f3a0c1b22d4.7",
    },
    {
        "at": 4.0, "text": "c2 ran on both b and c: the older one, on b, stays, and the one on c has ended",
        "conflict": True, "node": "b@127.0.0.1", "ref": "9f3a0c1b22d4.8",
    },
]  # fmt: skip

MAP = {
    "members": [{"name": OWN, "share": 0.48, "keys": 2}, {"name": "b@127.0.0.1", "share": 0.52, "keys": 1}],
    "keys": [
        {"table": "counters", "key": "c1", "node": OWN, "goes_to": None},
        {"table": "counters", "key": "c2", "node": "b@127.0.0.1", "goes_to": OWN},
    ],
    "tried": {"table": None, "key": "cart-7", "node": OWN, "goes_to": None}, "without": "b@127.0.0.1", "missing": [],
}  # fmt: skip

LINES = """dd => [...dd.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE && one.data.trim()).map((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
})"""
"""In how many lines each word of an element is."""


@pytest.fixture
def cluster(open_page: Callable[..., Page], untouched: Any) -> Callable[..., Page]:
    """Opens the page of a cluster with this topology."""

    def open_one(found: dict[str, Any], *, query: str = "", **more: Any) -> Page:
        events = [
            {"at": time.time() - 20, "node": "c@127.0.0.1", "incarnation": 3, "what": "lost", "reason": LOST["reason"]},
            {"at": time.time() - 90, "node": "c@127.0.0.1", "incarnation": 3, "what": "joined", "reason": None},
        ]
        answers = {
            "topology": found,
            "events": {"events": events if found["missing"] else []},
            "processes": {
                "processes": [{
                    "node": "b@127.0.0.1", "pid": "0.9.0", "name": "till", "what": "Till", "status": "waiting",
                    "message_queue_len": 3, "restarts": 2,
                }],
                "total_count": 1, "nodes_queried": [OWN], "missing": found["missing"],
            },
            "supervisors": {"entries": PLACED if found["missing"] else [], "nodes_queried": [OWN], "missing": []},
            "moves": {"moves": MOVES if found["missing"] else []},
            "map": MAP,
            "supervision-trees": {
                "supervision_trees": {
                    "b@127.0.0.1": {
                        "node": "b@127.0.0.1", "size": 2, "partial": False, "why": [], "roots": [KIOSK],
                    },
                },
                "nodes_queried": [OWN], "missing": found["missing"],
            },
        }  # fmt: skip

        def answer(route: Route) -> None:
            name = route.request.url.partition("/cluster/")[2].partition("?")[0]
            if name in answers:
                route.fulfill(json={"data": answers[name], "success": True}, content_type="application/json")
            else:
                route.continue_()

        page = open_page("about:blank", ready=False, **more)
        page.route("**/api/v1/cluster/*", answer)
        page.goto(f"{untouched.url.rstrip('/')}/cluster{query}")
        return page

    return open_one


@pytest.mark.page("/cluster")
def test_a_member_that_is_alone_says_how_a_second_one_joins(cluster: Callable[..., Page]) -> None:
    page = cluster(topology(member(OWN)))
    expect(page.get_by_role("heading", name="One member so far")).to_be_visible()
    expect(page.get_by_text("node b", exact=False)).to_be_visible()
    expect(page.get_by_text("No member has joined or left.")).to_be_visible()


def test_members_show_their_health_and_who_is_missing_is_named(cluster: Callable[..., Page]) -> None:
    page = cluster(THREE)
    members = page.get_by_role("list", name="Members").get_by_role("listitem")
    expect(members).to_have_count(4)
    expect(members.nth(1)).to_contain_text("healthy: answered in 1.2 ms")
    expect(members.nth(2)).to_contain_text("silent: no answer within 1 s")
    expect(members.nth(3)).to_contain_text("it was silent for too long")
    restarts = members.nth(3).get_by_role("link", name="Its last restarts")
    expect(restarts).to_have_attribute("href", "/supervisors?node=c%40127.0.0.1")
    expect(members.nth(3).locator("code")).to_contain_text(" node c")
    with page.expect_request("**/api/v1/cluster/nodes/c%40127.0.0.1/forget") as asked:
        members.nth(3).get_by_role("button", name="Forget: c@127.0.0.1").click()
    assert "POST" == asked.value.method

    expect(page.get_by_text("c@127.0.0.1 was lost: it was silent for too long")).to_be_visible()
    link = members.nth(1).get_by_role("link", name="Open its tree")
    expect(link).to_have_attribute("href", "/supervisors?node=b%40127.0.0.1")


def test_a_disconnected_member_is_counted_as_such_and_connected_again(cluster: Callable[..., Page]) -> None:
    page = cluster(topology(member(OWN), missing=({"node": "c@127.0.0.1", "reason": "it was disconnected"},)))
    expect(page.locator("#cluster-counts")).to_have_text(re.compile(r"1\s*disconnected$"))
    with page.expect_request("**/api/v1/cluster/nodes") as asked:
        page.get_by_role("button", name="Connect again: c@127.0.0.1").click()
    assert {"address": "c@127.0.0.1"} == asked.value.post_data_json


def test_the_children_of_distributed_supervisors_have_their_members_and_their_last_moves(
    cluster: Callable[..., Page],
) -> None:
    page = cluster(THREE)
    table = page.get_by_role("table", name="Children of counters")
    expect(table.get_by_role("row", name="c1")).to_contain_text("superlearner")
    expect(table.get_by_role("row", name="c3")).to_contain_text("starts elsewhere soon")
    for move in MOVES:
        expect(page.get_by_role("listitem").filter(has_text=move["text"])).to_be_visible()
    conflict = page.get_by_role("link", name=f"Watch: {MOVES[1]['text']}")
    expect(conflict).to_have_attribute("href", "/why/9f3a0c1b22d4.8?node=b%40127.0.0.1")


def test_without_a_distributed_supervisor_there_is_no_panel(cluster: Callable[..., Page]) -> None:
    page = cluster(topology(member(OWN)))
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(page.locator("placed-children")).to_be_hidden()


def test_the_map_shows_where_the_keys_of_a_member_would_go(cluster: Callable[..., Page]) -> None:
    page = cluster(THREE, query="-visualization")
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    with page.expect_request("**/cluster/map?key=cart-7"):
        page.get_by_role("textbox", name="Try a key").fill("cart-7")
    expect(page.get_by_role("status").filter(has_text="belongs to superlearner")).to_be_visible()
    with page.expect_request("**/cluster/map?key=cart-7&without=superlearner%40127.0.0.1"):
        page.get_by_role("button", name="If it left").first.press("Enter")
    stays, comes = page.get_by_role("list", name="Keys of superlearner").get_by_role("listitem").all()[0::2]
    expect(stays).to_have_text("c1")
    expect(comes).to_have_text("c2from b")
    expect(page.get_by_role("list", name="Keys of b").get_by_role("listitem")).to_have_text("c2to superlearner")
    assert [] == broken_rules(page)


def test_former_addresses_of_the_cluster_lead_to_its_views(cluster: Callable[..., Page]) -> None:
    page = cluster(THREE, query="-processes")
    expect(page.get_by_role("tab", name="Processes")).to_have_attribute("aria-selected", "true")


def test_the_processes_of_all_members_are_one_table(cluster: Callable[..., Page]) -> None:
    page = cluster(THREE)
    page.get_by_role("tab", name="Processes").click()
    row = page.get_by_role("row", name="till")
    expect(row).to_contain_text("b@127.0.0.1")
    expect(row.get_by_text("running", exact=True)).to_be_visible()  # as the tree says of a process that waits
    expect(row.get_by_role("link", name="till")).to_have_attribute(
        "href", "/supervisors?node=b%40127.0.0.1&process=0.9.0"
    )
    expect(page.get_by_text("c@127.0.0.1 is missing: it was silent for too long")).to_be_visible()
    assert "view=processes" in page.url


def test_the_trees_of_all_members_are_below_each_other(cluster: Callable[..., Page]) -> None:
    page = cluster(THREE)
    page.get_by_role("tab", name="Trees").click()
    tree = page.get_by_role("region", name="Tree of b@127.0.0.1")
    expect(tree.get_by_role("link", name="kiosk")).to_be_visible()
    expect(tree.get_by_text("one_for_all")).to_be_visible()
    expect(tree.get_by_role("link", name="till")).to_have_attribute(
        "href", "/supervisors?node=b%40127.0.0.1&process=0.9.0"
    )
    expect(tree.get_by_role("listitem").filter(has_text="safe").last).to_contain_text("restarting")
    tree.get_by_text("2 children").click()
    expect(tree.get_by_role("link", name="till")).to_be_hidden()
    expect(page.get_by_text("c@127.0.0.1 is missing: it was silent for too long")).to_be_visible()


def test_a_platform_without_a_cluster_says_why(cluster: Callable[..., Page]) -> None:
    page = cluster(topology(state="refused", why="the cookie can be read by others"))
    expect(page.get_by_text("the cookie can be read by others")).to_be_visible()


def test_a_server_that_is_gone_leaves_what_was_shown(cluster: Callable[..., Page]) -> None:
    page = cluster(THREE)
    expect(page.get_by_role("list", name="Members")).to_be_visible()
    page.unroute("**/api/v1/cluster/*")
    page.route("**/api/v1/cluster/*", lambda route: route.abort())
    expect(page.get_by_role("alert").filter(has_text="The server does not answer")).to_be_visible()
    expect(page.get_by_role("list", name="Members")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_in_any_view(cluster: Callable[..., Page], theme: str, width: int) -> None:
    page = cluster(THREE, theme=theme, width=width)
    for name in ("Members", "Trees", "Processes"):
        page.get_by_role("tab", name=name).click()
        expect(page.locator("#cluster")).to_have_attribute("data-ready", {"Members": "health"}.get(name, name.lower()))
        assert broken_rules(page) == []
        assert page.evaluate(SIDEWAYS) == 0, json.dumps([name, width])


def test_an_address_breaks_between_its_words(cluster: Callable[..., Page]) -> None:
    page = cluster(
        topology(member(OWN, address="unix//tmp/otp-1000/link-0123456789abcdef.sock"), member("b@127.0.0.1"))
    )
    address = page.locator(".member dd").filter(has_text="unix//").first
    expect(address).to_be_visible()
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        lines = address.evaluate(LINES)
        assert len(lines) > 1
        assert set(lines) == {1}
