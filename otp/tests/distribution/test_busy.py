"""Sending more to a node than the connection takes: the sender may wait, and the queue is bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

import otp
from otp import ExitSignal, NodeDown, NodeUp
from otp.distribution import Distribution, NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.distribution.faults import Hold
from otp.testing import Scheduler

SMALL = Settings(window=2_000, fragment=1_000, busy=10_000, waiting=40_000, signal=20_000)
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

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait at `a` for `b`."""
        live = self.session._live(self.at_b.transport.me)
        return 0 if live is None else live.waiting


def as_process_of_a(test: Callable[[Pair], Awaitable[Any]]) -> None:
    """Run `test` as a process of node `a`, in virtual time."""

    async def main() -> None:
        network, taken = SimulatedNetwork(least=0.01, most=0.02), list[int]()
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
                await at_a.wait_connected("b")
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

                async def run() -> None:
                    try:
                        taker = await at_a.whereis("taker", "b")
                        assert taker is not None
                        await test(Pair(network, at_a, at_b, one, taker, taken))
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
        assert SMALL.busy < most < SMALL.busy + 2 * len(LONG)

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
        assert max(kept) < SMALL.busy + 2 * len(LONG)

    as_process_of_a(test)


def test_who_does_not_wait_loses_the_node_and_what_was_kept_for_it(caplog: Any) -> None:
    async def test(pair: Pair) -> None:
        otp.process_flag("trap_exit", True)
        otp.link(pair.taker)
        pair.at_a.monitor_nodes()
        most = 0
        with caplog.at_level(logging.WARNING, "otp"):
            for number in range(MANY):  # it never comes to wait, so that nothing can go out meanwhile
                otp.send(pair.taker, (number, LONG))
                most = max(most, pair.waiting_bytes)
        assert most <= SMALL.waiting
        assert 0 == pair.waiting_bytes
        assert ExitSignal(pair.taker, "noconnection") == await otp.receive()
        assert NodeDown("b") == await otp.receive()
        assert "try `await distribution.drained('b')`" in caplog.text
        assert NodeUp("b") == await otp.receive(timeout=10)
        assert pair.taken == list(range(len(pair.taken)))  # what had left before came, in order

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
