"""Anomalies that go on and end, and what is stored of them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

import otp
from node_facts import LIMITS, NOW, entry, facts, only, supervisor, track
from superlearner.control.protection import Protection
from superlearner.nodes.kinds import SERVICE
from superlearner.nodes.nodes import Nodes
from superlearner.observing.analytics import Ledger
from superlearner.observing.analytics.history import History
from superlearner.observing.monitoring import detectors
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.detectors import detect
from superlearner.observing.monitoring.facts import (
    AnomalyFinding,
    Incident,
    LoopHold,
    PendingCallback,
    TimedOut,
)
from superlearner.observing.monitoring.incidents import Incidents
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.node_memory import memory_of
from superlearner.observing.monitoring.sizes import MemoryHolder
from superlearner.operations.builtin.restart_loops import beginning
from superlearner.settings.settings import Settings


def test_a_hang_ends_when_it_was_seen_last_although_its_program_was_stopped_meanwhile() -> None:
    alarms, till = Alarms(), PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 20, 0, None, 13.0)
    alarms.update(detectors.long_callback(facts(callbacks=[till]), LIMITS), NOW)
    [over] = alarms.update([], NOW + 2)[1]
    assert (over.past, over.ended) == ("till was in handle_cast for 7 s", NOW)


def test_what_is_stored_of_a_hang_says_how_long_it_took_when_it_is_over_and_five_times_a_minute() -> None:
    """Regressions: a process that had hung left no trace once it was killed; nor did a second hang in a minute."""
    alarms, incidents = Alarms(), Incidents()
    till = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 6, 3_000, "till.py:12")

    def look(later: float, *callbacks: PendingCallback) -> list[Incident]:
        now = NOW + later
        found = facts(now=now, callbacks=list(callbacks))
        _, over = alarms.update(detectors.long_callback(found, LIMITS), now)
        return incidents.take(alarms.active.values(), over, now, LIMITS.anomaly_window)

    assert look(0, till) == look(50, till) == []
    text = "till was in handle_cast at till.py:12 for 56 s, and 3,000 messages waited"
    assert look(52) == [Incident(text, NOW - 6, NOW + 50)]
    stored = list[Incident]()
    for later in (60, 68, 76, 84, 92, 100):
        assert look(later, replace(till, began=NOW + later - 6, waiting=1)) == []
        stored += look(later + 2)
    text = "till was in handle_cast at till.py:12 for 6 s, and 1 message waited"
    assert stored == [Incident(text, NOW + later - 6, NOW + later) for later in (60, 68, 76, 84)]


def test_a_monitor_reports_no_hang_of_the_platforms_own_processes() -> None:
    """Regression: on a slow machine, the process that starts sandboxes was an incident between restarts."""

    class Busy(otp.GenServer[Any]):
        @otp.impl
        def init(self, arg: Any) -> otp.Ok[Any]:
            return otp.Ok(arg)

        @otp.impl
        async def handle_cast(self, request: Any, state: Any) -> otp.NoReply[Any]:
            for _ in range(20):
                otp.monitor(state)
            started.release()
            await asyncio.Event().wait()
            return otp.NoReply(state)

    started = asyncio.Semaphore(0)

    async def main() -> None:
        async with otp.Node("platform") as node:
            watched = node.spawn(otp.receive)
            ours = await node.start(Busy, watched, name="ours")
            Protection(node)
            theirs = await node.start(Busy, watched, name="theirs")
            for pid in (ours, theirs):
                for _ in range(101):
                    otp.GenServer.cast(pid, "work")
                await started.acquire()
            monitor = Monitor(lambda: Settings(anomaly_callback=0.001), Ledger())
            monitor.watch(node)
            await monitor.sample()
            facts = monitor.facts()
            for about in (facts.callbacks, facts.tracks, facts.watchers):
                assert ["theirs"] == [one.name for one in about]
            for pid in (ours, theirs):  # as a request of a page does
                with pytest.raises(otp.CallTimeout):
                    await otp.GenServer.call(pid, "state", timeout=0.001)
            assert ["theirs"] == [one.name for one in monitor.timeouts]
            monitor.close()

    asyncio.run(main())


def test_the_hang_of_a_restarted_process_is_another_one() -> None:
    """Regression: it began with the hang of the process before it, 88 s instead of 7, and was not stored."""
    alarms, incidents = Alarms(), Incidents()
    first = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 50, 0, "till.py:12")
    second = replace(first, pid="0.9.0", began=NOW + 10, waiting=2)
    stored = list[Incident]()
    for later, callbacks in ((0, [first]), (2, []), (20, [second]), (30, [])):
        found = facts(now=NOW + later, callbacks=callbacks)
        _, over = alarms.update(detectors.long_callback(found, LIMITS), found.now)
        stored += incidents.take(alarms.active.values(), over, found.now, LIMITS.anomaly_window)
        assert [one.finding.since for one in alarms.active.values()] == [one.began for one in callbacks]
    assert [(one.text, one.at) for one in stored] == [
        ("till was in handle_cast at till.py:12 for 50 s", NOW - 50),
        ("till was in handle_cast at till.py:12 for 10 s, and 2 messages waited", NOW + 10),
    ]


def test_a_hang_that_is_over_has_its_whole_time_although_its_messages_were_dropped_before() -> None:
    alarms, incidents = Alarms(), Incidents()
    hang = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW, 3, "till.py:12")
    stored = list[Incident]()
    for now, callbacks in ((NOW + 6, [hang]), (NOW + 300, [replace(hang, waiting=0)]), (NOW + 302, [])):
        found = facts(now=now, callbacks=callbacks)
        _, over = alarms.update(detectors.long_callback(found, LIMITS), now)
        stored += incidents.take(alarms.active.values(), over, now, LIMITS.anomaly_window)
    assert [one.text for one in stored] == ["till was in handle_cast at till.py:12 for 5 min"]


def test_a_mailbox_that_grows_because_its_process_hangs_is_one_anomaly() -> None:
    """Regression: the growth ended and the hang was another one, and both were stored."""
    alarms, incidents, stored = Alarms(), Incidents(), list[Incident]()
    grows, numbers = track([20 * n for n in range(12)]), set[int]()
    till = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 1, 220, "till.py:12")
    steps = [(0, []), (6, [till]), (12, [till]), (14, []), (20, [replace(till, began=NOW + 14)]), (90, None)]
    for later, callbacks in steps:
        gone = callbacks is None
        found = facts(now=NOW + later, callbacks=callbacks or [], tracks=[] if gone else [grows])
        _, over = alarms.update(detect(found, LIMITS), found.now)
        stored += incidents.take(alarms.active.values(), over, found.now, LIMITS.anomaly_window)
        numbers |= {one.number for one in (*alarms.active.values(), *alarms.ended)}
    assert numbers == {1}
    text = "till was in handle_cast at till.py:12 for 6 s, and 220 messages waited"
    assert stored == [Incident(text, NOW + 14, NOW + 20)]
    assert [one.finding.since for one in alarms.ended] == [NOW - 22]


def test_what_is_stored_of_a_long_mailbox_says_how_long_it_stood_also_over_an_attachment() -> None:
    """Regression: *messages waited for till for longer than 60 s*, of a mailbox that was long for 16 s."""

    def look(alarms: Alarms, incidents: Incidents, later: float, *, stands: bool) -> list[Incident]:
        now = NOW + later
        tracks = [replace(track([5683] * 6), handled_per_s=46.0)] if stands else []
        _, over = alarms.update(detect(facts(now=now, tracks=tracks), LIMITS), now)
        return incidents.take(alarms.active.values(), over, now, LIMITS.anomaly_window, alarms.earlier)

    first, incidents = Alarms(), Incidents()
    assert look(first, incidents, 0, stands=True) == []
    assert look(first, incidents, 6, stands=False) == [
        Incident("messages waited for till for 16 s, more than it handles in 60 s", NOW - 10, NOW + 6)
    ]
    past = "5,683 messages waited for till, work for about 2 min 4 s at 46 per second"
    assert [one.finding.description for one in first.ended] == [past]
    first, again, incidents = Alarms(), Alarms(), Incidents()
    look(first, Incidents(), 0, stands=True)
    again.take_over(first, NOW + 10, 3600.0)
    assert look(again, incidents, 11, stands=False) == []
    [lost] = look(again, incidents, 15, stands=False)
    seen = "messages waited for till for 10 s, more than it handles in 60 s when it was last observed, at "
    assert lost.text.startswith(seen)
    assert look(again, incidents, 25, stands=True) == []
    [whole] = look(again, incidents, 80, stands=False)
    assert whole == Incident("messages waited for till for 90 s, more than it handles in 60 s", NOW - 10, NOW + 80)
    assert [beginning(one.text) for one in (lost, whole)] == [beginning(past)] * 2  # one problem in all lists


@pytest.mark.parametrize("pid", ["0.7.0", "0.9.0"], ids=["emptied", "restarted"])
def test_a_mailbox_that_is_long_again_after_it_was_short_is_another_problem(pid: str) -> None:
    """Regression: the time in which it was short counted, too: 114 s instead of 30 s and 64 s."""
    alarms, incidents, stored = Alarms(), Incidents(), list[Incident]()
    first = replace(track([5683] * 6), handled_per_s=46.0)
    again = replace(first, pid=pid, samples=deque((at + 30, length) for at, length in first.samples))
    for later, tracks in ((0, [first]), (6, []), (30, [again]), (36, [])):
        _, over = alarms.update(detect(facts(now=NOW + later, tracks=tracks), LIMITS), NOW + later)
        stored += incidents.take(alarms.active.values(), over, NOW + later, LIMITS.anomaly_window)
    text = "messages waited for till for 16 s, more than it handles in 60 s"
    assert stored == [Incident(text, NOW - 10, NOW + 6), Incident(text, NOW + 20, NOW + 36)]


def test_the_worst_hold_of_a_loop_is_the_one_that_was_least_due_to_other_programs() -> None:
    alarms, over = Alarms(), list[Any]()
    starved = LoopHold(NOW, 7.88, "0.7.0", "till", "Till", "till.py:3", starved=7.2)
    for now, holds in (
        (NOW, [starved]),
        (NOW + 50, [LoopHold(NOW + 50, 1.9, "0.7.0", "till", "Till")]),
        (NOW + 500, []),
    ):
        _, over = alarms.update(detectors.blocked_loop(facts(now=now, holds=holds), LIMITS), now)
    assert only(over).finding.evidence["worst_s"] == 1.9


def test_a_blocked_loop_is_stored_at_once_and_each_hold_once() -> None:
    alarms, incidents, holds = Alarms(), Incidents(), list[LoopHold]()
    stored: list[Incident] = []
    for later in range(0, 300, 2):
        now = NOW + later
        if later in (4, 20, 26):
            holds.append(LoopHold(now - 1, 2.0 + later / 10, "0.7.0", "till", "Till", "till.py:3"))
        _, over = alarms.update(detectors.blocked_loop(facts(now=now, holds=holds), LIMITS), now)
        stored += incidents.take(alarms.active.values(), over, now, LIMITS.anomaly_window)
    assert stored == [
        Incident("till held the event loop for 2.4 s, at till.py:3", NOW + 0.6, NOW + 3, 0, "blocked_loop"),
        Incident(
            "till held the event loop twice, for up to 4.6 s, at till.py:3", NOW + 15, NOW + 25, 0, "blocked_loop"
        ),
    ]


def test_a_loop_that_is_blocked_for_longer_than_a_window_counts_all_its_holds() -> None:
    """Regression: of three holds in 86 s, only two were counted."""
    alarms, over = Alarms(), list[Any]()
    holds = [LoopHold(NOW + later, 2.0, "0.7.0", "till", "Till", "till.py:3") for later in (0, 50, 90)]
    for later in (1, 51, 91, 151):
        known = facts(now=NOW + later, holds=[hold for hold in holds if hold.at <= NOW + later])
        _, over = alarms.update(detectors.blocked_loop(known, LIMITS), known.now)
    text = "till held the event loop 3 times, for up to 2 s, at till.py:3"
    assert [(one.past, one.finding.count) for one in over] == [(text, 3)]


def test_memory_that_grows_again_after_it_has_fallen_is_another_anomaly() -> None:
    alarms = Alarms()
    grows = AnomalyFinding("memory_growth", "high", None, None, "", NOW, {}, 20, "", "", group="memory")
    alarms.update([grows], NOW + 300)
    alarms.update([], NOW + 302)
    alarms.update([replace(grows, since=NOW + 310)], NOW + 340)
    assert [one.number for one in alarms.active.values()] == [2]


def test_a_growth_of_memory_is_stored_once_although_its_process_ends() -> None:
    """Regression: it was stored twice, since its process was another one."""
    alarms, incidents = Alarms(), Incidents()
    grows = AnomalyFinding(
        "memory_growth",
        "high",
        "0.9.0",
        "ledger",
        "",
        NOW,
        {},
        20,
        "",
        "",
        group="memory",
        incident=Incident("it grew"),
    )
    stored = list[Incident]()
    for later, found in ((0, [grows]), (2, []), (4, [replace(grows, pid=None, name=None)]), (6, [])):
        _, over = alarms.update(found, NOW + later)
        stored += incidents.take(alarms.active.values(), over, NOW + later, LIMITS.anomaly_window)
    assert len(stored) == 1


def test_the_largest_process_is_remembered_after_its_end() -> None:
    """Regression: "no process with a large state was found" about one that had ended a moment ago."""

    async def main() -> None:
        holder, node = MemoryHolder(), otp.node()
        await otp.Agent.start(lambda: b"", name="small")
        large = await otp.Agent.start(lambda: bytes(9_000), name="large")
        before = holder.find(node, NOW)
        otp.exit(large, "kill")
        await otp.wait_down(large)
        after = holder.find(node, NOW + 1)
        assert before is not None and (before.name, before.has_ended) == ("large", False)
        assert after == holder.find(node, NOW + 100) == replace(before, has_ended=True)

    otp.run(main)


def test_an_anomaly_of_single_events_lasts_until_the_last_one() -> None:
    """Regression: a hold of 20 s was shown "for 80 s", since it stays in the window of its detector."""
    call = TimedOut(NOW - 9, "till", "0.7.0", "till", "desk", "", None, 5.0)
    found = (
        ({"holds": [LoopHold(NOW, 20.0, "0.7.0", "till", "Till")]}, NOW - 20, NOW),
        ({"timeouts": [call, replace(call, at=NOW - 4)]}, NOW - 9, NOW - 4),
        ({"book": supervisor([3.0, 2.0, 1.0], gave_up=(0.5,))}, NOW - 3, NOW - 0.5),
        ({"book": supervisor([*range(30, 1, -1)], allowed=100)}, NOW - 30, NOW - 2),
    )
    for known, since, until in found:
        alarms = Alarms()
        alarms.update([only(detect(facts(**known), LIMITS))], NOW)
        [over] = alarms.update([], NOW + LIMITS.anomaly_window)[1]
        assert (over.finding.since, over.until) == (pytest.approx(since), pytest.approx(until))
        assert alarms.update([over.finding], NOW + LIMITS.anomaly_window + 50)[0] == [*alarms.active.values()]
        assert [one.number for one in alarms.active.values()] == [1]  # it continues


def test_an_anomaly_keeps_its_number_and_start_while_its_window_moves() -> None:
    alarms = Alarms()
    first = AnomalyFinding("restart_storm", "high", "0.9.0", "till", "", NOW - 50, {}, 10, "anomaly_restarts", "")
    alarms.update([first], NOW)
    raised, over = alarms.update([replace(first, since=NOW - 20, severity="critical")], NOW + 30)
    assert (raised, over) == ([], [])
    (alarm,) = alarms.active.values()
    assert (alarm.number, alarm.finding.since, alarm.finding.severity) == (1, NOW - 50, "critical")
    (ended,) = alarms.update([], NOW + 90)[1]
    assert (ended.ended, alarms.active) == (NOW + 90, {})


def test_failures_of_another_child_are_another_anomaly_unless_they_mix() -> None:
    """Regression: a give-up began with crashes of another child 40 s before, which had been a problem until then."""
    alarms, subjects = Alarms(), ("prices KeyError", "stock OSError")
    first, fell = (
        AnomalyFinding(
            "crash_loop", severity, "0.9.0", "till", text, since, {}, 10, "", "", subject=subject, last=since + 4
        )
        for severity, text, since, subject in zip(
            ("medium", "critical"), "ab", (NOW - 50, NOW - 5), subjects, strict=True
        )
    )
    alarms.update([first], NOW - 10)
    raised, over = alarms.update([first, fell], NOW)
    assert [(one.number, one.finding.since) for one in raised] == [(2, NOW - 5)]
    assert [(one.number, one.finding.description, one.until) for one in over] == [(1, "a", NOW - 46)]
    mixed = replace(first, since=NOW - 3)
    assert alarms.update([mixed], NOW + 2) == ([], [])


def test_an_anomaly_has_a_later_start_when_an_earlier_give_up_has_left_its_sentence() -> None:
    """Regression: `gave up and is not running: it tried to start stock` began with the crashes before another one."""
    alarms = Alarms()
    known = supervisor([], gave_up=(59.0, 20.0))
    known.histories["till"].recent[1] = replace(known.histories["till"].recent[1], child_id="stock")
    for later in (0.0, 2.0):
        alarms.update(detectors.crash_loop(facts(book=known, now=NOW + later), LIMITS), NOW + later)
    [alarm] = alarms.active.values()
    assert (alarm.number, alarm.finding.since, alarm.finding.description[:22]) == (
        1,
        NOW - 20,
        "till gave up: stock cr",
    )
    assert alarm.finding.count == 1
    [over] = alarms.update([], NOW + 41)[1]
    assert over.finding.since == NOW - 59 and over.finding.description.startswith("till gave up twice; ")


def test_an_anomaly_that_is_over_keeps_its_worst_finding_in_the_past_tense() -> None:
    """Regression: it kept the last finding, such as `gave up once in the last 60 s` after two give-ups."""
    alarms = Alarms()
    twice = supervisor([4.0, 2.5, 0.1], gave_up=(3.0, 1.0))
    worst = only(list(detectors.crash_loop(facts(book=twice), LIMITS)))
    once = replace(worst, size=1.0, description="till gave up once in the last 60 s", evidence={"restarts_used": 0})
    alarms.update([worst], NOW)
    alarms.update([once], NOW + 58)
    assert [one.finding.description for one in alarms.active.values()] == [once.description]
    (over,) = alarms.update([], NOW + 60)[1]
    assert over.finding.description.startswith("till gave up twice: ")
    assert over.finding.evidence == worst.evidence


def test_an_anomaly_that_is_over_says_that_the_supervisor_did_not_give_up() -> None:
    alarms = Alarms()
    alarms.update(detectors.crash_loop(facts(book=supervisor([4.0, 2.5, 0.1])), LIMITS), NOW)
    (over,) = alarms.update([], NOW + 60)[1]
    assert over.finding.description == (
        "till had 0 of 3 restarts left in 5 s, but did not give up; till_1 crashed 3 times in 3.9 s, "
        "each time with ValueError('no paper')"
    )


def test_a_stored_anomaly_does_not_end_before_it_began() -> None:
    """Regression: the end of an anomaly is rounded, and a service with one such row was not recorded any more."""
    alarms = Alarms()
    call = TimedOut(NOW - 0.9996, "till", "0.7.0", "till", "cart", "'pay'", "shop.py:3", 0.5)
    alarms.update(detect(facts(timeouts=[call]), LIMITS), NOW)
    over = alarms.update([], NOW + 61)[1]
    (stored,) = Incidents().take([], over, NOW + 61, 60.0)
    assert stored.at is not None and stored.until is not None and stored.at <= stored.until


def test_calls_that_time_out_become_the_hang_that_explains_them() -> None:
    alarms = Alarms()
    call = TimedOut(NOW - 1, "till", "0.7.0", "till", "cart", "'pay'", "shop.py:3", 0.5)
    alarms.update(detect(facts(timeouts=[call]), LIMITS), NOW)
    hang = PendingCallback("0.7.0", "till", "Till", "handle_call", NOW - 2, 0, None)
    raised, over = alarms.update(detect(facts(now=NOW + 4, timeouts=[call], callbacks=[hang]), LIMITS), NOW + 4)
    assert (raised, over) == ([], [])
    (ended,) = alarms.update([], NOW + 5)[1]
    assert (ended.number, ended.past) == (1, "till was in handle_call for 6 s; a call to it from cart timed out")


def test_a_later_hang_of_a_process_does_not_replace_an_earlier_one() -> None:
    """Regression: a hang of 9 s took the place of one of 55 s."""
    alarms = Alarms()
    long = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 55, 0, None)
    alarms.update(detectors.long_callback(facts(callbacks=[long]), LIMITS), NOW)
    raised, over = alarms.update(
        detectors.long_callback(facts(now=NOW + 10, callbacks=[replace(long, began=NOW + 1)]), LIMITS), NOW + 10
    )
    assert [(one.number, one.finding.description) for one in over] == [(1, "till was in handle_cast for 55 s")]
    assert [(one.number, one.finding.since) for one in raised] == [(2, NOW + 1)]
    alarms.update([], NOW + 12)
    assert [one.finding.description for one in alarms.ended] == [
        "till was in handle_cast for 55 s", "till was in handle_cast for 9 s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "first",
    [{}, {"reason": "OSError('no net')", "where": "a.py:3"}, {"reason": "OSError('no disk')", "where": "b.py:9"}],
    ids=["exception", "arguments", "line"],
)
def test_the_cause_of_the_last_give_up_is_not_that_of_others(first: dict[str, Any]) -> None:
    """Regression: "gave up twice: till_1 crashed: OSError(…)", although the first had another cause."""
    book = supervisor([])
    before, last = (entry(number, NOW - 199 + 2 * number, "gave_up") for number in (98, 99))
    book.histories["till"].keep(replace(before, **first), 1000)
    book.histories["till"].keep(replace(last, reason="OSError('no disk')", where="a.py:3"), 1000)
    loop = only(list(detectors.crash_loop(facts(book=book), LIMITS)))
    assert loop.past.startswith("till gave up twice; the last time: till_1 crashed: OSError('no disk')")
    same = only(list(detectors.crash_loop(facts(book=supervisor([], gave_up=(3.0, 1.0))), LIMITS)))
    assert same.past.startswith("till gave up twice: till_1 ")


def test_findings_of_one_cause_are_one_anomaly_with_a_count() -> None:
    known = facts(book=supervisor([5 - n / 10 for n in range(40)], gave_up=(3.0,)))
    alarms = Alarms()
    (alarm,) = alarms.update(detect(known, LIMITS), NOW)[0]
    assert (alarm.finding.type, alarm.finding.name, alarm.finding.count) == ("crash_loop", "till", 41)


def test_supervisors_that_fail_because_of_one_below_them_are_in_its_finding() -> None:
    """Regression: one crash loop was three problems, the upper ones without the child that crashed."""
    book = supervisor([4.0, 2.5], gave_up=(3.0, 1.0))
    inner = book.histories["till"]
    book.by_pid[inner.pid] = inner
    for pid, name, below in (("0.5.0", "shop", inner.pid), ("0.3.0", "mall", "0.5.0")):
        above = book.by_pid[pid] = book.histories[name] = History(name, name, pid, allowed=3, window_s=5.0)
        for number, ago in enumerate((3.0, 2.0, 1.0)):
            end = replace(entry(number, NOW - ago, "restarted"), child_id=below, supervisor_pid=pid)
            above.keep(replace(end, old_pid=below if ago < 3.0 else "0.1.0"), 1000)  # earlier pids are not kept
            above.attempts.add(round((NOW - ago) * 1e9))
    loop = only(detect(facts(book=book), LIMITS))
    assert (loop.name, loop.evidence["above"]) == ("till", ["shop", "mall"])
    ends = "; shop has 0 of 3 restarts left in 5 s; mall has 0 of 3 restarts left in 5 s"
    assert loop.description.startswith("till gave up twice") and loop.description.endswith(ends)
    book.histories["shop"].keep(entry(9, NOW - 0.5, "restarted"), 1000)  # another child fails, too
    assert [one.name for one in detect(facts(book=book), LIMITS)] == ["till", "shop"]


def test_an_anomaly_that_comes_back_soon_is_the_same_and_later_it_is_another() -> None:
    alarms = Alarms()
    storm = AnomalyFinding(
        "restart_storm", "high", "0.9.0", "till", "", NOW, {}, 10, "anomaly_restarts", "", count=412
    )  # fmt: skip
    alarms.update([storm], NOW)
    alarms.update([], NOW + 10)
    ((again,), _) = alarms.update([replace(storm, since=NOW + 40, count=12)], NOW + 50)
    assert (again.number, again.ended, again.finding.since, again.finding.count) == (1, None, NOW, 412)
    assert list(alarms.ended) == []
    alarms.update([], NOW + 60)
    ((later,), _) = alarms.update([storm], NOW + 121)
    assert later.number == 2


def test_an_anomaly_outlasts_a_lost_attachment_with_its_start_and_is_listed_if_it_does_not_come_back() -> None:
    """Regression: each began again, with a new start, when a service was attached again; others were in no list."""
    growth = AnomalyFinding(
        "memory_growth", "high", None, None, "memory grows", NOW, {}, 1, "anomaly_memory_growth", ""
    )
    till = replace(growth, type="mailbox_backlog", pid="0.7.0", name="till", description="1,700 messages wait")
    first = Alarms()
    first.update([growth, till], NOW + 10)
    again = Alarms()
    again.take_over(first, NOW + 300, 3600.0)
    assert [(one.finding.type, one.finding.since, one.ended) for one in again.ended] == [
        ("memory_growth", NOW, NOW + 10),
        ("mailbox_backlog", NOW, NOW + 10),
    ]
    assert again.update([], NOW + 301) == ([], [])
    _, lost = again.update([], NOW + 305)  # regression: it was reported a minute later
    assert [(one.number, one.finding.since, one.ended, one.lost) for one in lost] == [
        (1, NOW, NOW + 10, True),
        (2, NOW, NOW + 10, True),
    ]
    assert again.update([replace(till, since=NOW + 340)], NOW + 350)[1] == []  # both were reported
    [alarm] = again.active.values()
    assert (alarm.number, alarm.finding.since, alarm.ended, alarm.lost) == (2, NOW, None, False)
    assert [one.finding.type for one in again.ended] == ["memory_growth"]
    _, [over] = again.update([replace(growth, since=NOW + 400)], NOW + 400)
    assert (over.number, over.ended, over.lost) == (2, NOW + 400, False)  # corrected, as its number is in `earlier`
    assert again.earlier == {1, 2}
    assert {(one.number, one.finding.since) for one in again.active.values()} == {(3, NOW + 400)}
    first, second = Alarms(), Alarms()
    first.take_over(again, NOW + 410, 3600.0)
    second.take_over(first, NOW + 420, 3600.0)  # regression: what the first had not told yet was never told
    assert [one.number for one in second.update([], NOW + 430)[1]] == [3]
    later = Alarms()
    later.take_over(again, NOW + 10_000, 3600.0)
    _, lost = later.update([replace(growth, since=NOW + 10_000)], NOW + 10_000)  # the gap is too long to continue it
    assert [one.number for one in lost] == [3]
    assert [(one.number, one.finding.since) for one in later.active.values()] == [(4, NOW + 10_000)]


def test_a_service_that_is_attached_again_keeps_its_points() -> None:
    """Regression: a hold that ended the attachment emptied the charts of its node."""

    async def main() -> None:
        async with otp.Node("till@127.0.0.1") as till:
            nodes = Nodes(otp.Node("home@127.0.0.1"), Settings)
            before = nodes.attach(till, kind=SERVICE).monitor
            await before.sample()
            nodes.detach(till.name)
            again = nodes.attach(till, kind=SERVICE).monitor
            assert again.history.since(0.0) == before.history.since(0.0) != []
            await again.sample()
            assert (len(again.history.fine), len(before.history.fine)) == (2, 1)
            nodes.detach(till.name)

    asyncio.run(main())


def test_the_first_point_of_a_service_that_is_attached_again_has_the_hold_that_ended_the_attachment() -> None:
    """Regression: the charts had a gap, and the longest time was nowhere in them."""

    async def main() -> None:
        async with otp.Node("till@127.0.0.1") as till:
            nodes = Nodes(otp.Node("home@127.0.0.1"), Settings)
            before = nodes.attach(till, kind=SERVICE).monitor
            await before.sample()
            last = before.history.last
            assert last is not None
            nodes.detach(till.name)
            hold = LoopHold(last.at + 0.0001, 26.0, "0.9.0", "tariffs", "handle_cast", "ferry.py:60", mark=7)
            assert memory_of(till).note_long_hold(hold) is hold
            again = nodes.attach(till, kind=SERVICE).monitor
            await again.sample()
            await again.sample()
            *_, first, second = again.history.fine
            assert (26_000, 26_000) == (first.longest_callback_ms, first.loop_lag_ms)
            assert max(second.longest_callback_ms, second.loop_lag_ms) < 26_000
            assert list(again.holds) == [hold]
            nodes.detach(till.name)

    asyncio.run(main())


def test_a_service_that_is_attached_again_goes_on_with_its_anomalies() -> None:
    async def main() -> None:
        async with otp.Node("till@127.0.0.1") as till:
            nodes = Nodes(otp.Node("home@127.0.0.1"), Settings)
            before = nodes.attach(till, kind=SERVICE).monitor.alarms
            stuck = AnomalyFinding(
                "call_cycle", "critical", "0.7.0", "till", "a deadlock", 5.0, {}, 1, "scan_interval", ""
            )
            before.update([stuck], time.time())
            nodes.detach(till.name)
            [known] = nodes.attach(till, kind=SERVICE).monitor.alarms.ended
            assert (known.number, known.finding) == (1, stuck)
            nodes.detach(till.name)

    asyncio.run(main())
