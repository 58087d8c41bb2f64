"""The signals of a burst: bounded, in order, and between named processes."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from superlearner.control.slots import Budget, Slot, key_part
from superlearner.live.feed import Feed
from superlearner.live.projection import Projection, graft
from superlearner.live.projector import apply
from superlearner.live.signals import LETTERS, MOST_SIGNALS, NOBODY, Burst

PIDS = [f"0.{number}.0" for number in range(1, 9)]


@dataclass(frozen=True)
class Happened:
    seq: int
    kind: str
    pid: Any
    cause: int
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    at: int = 0


def child(name: str, pid: str, *below: Slot, strategy: str | None = None) -> Slot:
    return Slot(
        name, key_part(name), pid, name, "supervisor" if strategy else "worker", "What", "permanent", strategy,
        Budget(0, 3, 5.0) if strategy else None, children=below, child_count=len(below) if strategy else None,
    )  # fmt: skip


def model() -> Projection:
    found = Projection()
    inner = child("inner", PIDS[1], child("a", PIDS[2]), child("b", PIDS[3]), strategy="rest_for_one")
    graft(found, child("top", PIDS[0], inner, child("c", PIDS[4]), strategy="one_for_one"), None, 0.0)
    return found


KINDS = ("exited", "exited", "child_terminated", "child_terminated", "child_started", "child_restarted",
         "restart_failed", "gave_up", "strategy_changed")  # fmt: skip
REASONS = ("killed", "normal", "shutdown", ("shutdown", 1), ValueError("no term at all"))


def history_of(seed: int, length: int) -> list[Happened]:
    """Return events in any order, with causes in the past."""
    chance = random.Random(seed)
    found: list[Happened] = []
    at = 0
    for seq in range(1, length + 1):
        at += chance.randrange(10**9)
        data = {
            "id": chance.choice(["a", "b", "c", "inner", None]), "child": chance.choice(PIDS), "type": "worker",
            "old": chance.choice([None, *PIDS]), "reason": chance.choice(REASONS), "restart": "permanent",
            "by": chance.choice(["exit", "supervisor"]), "sender": chance.choice([None, *PIDS]), "window": 5,
            "strategy": "rest_for_one", "used": 1, "allowed": 3, "group": chance.sample("abc", chance.randrange(4)),
            "what": "What", "name": None,
        }  # fmt: skip
        found.append(Happened(seq, chance.choice(KINDS), chance.choice(PIDS), chance.randrange(seq + 1), data, at))
    return found


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_for_any_events_signals_are_bounded_ordered_and_between_named_processes(seed: int, length: int) -> None:
    shown, feed = model(), Feed()
    for event in history_of(seed, length):
        feed.take(shown, event)
        apply(shown, event)
    for entry in feed.entries():
        signals = (entry.parts or {}).get("signals")
        if signals is None:
            continue
        assert len(signals["list"]) <= MOST_SIGNALS
        times = [signal[3] for signal in signals["list"]]
        assert times == sorted(times)
        assert times[0] == 0
        for kind, source, target, _, *word in signals["list"]:
            assert 0 <= target < len(signals["who"])
            assert NOBODY <= source < len(signals["who"])
            assert (source == NOBODY) <= (kind in ("k", "l"))
            assert all(len(said) <= 80 for said in word)
        assert len(set(map(str, signals["who"]))) == len(signals["who"])
        json.dumps(signals)


parties = st.sampled_from([("s/a", "a"), ("s/b", "b"), ("s", "s")])


@given(
    st.lists(st.tuples(st.sampled_from(["exit", "stop", "start"]), parties, parties, st.integers(0, 100)), max_size=90)
)
def test_a_burst_keeps_its_first_signals_and_counts_the_rest(entered: list[tuple[Any, Any, Any, int]]) -> None:
    burst = Burst()
    for kind, source, target, at in entered:
        burst.add(kind, source, target, at)
    shown = burst.encode()
    assert len(shown["list"]) + shown.get("more", 0) == len(entered)
    assert [signal[0] for signal in shown["list"]] == [LETTERS[kind] for kind, *_ in entered[:MOST_SIGNALS]]
    copied = burst.copy()
    copied.add("exit", ("s/z", "z"), ("s", "s"), 0)
    assert burst.encode() == shown
