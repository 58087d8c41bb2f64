"""Senders wait if they send more than a connection takes: the queue is bounded, and no node is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

import otp
from otp.cluster import Busy
from otp.distribution import Distribution, NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.faults import Hold
from otp.testing import Scheduler

SMALL = Settings(fragment=1_000, buffer=10_000, signal=20_000)
"""Bytes."""

LONG = "x" * 900
MANY = 400


class Pair(NamedTuple):
    """Two nodes of a slow network, connected, and a process of `b` that takes what it is sent."""

    network: SimulatedNetwork
    at_a: Distribution
    at_b: Distribution
    session: Session
    taker: otp.Pid
    taken: list[int]
    asked: list[Any]

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait at `a` for `b`."""
        live = self.session._live(self.at_b.transport.me)
        return 0 if live is None else live.waiting


class Echo(otp.GenServer[list[Any]]):
    """A server that returns what it is asked, and keeps it."""

    def init(self, arg: list[Any]) -> Any:
        return otp.Ok(arg)

    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        state.append(request)
        return otp.Reply(request, state)


def as_process_of_a(test: Callable[[Pair], Awaitable[Any]]) -> None:
    """Run `test` as a process of node `a`, in virtual time."""

    async def main() -> None:
        network, taken, asked = SimulatedNetwork(least=0.01, most=0.02, room=2_000), list[int](), list[Any]()
        one, two = (Session(NodeId(name, 1), b"cookie", SMALL) for name in "ab")

        async def take() -> None:
            otp.register("taker", otp.self())
            while True:
                number, _ = await otp.receive()
                taken.append(number)

        async with otp.Node("a") as a, otp.Node("b") as b:
            at_a = Distribution(a, SessionTransport(network.carrier(one.me), one))
            at_b = Distribution(b, SessionTransport(network.carrier(two.me), two))
            async with at_a, at_b:
                b.spawn(take)
                await b.start(Echo, asked, name="echo")
                await at_a.wait_connected("b")
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

                async def run() -> None:
                    try:
                        taker = await at_a.whereis("taker", "b")
                        assert taker is not None
                        await test(Pair(network, at_a, at_b, one, taker, taken, asked))
                    except BaseException as error:
                        done.set_exception(error)
                    else:
                        done.set_result(None)

                a.spawn(run)
                await done

    Scheduler().run(main)


def test_who_waits_for_a_busy_node_loses_nothing_and_little_is_kept_for_it() -> None:
    async def test(pair: Pair) -> None:
        most, waits = 0, 0
        for number in range(MANY):
            waits += pair.at_a.busy("b")
            await pair.at_a.drained("b")
            otp.send(pair.taker, (number, LONG))
            most = max(most, pair.waiting_bytes)
        while len(pair.taken) < MANY:
            await otp.testing.advance(1)
        assert list(range(MANY)) == pair.taken
        assert waits
        assert SMALL.buffer < most < SMALL.buffer + 2 * len(LONG)

    as_process_of_a(test)


def test_many_that_wait_go_on_one_after_the_other_as_there_is_room() -> None:
    async def test(pair: Pair) -> None:
        kept: list[int] = []

        async def sender(first: int) -> None:
            for number in range(first, first + 20):
                await pair.at_a.drained("b")
                otp.send(pair.taker, (number, LONG))
                kept.append(pair.waiting_bytes)

        for n in range(20):
            otp.spawn(sender, 20 * n)
        while len(pair.taken) < 400:
            await otp.testing.advance(1)
        assert list(range(400)) == sorted(pair.taken)
        assert max(kept) < SMALL.buffer + 2 * len(LONG)

    as_process_of_a(test)


def test_who_does_not_wait_gets_busy_and_loses_nothing_that_was_accepted() -> None:
    async def test(pair: Pair) -> None:
        pair.at_a.monitor_nodes()
        sent = 0
        with pytest.raises(Busy) as caught:
            while True:  # it never comes to a receive, so that nothing can go out meanwhile
                otp.send(pair.taker, (sent, LONG))
                sent += 1
        assert "b" == caught.value.node
        assert 4 * SMALL.buffer < pair.waiting_bytes < 4 * SMALL.buffer + 2 * len(LONG)
        with pytest.raises(Busy):
            otp.GenServer.cast(pair.taker, "also refused")
        otp.link(pair.taker)  # what is no message is sent
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(timeout=30)  # no node went down
        assert pair.taken == list(range(sent))

    as_process_of_a(test)


def test_a_loop_that_never_pauses_goes_on_sending_after_its_node_was_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the end of being busy waited for a turn of the loop, and all frames after it as well."""

    async def test(pair: Pair) -> None:
        carrier: Any = pair.at_a.transport._carrier
        monkeypatch.setattr(carrier, "room", lambda node: 0)
        sent = 0
        with pytest.raises(Busy):
            while True:
                otp.send(pair.taker, (sent, LONG))
                sent += 1
        monkeypatch.setattr(carrier, "room", lambda node: 1_000_000)
        frames = list[bytes]()
        put = carrier.put
        monkeypatch.setattr(carrier, "put", lambda node, frame: (frames.append(frame), put(node, frame)))
        for number in range(sent, sent + MANY):
            otp.send(pair.taker, (number, LONG))
        assert sum(map(len, frames)) > MANY * len(LONG)
        while len(pair.taken) < sent + MANY:
            await otp.testing.advance(1)
        assert pair.taken == list(range(sent + MANY))

    as_process_of_a(test)


def test_a_process_that_sends_and_receives_is_suspended_while_the_node_is_busy() -> None:
    async def test(pair: Pair) -> None:
        most = 0
        for number in range(MANY):
            otp.send(otp.self(), number)
        for number in range(MANY):
            assert number == await otp.receive()
            for part in range(3):
                otp.send(pair.taker, (3 * number + part, LONG))
            most = max(most, pair.waiting_bytes)
        await otp.testing.advance(30)
        assert most < SMALL.buffer + 6 * len(LONG)
        assert list(range(3 * MANY)) == pair.taken

    as_process_of_a(test)


class Relay(otp.GenServer[Any]):
    """A server that sends a number to a process for each cast and call, and notes what waits then."""

    def init(self, arg: Any) -> Any:
        return otp.Ok((*arg, 0))

    def pass_on(self, state: Any) -> Any:
        taker, note, number = state
        otp.send(taker, (number, LONG))
        note()
        return taker, note, number + 1

    def handle_cast(self, request: Any, state: Any) -> Any:
        return otp.NoReply(self.pass_on(state))

    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return otp.Reply(None, self.pass_on(state))


def test_a_server_is_suspended_at_the_end_of_the_callback_that_sent_too_much() -> None:
    async def test(pair: Pair) -> None:
        kept: list[int] = []
        relay = await Relay.start((pair.taker, lambda: kept.append(pair.waiting_bytes)))
        for _ in range(MANY):
            otp.GenServer.cast(relay, "next")
        await otp.testing.advance(30)
        for _ in range(MANY):
            await otp.GenServer.call(relay, "next", timeout="infinity")
        await otp.testing.advance(30)
        assert list(range(2 * MANY)) == pair.taken
        assert max(kept) < SMALL.buffer + 10 * len(LONG)

    as_process_of_a(test)


def test_a_suspended_process_can_be_killed_and_its_supervisor_does_not_wait() -> None:
    async def test(pair: Pair) -> None:
        pair.network.fault("a", "b", Hold("b"))

        async def floods() -> None:
            while True:
                otp.send(pair.taker, (0, LONG))
                with suppress(otp.ReceiveTimeout):
                    await otp.receive(timeout=0)

        relay = await Relay.start((pair.taker, lambda: None))
        flooder = otp.spawn(floods)
        while not pair.at_a.busy("b"):
            await otp.testing.advance(0.01)
        otp.GenServer.cast(relay, "one too much")
        await otp.testing.advance(0.01)
        for pid, reason in ((flooder, "kill"), (relay, "shutdown")):
            ref = otp.monitor(pid)
            otp.exit(pid, reason)
            assert (await otp.receive(ref, timeout=0.1)).reason in ("killed", "shutdown")

    as_process_of_a(test)


def test_calls_wait_while_the_node_is_busy_and_are_not_encoded_before() -> None:
    async def test(pair: Pair) -> None:
        results: list[int] = []

        async def calls(number: int) -> None:
            results.append(len(await otp.GenServer.call(("echo", "b"), "x" * 9_000, timeout=60)))

        most = 0
        for number in range(50):
            otp.spawn(calls, number)
        while len(results) < 50:
            await otp.testing.advance(0.01)
            most = max(most, pair.waiting_bytes)
        assert [9_000] * 50 == results
        assert most < SMALL.buffer + 2 * 9_100

    as_process_of_a(test)


def test_a_call_that_waits_ends_with_its_time_out_or_its_node_and_is_never_sent_then() -> None:
    async def test(pair: Pair) -> None:
        pair.network.fault("a", "b", Hold("b"))
        while not pair.at_a.busy("b"):
            otp.send(pair.taker, (0, LONG))
        with pytest.raises(otp.CallTimeout):
            await otp.GenServer.call(("echo", "b"), "late", timeout=0.5)
        with pytest.raises(otp.CallExit) as caught:
            await otp.GenServer.call(("echo", "b"), "lost", timeout=60)
        assert ("nodedown", "b") == caught.value.cause_reason
        pair.network.heal()
        await pair.at_a.wait_connected("b", timeout=20)
        assert "asked" == await otp.GenServer.call(("echo", "b"), "asked")
        assert ["asked"] == pair.asked

    as_process_of_a(test)


def test_nobody_waits_for_a_node_that_is_not_connected_or_is_lost_meanwhile() -> None:
    async def test(pair: Pair) -> None:
        await pair.at_a.drained("nobody")
        pair.network.fault("a", "b", Hold("b"))
        while not pair.at_a.busy("b"):
            otp.send(pair.taker, (0, LONG))
        with pytest.raises(TimeoutError, match=r"node 'b' is still busy after 0\.5 s"):
            await pair.at_a.drained("b", timeout=0.5)
        await pair.at_a.drained("b")  # until it was silent for too long
        assert [] == pair.at_a.nodes()
        assert not pair.at_a.busy("b")

    as_process_of_a(test)


def test_signals_that_a_carrier_takes_are_sent_in_the_same_turn_of_the_loop() -> None:
    """Otherwise the receiver could not start on a burst before all of it was sent."""

    async def main() -> None:
        network = SimulatedNetwork(room=200_000)
        async with otp.Node("a") as a, otp.Node("b") as b:
            one, two = (
                Distribution(node, SessionTransport(network.carrier(me), Session(me, b"cookie")))
                for node, me in ((a, NodeId("a", 1)), (b, NodeId("b", 1)))
            )
            async with one, two:
                other = await one.wait_connected("b")
                for _ in range(MANY):
                    one.transport.send(other, LONG.encode())
                assert network.room("a", "b") == 0

    Scheduler(inline=True).run(main)
