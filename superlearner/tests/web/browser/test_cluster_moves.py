"""A member is killed: its children are seen on another one, once, with the reason and a moment to share."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from otp.distribution import TEACHING
from page_width import SIDEWAYS

LIMIT_S = TEACHING.dead + TEACHING.heartbeat + TEACHING.dead + 1
"""The promise: detection, the settle delay and a second."""
AWAY = """(lost) => {
    const rows = [...document.querySelectorAll("placed-children tr[data-child]")].map(({ dataset }) => dataset);
    return new Set(rows.map(({ child }) => child)).size === 6 && rows.length === 6
        && rows.every(({ member }) => member && member !== lost);
}"""


@pytest.fixture
def cluster(start: Callable[..., Any], superlearner: Callable[..., Any]) -> Iterator[Any]:
    """A platform, and three members."""
    program = start()
    begun = superlearner("cluster", "start", "3", "--teaching")
    try:
        assert 0 == begun.returncode, begun.stderr
        yield program
    finally:
        superlearner("cluster", "stop")


def child_of(page: Page, id: str) -> Any:
    return page.locator(f"placed-children tr[data-child={id}]")


RECORD = """() => {
  const picture = document.querySelector("placed-children");
  window.said = [];
  const note = () => window.said.push(picture.querySelector(".said")?.textContent ?? "");
  new MutationObserver(note).observe(picture, { childList: true, subtree: true, characterData: true });
}"""
"""Records the sentences of the picture: some are visible only for a moment."""


def kill_member_of(page: Page, program: Any, id: str) -> tuple[str, list[str]]:
    """Kill the member on which a child runs; return its name and the children that ran there."""
    lost = child_of(page, id).get_attribute("data-member")
    assert lost is not None
    rows = page.locator(f'placed-children tr[data-member="{lost}"]')
    children = [row.get_attribute("data-child") or "" for row in rows.all()]
    members = json.loads((program.data_dir / "members" / "begun.json").read_text())
    os.kill(members[lost.partition("@")[0]][0], signal.SIGKILL)
    return lost, children


def test_the_children_of_a_killed_member_are_seen_elsewhere_once_with_the_reason(
    cluster: Any, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(f"{cluster.url}/cluster", ready=False)
    page.wait_for_function(AWAY, arg="")
    lost, children = kill_member_of(page, cluster, "c1")
    page.wait_for_function(AWAY, arg=lost, timeout=1000 * LIMIT_S)
    moves = page.get_by_role("list").locator("[data-what=move]")
    for id in children:
        short = lost.partition("@")[0]
        why = rf"{short} was lost \(connection closed\)"
        text = rf"{id} moved from {short} to m\d: {why}; down for (0\.\d\d?|\d+(\.\d)?) s"
        expect(moves.filter(has_text=re.compile(text))).to_have_count(1)
    with page.expect_download() as exported:
        page.get_by_role("button", name="Export", exact=True).click()
    state = json.loads(exported.value.path().read_text("utf-8"))
    assert lost in {one["node"] for one in state["missing"]}
    assert all(any(one["text"].startswith(f"{id} moved") for one in state["moves"]["moves"]) for id in children)
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0

    moves.filter(has_text="c1 moved").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name=re.compile("Why c1 moved from"))).to_be_visible()
    expect(page.get_by_role("button", name="Copy the link")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a file").click()
    assert saved.value.suggested_filename.startswith("c1-moved-from")
    file = tmp_path / "move.html"
    saved.value.save_as(file)
    page.goto(file.as_uri())
    expect(page.locator("restart-stage")).to_have_attribute("data-stage", "6")
    expect(page.locator(".steps")).to_contain_text(re.compile(r"c1 ends with m\d"))
    expect(page.locator(".steps")).to_contain_text(re.compile(r"c1 starts on m\d"))


def test_the_fall_and_rise_of_a_child_crosses_the_line_to_its_new_member(
    cluster: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{cluster.url}/cluster", ready=False, reduced_motion="no-preference")
    page.wait_for_function(AWAY, arg="")
    picture = page.locator("placed-children restart-stage")
    before = picture.evaluate("one => one.clientHeight")
    page.evaluate(RECORD)
    kill_member_of(page, cluster, "c1")
    said = page.locator("placed-children .said")
    for sentence in (r"learns that m\d is gone", r"counters starts c\d on m\d"):
        page.wait_for_function("sentence => window.said.some((one) => new RegExp(sentence).test(one))", arg=sentence)
    assert before == picture.evaluate("one => one.clientHeight")
    expect(said).to_have_text("Where each child runs now.")
