"""The rules of histories: each finds a planted bug, and none finds something in a run without one."""

from __future__ import annotations

from typing import Any

import pytest

from otp.cluster.membership import Membership
from otp.cluster.simulation.recording import RecordedTransport
from otp.distribution.session import Session
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
