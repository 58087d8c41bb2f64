"""The history: any sequence of events gives the same figures as a naive recount."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superlearner.control.terms import text_of
from superlearner.observing.analytics import Book, Entry, apply, failure_rate, meet

NS = 1_000_000_000


@dataclass(frozen=True)
class Happened:
    seq: int
    kind: str
    pid: Any
    at: int = 0
    cause: int = 0
    data: dict[str, Any] = field(default_factory=dict)


class Story:
    """Generator of a supervisor's events, in order."""

    def __init__(self) -> None:
        self.events: list[Happened] = []
        self.seq = 0
        self.next_pid = 100
        self.restarts: Counter[str] = Counter()

    def tell(self, kind: str, pid: str, at: int, cause: int = 0, **data: Any) -> int:
        self.seq += 1
        self.events.append(Happened(self.seq, kind, pid, at, cause, data))
        return self.seq

    def new_pid(self) -> str:
        self.next_pid += 1
        return f"0.{self.next_pid}.0"

    def start(self, sup: str, id: Any, at: int, cause: int = 0, *, along: bool = False) -> str:
        child = self.new_pid()
        self.tell(
            "child_started", sup, at, cause, supervisor=sup, id=id, child=child, restart="permanent", type="w",
            old=None, restarts=self.restarts[f"{sup} {text_of(id)}"], along=along,
        )  # fmt: skip
        return child

    def end(self, sup: str, id: Any, child: str, reason: Any, at: int, by: str = "exit") -> int:
        self.seq += 1  # the child's `exited` event, which is not processed
        exited = self.seq
        self.tell("child_terminated", sup, at, exited, id=id, child=child, reason=reason, by=by)
        return exited

    def restart(self, sup: str, id: Any, old: str, reason: Any, at: int, cause: int) -> str:
        child = self.new_pid()
        self.restarts[f"{sup} {text_of(id)}"] += 1
        self.tell(
            "child_restarted", sup, at, cause, id=id, child=child, old=old, reason=reason, strategy="one_for_one",
            used=1, allowed=3, window=5, group=(), restarts=self.restarts[f"{sup} {text_of(id)}"], along=False,
        )  # fmt: skip
        return child

    def book(self, *supervisors: str, most: int = 1_000) -> tuple[Book, list[Entry]]:
        book = Book(offset=1_000.0, most=most)
        for pid in supervisors:
            meet(book, pid, None)
        return book, [entry for event in self.events if (entry := apply(book, event)) is not None]


def facts(entry: Entry) -> tuple[Any, ...]:
    return entry.event_type, entry.child_id, entry.old_pid, entry.child_pid, entry.reason


def test_an_end_and_a_restart_have_pid_reason_and_recovery_time() -> None:
    story = Story()
    child = story.start("0.1.0", "till", at=0)
    exited = story.end("0.1.0", "till", child, ValueError("x"), at=2 * NS)
    again = story.restart("0.1.0", "till", child, "killed", at=3 * NS, cause=exited)
    book, entries = story.book("0.1.0")
    assert [facts(entry) for entry in entries][::2] == [
        ("started", "till", None, child, None),
        ("restarted", "till", child, again, "killed"),
    ]
    assert (entries[2].at, entries[2].recovery_s, entries[1].crash) == (1003.0, 1.0, True)
    history = book.histories["0.1.0"]
    assert [entry.event_type for entry in history.restart_history()] == ["restarted"]
    assert (history.total_restarts, history.recoveries, history.recovery_ns) == (1, 1, NS)


def test_siblings_restarted_along_differ_from_children_that_are_started() -> None:
    story = Story()
    a, b = story.start("0.1.0", "a", at=0), story.start("0.1.0", "b", at=0)
    exited = story.end("0.1.0", "a", a, "boom", at=1)
    story.end("0.1.0", "b", b, "shutdown", at=2, by="supervisor")
    story.restart("0.1.0", "a", a, "boom", at=3, cause=exited)
    again = story.start("0.1.0", "b", at=4, cause=exited, along=True)
    story.start("0.1.0", "c", at=5, cause=77)  # while messages are traced, an ordinary start has a cause as well
    book, entries = story.book("0.1.0")
    assert [facts(entry) for entry in entries[3:]] == [
        ("stopped", "b", b, None, "shutdown"),
        ("restarted", "a", a, "0.103.0", "boom"),
        ("restarted_along", "b", b, again, "shutdown"),
        ("started", "c", None, "0.105.0", None),
    ]
    assert book.histories["0.1.0"].total_restarts == 1


def test_a_failed_restart_names_the_child_that_had_ended_until_it_runs_or_the_supervisor_gives_up() -> None:
    story = Story()
    a = story.start("0.1.0", "a", at=0)
    exited = story.end("0.1.0", "a", a, "boom", at=1)
    budget = {"used": 1, "allowed": 3, "window": 5}
    failed = story.tell("restart_failed", "0.1.0", 2, exited, id="a", reason="no disk", **budget)
    failed = story.tell("restart_failed", "0.1.0", 3, failed, id="a", reason="no disk", **budget)
    story.tell("gave_up", "0.1.0", 4, failed, id="a", reason="no disk", **budget)
    book, entries = story.book("0.1.0")
    assert [facts(entry) for entry in entries[2:]] == [
        ("restart_failed", "a", a, None, "no disk"),
        ("restart_failed", "a", a, None, "no disk"),
        ("gave_up", "a", a, None, "no disk"),
    ]
    history = book.histories["0.1.0"]
    assert (history.total_restarts, history.attempts.total, history.count("gave_up")) == (0, 2, 1)


def test_children_without_an_id_are_kept_apart_by_their_pids() -> None:
    story = Story()
    a, b = story.start("0.1.0", None, at=0), story.start("0.1.0", None, at=0)
    first = story.end("0.1.0", None, a, "x", at=NS)
    second = story.end("0.1.0", None, b, "y", at=2 * NS)
    story.restart("0.1.0", None, b, "y", at=3 * NS, cause=second)
    story.restart("0.1.0", None, a, "x", at=5 * NS, cause=first)
    _, entries = story.book("0.1.0")
    assert [(entry.old_pid, entry.reason, entry.recovery_s) for entry in entries[-2:]] == [(b, "y", 1.0), (a, "x", 4.0)]


def test_a_supervisor_of_the_same_name_continues_the_history_with_a_full_budget() -> None:
    book = Book()
    meet(book, "0.1.0", "shop")
    story = Story()
    a = story.start("0.1.0", "a", at=0)
    story.restart("0.1.0", "a", a, "x", at=1, cause=story.end("0.1.0", "a", a, "x", at=1))
    for event in story.events:
        apply(book, event)
    history = meet(book, "0.9.0", "shop")
    assert (list(book.histories), history.pid, history.incarnations) == (["shop"], "0.9.0", 2)
    assert (history.total_restarts, history.attempts.total) == (1, 0)
    for number in range(100):
        meet(book, f"0.{number + 20}.0", "shop")
    assert len(book.by_pid) == 20


def test_memory_is_bounded_and_counts_are_not() -> None:
    story = Story()
    child = story.start("0.1.0", "a", at=0)
    for number in range(1, 31):
        exited = story.end("0.1.0", "a", child, f"reason {number}", at=number)
        child = story.restart("0.1.0", "a", child, f"reason {number}", at=number, cause=exited)
    book, _ = story.book("0.1.0", most=10)
    history = book.histories["0.1.0"]
    assert [entry.reason for entry in history.restart_history()] == [f"reason {number}" for number in range(30, 20, -1)]
    assert (len(history.recent), len(history.others), history.total_restarts) == (10, 10, 30)
    assert failure_rate(history, 30, 60_000).restarts == 30


def test_child_names_and_reasons_are_counted_individually_up_to_a_limit() -> None:
    story = Story()
    for number in range(300):
        child = story.start("0.1.0", number, at=number)
        exited = story.end("0.1.0", number, child, str(number), at=number)
        story.restart("0.1.0", number, child, str(number), at=number, cause=exited)
    book, _ = story.book("0.1.0")
    history = book.histories["0.1.0"]
    assert (len(history.by_child), history.by_child["…"], sum(history.by_child.values())) == (201, 100, 300)
    assert sum(history.by_reason.values()) == 300


def test_the_limits_hold_for_merged_histories_of_a_place() -> None:
    story = Story()
    for sup in ("0.1.0", "0.2.0"):
        for number in range(150):
            child = story.start(sup, number, at=number)
            exited = story.end(sup, number, child, f"{sup} {number}", at=number)
            story.restart(sup, number, child, f"{sup} {number}", at=number, cause=exited)
    book, _ = story.book("0.1.0", "0.2.0", most=20)
    book.settle("0.1.0", "top/shop")
    book.settle("0.2.0", "top/shop")
    history = book.by_pid["0.2.0"]
    assert (history.total_restarts, len(history.recent), len(history.others)) == (300, 20, 20)
    assert (len(history.by_reason), history.by_reason["…"], sum(history.by_reason.values())) == (201, 100, 300)
    history.take_over((f"child {number}", 2, 0) for number in range(300))
    assert (len(history.by_child), history.by_child["…"], sum(history.by_child.values())) == (201, 200, 600)


class Nasty:
    """An id and a reason whose methods raise."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("value", [Nasty(), "x" * 100_000, "\ud800", ("shutdown", Nasty()), b"\0"])
def test_no_user_code_runs_and_entries_are_short_text(value: Any) -> None:
    story = Story()
    exited = story.end("0.1.0", value, "0.2.0", value, at=1)
    story.restart("0.1.0", value, "0.2.0", value, at=2, cause=exited)
    _, entries = story.book("0.1.0")
    assert [entry.event_type for entry in entries] == ["terminated", "restarted"]
    for entry in entries:
        assert len(f"{entry.child_id}{entry.reason}".encode()) < 2_000


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["0.1.0", "0.2.0"]),
        st.sampled_from(["a", "b", 3]),
        st.sampled_from(["restart", "fail", "group", "good", "stop", "give_up"]),
        st.sampled_from(["killed", "boom", "normal"]),
        st.integers(0, 3 * NS),
    ),
    max_size=80,
)


@settings(max_examples=150, deadline=None)
@given(MOVES, st.integers(1, 40), st.integers(1, 10_000))
def test_all_figures_are_those_of_a_naive_recount(moves: list[Any], most: int, window_ms: int) -> None:
    story = Story()
    running: dict[tuple[str, Any], str] = {}
    expected: list[tuple[str, int, str, str, str | None]] = []  # supervisor, at, type, child, reason
    now = 0
    for sup, id, move, reason, passed in moves:
        now += passed
        if (sup, id) not in running:
            running[sup, id] = story.start(sup, id, now)
        old = running.pop((sup, id))
        if move == "stop":
            story.end(sup, id, old, "shutdown", now, by="supervisor")
            continue
        cause = story.end(sup, id, old, reason, now)
        if move == "good":
            continue
        budget = {"used": 1, "allowed": 3, "window": 5, "id": id, "reason": reason}
        if move == "give_up":
            story.tell("gave_up", sup, now, cause, **budget)
            expected.append((sup, now, "gave_up", str(id), reason))
            continue
        if move == "fail":
            cause = story.tell("restart_failed", sup, now, cause, **budget)
            expected.append((sup, now, "restart_failed", str(id), reason))
        others = [key for key in running if key[0] == sup] if move == "group" else []
        for other in others:
            story.end(sup, other[1], running[other], "shutdown", now, by="supervisor")
        running[sup, id] = story.restart(sup, id, old, reason, now, cause)
        expected.append((sup, now, "restarted", str(id), reason))
        for other in others:
            running[other] = story.start(sup, other[1], now, cause, along=True)
            expected.append((sup, now, "restarted_along", str(other[1]), "shutdown"))
    book, entries = story.book("0.1.0", "0.2.0", most=most)
    assert [entry.number for entry in entries] == list(range(1, len(story.events) + 1))
    for sup in ("0.1.0", "0.2.0"):
        history = book.histories[sup]
        own = [one for one in expected if one[0] == sup]
        recorded = [
            (entry.event_type, "3" if entry.child_id == "3" else entry.child_id, entry.reason)
            for entry in history.restart_history()
        ]
        assert recorded == [(kind, id, reason) for _, _, kind, id, reason in reversed(own)][:most]
        restarted = [one for one in own if one[2] == "restarted"]
        counted = {kind: count for kind, count in history.counts.items() if kind in {one[2] for one in expected}}
        assert counted == Counter(one[2] for one in own)
        assert history.by_reason == Counter(one[4] for one in restarted)
        rate = failure_rate(history, now, window_ms)
        assert rate.restarts == sum(one[1] >= now - window_ms * 1_000_000 for one in restarted)
        numbers = [entry.number for entry in history.entries()]
        assert numbers == sorted(numbers, reverse=True)
    assert book.total_restarts == sum(one[2] == "restarted" for one in expected)
