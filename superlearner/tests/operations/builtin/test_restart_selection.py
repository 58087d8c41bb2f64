"""The selection of lines of the list of restarts, which Start shows."""

from __future__ import annotations

from typing import Any

import pytest

from asked_restarts import AT, Inside
from superlearner.operations.builtin.restart_loops import BLOCKED, INCIDENT
from superlearner.store import MomentRow

NODE = "sandbox-radio@127.0.0.1"


def row(at: float, line: str, *, number: int = 7, until: float | None = None, cause: str | None = None) -> MomentRow:
    until = at if until is None else until
    return MomentRow(NODE, f"{int(at):012x}", number, number, at, until, line, 1, f"{number}", cause=cause)


async def list_lines(platform: Any, rows: list[MomentRow], only: str) -> list[str]:
    for one in sorted(rows, key=lambda one: one.at):
        platform.platform.moments._add(one)
    asked = {"node": NODE, "only": only, "per_page": "20"}
    return [one["line"] for one in (await platform.get(AT, params=asked))["data"]]


@pytest.mark.operation("restart.list")
def test_newer_hangs_push_neither_restarts_nor_the_last_give_up_off_a_page(inside: Inside) -> None:
    """Regression: Start filtered the newest 20 lines after they were read."""
    hangs = [
        row(200.0 + 9 * at, f"mixer was in handle_info for {at} s", number=INCIDENT, cause=f"{at}") for at in range(40)
    ]
    restarts = [
        row(100.0, "ads gave up"),
        *(row(101.0 + at, f"till_{at} crashed and was restarted") for at in range(9)),
    ]

    async def test(platform: Any) -> None:
        expected = [one.line for one in reversed(restarts)]
        assert await list_lines(platform, [*hangs, *restarts], "restarts") == expected
        assert await list_lines(platform, [], "give_ups") == ["ads gave up"]

    inside(test)


@pytest.mark.operation("restart.list")
def test_a_crash_without_a_supervisor_and_the_hold_of_a_silent_service_are_among_the_restarts(inside: Inside) -> None:
    crash = row(300.0, "lone crashed: KeyError('tax'); it has no supervisor that restarts it", number=INCIDENT)
    hold = row(105.0, "ledger held the event loop for 20 s", number=INCIDENT, until=125.0, cause=BLOCKED)
    other = row(10.0, "ledger held the event loop for 9 s", number=INCIDENT, until=19.0, cause=BLOCKED)
    silent = row(120.0, f"{NODE} is silent: its process 7 runs and does not answer", number=1)
    back = row(131.0, f"{NODE} answers again after a gap of 26 s: its process 7 has run on", number=1)

    async def test(platform: Any) -> None:
        shown = await list_lines(platform, [crash, hold, other, silent, back], "restarts")
        assert shown == [crash.line, back.line, silent.line, hold.line]

    inside(test)


@pytest.mark.operation("restart.list")
def test_a_service_that_somebody_attached_or_detached_is_not_among_the_restarts(inside: Inside) -> None:
    lines = [
        f"{NODE} is attached on request, to process 7", f"{NODE} is no longer observed: it was detached on request",
        f"{NODE} is attached again on request, to process 7, after a gap of 9 s",
    ]  # fmt: skip
    again = f"{NODE} is attached again, to process 8, after a gap of 2 s"

    async def test(platform: Any) -> None:
        rows = [row(10.0 + at, line, number=1) for at, line in enumerate([*lines, again])]
        assert await list_lines(platform, rows, "restarts") == [again]

    inside(test)


@pytest.mark.operation("restart.list")
def test_equal_problems_are_one_line(inside: Inside) -> None:
    """Regression: six equal hangs were one line, and three were three."""
    line = "mixer was in handle_info at radio.py:60 for 2 s, and 1 message waited"

    async def test(platform: Any) -> None:
        for at in (100.0, 102.0, 104.0):
            platform.platform.moments._add(row(at, line, number=INCIDENT, until=at + 1))
        (listed,) = (await platform.get(AT, params={"node": NODE}))["data"]
        assert (listed["line"], listed["count"], listed["at"], listed["until"]) == (line, 3, 100.0, 105.0)
        assert len(listed["refs"]) == 3

    inside(test)
