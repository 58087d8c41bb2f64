"""Two real members on the page: one is cut off, both sides run all children, the heal resolves the conflict."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

import cut_off_member
from axe import broken_rules
from superlearner.demo.counters import NAMES

M1, M2, PLATFORM = "m1@127.0.0.1", "m2@127.0.0.1", "superlearner@127.0.0.1"


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., None]:
    """Cut or heal the lines of `m1` to other members: ``lines("cut", M2)``."""
    pipe = tmp_path / cut_off_member.PIPE
    os.mkfifo(pipe)

    def change(what: str, *names: str) -> None:
        pipe.write_text("".join(f"{what} {name}\n" for name in names))

    return change


def children_on(table: Locator, member: str) -> Locator:
    return table.locator(f'tr[data-member="{member}"]')


def test_a_real_member_is_cut_off_both_sides_are_seen_and_a_heal_resolves_the_conflict(
    start: Callable[..., Any], member: Callable[..., Any], lines: Callable[..., None], open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{start().url}/cluster", ready=False)
    tree = f"{cut_off_member.__file__}:CutOffMember"
    member("m1", "--teaching", "--app", tree, "--allow", "superlearner.demo.counters:DemoCounter")
    member("m2", "--teaching")
    cards = page.get_by_role("list", name="Members").get_by_role("listitem")
    first, second = (cards.filter(has_text=name) for name in (M1, M2))
    for card in (first, second):
        expect(card).to_contain_text("healthy: answered in")
    table = page.get_by_role("table", name="Children of counters")
    for name in (M1, M2):
        expect(children_on(table, name)).to_have_count(3)

    lines("cut", PLATFORM, M2)
    expect(first).to_contain_text("Lost: it was silent for too long")
    expect(second).to_contain_text("healthy: answered in")
    expect(page.locator("#cluster-counts")).to_have_text(re.compile(r"^\s*2\s+members\s*1 lost\s*$"))
    expect(page.get_by_role("list").get_by_text(f"{M1} was lost: it was silent for too long")).to_be_visible()
    expect(children_on(table, M2)).to_have_count(len(NAMES))
    expect(children_on(table, M1)).to_have_count(0)
    moved = page.get_by_role("list").locator("[data-what=move]")
    text = re.compile(r"c\d moved from m1 to m2: m1 was lost \(silent for too long\); down for (0\.\d\d?|\d+(\.\d)?) s")
    expect(moved.filter(has_text=text)).to_have_count(3)

    lines("heal", PLATFORM)  # from now on, the platform sees both sides
    expect(first).to_contain_text("healthy: answered in")
    expect(table.get_by_text("also on m2")).to_have_count(len(NAMES))
    expect(table.get_by_text("also on m1")).to_have_count(len(NAMES))
    counts = "counters 6 children on 2 members, 6 on more than one"
    expect(page.get_by_role("heading", name="counters")).to_have_text(counts)
    text = re.compile(r"c\d moved from m2 to m1: m2 was lost \(silent for too long\)")
    expect(moved.filter(has_text=text)).to_have_count(3)
    assert broken_rules(page) == []
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export", exact=True).press("Enter")
    state = json.loads(saved.value.path().read_text("utf-8"))
    assert {PLATFORM, M1, M2} == {one["name"] for one in state["topology"]["nodes"]}
    placed = [(one["node"], one["key"]) for one in state["supervisors"]["entries"]]
    assert [(name, key) for name in (M1, M2) for key in NAMES] == sorted(placed)
    assert (M1, "lost") in [(one["node"], one["what"]) for one in state["events"]["events"]]

    lines("heal", M2)
    page.get_by_text(
        "6 children ran on two members while the cluster was cut; healed: of each, the older one stays"
    ).click()
    conflicts = page.get_by_role("list").locator("[data-what=conflict] [data-what=conflict]")
    for older, younger in (("m1", "m2"), ("m2", "m1")):
        words = f"the older one, on {older}, stays, and the one on {younger} has ended"
        text = re.compile(rf"c\d ran on both {older} and {younger}: {words}")
        expect(conflicts.filter(has_text=text)).to_have_count(3)
    expect(table.get_by_role("row", name=re.compile(r"^c\d"))).to_have_count(len(NAMES))
    expect(table.get_by_text("also on")).to_have_count(0)
