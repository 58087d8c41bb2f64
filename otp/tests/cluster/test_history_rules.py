"""The rules of histories: each finds a planted bug, and none finds something in a run without one."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

import otp
from later_meeting import meet_later
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import Global
from otp.cluster.claims import Claims
from otp.cluster.formation import Formation
from otp.cluster.membership import Membership
from otp.cluster.simulation import Event, SimulatedCluster, Violation, check_history
from otp.cluster.simulation.recording import RecordedTransport
from otp.distribution.session import Session
from otp.testing import Scheduler
from random_faults import find_violations, run_with_faults

SEEDS = range(500)


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_no_rule_is_broken_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + 10):
        assert [] == run_with_faults(seed), f"seed {seed}"


def test_r5_finds_a_signal_that_is_lost_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    deliver, count = RecordedTransport._do_one, [0]

    def lose_some(self: Any, action: Any) -> None:
        count[0] += type(action).__name__ == "Signal"
        if count[0] % 40 != 39 or type(action).__name__ != "Signal":
            deliver(self, action)

    monkeypatch.setattr(RecordedTransport, "_do_one", lose_some)
    assert find_violations("R5", SEEDS) is not None


def test_r5_finds_a_signal_that_arrives_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    data, count = Session._data, [0]

    def repeat_some(self: Any, *args: Any) -> Any:
        actions = data(self, *args)
        count[0] += 1
        return actions[:1] + actions if count[0] % 50 == 49 and type(actions[0]).__name__ == "Signal" else actions

    monkeypatch.setattr(Session, "_data", repeat_some)
    assert find_violations("R5", SEEDS) is not None


def test_r8_finds_a_member_that_comes_up_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Membership.ended

    def forget_timeouts(self: Any, node: Any, reason: str) -> None:
        if reason != "timeout":
            ended(self, node, reason)

    monkeypatch.setattr(Membership, "ended", forget_timeouts)
    assert find_violations("R8", SEEDS) is not None


# Global names


def named(seed: int) -> list[Violation]:
    return run_with_faults(seed, register_some)


async def _own(name: str) -> None:
    with suppress(AlreadyRegistered):
        await Global.register(name)
        await otp.receive()


def register_some(sim: SimulatedCluster, draw: random.Random) -> None:
    sim.spawn(draw.choice(sim.alive), _own, draw.choice("abc"))


def test_r1_finds_an_owner_that_ignores_a_lost_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claims, "_lose", lambda *_: None)
    assert find_violations("R1", SEEDS, named) is not None


def test_r2_finds_a_claim_that_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claims, "send_all", lambda *_: None)  # after a partition its claims are missing
    monkeypatch.setattr(SimulatedCluster, "_disagreement", members_only)
    assert find_violations("R2", SEEDS, named) is not None


def test_r3_finds_a_conflict_that_both_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = Claims._enter

    def lose_always(self: Any, name: Any, claim: Any) -> None:
        mine = self._claims.get(name, {}).get(self._membership.me.name)
        if mine is not None and mine.pid is not claim.pid:
            self._lose(name, mine.pid, claim.pid, mine.time)
        enter(self, name, claim)

    monkeypatch.setattr(Claims, "_enter", lose_always)
    assert find_violations("R3", SEEDS, named) is not None


def test_r3_finds_a_younger_cluster_that_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Formation, "_redate", lambda *_: None)

    async def main() -> None:
        async with SimulatedCluster(1, check=False) as sim:
            await meet_later(sim, _own, 5, 0)
            assert ["R3"] == [violation.rule for violation in sim.check()]
            assert "whose cluster was younger" in sim.check()[0].text

    Scheduler(seed=1).run(main)


def test_r7_finds_tables_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claims, "send_all", lambda *_: None)
    monkeypatch.setattr(SimulatedCluster, "_disagreement", members_only)
    assert find_violations("R7", SEEDS, named) is not None


disagreement = SimulatedCluster._disagreement


def members_only(sim: Any) -> str | None:
    """Compare members, as a simulation without tables would."""
    found = disagreement(sim)
    return None if found is not None and found.startswith("the tables") else found


# Supervisors and leases: histories of a small model, by a seed


def child_history(seed: int, bug: bool) -> list[Violation]:
    """Return the violations when a member with a child is killed; with the bug it sometimes starts too late."""
    draw = random.Random(seed)
    late = bug and draw.random() < 0.1
    restarted = 1 + (draw.uniform(4, 9) if late else draw.uniform(0.5, 3))
    data = {"supervisor": "s", "id": "w", "restart": "permanent"}
    return check_history(
        [
            Event(0, "", "began", {"heartbeat": 0.25, "dead": 1.0, "settle": 1.0}),
            Event(0, "n1", "child_started", data | {"pid": ("n1", 1, 5)}),
            Event(0, "n1", "child_kept", data | {"on": [("n1", 1), ("n2", 1)]}),
            Event(1, "n1", "killed", {"of": "n1", "incarnation": 1}),
            Event(restarted, "n2", "child_started", data | {"pid": ("n2", 1, 7)}),
            Event(12, "", "converged", {"views": {"n2": {"members": {"n2": 1}}}}),
        ]
    )


def lease_history(seed: int, bug: bool) -> list[Violation]:
    """Return the violations of owners in turn; with the bug one sometimes handles a message after its deadline."""
    draw, events = random.Random(seed), list[Event]()
    key = {"table": "t", "key": "k"}
    for epoch in range(1, 6):
        pid = (f"n{epoch}", 1, 5)
        events.append(Event(epoch, pid[0], "lease_acquired", key | {"pid": pid, "epoch": epoch}))
        events.append(Event(epoch, pid[0], "handling", key | {"pid": pid}))
        if bug and epoch > 1 and draw.random() < 0.02:
            events.append(Event(epoch, "n1", "handling", key | {"pid": (f"n{epoch - 1}", 1, 5)}))
        events.append(Event(epoch + 0.5, pid[0], "lease_ended", key | {"pid": pid}))
    return check_history(events)


def handover_history(seed: int, bug: bool) -> list[Violation]:
    """Return the violations of planned moves; with the bug a term sometimes arrives once more."""
    draw, events = random.Random(seed), list[Event]()
    for turn in range(5):
        data = {"supervisor": "s", "id": "w", "term": draw.randrange(100)}
        events.append(Event(turn, "n1", "handed_over", data))
        for _ in range(2 if bug and draw.random() < 0.02 else draw.choice([0, 1])):
            events.append(Event(turn, "n2", "taken_over", data))
    return check_history(events)


@pytest.mark.parametrize(("rule", "history"), [("R4", child_history), ("R6", lease_history), ("R9", handover_history)])
def test_rules_of_supervisors_and_leases_find_a_planted_bug_in_histories(rule: str, history: Any) -> None:
    assert find_violations(rule, SEEDS, lambda seed: history(seed, True)) is not None
    assert [] == [violation for seed in SEEDS for violation in history(seed, False)]


def test_a_child_whose_start_no_other_member_knows_is_not_missed() -> None:
    """Others may know another child of that id, which ran on their side of a partition."""
    other = CHILD | {"pid": ("n2", 1, 5), "restart": "temporary"}
    events = [
        Event(0, "", "began", {"dead": 1.0, "heartbeat": 0.25, "settle": 1.0}),
        Event(1, "n1", "child_started", CHILD | {"pid": ("n1", 1, 5)}),
        Event(2, "n2", "child_started", other),
        Event(2, "n2", "child_kept", CHILD | {"on": [("n2", 1), ("n3", 1)]}),
        Event(3, "", "killed", {"of": "n2", "incarnation": 1}),
        Event(4, "", "killed", {"of": "n1", "incarnation": 1}),
        Event(20, "", "heal", {}),
    ]
    assert [] == check_history(events)
    known = Event(1, "n1", "child_kept", CHILD | {"on": [("n1", 1), ("n3", 1)]})
    assert ["R4"] == [found.rule for found in check_history([*events[:2], known, *events[2:]])]


def test_a_child_is_not_missed_by_members_that_know_only_a_temporary_one_before_it() -> None:
    """That one ended with the lease of its member, on which the other one started while it was cut off."""

    def check(restart: str) -> list[str]:
        first = CHILD | {"pid": ("n1", 1, 5), "restart": restart}
        events = [
            Event(0, "", "began", {"dead": 1.0, "heartbeat": 0.25, "settle": 1.0}),
            Event(1, "n1", "child_started", first),
            Event(1, "n1", "child_kept", CHILD | {"on": [("n1", 1), ("n2", 1)]}),
            Event(2, "n1", "child_ended", first),
            Event(3, "n1", "child_started", CHILD | {"pid": ("n1", 1, 6)}),
            Event(3, "n1", "child_kept", CHILD | {"on": [("n1", 1)]}),
            Event(4, "", "killed", {"of": "n1", "incarnation": 1}),
            Event(20, "", "heal", {}),
        ]
        return [found.rule for found in check_history(events)]

    assert [] == check("temporary")
    assert ["R4"] == check("permanent")


def test_terms_of_two_processes_of_a_child_may_arrive_in_any_order() -> None:
    """The first one may wait for a stalled member, while the child moves from its old member again."""
    first, second = CHILD | {"pid": ("n1", 1, 5), "term": 1}, CHILD | {"pid": ("n1", 1, 6), "term": 2}
    events = [
        Event(0, "n1", "handed_over", first),
        Event(1, "n1", "handed_over", second),
        Event(2, "n2", "taken_over", second),
        Event(3, "n3", "taken_over", first),
    ]
    assert [] == check_history(events)
    assert ["R9"] == [found.rule for found in check_history([*events, Event(4, "n2", "taken_over", second)])]


VIEWS = {"n1": {"members": {"n1": 1, "n2": 1}}, "n2": {"members": {"n1": 1, "n2": 1}}}
CHILD = {"supervisor": "s", "id": "w"}
LEASE = {"table": "t", "key": "k"}


@pytest.mark.parametrize(
    ("rule", "events", "text"),
    [
        (
            "R4",
            [
                Event(0, "n1", "child_started", CHILD | {"pid": ("n1", 1, 5)}),
                Event(0, "n2", "child_started", CHILD | {"pid": ("n2", 1, 5)}),
                Event(1, "", "converged", {"views": VIEWS}),
            ],
            "<0.5.0> of n1#1 and <0.5.0> of n2#1 run",
        ),
        (
            "R6",
            [
                Event(0, "n1", "lease_acquired", LEASE | {"pid": ("n1", 1, 5), "epoch": 2}),
                Event(1, "n2", "lease_acquired", LEASE | {"pid": ("n2", 1, 5), "epoch": 2}),
            ],
            "got epoch 2 after epoch 2",
        ),
        (
            "R9",
            [Event(0, "n1", "handed_over", CHILD | {"term": 1}), Event(1, "n2", "taken_over", CHILD | {"term": 2})],
            "it took over 2, handed over was 1",
        ),
        (
            "R3",
            [Event(0, "n1", "conflict", LEASE | {"pid": ("n1", 1, 5), "winner": ("n2", 1, 5)})],
            "which never registered it",
        ),
        ("R8", [Event(0, "n1", "member_up", {"of": "n2", "incarnation": 1})] * 2, "while #1 was up"),
    ],
)
def test_a_history_that_breaks_a_rule(rule: str, events: list[Event], text: str) -> None:
    (violation,) = check_history(events)
    assert rule == violation.rule
    assert text in violation.text
