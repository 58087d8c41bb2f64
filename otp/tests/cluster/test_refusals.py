"""Nodes that cannot be members: wrong cookies, other versions, malformed facts, forged frames; both sides say so."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import otp
from otp.cluster import Cluster, JoinRefused
from otp.cluster.transport import MemberDistribution
from otp.distribution import Distribution, NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.simulated import SimulatedCarrier
from otp.distribution.frames import Beat, Bye, Data, Hello, Reset, encode
from simulated_clusters import SETTINGS, Clusters, MembershipLog, me, names, settle


def reasons(cluster: Cluster) -> list[Any]:
    return [(refusal.node, refusal.reason, refusal.by) for refusal in cluster.refused()]


def logged(caplog: pytest.LogCaptureFixture, *words: str) -> list[str]:
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return [line for line in lines if all(word in line for word in words)]


@pytest.mark.parametrize("hints", [True, False])
def test_a_wrong_cookie_is_refused_by_both_sides(clusters: Any, hints: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        with pytest.raises(JoinRefused, match="expected the cookie of a, got another") as caught:
            await c.join("b", cookie="guessed", connect="sim/a")
        assert ("wrong_cookie", "a") == caught.value.reason
        assert [("b", ("wrong_cookie", "b"), "here")] == reasons(a)
        assert logged(caplog, "a#1", "b#2", "proof of this node's cookie")
        assert logged(caplog, "b#2", "a#1", "proof of this node's cookie")
        assert ["a"] == names(a)

    clusters(main, hints=hints)


@pytest.mark.parametrize(
    "reason",
    [
        "no_cookie", ("wrong_cookie", "b"), ("name_taken", "b"), ("incompatible", "version", 1, 2),
        ("unreachable", ("tcp/127.0.0.1:9",)), ("address_in_use", "127.0.0.1:9"), ("weak_cookie", "127.0.0.1:9"),
        ("tls_required", "192.0.2.1:9"),
    ],
)  # fmt: skip
def test_every_reason_is_a_sentence_that_says_what_to_try(reason: Any) -> None:
    text = str(JoinRefused(reason))
    assert "try " in text
    assert repr(reason) != text


def test_a_wrong_cookie_at_one_address_does_not_matter_if_another_one_answers(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a", cookie="guessed")
        d = await c.join("d")
        b = await c.join("b", connect=["sim/a", "sim/d"])
        await d.wait_size(2)
        await settle()
        assert (["b", "d"], ["a"]) == (names(b), names(a))
        assert [("a", ("wrong_cookie", "a"), "here")] == reasons(b)

    clusters(main, hints=False)


def test_strangers_that_are_only_found_do_not_keep_a_member_from_beginning(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a", cookie="guessed")
        b = await c.join("b")
        assert (["a"], ["b"]) == (names(a), names(b))

    clusters(main)


def test_a_later_connection_with_a_wrong_cookie_is_an_error_too(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        await c.join("a", cookie="guessed")
        b = await c.join("b")
        with pytest.raises(JoinRefused) as caught:
            await b.connect("sim/a")
        assert ("wrong_cookie", "a") == caught.value.reason

    clusters(main, hints=False)


@pytest.mark.parametrize("hints", [True, False])
def test_members_of_another_protocol_refuse_each_other(
    clusters: Any, hints: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        told = MemberDistribution.tell

        def tell(self: MemberDistribution, node: NodeId, message: tuple[Any, ...]) -> bool:
            is_other = self.node.name == "b" and message[1] == "facts"
            return told(self, node, (*message[:2], 2, *message[3:]) if is_other else message)

        def refuses(self: Any, node: NodeId, message: tuple[Any, ...]) -> None:
            if self.me.name == "b" and message[1] == "facts":
                message = (*message[:2], 0, *message[3:])  # to b, protocol 1 is another one
            hears(self, node, message)

        from otp.cluster.membership import Membership

        hears = Membership.told
        monkeypatch.setattr(MemberDistribution, "tell", tell)
        monkeypatch.setattr(Membership, "told", refuses)
        with pytest.raises(JoinRefused, match="expected the same membership on both sides, got 1 here and 0") as caught:
            await c.join("b", connect=() if hints else "sim/a")
        assert ("incompatible", "membership", 1, 0) == caught.value.reason
        assert [("b", ("incompatible", "membership", 1, 2), "here")] == reasons(a)
        assert logged(caplog, "b#2 is refused by a#1")
        assert logged(caplog, "a#1 is refused by b#2")
        assert ["a"] == names(a)

    clusters(main, hints=hints)


def test_another_version_of_the_session_is_refused_and_told(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        frames: list[Any] = []
        other = NodeId("b", 7)
        carrier = c.network.carrier(other)
        await carrier.start(other, lambda node, frame: frames.append((node, frame)), lambda *_: None)
        await settle()
        frames.clear()
        for _ in range(3):
            carrier.put(me(a), encode(Hello(9, b"n" * 16)))
        await settle()
        assert [("b", ("incompatible", "session", 1, 9), "here")] == reasons(a)
        assert 1 == len([frame for _, frame in frames if frame[2:3] == b"\x01" and b"n" * 16 in frame])

    clusters(main)


async def plain(c: Clusters, name: str, creation: int) -> tuple[otp.Node, Distribution]:
    """Start a node that knows the cookie and has no membership."""
    id = NodeId(name, creation)
    node = await c.node(name)
    session = Session(id, b"secret", SETTINGS)
    distribution = Distribution(node, SessionTransport(c.network.carrier(id), session))
    await c.stack.enter_async_context(distribution)
    return node, distribution


def test_a_node_without_facts_is_no_member_and_is_refused(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        _, other = await plain(c, "b", 7)
        await other.wait_connected("a")
        await settle(SETTINGS.dead / 2)
        assert ["a"] == names(a)
        await settle(2 * SETTINGS.dead)
        assert [("b", ("incompatible", "membership", 1, None), "here")] == reasons(a)
        assert [] == a.distribution.nodes()

    clusters(main)


def test_members_whose_facts_did_not_arrive_meet_by_their_next_connection(
    clusters: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection was ended as if on purpose, so both stayed apart if the next greeting was lost, too."""
    lost: list[Any] = []
    tell = MemberDistribution.tell

    def lose_first(self: MemberDistribution, node: NodeId, message: tuple[Any, ...]) -> bool:
        if self.node.name == "b" and message[1] == "facts" and not lost:
            lost.append(message)
            return True
        return tell(self, node, message)

    monkeypatch.setattr(MemberDistribution, "tell", lose_first)

    async def main(c: Clusters) -> None:
        a, b = await c.join("a"), await c.join("b")
        other = MembershipLog(b)
        await settle(4 * SETTINGS.dead)
        assert (["a", "b"], ["b", "a"]) == (names(a), names(b))
        assert ["connection_lost"] == [event[2] for event in other.take() if event[0] == "down"]

    clusters(main)
    assert 1 == len(lost)


def test_members_whose_facts_were_lost_twice_meet_later(clusters: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stayed apart until one of them restarted."""
    lost: list[Any] = []
    tell = MemberDistribution.tell

    def lose_four(self: MemberDistribution, node: NodeId, message: tuple[Any, ...]) -> bool:
        if message[1] == "facts" and len(lost) < 4:
            lost.append(message)
            return True
        return tell(self, node, message)

    monkeypatch.setattr(MemberDistribution, "tell", lose_four)

    async def main(c: Clusters) -> None:
        a, b = await c.join("a"), await c.join("b")
        await settle(6 * SETTINGS.dead)
        assert (["a", "b"], ["b", "a"]) == (names(a), names(b))
        assert [("b", ("incompatible", "membership", 1, None), "here")] == reasons(a)

    clusters(main)
    assert 4 == len(lost)


FACTS = {"version": "1", "address": None, "since": 0.0, "meta": None, "simulated": True}


@pytest.mark.parametrize(
    "message",
    [
        ("cluster", "facts", 1, {**FACTS, "since": "now"}, []),
        ("cluster", "facts", 1, "facts", []),
        ("cluster", "facts", 1, FACTS, [("x", -1, None)]),
        ("cluster", "facts", 1, FACTS, [("", 1, None)]),
        ("cluster", "facts", 1, FACTS, [("x", 1)]),
        ("cluster", "facts", 1, FACTS, "x"),
        ("cluster", "facts", 1),
        ("cluster", "known", 7),
        ("cluster", "forget", 7),
        ("cluster", 7),
        ("cluster",),
    ],
    ids=lambda message: str(message)[:60],
)
def test_malformed_facts_are_refused_and_change_nothing(clusters: Any, message: Any) -> None:
    async def main(c: Clusters) -> None:
        a, d = await c.form("a", "d")
        seen = MembershipLog(a)
        await settle()
        seen.take()
        _, other = await plain(c, "b", 7)
        await other.wait_connected("a")
        speak(other, "a", message)
        await settle(2)
        assert ("b", ("incompatible", "membership", 1, "malformed"), "here") in reasons(a)
        assert [] == seen.take()
        assert (["a", "d"], ["d", "a"]) == (names(a), names(d))

    clusters(main)


def speak(distribution: Distribution, node: str, message: Any) -> None:
    from otp.distribution import signals

    distribution._up[node].say(signals.Call, 0, 0, 0, False, term=message)


def test_later_facts_may_have_more_than_is_known(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        _, other = await plain(c, "b", 7)
        await other.wait_connected("a")
        speak(other, "a", ("cluster", "facts", 1, {**FACTS, "formation": 7}, [], "more"))
        await settle()
        assert ["a", "b"] == names(a)
        speak(other, "a", ("cluster", "facts", 1, {**FACTS, "version": "2"}, []))  # once per connection
        await settle()
        assert "1" == a.members()[1].version

    clusters(main)


def test_later_messages_and_frames_are_ignored_and_logged_once(clusters: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        for message in (("cluster", "news", 1), ("cluster", "news"), ("cluster", "joined", "more")):
            speak(b.distribution, "a", message)
        carrier = b.distribution.transport._carrier
        for frame in (b"\x92\x63\x01", b"\x91\x63"):
            carrier.put(me(a), frame)
        await settle(2 * SETTINGS.dead)
        assert (["a", "b"], ["b", "a"]) == (names(a), names(b))
        assert [] == a.refused()

    clusters(main)
    assert 1 == len(logged(caplog, "ignores messages 'news'"))
    assert 1 == len(logged(caplog, "got one of kind 99"))


def test_members_of_whom_another_one_tells_are_connected(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, d = await c.join("a"), await c.join("d")
        _, other = await plain(c, "b", 7)
        await other.connect(me(a))
        speak(other, "a", ("cluster", "facts", 1, FACTS, [("d", 2, "sim/d")]))
        await settle()
        assert (["a", "b", "d"], ["d", "a"]) == (sorted(names(a)), names(d))

    clusters(main, hints=False)


def test_a_member_speaks_for_itself_only(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, d = await c.form("a", "d")
        _, other = await plain(c, "b", 7)
        await other.wait_connected("a")
        speak(other, "a", ("cluster", "facts", 1, FACTS, [("d", 9, None), ("nobody", 1, "sim/nobody")]))
        speak(other, "a", ("cluster", "leaving"))
        await settle(2)
        assert [("a", "up"), ("d", "up"), ("b", "leaving")] == [(m.name, m.status) for m in a.members()]
        assert "d#2" == str(a.members()[1])
        assert ["d", "a"] == names(d)[:2]

    clusters(main)


def test_frames_whose_sender_is_another_one_change_nothing(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a, b = await c.form("a", "b")
        seen = MembershipLog(a)
        await settle()
        seen.take()
        carrier = c.network.carrier(NodeId("x", 1))
        await carrier.start(NodeId("x", 1), lambda *_: None, lambda *_: None)
        for alleged in (me(b), NodeId("b", 1), NodeId("b", 9), NodeId("x", 1), me(a), NodeId("a", 9)):
            for frame in (
                encode(Hello(1, b"n" * 16)),
                encode(Hello(1, b"n" * 16, b"m" * 16, b"p" * 32, True, 1 << 17, 9)),
                encode(Data(1, 1, 0, b"signal", False)),
                encode(Data(1, 1, 0, b"", True)),
                encode(Beat(1, 9, 9)),
                encode(Reset(1)),
                encode(Bye(1)),
                b"nonsense",
            ):
                forge(c, alleged, a, frame)
                forge(c, alleged, b, frame)
        await settle(3 * SETTINGS.dead)
        assert [] == seen.take()
        assert (["a", "b"], ["b", "a"]) == (names(a), names(b))

    clusters(main)


def forge(c: Clusters, alleged: NodeId, to: Cluster, frame: bytes) -> None:
    SimulatedCarrier(c.network, alleged)
    c.network._deliver((alleged, me(to), frame))


def test_a_clock_that_is_off_by_an_hour_changes_timestamps_only(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        now = 1_800_000_000.0
        a = await c.join("a", clock=lambda: now)
        b = await c.join("b", clock=lambda: now - 3600)
        d = await c.join("d", clock=lambda: now + 3600)
        for cluster in (a, b, d):
            await cluster.wait_size(3)
            assert {"a": now, "b": now - 3600, "d": now + 3600} == {m.name: m.since for m in cluster.members()}
        seen = MembershipLog(a)
        await settle()
        seen.take()
        now += 7200  # all clocks jump
        await settle(10 * SETTINGS.dead)
        assert [] == seen.take()

    clusters(main)


def test_incarnations_by_the_clock_survive_a_clock_that_is_set_back(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        now = 1_800_000_000.0
        a = await c.join("a")
        b = await c.join("b", incarnations=None, clock=lambda: now)
        await b.leave()
        await settle()
        again = await c.join("b", b.node, incarnations=None, clock=lambda: now - 3600)
        await a.wait_size(2)
        assert int(now) + 1 == again.members()[0].incarnation == a.members()[1].incarnation

    clusters(main)


def test_a_member_that_sends_at_full_speed_takes_no_more_than_what_may_wait(clusters: Any) -> None:
    limits = Settings(heartbeat=0.25, dead=1.0, buffer=20_000, signal=50_000, fragment=5_000)

    async def main(c: Clusters) -> None:
        c.network._room = 20_000
        a, b = await c.join("a", settings=limits), await c.join("b", settings=limits)
        d = await c.join("d", settings=limits)
        await d.wait_size(3)
        await a.wait_size(3)
        got: list[int] = []

        async def listen() -> None:
            otp.register("listener", otp.self())
            while True:
                got.append(len(await otp.receive()))

        for cluster in (b, d):
            cluster.node.spawn(listen)
        most: list[int] = []

        async def flood() -> None:
            loop = asyncio.get_running_loop()
            end = loop.time() + 10
            session = a.distribution.transport._session
            while loop.time() < end:
                for _ in range(50):
                    otp.send(("listener", "b"), b"x" * 1000)
                live = session._live(me(b))
                most.append(0 if live is None else live.waiting)
                with pytest.raises(otp.ReceiveTimeout):
                    await otp.receive(timeout=0.001)

        a.node.spawn(flood)
        await settle(11)
        assert max(most) <= limits.buffer + 50 * 1_200  # it is suspended after a burst of 50
        assert len(got) > 100
        assert {"a", "b", "d"} == set(names(d))
        await settle(3)
        assert {"a", "b", "d"} == set(names(a))

    clusters(main)
