"""Anomaly rules on synthetic facts: each at its limit, and busy healthy states."""

from __future__ import annotations

import asyncio
import re
import shlex
from dataclasses import replace
from typing import Any

import pytest
from tools.check_commands import manifest

import otp
from node_facts import CALL, LIMITS, NOW, facts, growing, only, supervisor, track
from superlearner.control.clock import time_text
from superlearner.live.moments import UNTIL_OVER
from superlearner.observing.analytics import Ledger
from superlearner.observing.analytics.history import History, Unstarted
from superlearner.observing.monitoring import detectors
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.detectors import detect
from superlearner.observing.monitoring.facts import (
    CrashGroup,
    Incident,
    LoopHold,
    PendingCallback,
    ProcessCount,
    ProcessSize,
    ServiceGap,
    SuspendedProcess,
    TimedOut,
    UntiedProcesses,
    Waiter,
    Watcher,
)
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.operations.builtin.restart_loops import names
from superlearner.settings.settings import Settings


def test_no_facts_give_no_findings() -> None:
    assert detect(facts(), LIMITS) == []


def test_a_growing_mailbox_is_found_with_its_samples() -> None:
    grows = only(list(detectors.mailbox_growth(facts(tracks=[track([20 * n for n in range(12)])]), LIMITS)))
    assert grows.evidence["messages_per_s"] == 10.0
    assert grows.evidence["samples"][-1]["value"] == 220
    assert grows.since == NOW - 22


@pytest.mark.parametrize("stood", [[2700] * 60, [3000 - 6 * n for n in range(50)]], ids=["stood", "was worked off"])
def test_a_mailbox_that_stood_and_grows_again_is_found_at_once(stood: list[int]) -> None:
    """Regression: it had to grow for as long as it had not grown before."""
    again = [*stood, *(stood[-1] + 76 * n for n in range(1, 11))]
    grows = only(list(detectors.mailbox_growth(facts(tracks=[track(again[-60:])]), LIMITS)))
    assert f"from {stood[-1]:,} to {again[-1]:,} messages in 20 s, 38 per second" in grows.description


def test_a_finding_about_growth_that_has_ended_gives_the_time_of_the_growth() -> None:
    """Regression: growth by 800 messages in 5 s was reported as growth for 14 s, with a wrong rate."""
    grew = only(list(detectors.mailbox_growth(facts(tracks=[track([132, 420, 700, *[801] * 6])]), LIMITS)))
    assert grew.description == "the mailbox of till grew from 132 to 801 messages in 6 s, and has not grown for 10 s"
    assert grew.evidence["messages_per_s"] == 114.35
    assert grew.incident == Incident("the mailbox of till grew from 132 to 801 messages in 6 s", NOW - 16)


@pytest.mark.parametrize(
    "lengths",
    [
        [0, 900, 0, 900, 0, 900, 0, 900, 0, 900],
        [5000] * 12,
        [3000 - 100 * n for n in range(12)],
        [0, 0, 0, 0, 0, 0, 0, 0, 5000],
        list(range(40, 52)),
        [0, 5000],
        [100 * (n % 20) for n in range(59)],
    ],
    ids=[
        "fills and empties",
        "deep and steady",
        "is being worked off",
        "one sample",
        "shallow",
        "two samples",
        "fills up to where it was",
    ],
)
def test_a_mailbox_that_does_not_grow_is_no_finding(lengths: list[int]) -> None:
    assert not list(detectors.mailbox_growth(facts(tracks=[track(lengths)]), LIMITS))


def test_a_backlog_that_only_stands_is_found_with_the_time_it_takes() -> None:
    """Regression: 5,683 messages at two a second, 47 minutes of work, were no problem as long as they did not grow."""
    stands = track([5683] * 12)
    stands.handled_per_s = 2.0
    found = only(detect(facts(tracks=[stands]), LIMITS))
    assert found.description == "till: 5,683 messages wait, about 47 min at 2 per second"
    assert (found.type, found.severity, found.setting) == ("mailbox_backlog", "high", "anomaly_mailbox_wait")
    stands.handled_per_s, stands.handled_at = 0.0, NOW - 22
    assert not detect(facts(tracks=[stands]), LIMITS)
    stands.handled_at = NOW - 300  # longer than the samples reach back
    assert "none handled for 5 min" in only(detect(facts(tracks=[stands]), LIMITS)).description


def test_a_backlog_that_is_worked_off_is_hung_or_is_not_counted_is_no_finding_of_its_own() -> None:
    stands = track([5683] * 12)
    assert not detect(facts(tracks=[stands]), LIMITS)
    stands.handled_per_s = 100.0
    assert not detect(facts(tracks=[stands]), LIMITS)
    stands.handled_per_s = 2.0
    hung = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 9, 5683, None)
    assert only(detect(facts(tracks=[stands], callbacks=[hung]), LIMITS)).type == "long_callback"
    grows = track([5683 + 20 * n for n in range(12)])
    grows.handled_per_s = 2.0
    assert only(detect(facts(tracks=[grows]), LIMITS)).type == "mailbox_growth"
    assert only(detect(facts(tracks=[grows], callbacks=[hung]), LIMITS)).type == "long_callback"
    stopped = replace(hung, stopped=8.0)  # the program, and so no hang
    assert only(detect(facts(tracks=[grows], callbacks=[stopped]), LIMITS)).type == "mailbox_growth"
    assert only(detect(facts(callbacks=[replace(hung, waiting=10_000)]), LIMITS)).severity == "critical"


def test_a_callback_is_long_after_two_seconds_and_worse_if_messages_wait() -> None:
    busy = PendingCallback("0.7.0", "till", "Till", "handle_call", NOW - 6, 0, "till.py:12")
    assert only(list(detectors.long_callback(facts(callbacks=[busy]), LIMITS))).severity == "medium"
    waited_for = replace(busy, waiting=3)
    assert only(list(detectors.long_callback(facts(callbacks=[waited_for]), LIMITS))).severity == "high"
    assert not list(detectors.long_callback(facts(callbacks=[replace(busy, began=NOW - 1.9)]), LIMITS))
    brief = replace(busy, began=NOW - 2)
    (found,) = detectors.long_callback(facts(callbacks=[brief]), LIMITS)
    assert (found.severity, found.incident) == ("low", None)  # it may be slow on purpose
    (found,) = detectors.long_callback(facts(callbacks=[replace(brief, waiting=1)]), LIMITS)
    assert found.severity == "high" and found.incident is not None
    ended, call = (
        replace(brief, began=NOW - 9, ended=NOW - 6),
        TimedOut(NOW - 7, "till", "0.7.0", "till", "me", "", "", 1),
    )
    (found,) = detectors.long_callback(facts(ended_callbacks=[ended], timeouts=[call]), LIMITS)
    assert found.severity == "medium" and found.incident is not None  # a caller waited in vain
    stopped = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 20, 1, None, 13.0)
    assert only(list(detectors.long_callback(facts(callbacks=[stopped]), LIMITS))).description.startswith(
        "till has been in handle_cast for 7 s"
    )
    assert not list(detectors.long_callback(facts(callbacks=[replace(stopped, stopped=18.5)]), LIMITS))


def test_holds_of_the_loop_are_grouped_by_process() -> None:
    holds = [
        LoopHold(NOW - 50, 0.7, "0.7.0", "till", "Till"),
        LoopHold(NOW - 5, 0.9, "0.7.0", "till", "Till", "till.py:3"),
        LoopHold(NOW - 9, 0.3, "0.8.0", None, "Shelf"),
        LoopHold(NOW - 99, 5.0, "0.8.0", None, "Shelf"),
    ]
    blocked = only(list(detectors.blocked_loop(facts(holds=holds), LIMITS)))
    assert (blocked.name, blocked.evidence["holds"], blocked.evidence["place"]) == ("till", 2, "till.py:3")
    assert blocked.evidence["worst_s"] == 0.9


def test_a_loop_without_processor_time_is_no_finding() -> None:
    starved = LoopHold(NOW - 5, 0.9, "0.7.0", "till", "Till", starved=0.8)
    assert not list(detectors.blocked_loop(facts(holds=[starved]), LIMITS))


def test_a_finding_about_a_blocked_loop_says_how_much_of_the_time_was_without_a_processor() -> None:
    """Regression: *critical: worker held the event loop for up to 7.88 s*, of which a busy machine had 4.24 s."""
    holds = [
        LoopHold(NOW - 20, 7.88, "0.7.0", "till", "Till", "till.py:3", starved=7.2),
        LoopHold(NOW - 5, 1.5, "0.7.0", "till", "Till", "till.py:8", starved=0.2),
        LoopHold(NOW - 5, 2.6, "0.8.0", "shelf", "Shelf", "shelf.py:2", starved=0.1),
    ]
    shelf, till = detectors.blocked_loop(facts(holds=holds), LIMITS)
    assert ("critical", "shelf.py:2") == (shelf.severity, shelf.evidence["place"])
    assert shelf.description.endswith(" once in the last 60 s, for 2.6 s, at shelf.py:2")  # Regression: "up to" for one
    assert ("high", "till.py:8", 0.2) == (till.severity, till.evidence["place"], till.evidence["starved_s"])
    text = "1.5 s, at till.py:8, up to 0.2 s of it waiting for a processor"
    assert till.description.endswith(f" for up to {text}")
    assert till.incident is not None
    assert (
        "till held the event loop twice, for up to 1.5 s, at till.py:8, up to 0.2 s of it waiting for a processor"
        == (till.incident.text)
    )


def test_time_in_which_another_process_held_the_loop_is_not_part_of_a_hang() -> None:
    """Regression: it was advised to hand its work to a task; the loop was held for 12 of its 13.5 seconds."""
    till = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 13.5, 1, "shop.py:29")
    hold = LoopHold(NOW - 1, 12.0, "0.9.0", "clock", "Clock")
    assert not list(detectors.long_callback(facts(callbacks=[till], holds=[hold]), LIMITS))
    own = replace(hold, pid="0.7.0", name="till")
    assert only(list(detectors.long_callback(facts(callbacks=[till], holds=[own]), LIMITS))).name == "till"
    long = replace(till, began=NOW - 20)
    found = only(list(detectors.long_callback(facts(callbacks=[long], holds=[hold]), LIMITS)))
    assert found.description == "till has been in handle_cast at shop.py:29 for 20 s, and 1 message waits"


def test_the_line_of_each_incident_names_its_processes_where_a_search_finds_them() -> None:
    """Regression: no list had the waits for a task, or who held the loop when a call timed out."""
    fast, backlog = track([20 * n for n in range(12)]), replace(track([5683] * 12), pid="0.6.0", name="desk")
    backlog.handled_per_s = 2.0
    busy = PendingCallback("0.5.0", "stove", "Stove", "handle_cast", NOW - 60, 1, "shop.py:29")
    circle = [Waiter(pid, name, "Shop", "", "call", None, NOW) for pid, name in (("0.3.0", "cart"), ("0.4.0", "bank"))]
    hold = LoopHold(NOW - 1, 12.0, "0.9.0", "clock", "Clock", "shop.py:24")
    task = replace(CALL, callee="fetch", pid="0.8.0", name="fetch", caller="waiter", is_task=True, at=NOW - 0.9)
    largest = ProcessSize("0.9.0", "ledger", 200_000_000)
    expected = {
        "mailbox_growth": ["till"],
        "mailbox_backlog": ["desk"],
        "long_callback": ["stove"],
        "call_cycle": ["cart", "bank"],
        "blocked_loop": ["clock"],
        "call_timeouts": ["fetch", "waiter", "clock"],
        "memory_growth": ["ledger"],
    }
    found = [
        *detect(facts(tracks=[fast, backlog], callbacks=[busy], cycles=[circle]), LIMITS),
        *detect(facts(holds=[hold], timeouts=[task, replace(task, at=NOW - 0.8)]), LIMITS),
        *detect(facts(points=growing(30.0), largest=largest), LIMITS),
    ]
    lines = {one.type: one.incident.text for one in found if one.incident is not None}
    assert lines.keys() == expected.keys()
    missed = {line: [name for name in expected[type_] if not names(line, name)] for type_, line in lines.items()}
    assert {} == {line: of for line, of in missed.items() if of}


def test_unsupervised_processes_of_the_same_kind_are_one_finding() -> None:
    many = UntiedProcesses("0.7.0", None, "fetch", NOW - 31, 500, 500, ("0.7.0", "0.8.0"))
    finding = only(list(detectors.unsupervised_process(facts(alone=[many]), LIMITS)))
    assert (finding.severity, finding.evidence["count"]) == ("medium", 500)
    assert not list(detectors.unsupervised_process(facts(alone=[replace(many, since=NOW - 29)]), LIMITS))


def test_a_few_processes_that_run_alone_are_no_problem() -> None:
    """Regression: a process that was meant to run without a supervisor was a problem on Start for good."""
    few = UntiedProcesses("0.7.0", "audit", "Audit", NOW - 999, 99, 9, ("0.7.0",))
    assert not list(detectors.unsupervised_process(facts(alone=[few]), LIMITS))
    assert only(list(detectors.unsupervised_process(facts(alone=[replace(few, settled=10)]), LIMITS))).severity == "low"


def test_accumulating_monitors_and_unread_down_messages_are_found() -> None:
    many = Watcher("0.7.0", "till", "Till", 20, "0.8.0", 0, NOW)
    unread = Watcher("0.7.0", "till", "Till", 0, "0.8.0", 1, NOW - 31)
    for watcher, setting in ((many, "anomaly_monitors"), (unread, "anomaly_down_unread")):
        assert only(list(detectors.orphan_monitor(facts(watchers=[watcher]), LIMITS))).setting == setting
    few = [replace(many, monitors=19), replace(unread, since=NOW - 29)]
    assert not list(detectors.orphan_monitor(facts(watchers=few), LIMITS))


def test_the_limits_are_the_current_settings() -> None:
    known = facts(tracks=[track([20 * n for n in range(12)])])
    assert not detect(known, Settings(anomaly_mailbox_growth=11.0))
    assert only(detect(known, Settings(anomaly_mailbox_growth=9.0))).threshold == 9.0


def test_a_suspended_process_with_waiting_messages_is_found_with_the_command_that_resumes_it() -> None:
    """Regression: it was no problem, and once calls to it timed out, the advice was no next step."""
    held = SuspendedProcess("0.5.0", "pricing", "Till", NOW - 32, 3)
    (found,) = detect(facts(suspended=[held], timeouts=[replace(CALL, pid="0.5.0", name="pricing")]), LIMITS)
    words = "pricing has been suspended for 32 s, and 3 messages wait; a call to it from till timed out"
    assert found.description == words
    assert found.hint == "resume it with `superlearner process resume pricing`"
    assert not detect(facts(suspended=[replace(held, waiting=0), replace(held, since=NOW - 1)]), LIMITS)


def test_every_finding_names_an_existing_setting() -> None:
    backlog = track([5683] * 12)
    backlog.pid, backlog.handled_per_s = "0.9.0", 2.0
    known = facts(
        book=supervisor([5 - n / 10 for n in range(10)]),
        tracks=[track([20 * n for n in range(12)]), backlog],
        points=growing(30.0),
        callbacks=[PendingCallback("0.6.0", "desk", "Till", "handle_call", NOW - 6, 0, None)],
        holds=[
            LoopHold(NOW - 5, 0.9, None, None, "a task"),
            *(LoopHold(NOW - n / 2, 0.4, "0.10.0", "audit", "Till") for n in range(7)),
        ],
        program="shop (process 7)",
        stops=[(NOW - 9, NOW - 5)],
        cycles=[[Waiter("0.8.0", None, "Till", "0.8.0", "call", None)]],
        timeouts=[replace(CALL, pid="0.5.0", name="pricing")],
        alone=[UntiedProcesses("0.7.0", None, "fetch", NOW - 31, 10, 10, ("0.7.0",))],
        crashes=[CrashGroup("fetch", "negative", None, NOW, NOW)],
        watchers=[Watcher("0.7.0", "till", "Till", 20, "0.8.0", 0, NOW)],
        suspended=[SuspendedProcess("0.11.0", "books", "Till", NOW - 9, 1)],
        services=[ServiceGap("tracer", "services", None, NOW), ServiceGap("store", "services", "0.7.0", NOW)],
        unstarted=[(History("front", "front", "0.2.0"), Unstarted("Till", "permanent", NOW, NOW, "no disk", None, 1))],
        unsupervised=[ProcessCount(NOW + n, 40 * n, 40 * n) for n in range(-20, 1, 2)],
    )
    found = detect(known, LIMITS)
    kinds = [one.__name__ for one in detectors.DETECTORS if one is not detectors.repeated_crashes]
    assert [finding.type for finding in found] == kinds
    assert {finding.setting for finding in found} <= set(Settings.model_fields)
    assert all(finding.evidence and finding.hint and finding.description for finding in found)
    # Regression: crash loops were listed beside their restarts, and growing memory was not.
    assert {one.type for one in found if one.incident is not None and one.incident.until is None} == UNTIL_OVER


@pytest.mark.parametrize("called", [None, "Jo's till@127.0.0.1"])
def test_the_commands_in_hints_exist_and_name_the_node(called: str | None) -> None:
    known = manifest()
    growing_memory = growing(30.0)
    found = detect(
        facts(
            called=called,
            book=supervisor([50.0 - n for n in range(10)], allowed=1000),
            tracks=[track([20 * n for n in range(12)])],
            points=growing_memory,
            services=[ServiceGap("store", "services", "0.7.0", NOW)],
        ),
        LIMITS,
    )
    gave_up = detect(facts(called=called, book=supervisor([59.0], gave_up=(58.0, 20.0))), LIMITS)
    about_to = detect(facts(called=called, book=supervisor([4.0, 2.5, 0.1])), LIMITS)
    findings = (*found, *gave_up, *about_to)
    commands = [one for finding in findings for one in re.findall("`(superlearner [^`]+)`", finding.hint)]
    names: set[str] = set()
    for command in commands:
        _, category, verb, *words = shlex.split(command)
        entry = known[f"{category}.{verb.replace('-', '_')}"]
        names.add(entry["name"])
        places = [one for one in entry["parameters"] if one["place"] == "path"]
        options = sum(one in words for one in ("--max-restarts", "--process"))
        assert len(places) == len(words[: words.index("--node")] if called else words) - 2 * options
        assert (["--node", called] if called else []) == words[len(words) - 2 * bool(called) :], command
    assert {
        "mailbox.patterns", "process.list", "process.resume", "restart.list", "supervisor.pause",
        "supervisor.set_flags",
    } == names  # fmt: skip


def test_the_pace_of_a_standing_backlog_is_counted_unless_its_process_is_suspended() -> None:
    class Slow(otp.GenServer[int]):
        @otp.impl
        def init(self, arg: Any) -> otp.Ok[int]:
            return otp.Ok(0)

        @otp.impl
        async def handle_cast(self, message: Any, state: int) -> otp.NoReply[int]:
            await turns.get()
            handled.put_nowait(message)
            return otp.NoReply(state)

    turns, handled = asyncio.Queue[int](), asyncio.Queue[int]()

    async def main() -> None:
        async with otp.Node("service") as node:
            monitor = Monitor(lambda: Settings(anomaly_mailbox_wait=0.001), Ledger())
            monitor.watch(node)
            ledger = await node.start(Slow, None, name="ledger")
            suspended = await node.start(Slow, None, name="suspended")
            await otp.sys.suspend(suspended)
            for number in range(5000):
                otp.GenServer.cast(ledger, number)
                otp.GenServer.cast(suspended, number)
            while not (found := [one.finding for one in monitor.alarms.active.values()]):
                turns.put_nowait(1)
                await handled.get()
                await monitor.sample()
            assert only(found).type == "mailbox_backlog"
            assert re.fullmatch(r"ledger: [\d,]+ messages wait, about .+ at \S+ per second", found[0].description)
            assert {track.name: track.handled_per_s for track in monitor.facts().tracks}["suspended"] is None
            monitor.close()

    asyncio.run(main())


def test_holds_of_a_row_that_began_before_the_window_are_counted_from_its_first_one() -> None:
    """Regression: *once in the last 60 s*, of an anomaly that began 80 s before."""
    holds = [LoopHold(NOW - ago, 1.0, "0.7.0", "till", "Till") for ago in (80, 5)]
    (found,) = detectors.blocked_loop(facts(holds=holds), LIMITS)
    first = time_text(NOW - 81)
    assert found.description == f"till held the event loop once in the last 60 s, for 1 s; twice since {first}"
    (found,) = detectors.blocked_loop(facts(holds=holds[1:]), LIMITS)
    assert found.description == "till held the event loop once in the last 60 s, for 1 s"


def test_a_second_stop_of_a_program_is_another_anomaly_than_one_that_is_over() -> None:
    alarms, stops = Alarms(), [(NOW - 9, NOW - 5)]
    alarms.update(detectors.stopped_program(facts(stops=stops), LIMITS), NOW)
    alarms.update([], NOW + 60)
    (second,), _ = alarms.update(
        detectors.stopped_program(facts(now=NOW + 80, stops=[(NOW + 70, NOW + 75)]), LIMITS), NOW + 80
    )
    assert second.finding.since == NOW + 70


@pytest.mark.parametrize(
    ("callback", "begin"),
    [
        ("terminate", "its supervisor waits"),
        ("init", "the process that starts it waits"),
        ("handle_info", "a server does one"),
    ],
)
def test_the_advice_about_a_hang_fits_its_callback(callback: str, begin: str) -> None:
    """Regression: a server that hung in `terminate` was to answer its calls later."""
    hung = PendingCallback("0.7.0", "till", "Till", callback, NOW - 6, 0, None)
    (found,) = detectors.long_callback(facts(callbacks=[hung]), LIMITS)
    assert found.hint.startswith(begin)
