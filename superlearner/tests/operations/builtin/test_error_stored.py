"""The explanation of a process whose node is not connected: what happened last comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.nodes import Absence
from superlearner.operations.builtin.error_stored import describe_end
from superlearner.operations.results.restarts import RestartLine
from superlearner.store import MomentRow

Inside = Callable[..., Any]
GONE = "shop@127.0.0.1"
STATE = f"{GONE} has not been reachable since 10:07:12, and is being looked for: till called sys.exit(3) at shop.py:9"


def crash(at: float, run: str = "9f3a0c1b22d0") -> MomentRow:
    return MomentRow(GONE, run, 9, 9, at, at, "till crashed and was restarted")


def start(at: float, os_pid: int, *, ran_on: bool = False) -> ServiceChange:
    text = f"{GONE} is attached again, to process {os_pid}, after a gap of 2 s"
    return ServiceChange(GONE, at, text, None, os_pid, ran_on=ran_on)


def end(at: float, os_pid: int, *, ran_on: bool = False) -> ServiceChange:
    return ServiceChange(GONE, at, f"{GONE} is gone: it ended", "it ended", os_pid, ran_on=ran_on)


THIS_RUN = ("before that, at ",)
THE_RUN_BEFORE = ("no restart of till is stored for the last run of its program", "in the run before that, at ")
AN_EARLIER_RUN = ("no restart of till is stored for the last run of its program", "in an earlier run, at ")


@pytest.mark.operation("error.why")
@pytest.mark.parametrize(
    ("happened", "told"),
    [
        ([start(100, 7), crash(200), end(300, 7)], THIS_RUN),
        ([crash(50), start(100, 7), end(300, 7)], THIS_RUN),  # before it was attached
        ([start(100, 7), crash(200), end(250, 7, ran_on=True), start(260, 7, ran_on=True), end(300, 7)], THIS_RUN),
        ([start(100, 7), crash(200), end(250, 7), start(260, 8), end(300, 8)], THE_RUN_BEFORE),
        ([start(100, 7), crash(200), start(260, 8), end(300, 8)], THE_RUN_BEFORE),  # while no platform ran
        (
            [start(100, 7), crash(150), end(200, 7), start(210, 7), end(220, 7), start(230, 7), end(300, 7)],
            AN_EARLIER_RUN,
        ),
    ],
)
def test_the_end_of_a_service_precedes_older_ends_and_those_of_other_runs_are_dated(
    inside: Inside, happened: list[MomentRow | ServiceChange], told: tuple[str, ...]
) -> None:
    """Regression: the answer began with a crash in an earlier run, joined to the present state with a semicolon."""

    async def test(platform: Any) -> None:
        for one in happened:
            add = platform.platform.moments._add if isinstance(one, MomentRow) else None
            (add or platform.platform.moments.add_service_change)(one)
        platform.platform.nodes.explainers = [lambda name: Absence(STATE, "wait", is_awaited=True)]
        why = (await platform.get("/api/v1/processes/till/errors/why", params={"node": GONE}))["data"]
        first, *lines, _ = why["summary"].splitlines()
        assert first == STATE
        assert len(lines) == len(told)
        assert all(map(str.startswith, lines, told))
        assert lines[-1].endswith(": till crashed and was restarted")

    inside(test)


def test_a_stored_give_up_has_each_place_once() -> None:
    """Regression: after the story stood the places of all ends, of which it had the decisive one."""
    story = "air gave up: it allows no restarts (last: mixer crashed: KeyError('x'), at radio.py:20 in init)"
    line = RestartLine.model_construct(
        line="air gave up", story=story, reason=None, request=None, gave_up=True, name="mixer",
        where="radio.py:45 in handle_cast and radio.py:20 in init",
    )  # fmt: skip
    assert describe_end(line, None) == [story]
