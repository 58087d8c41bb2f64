"""`superlearner top`: rates, layout, keys, and the real command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from superlearner.cli.top.drawing import KEYS, View, drawn
from superlearner.cli.top.figures import SORTS, ProcessRow, ScreenFrame, frame_of, ordered
from superlearner.cli.top.screen import pressed
from superlearner.cli.top.stream import written

Run = Callable[..., subprocess.CompletedProcess[str]]
SLOT = {"pid": "0.7.0", "name": "till", "what": "Till", "restarts": 3}
LISTED = {"pid": "0.9.0", "name": None, "what": "job", "status": "waiting", "message_queue_len": 7}
WORK = {
    "pid": "0.7.0",
    "name": "till",
    "what": "Till",
    "messages": 50,
    "callback_time_ms": 25.0,
    "longest_callback_ms": 2.0,
}
TREE = {
    "node": "shop@here",
    "roots": [{**SLOT, "pid": "0.4.0", "name": "shop", "children": [SLOT, {**SLOT, "pid": None}]}],
}
NOW = {"processes": 3, "supervisors": 1, "busy": 0.5, "cpu_percent": 51.0, "loop_lag_ms": 1.5,
       "message_queue_lengths": 7, "memory": 90_000_000}  # fmt: skip


def test_rates_refer_to_the_measured_time() -> None:
    measured = {"seconds": 0.5, "messages": 60, "processes": [WORK]}
    frame = frame_of(TREE, [LISTED], measured, NOW)
    assert (500.0, 120.0) == (frame.measured_ms, frame.totals["messages_per_s"])
    rows = {row.pid: row for row in frame.processes}
    till = ProcessRow(pid="0.7.0", name="till", what="Till", messages_per_s=100.0, callback_percent=5.0,
               longest_callback_ms=2.0, restarts=3)  # fmt: skip
    assert till == rows["0.7.0"]
    assert (0.0, 7, None) == (rows["0.9.0"].messages_per_s, rows["0.9.0"].message_queue_len, rows["0.9.0"].restarts)


def test_missing_measurements_are_unknown_and_not_zero() -> None:
    frame = frame_of(TREE, [LISTED], None, None)
    assert {None} == {row.messages_per_s for row in frame.processes} | {row.callback_percent for row in frame.processes}
    assert "-" in drawn(frame, View(), 80, 24).plain
    assert ({}, None) == (frame.totals, frame.measured_ms)


@pytest.mark.parametrize("by", SORTS)
def test_rows_are_sorted_descending_and_filtered(by: str) -> None:
    rows = [ProcessRow(pid=f"0.{n}.0", name=f"p{n}", what="Job", messages_per_s=n, callback_percent=n,
                       longest_callback_ms=n, message_queue_len=n, restarts=n) for n in range(5)]  # fmt: skip
    wanted = [f"p{n}" for n in (range(5) if by == "name" else reversed(range(5)))]
    assert wanted == [row.name for row in ordered(rows, by)]
    assert ["p3"] == [row.name for row in ordered(rows, by, "P3")]
    assert 5 == len(ordered(rows, by, "job"))


HOSTILE = "\x1b[31mred\u202e" + "n" * 500


@pytest.mark.parametrize(("width", "lines"), [(80, 24), (200, 60), (60, 15), (30, 8), (12, 4)])
def test_the_screen_fits_the_terminal_with_any_names(width: int, lines: int) -> None:
    row = ProcessRow(pid="0.7.0", name=HOSTILE, what=HOSTILE, status="waiting", messages_per_s=1e9,
                     callback_percent=100.0, longest_callback_ms=1e7, message_queue_len=10**9,
                     restarts=10**6)  # fmt: skip
    frame = ScreenFrame(node=HOSTILE, totals=NOW, processes=[row] * 100)
    for view in (View(), View(search=HOSTILE[:60], typing=True), View(trouble=HOSTILE), View(by="name", paused=True)):
        text = drawn(frame, view, width, lines).plain
        shown = text.split("\n")
        assert len(shown) <= lines
        assert max(map(len, shown)) <= width
        assert set() == {one for one in text if not one.isprintable()} - {"\n"}


def test_one_supervisor_is_no_supervisors() -> None:
    head = drawn(ScreenFrame(node="shop@here", totals=NOW, processes=[]), View(), 80, 24).plain.split("\n")[0]
    assert "shop@here  3 processes, 1 supervisor" == head.rstrip()


def test_keys_choose_the_order_filter_pause_and_end() -> None:
    view = View()
    for key, by in KEYS.items():
        assert replace(view, by=by) == pressed(view, key)
    typed: View | None = view
    for key in "/tix\x7fl":
        assert typed is not None
        typed = pressed(typed, key)
    assert View(search="til", typing=True) == typed
    assert View(search="til") == pressed(View(search="til", typing=True), "\r")
    assert View() == pressed(View(search="til", typing=True), "\x1b")
    assert View(paused=True) == pressed(view, "p")
    assert view == pressed(View(paused=True), "p")
    assert view == pressed(view, "\x1b[A"[0])
    assert None is pressed(view, "q")


def test_lines_are_text_or_json_in_the_same_order() -> None:
    frame = frame_of(TREE, [LISTED], {"seconds": 0.5, "messages": 60, "processes": [WORK]}, NOW)
    text = written(frame, "messages", "", 1, as_json=False)
    assert [True, True, False] == [word in text for word in ("shop@here", "till", "job")]
    told = json.loads(written(frame, "mailbox", "", 1, as_json=True))
    assert ("shop@here", ["job"]) == (told["node"], [row["what"] for row in told["processes"]])
    assert "\n" not in written(frame, "mailbox", "", 9, as_json=True, compact=True)


def test_a_flood_a_kill_and_a_mailbox_are_seen(start: Callable[..., Any], superlearner: Run) -> None:
    start()
    assert 0 == superlearner("process", "kill", "counter_1").returncode
    flood = ("simulation", "flood", "counter_2", "--message", "increment", "--count", "10000", "--per-second", "500")
    assert 0 == superlearner(*flood).returncode
    done = superlearner("top", "--once", "--json", "--measure", "500", "--sort", "messages", "--search", "counter")
    assert (0, "") == (done.returncode, done.stderr)
    seen = json.loads(done.stdout)["processes"]
    assert ["counter_2", "counter_1"] == [row["name"] for row in seen]
    assert seen[0]["messages_per_s"] > 50
    assert (0, 1) == (seen[0]["restarts"], seen[1]["restarts"])
    plain = superlearner("top", "--once", "--measure", "0", "--sort", "restarts", "--rows", "1")
    assert ["counter_1", "Counter"] == plain.stdout.splitlines()[3].split()[:2]
    away = superlearner("top", "--once", "--node", "moon")
    assert (1, True) == (away.returncode, "node_not_found" in away.stderr)


def test_without_a_platform_it_ends_with_3(superlearner: Run) -> None:
    done = superlearner("top")
    assert (3, "") == (done.returncode, done.stdout)


def test_the_live_screen_handles_keys_resizing_and_the_end_of_the_platform(
    start: Callable[..., Any], terminal: Callable[..., Any]
) -> None:
    program = start()
    command = (sys.executable, "-m", "superlearner", "top", "--interval", "0.2", "--measure", "0")
    typing = terminal(*command, "--data-dir", str(program.data_dir))
    assert "counter_1" in typing.until("q quit")
    typing.type("/counter_2")
    typing.until("only those with: counter_2")
    typing.type("\n")
    typing.until("[counter_2]")
    typing.resize(40, 10)
    program.end()
    typing.until("trying again")
    typing.type("q")
    assert 0 == typing.ends()
