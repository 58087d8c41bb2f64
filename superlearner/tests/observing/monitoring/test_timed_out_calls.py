"""Calls that timed out, on synthetic facts: each is counted once, as its own problem or as part of its cause."""

from __future__ import annotations

from dataclasses import replace

from node_facts import CALL, LIMITS, NOW, facts, only
from superlearner.observing.monitoring import detectors
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.detectors import detect
from superlearner.observing.monitoring.facts import (
    LoopHold,
    PendingCallback,
    Waiter,
)
from superlearner.observing.monitoring.incidents import Incidents
from superlearner.observing.monitoring.timeouts import LOOP_ADVICE, end_cycles, explained_by, list_deadlocks


def test_a_deadlock_names_all_its_processes() -> None:
    till = Waiter("0.7.0", "till", "Till", "0.8.0", "call", "'sum'")
    shelf = Waiter("0.8.0", None, "Shelf", "0.7.0", "call", None)
    circle = [till, shelf]
    deadlock = only(list(detectors.call_cycle(facts(cycles=[circle]), LIMITS)))
    assert deadlock.description == "a deadlock: till waits for Shelf <0.8.0>, which waits for till"
    assert deadlock.severity == "critical"
    callbacks = [
        PendingCallback(pid, None, "Till", "handle_cast", NOW - 60, 1, "shop.py:5") for pid in ("0.7.0", "0.9.0")
    ]
    by_type = {one.type: one for one in detect(facts(cycles=[circle], callbacks=callbacks), LIMITS)}
    told = by_type["call_cycle"].description
    assert told == "a deadlock: till waits for Shelf <0.8.0> at shop.py:5, which waits for till, and 1 message waits"
    turned = only(list(detectors.call_cycle(facts(cycles=[circle[::-1]]), LIMITS)))
    assert turned.key == deadlock.key
    assert ["0.9.0"] == [one.pid for one in by_type.values() if one.type == "long_callback"]
    assert ["shop.py:5", None] == [one["place"] for one in by_type["call_cycle"].evidence["circle"]]


def test_calls_that_timed_out_are_one_finding_for_each_process_that_was_called() -> None:
    """Regression: a call that timed out was recorded nowhere if its caller caught the error."""
    other = replace(CALL, callee="Stock", name=None, pid="0.9.0", caller="cart", line=None, request="", cause="")
    calls = [replace(CALL, at=NOW - 61), CALL, other, replace(CALL, caller="cart", timeout=5.0), CALL]
    pricing, stock = detect(facts(timeouts=calls, waiting={"0.7.0"}), LIMITS)
    assert pricing.description == (
        "3 calls to pricing timed out after 0.5 to 5 s in the last 60 s, from till and cart; the last one, at "
        "shop.py:12: ('price', 'tea'); pricing was still in handle_call at shop.py:41"
    )
    assert (pricing.pid, pricing.name, pricing.severity, pricing.count) == ("0.7.0", "pricing", "medium", 3)
    assert (pricing.since, pricing.evidence["callers"]) == (NOW - 5, {"till": 2, "cart": 1})
    assert pricing.past_hint == "its handle_call had not finished"  # the process may be another one by then
    assert pricing.hint == (
        "its handle_call had not finished. `superlearner process backtrace pricing` shows where it waits"
    )
    assert stock.description == "a call to Stock timed out after 0.5 s in the last 60 s, from cart"
    assert stock.key == ("mailbox", "0.9.0")
    assert stock.hint == "its handle_call had not finished"  # it has ended: no command shows where it waits
    (many,) = detect(facts(timeouts=[CALL] * 10), LIMITS)
    assert many.severity == "high"


def test_tasks_and_unnamed_processes_of_one_kind_are_one_finding() -> None:
    task = replace(CALL, callee="fetch", name=None, is_task=True, request="", cause="")
    (found,) = detect(facts(timeouts=[task, replace(task, pid="0.8.0")]), LIMITS)
    assert found.description.startswith("2 waits for the task fetch timed out after 0.5 s in the last 60 s, from till")
    assert found.key == ("mailbox", "fetch")


def test_calls_to_a_process_that_hangs_are_part_of_that_finding_and_no_problem_after_it() -> None:
    hang = PendingCallback("0.7.0", "pricing", "Pricing", "handle_call", NOW - 6, 1, "shop.py:41")
    before = replace(CALL, at=NOW - 30)  # regression: those of an earlier hang were counted again
    known = facts(timeouts=[before, CALL, CALL], callbacks=[hang])
    (found,) = detect(known, LIMITS)
    assert found.description.endswith("for 6 s, and 1 message waits; 2 calls to it from till timed out")
    assert found.past.endswith("and 1 message waited; 2 calls to it from till timed out")
    assert found.evidence["callers"] == {"till": 2}
    assert explained_by([found], NOW) == {"0.7.0": NOW}
    alarms, incidents = Alarms(), Incidents()
    for finding in (detect(replace(known, callbacks=[]), LIMITS), [found], []):  # first, the hang is too short
        _, ended = alarms.update(finding, NOW)
        stored = incidents.take(alarms.active.values(), ended, NOW, LIMITS.anomaly_window)
    assert [found.past] == [one.past for one in ended] == [one.text for one in stored]  # regression: without the calls
    long = replace(hang, began=NOW - 90)  # regression: the calls of its beginning were left out
    (found,) = detect(replace(known, timeouts=[replace(CALL, at=NOW - 80)], callbacks=[long]), LIMITS)
    assert found.past.endswith("; a call to it from till timed out")
    later = replace(known, callbacks=[], explained={"0.7.0": NOW - 1})
    assert detect(later, LIMITS) == []
    (again,) = detect(replace(later, timeouts=[CALL, replace(CALL, at=NOW)]), LIMITS)
    assert (again.type, again.count) == ("call_timeouts", 1)
    circle = [Waiter(pid, name, "Till", "", "call", None) for pid, name in (("0.6.0", "till"), ("0.7.0", "pricing"))]
    (deadlock,) = detect(facts(timeouts=[CALL], cycles=[circle]), LIMITS)
    told = "a call to its processes timed out"
    assert deadlock.description == f"a deadlock: till waits for pricing, which waits for till; {told}"


def test_the_calls_of_a_deadlock_are_part_of_it_and_no_problems_after_it() -> None:
    """Regressions: one deadlock was three stored problems; hints had pids, and the present tense for what was over."""
    pair = [("0.6.0", "till"), ("0.7.0", "pricing")]
    circle = [Waiter(pid, name, "Till", "", "call", None) for pid, name in pair]
    (deadlock,) = detect(facts(cycles=[circle]), LIMITS)
    assert explained_by([deadlock], NOW) == {"0.6.0": NOW, "0.7.0": NOW}
    assert not deadlock.past_hint.startswith("it ends")
    why = "the server waits for a reply from <0.7.0>"
    calls = [
        replace(CALL, at=NOW + 1.5, pid=pid, callee=name, name=name, why=why, cycle="pricing -> till")
        for pid, name in pair
    ]
    over = facts(now=NOW + 4, timeouts=calls, explained=explained_by([deadlock], NOW))
    assert detect(over, LIMITS) == []
    (short,) = detect(replace(over, explained={}), LIMITS)  # no scan has found it
    assert short.description.startswith("2 calls to processes in a deadlock timed out after 0.5 s in the last 60 s, ")
    assert short.hint == short.past_hint == deadlock.past_hint


def test_a_deadlock_ends_with_its_last_call_and_counts_all_calls() -> None:
    """Regression: it ended with the last look that saw it, without its own calls, and a later call was a problem."""
    pair = [("0.6.0", "till"), ("0.7.0", "pricing")]
    circle = [Waiter(pid, name, "Till", "", "call", None, NOW) for pid, name in pair]
    waits = [PendingCallback(pid, name, "Till", "handle_call", NOW - 1.5, 0, None) for pid, name in pair]
    alarms, first = Alarms(), replace(CALL, at=NOW + 0.5)
    alarms.update(detect(facts(timeouts=[first], cycles=[circle], callbacks=waits), LIMITS), NOW + 1)
    late = replace(CALL, at=NOW + 2.5)
    own = [replace(CALL, at=NOW + 3, pid=pid, caller=name, cycle="pricing -> till") for pid, name in pair]
    over = facts(now=NOW + 4, timeouts=[first, late, *own])
    told = "a deadlock: till waited for pricing, which waited for till; "
    told += "2 calls in it and 2 calls to its processes timed out"
    explained, kept = end_cycles(alarms.active, over, LIMITS)
    assert detect(replace(over, explained=explained), LIMITS) == []
    assert alarms.update(kept, NOW + 4) == ([], [])
    [alarm] = alarms.active.values()  # regression: it was listed only while it lasted, unlike time-outs
    assert (alarm.finding.description, alarm.finding.last) == (told, NOW + 3)
    stored = Incidents().take([alarm], [], NOW + 4, LIMITS.anomaly_window)
    assert [(one.text, one.at, one.until) for one in stored] == [(told, NOW - 1.5, NOW + 3)]  # at once
    for later in (62, 64):
        over = facts(now=NOW + later)
        ended = alarms.update(end_cycles(alarms.active, over, LIMITS)[1], over.now)[1]
        assert (len(alarms.active), len(ended)) == ((1, 0) if later == 62 else (0, 1))
    [one] = alarms.ended
    assert (one.finding.since, one.until, one.past) == (NOW - 1.5, NOW + 3, told)
    assert one.finding.evidence["callers"] == {"till": 3, "pricing": 1}


def test_a_call_that_timed_out_before_a_hold_of_the_loop_is_a_finding_of_its_own() -> None:
    """Regression: any call to the process within the last minute was put down to the hold."""
    hold = LoopHold(NOW - 1, 3.0, "0.7.0", "pricing", "Pricing")
    before = replace(CALL, at=NOW - 17)
    first, second = detect(facts(timeouts=[before], holds=[hold]), LIMITS)
    assert {first.type, second.type} == {"blocked_loop", "call_timeouts"}
    assert "timed out" not in (first if first.type == "blocked_loop" else second).description
    (found,) = detect(facts(timeouts=[replace(CALL, at=NOW - 0.9)], holds=[hold]), LIMITS)
    assert found.description.endswith("; a call to it from till timed out")


def test_a_timeout_while_another_process_held_the_loop_does_not_blame_the_callee() -> None:
    """Regression: the callee was advised to reply later, although no process could run."""
    hold = LoopHold(NOW - 1, 12.0, "0.9.0", "clock", "Clock", "shop.py:24")
    call = replace(CALL, at=NOW - 0.9, cause="pricing was still in handle_cast at shop.py:29")
    found = only([one for one in detect(facts(timeouts=[call], holds=[hold]), LIMITS) if one.type == "call_timeouts"])
    assert found.description.endswith("; meanwhile clock held the event loop for 12 s, at shop.py:24")
    assert found.hint == LOOP_ADVICE
    before = replace(call, at=NOW - 14)
    found = only([one for one in detect(facts(timeouts=[before], holds=[hold]), LIMITS) if one.type == "call_timeouts"])
    assert "meanwhile" not in found.description


def test_a_call_that_timed_out_for_an_unknown_cause_has_an_advice() -> None:
    """Regression: Start advised *Try: it is no longer waiting*."""
    (found,) = detect(facts(timeouts=[replace(CALL, cause="", why="")]), LIMITS)
    assert found.hint == found.past_hint == "allow more time, or shorten what pricing does"


def test_a_short_hold_of_the_loop_does_not_explain_a_call_that_timed_out() -> None:
    """Regression: any hold in its last second hid the backtrace of the process that did not answer."""
    call = replace(CALL, at=NOW - 0.9, timeout=5.0)
    for hold in (LoopHold(NOW - 1, 0.06, "0.9.0", "clock", "Clock"),
                 LoopHold(NOW - 1, 4.0, "0.9.0", "clock", "Clock", starved=3.9)):  # fmt: skip
        known = facts(timeouts=[call], holds=[hold], waiting=frozenset({"0.7.0"}))
        (found,) = [one for one in detect(known, LIMITS) if one.type == "call_timeouts"]
        assert "meanwhile" not in found.description
        assert "process backtrace" in found.hint
        assert found.past_hint == call.why
    long = replace(hold, seconds=2.6, starved=None)
    (found,) = [one for one in detect(facts(timeouts=[call], holds=[long]), LIMITS) if one.type == "call_timeouts"]
    assert (found.hint, found.past_hint) == (LOOP_ADVICE, "")
    before = LoopHold(NOW - 20, 9.0, "0.7.0", "pricing", "Pricing")
    own = replace(before, at=NOW - 1, seconds=0.06)
    blocked, alone = detect(facts(timeouts=[call], holds=[before, own]), LIMITS)
    assert (blocked.type, "calls" in blocked.evidence, alone.type) == ("blocked_loop", False, "call_timeouts")


def test_a_deadlock_is_over_only_once_its_calls_have_failed_and_its_processes_do_not_hang() -> None:
    """Regression: after a hold of the loop, each process was reported as a hang, and the deadlock had no calls."""
    pair = [("0.6.0", "till"), ("0.7.0", "pricing")]
    circle = [Waiter(pid, name, "Till", "", "call", None, NOW) for pid, name in pair]
    waits = [PendingCallback(pid, name, "Till", "handle_call", NOW - 1.5, 0, None) for pid, name in pair]
    alarms = Alarms()
    alarms.update(detect(facts(cycles=[circle], callbacks=waits), LIMITS), NOW)
    hold = LoopHold(NOW + 15, 14.9, "0.9.0", "clock", "Clock")
    after = facts(now=NOW + 15.1, callbacks=waits, holds=[hold])
    _, kept = end_cycles(alarms.active, after, LIMITS)
    assert [one.last for one in kept] == [None]  # its calls are about to fail
    after = replace(after, deadlocks=list_deadlocks(alarms.active.values(), after.now))
    assert [one.type for one in detect(after, LIMITS)] == ["blocked_loop"]
    own = [replace(CALL, at=NOW + 15.2, pid=pid, caller=name, cycle="pricing -> till") for pid, name in pair]
    _, kept = end_cycles(alarms.active, facts(now=NOW + 17, timeouts=own, holds=[hold]), LIMITS)
    assert [(one.last, one.description[-25:]) for one in kept] == [(NOW + 15.2, "; 2 calls in it timed out")]
    assert list_deadlocks(alarms.active.values(), NOW + 17) == {"0.6.0": NOW + 15.2, "0.7.0": NOW + 15.2}


def test_a_callback_that_outlasts_a_deadlock_hangs_from_then_on() -> None:
    busy = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 60, 0, "shop.py:29")
    for since, count in ((1, 0), (3, 1)):
        known = facts(callbacks=[busy], deadlocks={"0.7.0": NOW - since})
        assert len(list(detectors.long_callback(known, LIMITS))) == count
