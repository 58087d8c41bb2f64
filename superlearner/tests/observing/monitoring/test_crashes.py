"""Crashes of processes without a supervisor, as incidents and as anomalies."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

import otp
from node_facts import LIMITS, NOW, only
from otp.testing import Scheduler, advance
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.crashes import UnsupervisedCrashes
from superlearner.observing.monitoring.facts import (
    AnomalyFinding,
    Incident,
)
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings


def note(crashes: UnsupervisedCrashes, reason: Any, at: float = NOW, pid: str = "0.1.0") -> None:
    """Have them note the end of a process of this kind for this reason."""
    data = {"reason": reason, "what": "leak", "name": None}
    crashes.note(SimpleNamespace(seq=7, kind="exited", pid=pid, data=data), at)


def test_crashes_without_a_supervisor_are_stored_together_and_at_longer_and_longer_intervals() -> None:
    """Regressions: 300 of them left no trace on any page; one that followed another was not listed for a minute."""
    crashes, stored = UnsupervisedCrashes(), list[Incident]()
    where = "at jobs.py:7 in leak; it has no supervisor that restarts it"

    def crash(pid: str, reason: str, at: float) -> None:
        note(crashes, otp.Crash(reason, (("jobs.py", 7, "leak"),)), at, pid)

    for number in range(300):
        crash(f"0.{number}.0", "negative", NOW + number / 100)
    assert crashes.take(NOW + 1.9, LIMITS.anomaly_window) == []
    stored += crashes.take(NOW + 4, LIMITS.anomaly_window)
    crash("0.900.0", "negative", NOW + 7)
    assert crashes.take(NOW + 7, LIMITS.anomaly_window) == []
    stored += crashes.take(NOW + 8, LIMITS.anomaly_window)
    assert stored == [
        Incident(f"leak crashed 300 times in 3 s: negative, {where}", NOW, NOW + 2.99, 7),
        Incident(f"leak <0.900.0> crashed: negative, {where}", NOW + 7, NOW + 7, 7),
    ]


def test_crashes_without_a_supervisor_that_go_on_are_stored_once_a_minute() -> None:
    crashes, stored = UnsupervisedCrashes(), list[float]()
    for second in range(600):
        note(crashes, "negative", NOW + second)
        stored += [NOW + second for _ in crashes.take(NOW + second, LIMITS.anomaly_window)]
    assert [round(later - earlier) for earlier, later in pairwise(stored)] == [4, 8, 16, 32, *[60] * 8]


def test_crashes_whose_reasons_are_different_tuples_are_stored_apart() -> None:
    crashes = UnsupervisedCrashes()
    for reason in (("bad", 1), ("worse", 2)):
        note(crashes, reason)
    assert len(crashes.take(NOW + 4, LIMITS.anomaly_window)) == 2


def test_a_stored_crash_with_a_long_reason_says_that_no_supervisor_restarts_it() -> None:
    """Regression: the text was too long to be stored with its end."""
    crashes = UnsupervisedCrashes()
    note(crashes, otp.Crash("x" * 1000, (("jobs.py", 7, "do_something"),)))
    text = only(crashes.take(NOW + 4, LIMITS.anomaly_window)).text
    assert text.endswith("; it has no supervisor that restarts it")
    assert len(text) < 250


def test_a_monitor_stores_crashes_of_processes_without_a_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superlearner.observing.monitoring.crashes.SETTLE_S", 0.0)
    stored = list[Incident]()

    async def fails() -> None:
        raise ValueError("negative")

    async def main() -> None:
        monitor = Monitor(Settings, Ledger())
        monitor.on_incident = stored.append
        monitor.watch(otp.node())
        await otp.wait_down(otp.spawn(fails))
        monitor.look()
        monitor.close()

    otp.run(main)
    assert [one.text.partition(" <")[0] for one in stored] == [fails.__qualname__]


def test_a_crash_without_a_supervisor_is_a_problem_at_once_and_for_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a process that had crashed for good was no anomaly, so nothing was wrong."""
    monkeypatch.setattr(Witness, "open", lambda self: None)  # a thread, which virtual time has not

    async def loner() -> None:
        otp.register("loner", otp.self())
        raise ValueError("negative")

    async def main() -> None:
        monitor = Monitor(lambda: Settings(anomaly_window=60.0), Ledger())
        monitor.watch(otp.node())

        def look() -> list[AnomalyFinding]:
            monitor.look()
            return [one.finding for one in monitor.alarms.active.values()]

        await otp.wait_down(otp.spawn(loner))
        found = only(look())
        assert (found.type, found.severity, found.name, found.count) == ("unsupervised_crash", "low", "loner", 1)
        assert found.description.startswith("loner crashed: ValueError('negative'), at test_crashes.py:")
        assert found.description.endswith("; it has no supervisor that restarts it")
        assert found.hint == "start it as the child of a supervisor, which restarts it"
        await advance(40)
        for _ in range(9):
            await otp.wait_down(otp.spawn(loner))
        found = only(look())
        assert (found.severity, found.count) == ("medium", 10)
        assert found.description.startswith("loner crashed 10 times in 40 s: ValueError('negative'), at")
        await advance(59)
        assert len(look()) == 1
        await advance(2)
        assert look() == []
        killed = otp.spawn(otp.receive)
        otp.exit(killed, "kill")
        await otp.wait_down(killed)
        assert look() == []  # a kill is intended
        monitor.close()

    Scheduler(0).run(main)


async def fail_alone() -> None:
    raise ValueError("negative")


def test_a_crash_between_two_attachments_is_a_problem_and_is_stored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: it was neither a problem nor in the history."""
    monkeypatch.setattr("superlearner.observing.monitoring.crashes.SETTLE_S", 0.0)

    async def main() -> list[list[str]]:
        found: list[list[str]] = []
        for _ in range(3):
            monitor, stored = Monitor(Settings, Ledger()), list[Incident]()
            monitor.on_incident = stored.append
            monitor.watch(otp.node())
            monitor.take_over()
            monitor.look()
            monitor.close()
            texts = [one.finding.description for one in monitor.alarms.active.values()]
            assert texts == [one.text for one in stored] or not stored
            found.append([one.text.partition(":")[0] for one in stored])
            if len(found) < 3:
                otp.register(f"loner_{len(found)}", pid := otp.spawn(fail_alone))
                await otp.wait_down(pid)
        return found

    assert [[], ["loner_1 crashed"], ["loner_2 crashed"]] == otp.run(main)


def test_a_crash_before_an_attachment_that_ended_at_once_is_a_problem_of_the_next_one() -> None:
    """Regression: it was left to be stored when the attachment ended, and no later one found it."""

    async def main() -> list[str]:
        await otp.wait_down(otp.spawn(fail_alone))
        for _ in range(2):
            monitor = Monitor(Settings, Ledger())
            monitor.watch(otp.node())
            monitor.take_over()
            left = [one.text.partition(" <")[0] for one in monitor.crashes.list_open()]
            monitor.close()
        return left

    assert ["fail_alone"] == otp.run(main)


class Divider(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: None) -> otp.Ok[None]:
        return otp.Ok(arg)

    @otp.impl
    def handle_call(self, request: int, frm: otp.From, state: None) -> otp.Reply[None]:
        return otp.Reply(request // 0, state)


async def divide_by_call() -> None:
    await otp.GenServer.call("divider", 1)


@pytest.mark.parametrize("attached", [True, False])
def test_a_supervised_process_that_ends_with_a_linked_one_is_handled(attached: bool) -> None:
    async def end_its_owner() -> None:
        owner = otp.whereis("owner")
        assert owner is not None
        otp.link(owner)
        raise ValueError("negative")

    async def main() -> list[Incident]:
        monitor, stored = Monitor(Settings, Ledger()), list[Incident]()
        monitor.on_incident = stored.append
        child = Divider.child_spec(None, id="owner", name="owner")
        await otp.Supervisor.start_link(otp.Children([child]))
        if attached:
            monitor.watch(otp.node())
        await otp.wait_down(otp.spawn(end_its_owner))
        if not attached:
            monitor.watch(otp.node())
            monitor.take_over()
        monitor.close()
        return stored

    assert [] == otp.run(main)


def test_a_crash_by_a_failed_call_has_its_whole_reason_and_the_line_of_the_call() -> None:
    """Regression: the reason was cut at 80 characters, and the only line was that of the server."""

    async def main() -> tuple[AnomalyFinding, Incident]:
        monitor, stored = Monitor(Settings, Ledger()), list[Incident]()
        monitor.on_incident = stored.append
        monitor.watch(otp.node())
        server = await Divider.start(None, name="divider")
        otp.register("night_watch", pid := otp.spawn(divide_by_call))
        await otp.wait_down(pid)
        await otp.wait_down(server)
        monitor.look()
        monitor.close()
        found = [one.finding for one in monitor.alarms.active.values() if one.finding.name == "night_watch"]
        return only(found), only(one for one in stored if one.text.startswith("night_watch"))

    problem, incident = otp.run(main)
    line = divide_by_call.__code__.co_firstlineno + 1
    own = f"test_crashes.py:{line}"
    assert incident.text == problem.description
    assert incident.text.startswith(f"night_watch crashed at {own}: its call to divider failed: divider crashed at ")
    assert incident.text.endswith("by zero'); it has no supervisor that restarts it")
    assert problem.evidence["place"] == f"{own} in divide_by_call"
