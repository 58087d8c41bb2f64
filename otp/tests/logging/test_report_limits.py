"""A child that fails all the time does not fill the log: what is left out is counted."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Supervisor, impl
from otp.kernel.ends.report_limits import MOST_REPORTS
from otp.testing import Scheduler, advance


class Failing(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise ValueError(request)


async def fail(name: str, times: int) -> None:
    for number in range(times):
        pid = otp.whereis(name)
        assert pid is not None
        GenServer.cast(pid, number)
        await otp.wait_down(pid)
        await otp.node().wait_registered(name, timeout=1)


async def start(name: str) -> None:
    child = Failing.child_spec(name=name)
    await Supervisor.start_link_children([child], max_restarts="infinity", name=f"above_{name}")


def test_reports_about_a_child_that_keeps_failing_are_limited_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Regression: 3,700 restarts wrote 2 MB of log in a second."""

    async def main() -> None:
        await start("one")
        await start("other")
        await fail("one", 3 * MOST_REPORTS)
        await fail("other", 1)
        await advance(1)
        await fail("one", 1)

    with caplog.at_level(logging.INFO):
        Scheduler(inline=True).run(main)
    for log, report in (("otp", "crash"), ("otp.supervisor", "supervisor")):
        records = [one for one in caplog.records if one.name == log]
        assert MOST_REPORTS + 2 == sum(getattr(one, "otp_report", None) == report for one in records)
        left_out = [one for one in records if getattr(one, "otp_report", None) == "left_out"]
        assert [
            f"further reports about its children are left out, after {MOST_REPORTS} in a second",
            f"{2 * MOST_REPORTS} reports about its children were left out",
        ] == [one.getMessage().partition(": ")[2] for one in left_out]
        assert {("above_one", "WARNING")} == {(getattr(one, "otp_name", None), one.levelname) for one in left_out}


async def give_up() -> None:
    """Let a child fail more often than its supervisor may restart it, and than is reported."""
    child = Failing.child_spec(name="one")
    pid = await Supervisor.start_link_children([child], max_restarts=MOST_REPORTS + 10, name="above")
    otp.unlink(pid)
    await fail("one", MOST_REPORTS + 10)
    GenServer.cast("one", "the last")
    await otp.wait_down(pid)


def test_giving_up_is_always_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Scheduler(inline=True).run(give_up)
    assert "gave_up" in [getattr(one, "otp_decision", None) for one in caplog.records]


def _counts(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str | None]]:
    return [
        (one.name, one.getMessage().partition(": ")[2], getattr(one, "otp_name", None))
        for one in caplog.records
        if one.getMessage().endswith("were left out")
    ]


@pytest.mark.parametrize("reason", ["shutdown", "kill"])
def test_the_number_of_reports_left_out_is_logged_when_the_supervisor_is_ended(
    caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    async def main() -> None:
        child = Failing.child_spec(name="one")
        pid = await Supervisor.start_link_children([child], max_restarts="infinity", name="above")
        otp.unlink(pid)
        await fail("one", 2 * MOST_REPORTS)
        otp.exit(pid, reason)
        await otp.wait_down(pid)
        assert counted() == _counts(caplog)

    def counted() -> list[tuple[str, str, str]]:
        words = f"{MOST_REPORTS} reports about its children were left out"
        return [("otp", words, "above"), ("otp.supervisor", words, "above")]

    with caplog.at_level(logging.INFO):
        Scheduler(inline=True).run(main)
    assert counted() == _counts(caplog)


def test_the_number_of_reports_left_out_is_logged_when_the_supervisor_gives_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Regression: the log said that reports were left out and never how many."""

    with caplog.at_level(logging.INFO):
        Scheduler(inline=True).run(give_up)
    assert [
        ("otp", "11 reports about its children were left out", "above"),
        ("otp.supervisor", "10 reports about its children were left out", "above"),
    ] == _counts(caplog)


def test_the_number_of_reports_left_out_is_logged_when_the_node_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        await start("one")
        await fail("one", MOST_REPORTS + 1)

    with caplog.at_level(logging.INFO):
        Scheduler(inline=True).run(main)
    assert ["otp", "otp.supervisor"] == [name for name, _, _ in _counts(caplog)]
