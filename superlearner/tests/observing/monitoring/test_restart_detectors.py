"""Restart storms and crash loops on synthetic facts: each at its limit, with its cause and its hint."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

import otp
from node_facts import LIMITS, NOW, NS, entry, facts, only, supervisor
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.facts import AnomalyFinding
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.restart_detectors import crash_loop, repeated_crashes, restart_storm
from superlearner.settings.settings import Settings


def test_ten_restarts_in_a_minute_are_a_storm_and_nine_are_not() -> None:
    ages = [50.0 - n for n in range(10)]
    storm = only(list(restart_storm(facts(book=supervisor(ages, allowed=1000)), LIMITS)))
    assert (storm.type, storm.severity, storm.name, storm.since) == ("restart_storm", "high", "till", NOW - 50)
    assert (storm.threshold, storm.setting) == (10, "anomaly_restarts")
    assert storm.evidence["by_reason"] == {"ValueError('no paper')": 10}
    assert not list(restart_storm(facts(book=supervisor(ages[1:], allowed=1000)), LIMITS))


def test_four_equal_crashes_at_one_line_are_a_problem_until_the_window_is_over() -> None:
    """Regression: Start said `Nothing is wrong now.` above `crashed and was restarted 8x in 28 s`."""
    book = supervisor([75.0, 68.0, 60.0, 55.0], allowed=1000)
    recent = book.histories["till"].recent
    for place, one in enumerate(recent):
        recent[place] = replace(one, child_id="prices", where="svc.py:29 in handle_cast")
    loop = only(list(repeated_crashes(facts(book=book), LIMITS)))
    assert (loop.type, loop.severity, loop.name, loop.count) == ("crash_loop", "medium", "till", 4)
    assert (loop.since, loop.last) == (NOW - 75, NOW - 55)
    assert loop.description == (
        "prices crashed 4 times in 20 s, each time with ValueError('no paper'), at svc.py:29 in handle_cast; "
        "till restarted it each time"
    )
    assert loop.past == loop.description
    assert loop.hint.startswith("fix that line first: all these crashes happened there; ")
    for place, one in enumerate(list(recent)):  # regression: it named the line twice
        recent[place] = replace(one, reason="handle_cast (svc.py:29) returned None: no case matches 'go'")
    loop = only(list(repeated_crashes(facts(book=book), LIMITS)))
    assert "each time with \"handle_cast (svc.py:29) returned None: no case matches 'go'\"; till" in loop.description
    for changed in (
        {"where": "svc.py:30 in handle_cast"},
        {"reason": "KeyError('no paper')"},
        {"child_id": "stock"},
        {"crash": False},
        {"where": None},
    ):
        kept, recent[1] = recent[1], replace(recent[1], **changed)
        assert not list(repeated_crashes(facts(book=book), LIMITS))
        recent[1] = kept
    assert not list(repeated_crashes(facts(book=book, now=NOW + 6), LIMITS))
    recent[3] = replace(recent[3], at=NOW - 14)  # the four are not within one window
    assert not list(repeated_crashes(facts(book=book), LIMITS))


def test_a_loop_that_never_reaches_the_limit_of_its_supervisor_says_so() -> None:
    """Regression: with a limit of 1,500 in 5 s on a busy machine, nothing said that it would restart for ever."""
    book = supervisor([], allowed=1_500)
    history = book.histories["till"]
    history.names["till_1"] = "drawer"
    for number, ago in enumerate(range(58, 0, -2)):  # no restart succeeds
        history.keep(entry(number, NOW - ago, "restart_failed"), 1000)
        history.attempts.add(round((NOW - ago) * NS))
    loop = only(list(restart_storm(facts(book=book), LIMITS)))
    assert loop.description == (
        "till is in a restart loop: 29 restarts in the last 60 s, and its limit, 1,500 in 5 s, is never reached; "
        "the newest: it could not restart drawer: ValueError('no paper')"
    )
    assert (loop.severity, loop.count, loop.since) == ("critical", 29, NOW - 58)
    assert loop.evidence["endless"]
    assert loop.hint == (
        "the same child fails at each start: it needs another argument or a working dependency, not another restart; "
        "`superlearner error why drawer` explains the newest one. "
        "`superlearner supervisor set-flags till --max-restarts 3 --max-seconds 13` lets it give up"
    )


def test_a_storm_names_the_child_that_crashed_most_its_error_and_its_line() -> None:
    """Regression: the newest entry was a sibling that was restarted with it, and the hint was for failed starts."""
    book = supervisor([50.0 - n for n in range(10)], allowed=1000)
    recent = book.histories["till"].recent
    for place, one in enumerate(recent):
        recent[place] = replace(one, child_id="scanner", where="shop.py:12 in price_of")
    for at, child, kind in ((40.5, "lamp", "restarted"), (41.5, "printer", "restarted_along")):
        recent.append(replace(recent[0], number=20, at=NOW - 41 + at, child_id=child, event_type=kind))
    (storm,) = restart_storm(facts(book=book), LIMITS)
    assert storm.description == (
        "till has restarted children 10 times in the last 60 s: scanner crashed 10 times in 9 s, "
        "each time with ValueError('no paper'), at shop.py:12 in price_of"
    )
    assert storm.past.endswith("in 60 s: " + storm.description.partition(": ")[2])
    shows = "`superlearner restart list --process scanner` lists the newest restarts"
    assert storm.hint == f"fix that line first: all these crashes happened there; {shows}"
    recent[3] = replace(recent[3], where="shop.py:13 in price_of")
    (storm,) = restart_storm(facts(book=book), LIMITS)
    assert storm.hint == shows


def test_the_last_restart_names_the_child_that_crashed_and_no_sibling() -> None:
    book = supervisor([3.0, 2.0, 1.0])
    recent = book.histories["till"].recent
    for place, one in enumerate(recent):
        recent[place] = replace(one, child_id="van_a", where="shop.py:47 in handle_cast")
    recent.append(replace(recent[2], number=20, child_id="tracking", event_type="restarted_along"))
    last = only(list(crash_loop(facts(book=book), LIMITS)))
    assert "; van_a crashed 3 times in 2 s, each time with " in last.description
    shows = "`superlearner restart list --process van_a` lists the newest restarts"
    assert last.hint == f"fix that line first: all these crashes happened there; {shows}"


def test_hints_have_no_command_that_the_service_does_not_permit() -> None:
    """Regression: with the permission `read`, both recommended commands were refused."""
    book = supervisor([4.0, 2.5, 0.1])
    permitted, refused = (
        only(list(crash_loop(facts(book=book, operates=operates), LIMITS))).hint for operates in (True, False)
    )
    first = "first fix the failures of till_1: `superlearner restart list --process till_1` lists the newest restarts"
    assert permitted == (
        f"{first}. Until then, `superlearner supervisor set-flags till --max-restarts 30` allows more restarts, "
        "or `superlearner supervisor pause till` stops them while you look"
    )
    assert refused == first


def test_the_hint_of_a_storm_names_no_pid_since_the_next_restart_replaces_it() -> None:
    book = supervisor([50.0 - n for n in range(10)], allowed=1000)
    (storm,) = restart_storm(facts(book=book), LIMITS)
    assert storm.hint == "`superlearner restart list --process till_1` lists the newest restarts"
    book.histories["till"].names["till_1"] = "drawer"
    (storm,) = restart_storm(facts(book=book), LIMITS)
    assert storm.hint == "`superlearner error why drawer` explains the newest one"


@pytest.mark.parametrize(
    ("restarts", "allowed"),
    [
        ([n / 4 for n in range(239, 0, -1)], 20),  # it comes near its limit
        ([n / 4 for n in range(60, 0, -1)], 1_500),  # it has just begun
        ([n / 4 for n in range(239, 80, -1)], 1_500),  # it is over
    ],
)
def test_a_storm_that_is_short_or_may_lead_to_a_give_up_is_no_endless_loop(restarts: list[float], allowed: int) -> None:
    storm = only(list(restart_storm(facts(book=supervisor(restarts, allowed=allowed)), LIMITS)))
    assert storm.description.startswith(f"till has restarted children {len(restarts)} times in the last 60 s: ")


def test_restarts_of_an_hour_ago_are_no_storm() -> None:
    assert not list(restart_storm(facts(book=supervisor([3600.0 - n for n in range(50)])), LIMITS))


def test_a_supervisor_without_restarts_left_is_found_and_others_are_not() -> None:
    last = only(list(crash_loop(facts(book=supervisor([4.0, 2.5, 0.1])), LIMITS)))
    assert "0 of 3 restarts left in 5 s" in last.description or "gives up in" in last.description
    assert last.evidence["restarts_used"] == 3
    assert not list(crash_loop(facts(book=supervisor([4.0])), LIMITS))


def test_a_give_up_is_a_finding_for_some_time() -> None:
    loop = only(list(crash_loop(facts(book=supervisor([59.0], gave_up=(58.0, 20.0))), LIMITS)))
    assert (loop.severity, loop.evidence["give_ups"], loop.since) == ("critical", 2, NOW - 59)
    assert not list(crash_loop(facts(book=supervisor([100.0], gave_up=(90.0,))), LIMITS))


def test_a_give_up_is_a_finding_while_its_supervisor_is_down() -> None:
    """Regression: the finding ended after a minute, and the outage did not."""
    book = supervisor([100.0], gave_up=(90.0,))
    till = book.histories["till"]
    till.pids.append(till.pid)
    till.ended_at = NOW - 89
    down = only(list(crash_loop(facts(book=book), LIMITS)))
    assert (down.severity, down.since, down.evidence["give_ups"]) == ("critical", NOW - 100, 1)
    assert down.description == "till gave up and is not running: till_1 crashed: ValueError('no paper')"
    till.ended_at = None  # it runs again
    assert not list(crash_loop(facts(book=book), LIMITS))


def test_a_crash_loop_began_with_the_first_crash_of_an_unbroken_row() -> None:
    """Regression: it began with the oldest crash, or the first give-up, of the last minute."""
    ages = [300.0, 200.0, *(200.0 - 2 * n for n in range(1, 100))]
    storm = only(list(restart_storm(facts(book=supervisor(ages, allowed=1000)), LIMITS)))
    assert storm.since == NOW - 200
    book = supervisor([300.0])
    for number, ago in enumerate(range(200, 0, -2), 1):
        book.histories["till"].keep(entry(number, NOW - ago, "restarted" if number % 4 else "gave_up"), 1000)
    assert only(list(crash_loop(facts(book=book), LIMITS))).since == NOW - 200


def test_a_crash_loop_does_not_begin_with_an_earlier_end_of_another_cause() -> None:
    """Regression: it began with a deadlock 9 s before, and counted the crashes of that."""
    book = supervisor([10.0, 9.9, 1.9, 1.6, 1.3], gave_up=(1.0,))
    history = book.histories["till"]
    for place in range(2):
        history.recent[place] = replace(history.recent[place], reason="call_timed_out", child_id=f"other_{place}")
    loop = only(list(crash_loop(facts(book=book), LIMITS)))
    assert (loop.since, loop.count) == (NOW - 1.9, 4)


def test_ends_of_several_children_are_no_rate_at_which_their_supervisor_gives_up() -> None:
    """Regression: one deadlock was a second, critical problem, although each server had ended once."""
    book = supervisor([3.0, 2.0, 1.0, 0.1], allowed=5, window=10.0)
    assert [one.severity for one in crash_loop(facts(book=book), LIMITS)] == ["critical"]
    recent = book.histories["till"].recent
    for place in range(1, 4):
        recent[place] = replace(recent[place], child_id=f"other_{place % 2}")
    assert not list(crash_loop(facts(book=book), LIMITS))


def test_a_give_up_begins_with_the_ends_of_its_child_and_counts_those_of_others_beside_them() -> None:
    """Regression: it began with the older crashes of another child that had used the same limit."""

    def find(*ends: tuple[float, str, str]) -> AnomalyFinding:
        book = supervisor([])
        history = book.histories["till"]
        for number, (ago, child, kind) in enumerate(ends, 1):
            history.keep(replace(entry(number, NOW - ago, kind), child_id=child), 1000)
        return only(list(crash_loop(facts(book=book), LIMITS)))

    older = [(4.5, "printer", "restarted"), (4.0, "scanner", "restarted"), (3.5, "printer", "restarted")]
    loop = find(*older, (1.2, "stock", "restart_failed"), (1.1, "stock", "restart_failed"), (1.0, "stock", "gave_up"))
    assert (loop.since, loop.description) == (
        NOW - 1.2,
        "till gave up: it tried twice to start stock; each time it failed: ValueError('no paper'); "
        "3 earlier ends of printer and scanner counted against the same restart limit",
    )
    loop = find(older[0], (2.0, "stock", "restarted"), (1.0, "stock", "gave_up"))
    assert (loop.since, loop.description) == (
        NOW - 2,
        "till gave up: stock crashed twice in 1 s, each time with ValueError('no paper'); "
        "1 earlier end of printer counted against the same restart limit",
    )
    mixed = find(*older, (2.0, "stock", "restarted"), (1.5, "printer", "restarted"), (1.0, "stock", "gave_up"))
    assert (mixed.since, mixed.description) == (
        NOW - 4.5,
        "till gave up: its children ended 6 times in 3.5 s in all; the last end: stock crashed: ValueError('no paper')",
    )


def test_a_crash_that_made_a_supervisor_give_up_is_counted_with_the_others() -> None:
    """Regression: only 20 of 26 crashes were counted, since each give-up hid one, and `till restarted it each time`."""
    book = supervisor([])
    recent = book.histories["till"].recent
    for number in range(12):
        kind = "restarted" if (number + 1) % 4 else "gave_up"
        recent.append(replace(entry(number, NOW - 90 + number, kind), where="svc.py:29 in handle_cast"))
    book.histories["till"].keep(replace(entry(20, NOW - 79, "restart_failed"), where="svc.py:29 in handle_cast"), 99)
    book.histories["till"].keep(replace(entry(21, NOW - 79, "gave_up"), where="svc.py:29 in handle_cast"), 99)
    loop = only(list(repeated_crashes(facts(book=book, now=NOW - 20), LIMITS)))
    assert loop.description == (
        "till_1 crashed 12 times in 11 s, each time with ValueError('no paper'), at svc.py:29 in handle_cast; "
        "till restarted it 9 times and gave up 3 times"
    )
    assert loop.count == 12


def test_a_give_up_names_the_child_and_how_it_ended() -> None:
    """Regression: "till gave up once: killed" read as if till had been killed."""
    book = supervisor([])
    history = book.histories["till"]
    fell = entry(8, NOW - 1, "gave_up")
    history.keep(replace(fell, reason="killed"), 1000)
    (killed,) = crash_loop(facts(book=book), LIMITS)
    assert killed.description == "till gave up: till_1 was killed"
    history.keep(replace(fell, number=9, event_type="restart_failed"), 1000)
    history.keep(replace(fell, number=10), 1000)
    (failed,) = crash_loop(facts(book=book), LIMITS)
    last = "it could not restart till_1: ValueError('no paper')"
    assert failed.description.endswith(f"twice in the last 60 s; the last time: {last}")
    history.note_name("till_1", "front till")
    (named,) = crash_loop(facts(book=book), LIMITS)
    assert named.description.endswith("it could not restart front till: ValueError('no paper')")


def test_a_give_up_counts_all_ends_in_the_window_of_its_supervisor() -> None:
    """Regression: it named the last crash alone, as if one had been enough."""

    def why(*ends: tuple[float, str, str]) -> str:
        book = supervisor([])
        history = book.histories["till"]
        for number, (ago, child, reason) in enumerate(ends, 1):
            kind = "gave_up" if number == len(ends) else "restarted"
            one = replace(entry(number, NOW - ago, kind), child_id=child, reason=reason, crash=reason != "normal")
            history.keep(one, 1000)
        return only(list(crash_loop(facts(book=book), LIMITS))).description

    boom = "ValueError('boom')"
    alike = [(ago, "till_1", boom) for ago in (20.0, 2.5, 2.0, 1.5, 1.0)]
    assert why(*alike) == f"till gave up: till_1 crashed 4 times in 1.5 s, each time with {boom}"
    kills = [(ago, "till_1", "killed") for ago in (2.5, 2.0, 1.5)]
    assert why(*kills) == "till gave up: till_1 was killed 3 times in 1 s"
    assert why(*kills[:2], alike[4]) == (
        f"till gave up: till_1 ended 3 times in 1.5 s: twice by a kill, and the last time with {boom}"
    )
    assert why(*alike[2:4], kills[2]) == (
        f"till gave up: till_1 ended 3 times in 0.5 s: twice with {boom}, and the last time by a kill"
    )
    many = [(2.0 - number / 5, "till_1", f"KeyError({number})") for number in range(5)]
    assert why(*many) == (
        "till gave up: till_1 ended 5 times in 0.8 s, for 5 different reasons, the last time with KeyError(4)"
    )
    absent = "there is no process stock to call (noproc)"  # regression: "each time with there is no process …"
    calls = [(ago, "till_1", absent) for ago in (2.0, 1.5)]
    assert why(*calls) == f'till gave up: till_1 crashed twice in 0.5 s, each time with "{absent}"'
    assert why(*calls, alike[4]) == (
        f'till gave up: till_1 ended 3 times in 1 s: twice with "{absent}", and the last time with {boom}'
    )
    others = [(ago, f"till_{ago}", boom) for ago in (3.0, 2.0)]
    assert (
        why(*others, alike[4])
        == f"till gave up: its children ended 3 times in 2 s in all; the last end: till_1 crashed: {boom}"
    )
    assert why(*[(ago, "till_1", "normal") for ago in (2.0, 1.0)]) == (
        "till gave up: till_1 ended twice in 1 s, each time with reason normal"
    )
    dynamic = [(ago, None, boom) for ago in (2.0, 1.5, 1.0)]  # three children, which have no id
    last = f"a child crashed: {boom}"
    assert why(*dynamic) == f"till gave up: its children ended 3 times in 1 s in all; the last end: {last}"


def test_a_give_up_after_restarts_that_failed_counts_them_and_gives_their_line() -> None:
    """Regression: a crash had its line, and a start that failed had none."""
    book = supervisor([3.0])
    till = book.histories["till"]

    def fail(number: int) -> str:
        failed = entry(number, NOW - 2 + number / 10, "restart_failed")
        till.keep(replace(failed, where="shop.py:8 in init"), 1000)
        till.keep(entry(number + 1, NOW - 1, "gave_up"), 1000)
        return only(list(crash_loop(facts(book=book), LIMITS))).description

    assert fail(1) == "till gave up: it could not restart till_1: ValueError('no paper'), at shop.py:8 in init"
    till.recent.clear()
    for number in (2, 3):
        till.keep(entry(number, NOW - 2, "restart_failed"), 1000)
    assert fail(4) == (
        "till gave up: it tried 3 times to start till_1; each time it failed: ValueError('no paper'), "
        "at shop.py:8 in init"
    )


def test_a_supervisor_that_gave_up_gets_no_advice_for_one_that_runs() -> None:
    """Regression: it named commands that answer that there is no such supervisor, and starts that had not failed."""
    book = supervisor([4.0, 2.5], gave_up=(1.0,))
    till = book.histories["till"]
    till.pids.append(till.pid)
    loop = only(list(crash_loop(facts(book=book), LIMITS)))
    assert loop.hint == "first fix the failures of till_1: `superlearner error why till` explains it"
    till.keep(entry(98, NOW - 0.6, "restart_failed"), 1000)
    till.keep(entry(99, NOW - 0.5, "gave_up"), 1000)
    loop = only(list(crash_loop(facts(book=book), LIMITS)))
    assert loop.hint.startswith("the same child fails at each start: ") and loop.hint.endswith(" explains it")
    running = only(list(crash_loop(facts(book=supervisor([4.0, 2.5, 0.1])), LIMITS)))
    assert "set-flags" in running.hint


def test_a_dynamic_supervisor_that_runs_again_without_children_is_not_down() -> None:
    """Regression: it "gave up and is not running" until its first child started, although the tree showed it."""

    class Ends(otp.GenServer[int]):
        @otp.impl
        def init(self, arg: object) -> otp.Ok[int]:
            return otp.Ok(0)

    async def main() -> None:
        async with otp.Node("service") as node:
            monitor = Monitor(Settings, ledger := Ledger())
            ledger.watch(node)
            monitor.watch(node)
            pool = otp.DynamicSupervisor.child_spec(name="pool", max_restarts=0)
            await node.start(otp.Supervisor, otp.Children([pool]), name="ship")
            fallen = node.whereis("pool")
            assert fallen is not None
            otp.exit(await otp.DynamicSupervisor.start_child(fallen, Ends), "boom")
            await otp.wait_down(fallen)
            await node.wait_registered("pool")
            found = monitor.facts()
            monitor.close()
            assert not found.book.histories["pool"].is_down
            [loop] = crash_loop(found, LIMITS)
            assert loop.description.startswith("pool gave up: a child crashed: boom")

    asyncio.run(main())


def test_a_supervisor_whose_children_never_started_again_is_a_finding_while_it_is_down() -> None:
    """Regression: in a service the finding ended after a minute: its end was only noticed after a restart."""

    class Broken(otp.GenServer[int]):
        @otp.impl
        def init(self, arg: list[str]) -> otp.Ok[int]:
            if arg:
                raise ConnectionRefusedError("refused")
            return otp.Ok(0)

    async def main() -> None:
        async with otp.Node("service") as node:
            monitor, why = Monitor(Settings, ledger := Ledger()), list[str]()
            ledger.watch(node)
            monitor.watch(node)
            child = Broken.child_spec(why, name="mailer")
            top = await node.start(otp.Supervisor, otp.Children([child]), name="ship")
            why.append("refused")
            otp.exit(node.whereis("mailer"), "boom")
            await otp.wait_down(top)
            history = monitor.facts().book.histories["ship"]
            monitor.close()
            assert (history.total_restarts, history.is_down) == (0, True)

    asyncio.run(main())
