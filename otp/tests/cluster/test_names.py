"""Two members with one name: the first one alive, stalled, or killed a moment ago; and restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.cluster import JoinRefused
from otp.distribution import NodeId
from simulated_clusters import SETTINGS, Clusters, Fixed, MembershipLog, names, settle

LOST = SETTINGS.dead + 3 * SETTINGS.heartbeat


def refusals(cluster: Any) -> list[Any]:
    return [(refusal.node, refusal.reason, refusal.by) for refusal in cluster.refused()]


TAKEN = ("name_taken", "b")


def test_a_living_name_is_refused_and_the_first_is_undisturbed(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        seen, its = MembershipLog(a), MembershipLog(b)
        await settle()
        seen.take(), its.take()
        with pytest.raises(JoinRefused, match="the name 'b' belongs to a living member") as caught:
            await c.join("b")
        assert TAKEN == caught.value.reason
        await settle(3 * SETTINGS.dead)
        assert [] == seen.take() == its.take()
        assert ("b", TAKEN, "here") in refusals(a) + refusals(b) + refusals(d)
        assert 3 == len(b.members())

    clusters(main)


def test_a_living_name_is_refused_by_address(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        await c.join("b", connect="sim/a")
        with pytest.raises(JoinRefused) as caught:
            await c.join("b", connect="sim/a")
        assert TAKEN == caught.value.reason
        assert ["a", "b"] == names(a)
        assert [("b", TAKEN, "here")] == refusals(a)

    clusters(main, hints=False)


def test_a_living_name_is_refused_by_its_holder_alone(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        b = await c.join("b")
        with pytest.raises(JoinRefused) as caught:
            await c.join("b")
        assert TAKEN == caught.value.reason
        await settle(3)
        assert [("b", TAKEN, "here")] == refusals(b)
        assert ["b"] == names(b)

    clusters(main)


@pytest.mark.parametrize("hints", [True, False])
def test_a_name_killed_a_moment_ago_is_free_and_its_successor_a_new_member(clusters: Any, hints: bool) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        b = await c.join("b", connect="sim/a")
        d = await c.join("d", connect="sim/a")
        for cluster in (a, b, d):
            await cluster.wait_size(3)
        seen = MembershipLog(a)
        await settle()
        seen.take()
        dying = asyncio.ensure_future(c.kill(b))
        await settle(0.05)
        again = await c.join("b", connect="sim/a")
        await again.wait_size(3)
        await d.wait_size(3)
        await dying
        await settle()
        down, up = seen.take()
        assert ("down", "b#2", "connection_lost" if hints else "timeout") == down
        assert ("up", "b#4") == up
        assert [] == refusals(a) == refusals(again)

    clusters(main, hints=hints)


def test_a_stalled_name_is_free_after_dead_and_its_first_holder_is_refused_when_it_wakes(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        c.stall(b)
        began = asyncio.get_running_loop().time()
        again = await c.join("b")
        assert SETTINGS.dead - 3 * SETTINGS.heartbeat <= asyncio.get_running_loop().time() - began <= LOST
        await a.wait_size(2)
        seen = MembershipLog(a)
        await settle(1)
        seen.take()
        c.resume(b)
        await settle(2)
        assert [] == seen.take()
        assert [] == b.members()
        assert ("a", TAKEN, "there") in refusals(b) or ("b", TAKEN, "there") in refusals(b)
        assert ["b", "a"] == names(again)

    clusters(main)


def test_a_stalled_name_that_wakes_in_time_keeps_it(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        c.stall(b)
        second = asyncio.ensure_future(c.join("b"))
        await settle(SETTINGS.dead / 2)
        c.resume(b)
        with pytest.raises(JoinRefused) as caught:
            await second
        assert TAKEN == caught.value.reason
        await settle(2)
        assert (["a", "b"], ["b", "a"]) == (names(a), names(b))

    clusters(main)


def test_a_name_given_on_both_sides_of_a_cut_belongs_to_the_later_one_after_it_heals(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        walls: list[tuple[set[str], set[str]]] = []

        class Walled:
            """A carrier of the network with walls between incarnations, which share the faults of a name."""

            def __init__(self, me: NodeId) -> None:
                self.inner = c.network.carrier(me)
                self.start, self.close, self.connect = self.inner.start, self.inner.close, self.inner.connect
                self.room, self.arrived = self.inner.room, self.inner.arrived
                self.me, self.address = str(me), self.inner.address

            def put(self, node: NodeId, frame: bytes) -> None:
                if not any({self.me, str(node)} & one and {self.me, str(node)} & other for one, other in walls):
                    self.inner.put(node, frame)

        a = await c.join("a", carrier=Walled)
        b = await c.join("b", carrier=Walled, connect="sim/a")
        d = await c.join("d", carrier=Walled, connect="sim/a")
        await d.wait_size(3)
        walls.append(({"a#1", "b#2"}, {"d#3", "b#4"}))
        await settle(LOST)
        again = await c.join("b", carrier=Walled, connect="sim/d")
        await settle(3)
        assert (["d", "b"], ["a", "b"]) == (names(d), names(a))
        walls.clear()
        await settle(3 * SETTINGS.dead)
        assert [] == b.members()
        assert TAKEN in [refusal.reason for refusal in b.refused()]
        for cluster in (a, d, again):
            assert {"a#1", "b#4", "d#3"} == {str(member) for member in cluster.members()}

    clusters(main, hints=False)


def test_a_restart_with_an_old_clock_begins_above_what_others_know(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        dying = asyncio.ensure_future(c.kill(b))
        await settle(LOST)
        kept = Fixed(1)
        again = await c.join("b", incarnations=kept)
        await a.wait_size(2)
        assert "b#3" == str(again.members()[0]) == str(a.members()[1])
        assert 2 in kept.raised
        await dying

    clusters(main)


def test_nothing_of_an_old_incarnation_is_delivered(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        got: list[Any] = []

        async def listen() -> None:
            otp.register("listener", otp.self())
            while True:
                got.append(await otp.receive())

        a.node.spawn(listen)
        await settle()
        send = b.node.spawn
        send(lambda: otp.send(("listener", "a"), "first"))
        await settle()
        c.stall(b)
        send(lambda: otp.send(("listener", "a"), "kept in the stalled one"))
        again = await c.join("b")
        await a.wait_size(2)
        again.node.spawn(lambda: otp.send(("listener", "a"), "second"))
        await settle()
        c.resume(b)
        await settle(2)
        assert ["first", "second"] == got

    clusters(main)
