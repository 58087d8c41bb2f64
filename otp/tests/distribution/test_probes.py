"""Sessions that ask a node before they give it up: for a hint of the carrier, and for another incarnation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.distribution import NodeId, Session, SessionTransport
from otp.distribution.actions import Action, Down, Flush, Outdated, Put, Refused, Room, Signal, Taken, Up
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.faults import Cut

A, OLD, NEW = NodeId("a", 1), NodeId("b", 5), NodeId("b", 9)


class Sessions:
    """Sessions whose frames arrive at once, unless a node is silent; what else they wanted."""

    def __init__(self, *nodes: NodeId, has_lane: bool = True) -> None:
        features = {} if has_lane else {"features": 0}
        self.all = {node: Session(node, b"secret", probes=True, **features) for node in nodes}
        self.silent: set[NodeId] = set()
        self.seen: dict[NodeId, list[Any]] = {node: [] for node in nodes}
        self.now = 0.0

    def do(self, node: NodeId, what: str, *args: Any) -> None:
        todo: list[tuple[NodeId, Action]] = [(node, found) for found in self.ask(node, what, *args)]
        for at, action in todo:
            if isinstance(action, Room):
                todo += [(at, new) for new in self.all[at].room(action.node, 1 << 20)]
            elif isinstance(action, Flush):
                todo += [(at, new) for new in self.all[at].flush(action.node)]
            elif not isinstance(action, Put):
                self.seen[at].append(action)
            elif not {at, action.node} & self.silent and action.node in self.all:
                todo += [(action.node, new) for new in self.ask(action.node, "receive", at, action.frame)]

    def ask(self, node: NodeId, what: str, *args: Any) -> list[Action]:
        return getattr(self.all[node], what)(self.now, *args)

    def beats(self, count: int) -> None:
        for _ in range(count):
            self.now += 1.0
            for node in self.all:
                if node not in self.silent:
                    self.do(node, "tick")

    def take(self, node: NodeId) -> list[Any]:
        found, self.seen[node] = self.seen[node], []
        return found


def connected(**options: Any) -> Sessions:
    """Return sessions of which the old incarnation is connected and holds its name; the new one has not begun."""
    sessions = Sessions(A, OLD, NEW, **options)
    sessions.all[OLD].holds = sessions.all[A].holds = True
    sessions.do(OLD, "connect", A)
    assert [Up(OLD, 1)] == sessions.take(A)
    sessions.take(OLD)
    return sessions


def kinds(found: list[Any]) -> list[type]:
    return [type(action) for action in found]


def test_a_node_that_answers_survives_a_hint_that_it_is_gone() -> None:
    sessions = connected()
    for _ in range(3):
        sessions.do(A, "hint", OLD, False)
        sessions.beats(5)
    assert [] == sessions.take(A) == sessions.take(OLD)


def test_a_node_that_is_gone_is_down_a_heartbeat_after_the_hint() -> None:
    sessions = connected()
    sessions.silent.add(OLD)
    sessions.do(A, "hint", OLD, False)
    sessions.do(A, "expire")
    assert [] == sessions.take(A)
    sessions.beats(1)
    assert [Down(OLD, "hint")] == sessions.take(A)


def test_a_node_that_is_reached_again_has_a_heartbeat_for_each_of_two_steps_of_a_new_link() -> None:
    """At a round trip of 200 ms a handshake takes about as long as a heartbeat."""
    sessions = connected()
    sessions.silent.add(OLD)
    sessions.do(A, "hint", OLD, False)
    for _ in range(2):
        sessions.now += 0.9
        sessions.do(A, "hint", OLD, True)
        sessions.do(A, "expire")
    sessions.now += 0.9
    sessions.do(A, "hint", OLD, True)  # a third one is none
    sessions.do(A, "expire")
    assert [] == sessions.take(A)
    sessions.now += 0.2
    sessions.do(A, "expire")
    assert [Down(OLD, "hint")] == sessions.take(A)


def test_a_node_that_is_gone_between_two_heartbeats_is_down_between_the_next_two() -> None:
    sessions = connected()
    sessions.silent.add(OLD)
    sessions.now += 0.5
    sessions.do(A, "hint", OLD, False)
    sessions.now -= 0.5
    sessions.beats(1)
    assert [] == sessions.take(A)
    sessions.now += 0.5
    sessions.do(A, "expire")
    assert [Down(OLD, "hint")] == sessions.take(A)


def test_a_node_whose_answer_to_a_probe_was_lost_is_asked_again_at_the_next_hint() -> None:
    sessions = connected()
    for action in sessions.ask(A, "hint", OLD, False):
        if isinstance(action, Put):
            sessions.ask(OLD, "receive", A, action.frame)
    sessions.now += 0.5
    sessions.do(A, "hint", OLD, False)
    sessions.now += 0.5
    sessions.do(A, "expire")
    assert [] == sessions.take(A)


def test_a_living_name_is_refused_and_a_dead_one_is_free_after_dead() -> None:
    sessions = connected()
    sessions.do(NEW, "connect", A)
    sessions.beats(1)
    assert [Taken(A)] == sessions.take(NEW)[:1]
    assert [("name_taken", "b")] == [refused.reason for refused in sessions.take(A)]
    sessions.silent.add(OLD)
    sessions.beats(8)
    assert [Down(OLD, "timeout"), Up(NEW, 2)] == sessions.take(A)
    assert Up(A, 1) in sessions.take(NEW)


def test_two_that_hold_one_name_leave_it_to_the_later_one() -> None:
    sessions = connected()
    sessions.all[NEW].holds = True  # it was accepted elsewhere
    sessions.do(NEW, "connect", A)
    sessions.beats(2)
    assert [Down(OLD, "restart"), Up(NEW, 2)] == [a for a in sessions.take(A) if not isinstance(a, Refused)]
    assert Outdated(A, 9) in sessions.take(OLD)


@pytest.mark.parametrize("holds", [True, False])
def test_only_one_that_holds_its_name_makes_older_ones_outdated(holds: bool) -> None:
    sessions = Sessions(A, OLD, NEW)
    sessions.all[OLD].holds, sessions.all[NEW].holds = True, holds
    sessions.do(NEW, "connect", A)
    assert [Up(NEW, 1)] == sessions.take(A)
    sessions.do(NEW, "disconnect", A)
    sessions.take(A)
    sessions.do(OLD, "connect", A)
    assert ([Outdated(A, 9)] if holds else [Up(A, 1)]) == sessions.take(OLD)


def test_namesakes_that_meet_leave_the_name_to_the_one_that_holds_it() -> None:
    sessions = Sessions(OLD, NEW)
    sessions.do(NEW, "hint", OLD, True)
    assert [] == sessions.take(OLD) == sessions.take(NEW)  # neither holds it yet
    sessions.all[OLD].holds = True
    sessions.beats(1)
    assert [Taken(OLD)] == sessions.take(NEW)
    assert [Refused] == kinds(sessions.take(OLD))
    sessions.all[NEW].holds = True
    sessions.do(OLD, "hint", NEW, True)
    sessions.beats(1)
    assert Taken(NEW) in sessions.take(OLD)
    assert Taken(OLD) not in sessions.take(NEW)


@pytest.mark.parametrize("has_lane", [True, False])
def test_a_probe_changes_no_signal(has_lane: bool) -> None:
    sessions = connected(has_lane=has_lane)
    signals = [b"small", b"x" * 300_000, b"", b"y" * 100_000, b"last"]
    for signal in signals:
        sessions.do(A, "hint", OLD, False)
        sessions.do(A, "send", OLD, signal)
    sessions.beats(3)
    assert sorted(signals) == sorted(action.data for action in sessions.take(OLD) if isinstance(action, Signal))
    assert [] == [action for action in sessions.take(A) if isinstance(action, Down)]


def test_the_transport_drops_a_node_exactly_a_heartbeat_after_the_hint() -> None:
    class Events:
        def __init__(self) -> None:
            self.all: asyncio.Queue[tuple[str, float]] = asyncio.Queue()

        def node_up(self, node: NodeId, epoch: int) -> None:
            self.all.put_nowait(("up", asyncio.get_running_loop().time()))

        def signal(self, node: NodeId, data: Any) -> None: ...

        def node_down(self, node: NodeId, reason: str) -> None:
            self.all.put_nowait((reason, asyncio.get_running_loop().time()))

    async def main() -> None:
        network, events = SimulatedNetwork(), Events()
        one, two = (SessionTransport(network.carrier(me), Session(me, b"secret", probes=True)) for me in (A, OLD))
        await one.start(events)
        await two.start(Events())
        assert "up" == (await events.all.get())[0]
        await otp.testing.advance(3.4)
        begun = asyncio.get_running_loop().time()
        one.inject(Cut("b"))
        one._hint(OLD, False)
        reason, at = await events.all.get()
        assert ("hint", 1.0) == (reason, round(at - begun, 3))
        for transport in (one, two):
            await transport.stop()

    otp.testing.Scheduler().run(main)
