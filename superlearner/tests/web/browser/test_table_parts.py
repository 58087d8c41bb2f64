"""The parts of the table and of its page that know no DOM, run where they live."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page


@pytest.fixture
def modules(blank: Page, platform: Any) -> Page:
    blank.goto(f"{platform.url}/static/icon.svg")
    blank.evaluate(
        """Promise.all(["components/table-window", "processes/process-view", "processes/process-list"]
            .map((name) => import(`/static/${name}.js`))).then((all) => Object.assign(window, ...all) && null)"""
    )
    return blank


@pytest.mark.parametrize("total", [0, 1, 50, 100_000, 5_000_000])
def test_first_and_last_row_can_be_seen_however_many_there_are(modules: Page, total: int) -> None:
    found = modules.evaluate(
        """(total) => {
            const size = { total, row: 30, view: 600 };
            const most = Math.max(0, height(size) - size.view);
            const end = scrollTo(size, 0, Math.max(0, total - 1));
            return { height: height(size), start: visible(size, 0, 0), last: visible(size, most, 0), end, most,
              y: total ? drawnAt(size, end, total - 1) - end : 0, back: scrollTo(size, end, 0) };
        }""",
        total,
    )
    assert found["height"] <= 8_000_000
    assert found["start"]["first"] == 0
    assert found["last"]["end"] == total
    assert abs(found["end"] - found["most"]) <= 1 or total * 30 <= 600
    if total * 30 > 600:
        assert abs(found["y"] - 570) < 2
    assert found["back"] == 0


def test_a_view_comes_back_from_its_address_and_nonsense_does_not(modules: Page) -> None:
    query = "search=x+y&type=worker&mailbox=5&supervised=yes&below=shop&sort=-mailbox&columns=pid,links"
    query += "&pin=%5B%22name%22%2C%22x%22%5D"
    again = modules.evaluate(
        "(query) => addressOf(viewOf(new URLSearchParams(query)), new URLSearchParams('node=a')).toString()", query
    )
    assert set(again.split("&")) == {*query.replace(",", "%2C").split("&"), "node=a"}
    odd = modules.evaluate("viewOf(new URLSearchParams('mailbox=x&supervised=perhaps&sort=;drop&pin=x&pin=%5B1%5D'))")
    assert (odd["mailbox"], odd["supervised"], odd["sort"], odd["columns"], odd["pins"]) == ("", "", "pid", None, None)


def test_frames_are_folded_and_a_missing_one_is_noticed(modules: Page) -> None:
    found = modules.evaluate(
        """() => {
            const rows = [{ pid: "b", n: 1 }, { pid: "c", n: 1 }];
            const whole = { k: "s", seq: 4, total: 3, offset: 1, order: ["b", "c"], rows };
            const list = take(NOTHING, whole);
            const next = take(list, { k: "d", seq: 5, order: ["c", "d"], rows: [{ pid: "d", n: 2 }] });
            const gap = take(next, { k: "d", seq: 7 });
            return [lineAt(list, 1).pid, lineAt(list, 0) ?? null, [...next.lines.keys()], lineAt(next, 2).n,
              gap.gap, take(gap, whole).gap];
        }"""
    )
    assert found == ["b", None, ["c", "d"], 2, True, False]


def test_a_pin_is_the_name_or_the_place_of_a_process(modules: Page) -> None:
    found = modules.evaluate(
        """["x", null].flatMap((name) => ["team", null].map((supervisor_name) =>
            pinOf({ pid: "0.1.0", name, supervisor_name, supervisor: supervisor_name && "0.2.0", child_id: "1" })))"""
    )
    assert found == ['["name","x"]', '["name","x"]', '["child","team","1"]', '["pid","0.1.0"]']


def test_another_node_is_looked_at_in_the_same_way_but_has_processes_of_its_own(modules: Page) -> None:
    found = modules.evaluate(
        """() => import("/static/shell/nodes.js").then(({ here }) => {
            history.replaceState(null, "", "?sort=-pid&process=x&pin=%5B%22name%22%2C%22x%22%5D");
            return new URL(here("shop")).search;
        })"""
    )
    assert found == "?sort=-pid&node=shop"
