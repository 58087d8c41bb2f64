"""Members that join, leave, are lost and come back, as all others see them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.cluster import Cluster, JoinRefused, Multicast, NotMember
from otp.kernel.values.errors import BadArgument
from simulated_clusters import SETTINGS, Clusters, MembershipLog, me, names, settle

LOST = SETTINGS.dead + 3 * SETTINGS.heartbeat
"""Seconds until a silent member is lost."""


def test_members_find_each_other_and_each_sees_itself_first(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        assert ["a", "b", "d"] == names(a)
        assert ["b", "a", "d"] == names(b)
        assert "d" == names(d)[0]
        assert {"up"} == {member.status for member in d.members()}
        assert me(b).creation == a.members()[1].incarnation

    clusters(main)


def test_facts_arrive_with_a_member(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        await c.join("b", meta={"zone": ("north", 1)}, clock=lambda: 77.0)
        await a.wait_size(2)
        there = a.members()[1]
        assert ("sim/b", 77.0, {"zone": ("north", 1)}, True) == (
            *(there.address, there.since, there.meta),
            there.simulated,
        )
        assert a.members()[0].version == there.version != ""

    clusters(main)


def test_one_address_is_enough_to_meet_all(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        b = await c.join("b", connect="sim/a")
        d = await c.join("d", connect=["sim/a"])
        e = await c.join("e", connect=["sim/nowhere", "sim/d"])
        for cluster in (a, b, d, e):
            await cluster.wait_size(4)

    clusters(main, hints=False)


def test_a_member_that_leaves_says_so_first(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        seen, itself = MembershipLog(a), MembershipLog(b)
        await settle()
        assert [("up", "a#1"), ("up", "b#2")] == seen.take()
        await b.leave()
        await settle()
        assert [("leaving", "b#2"), ("down", "b#2", "left")] == seen.take()
        assert [("up", "b#2"), ("up", "a#1"), ("down", "a#1", "disconnected"), ("down", "b#2", "left")] == itself.take()
        assert ["a"] == names(a)
        assert [] == a.lost() == b.members()
        await b.leave()

    clusters(main)


def test_a_node_that_closes_leaves(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        seen = MembershipLog(a)
        await settle()
        seen.take()
        await b.node.close()
        await settle()
        assert [("leaving", "b#2"), ("down", "b#2", "left")] == seen.take()

    clusters(main)


def test_a_silent_member_is_lost_after_dead_and_comes_back_by_itself(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        seen = MembershipLog(a)
        await settle()
        seen.take()
        c.stall(b)
        await settle(SETTINGS.dead / 2)
        assert [] == seen.take()
        await settle(LOST)
        assert [("down", "b#2", "timeout")] == seen.take()
        assert [("b", "lost")] == [(member.name, member.status) for member in a.lost()]
        assert ["a", "d"] == names(a)
        c.resume(b)
        await settle(1)
        assert [("up", "b#2")] == seen.take()
        assert [] == a.lost()
        for cluster in (a, b, d):
            assert 3 == len(cluster.members())

    clusters(main)


def test_a_false_report_of_the_carrier_costs_nobody_its_membership(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        seen = MembershipLog(a)
        await settle()
        seen.take()
        for _ in range(3):
            a.distribution.transport._hint(me(b), False)
            await settle(SETTINGS.dead / 2)
        assert [] == seen.take()
        c.network.crash("b")  # this one is true
        await settle(3 * SETTINGS.heartbeat)
        assert [("down", "b#2", "connection_lost")] == seen.take()

    clusters(main)


def test_a_process_that_ends_while_it_joins_leaves_the_node_as_it_was(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        node = await c.node("a")
        seen: list[Any] = []

        async def join() -> None:
            seen.append("joins")
            await c.join("a", node, connect="sim/b")

        await c.join("b", cookie="guessed")  # it answers, and is refused
        pid = node.spawn(join)
        await settle()
        assert ["joins"] == seen
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
        await settle()
        assert ["b"] == c.network.names()
        assert ["a"] == names(await c.join("a", node))

    clusters(main, hints=False)


def test_a_cut_is_seen_on_both_sides_and_heals(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        c.network.cut("a", "d")
        c.network.cut("b", "d")
        await settle(LOST)
        assert (["a", "b"], ["b", "a"], ["d"]) == (names(a), names(b), names(d))
        assert ["a", "b"] == sorted(member.name for member in d.lost())
        c.network.heal()
        for cluster in (a, b, d):
            await cluster.wait_size(3, timeout=2 * SETTINGS.dead)

    clusters(main)


def test_members_that_join_on_two_sides_of_a_cut_meet_afterwards(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        b = await c.join("b", connect="sim/a")
        c.network.cut("a", "b")
        await settle(LOST)
        d, e = await c.join("d", connect="sim/a"), await c.join("e", connect="sim/b")
        await settle(1)
        assert (["d", "a"], ["e", "b"]) == (names(d), names(e))
        c.network.heal()
        for cluster in (a, b, d, e):
            await cluster.wait_size(4)

    clusters(main, hints=False)


def test_a_disconnected_member_stays_apart_until_it_connects(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        seen = MembershipLog(b)
        await settle()
        seen.take()
        assert a.disconnect("b")
        assert not a.disconnect("nobody")
        await settle(3 * SETTINGS.dead)
        assert [("down", "a#1", "disconnected")] == seen.take()
        assert (["a", "d"], ["b", "d"]) == (names(a), names(b))
        assert 3 == len(d.members())
        assert [] == a.lost() == b.lost() == d.lost()
        a._membership.handle_own_address("sim/b")  # before, as a name may lead to its first member only
        await a.connect("sim/b")
        await b.wait_size(3)
        await a.connect("sim/b")  # it is there already

    clusters(main)


def test_messages_and_monitors_do_not_connect_members_that_were_disconnected(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")

        async def far() -> None:
            otp.register("far", otp.self())
            await otp.receive()

        async def near() -> None:
            pid = await a.distribution.whereis("far", "b")
            assert a.disconnect("b")
            ref = otp.monitor(pid)
            otp.send(pid, "hello")
            otp.send(("far", "b"), "hello")
            answer.set_result((await otp.receive(), otp.Down(ref, pid, "noconnection")))

        b.node.spawn(far)
        await settle()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        a.node.spawn(near)
        await settle(3 * SETTINGS.dead)
        got, expected = answer.result()
        assert expected == got
        assert (["a"], ["b"]) == (names(a), names(b))

    clusters(main)


def test_a_lost_member_that_is_forgotten_is_lost_for_nobody(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        with pytest.raises(otp.NotFound, match="no member is lost"):
            await a.forget("b")
        c.stall(b)
        await settle(LOST)
        assert [["b"], ["b"]] == [[member.name for member in each.lost()] for each in (a, d)]
        with pytest.raises(otp.NotFound, match="expected a lost member, one of b"):
            await a.forget("d")
        await a.forget("b")
        await settle(2 * LOST)
        assert [] == a.lost() == d.lost()
        c.resume(b)  # it is not gone after all
        await settle(2 * LOST)
        assert (["a", "b", "d"], []) == (sorted(names(a)), a.lost())

    clusters(main)


@pytest.mark.parametrize(("later", "lost"), [(0.0, []), (2 * LOST, ["b"])], ids=["the same loss", "a new loss"])
def test_a_member_that_notices_a_loss_late_also_forgets_the_member(
    clusters: Any, later: float, lost: list[str]
) -> None:
    """Regression: a member that was slower to notice the loss listed a forgotten member for good."""

    async def main(c: Clusters) -> None:
        a, b, d = await c.form("a", "b", "d")
        c.network.cut("a", "b")
        await settle(LOST)
        assert ["b"] == [member.name for member in a.lost()]
        await a.forget("b")
        await settle(later)
        c.stall(b)
        await settle(LOST)
        assert ["a", "d"] == sorted(names(d))
        assert lost == [member.name for member in d.lost()]

    clusters(main)


def test_a_connection_by_name_that_nobody_answers_is_unreachable(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        with pytest.raises(JoinRefused, match="no member answered at") as caught:
            await a.connect("sim/b", timeout=3)
        assert ("unreachable", ("sim/b",)) == caught.value.reason
        with pytest.raises(JoinRefused) as caught:
            await c.join("d", connect=["sim/b", "sim/e"])
        assert ("unreachable", ("sim/b", "sim/e")) == caught.value.reason
        assert [] == a.refused()

    clusters(main)


def test_a_node_that_was_refused_can_join_again(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        node = await c.node("a")
        with pytest.raises(JoinRefused):
            await c.join("a", node, connect="sim/b")
        with pytest.raises(NotMember):
            await on(node, Cluster.here)
        again = await c.join("a", node)
        assert again is await on(node, Cluster.here)
        await again.leave()
        with pytest.raises(NotMember, match="node 'a' is not a member"):
            await on(node, Cluster.here)

    clusters(main)


async def on(node: otp.Node, function: Any) -> Any:
    """Call a function in a process of a node."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def run() -> None:
        try:
            done.set_result(function())
        except Exception as error:
            done.set_exception(error)

    node.spawn(run)
    return await done


def test_a_monitor_ends_with_its_process_and_by_demonitor(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        seen: list[Any] = []

        async def watch() -> None:
            ref = a.monitor()
            seen.append(await otp.receive())
            assert a.demonitor(ref)
            assert not a.demonitor(ref)
            with pytest.raises(otp.ReceiveTimeout):
                await otp.receive(timeout=5)
            seen.append("nothing")

        a.node.spawn(watch)
        ends = a.node.spawn(lambda: a.monitor())
        await otp.wait_down(ends)
        await c.join("b")
        await settle(6)
        assert "nothing" == seen[-1]

    clusters(main)


def test_without_a_cookie_nothing_begins(clusters: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTP_COOKIE", raising=False)

    async def main(c: Clusters) -> None:
        node = await c.node("a")
        for nothing in (None, "", b"", "  "):
            with pytest.raises(JoinRefused, match="OTP_COOKIE") as caught:
                await c.join("a", node, cookie=nothing)
            assert "no_cookie" == caught.value.reason
        monkeypatch.setenv("OTP_COOKIE", "secret")
        a, b = await c.join("a", node, cookie=None), await c.join("b")
        await a.wait_size(2)
        await b.wait_size(2)

    clusters(main)


def test_arguments_that_cannot_work_are_errors(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        with pytest.raises(BadArgument, match="already part of a distribution"):
            await c.join("a", a.node)
        node = await c.node("b")
        with pytest.raises(BadArgument, match="meta"):
            await c.join("b", node, meta=object())
        with pytest.raises(BadArgument, match="cookie"):
            await c.join("b", node, cookie=7)
        with pytest.raises(BadArgument, match="allow"):
            await c.join("b", node, allow=[lambda: 1])
        with pytest.raises(BadArgument, match=r"allow: expected a list, got shout; try allow=\[shout\]"):
            await c.join("b", node, allow=shout)
        for name in ("settings", "tls", "discovery", "connect"):
            with pytest.raises(BadArgument, match=f"{name}=…"):
                await c.join("b", node, **{name: 5})
        for name, given in {"discovery": Multicast, "connect": [7]}.items():
            with pytest.raises(BadArgument, match=f"{name}=…"):
                await c.join("b", node, **{name: given})
        await c.join("b", node)

    clusters(main)


def shout(text: str) -> str:
    return text.upper()


def test_others_call_only_what_is_allowed(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.join("a"), await c.join("b", allow=[shout])
        await a.wait_size(2)
        target = f"{shout.__module__}:shout"
        assert "HELLO" == await a.distribution.rpc("b", target, "hello")
        await b.wait_size(2)
        with pytest.raises(otp.CallExit) as caught:
            await b.distribution.rpc("a", target, "hello")
        assert ("not_spawnable", target) == caught.value.cause_reason

    clusters(main)


def test_waiting_for_members_has_a_limit(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        with pytest.raises(TimeoutError, match="expected 2 members after 3 s, got 1: a"):
            await a.wait_size(2, timeout=3)
        waiting = asyncio.ensure_future(a.wait_size(2, timeout=30))
        await settle()
        await a.leave()
        with pytest.raises(NotMember):
            await waiting

    clusters(main)
