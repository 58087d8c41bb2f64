"""Hostile input of another node and its effects: nothing here crashes, whatever the other end sends.

A node that is hostile is played by its transport, which sends what it likes.
"""

from __future__ import annotations

import logging
import tracemalloc
from typing import Any

import msgspec
import pytest

import otp
from otp import GenServer, Ok, Reply, impl
from otp.distribution import NodeId, arriving, remote_node, signals, wire


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply(state, state)


def pack(*fields: Any) -> bytes:
    return msgspec.msgpack.encode(fields)


def deep(depth: int) -> bytes:
    return b"\x93\x01\x07" + b"\x91" * depth + b"\x01"


NONSENSE = {
    "nothing": b"",
    "no msgpack": b"\xc1\xff",
    "a text": msgspec.msgpack.encode("hello"),
    "a kind that no version has": pack(999, 1, 2),
    "a negative kind": pack(-1, 1, 2),
    "a field of another type": pack(1, "x", 2),
    "a negative number": pack(6, -1, 5),
    "a field too few": pack(1, 5),
    "more behind it": pack(1, 5, "x") + b"\x01",
    "an unknown tag": pack(1, 1, ["$class", "os", "system"]),
    "a pid of a wrong shape": pack(1, 1, ["$pid", "b", "x", 1]),
    "a pid with a negative number": pack(1, 1, ["$pid", "b", 1, -1]),
    "a record that is none": pack(1, 1, ["$view", "Distribution", {}]),
    "a message of the runtime with too many parts": pack(1, 1, ["$message", "NodeUp", "x", 1, "y"]),
    "an extension": msgspec.msgpack.encode([1, 1, msgspec.msgpack.Ext(5, b"x")]),
    "nested far too deep": deep(100_000),
    "nested too deep": deep(400),
    "a crash with a stack that is none": pack(1, 1, ["$crash", "x", [1]]),
    "a name that cannot be hashed": pack(1, [["$list", 1]], "x"),
    "two names": pack(1, ["x", "y"], "x"),
    "a caller that is no pid": pack(1, 1, ["$from", 1, "x"]),
    "an array said to be endless": b"\x93\x01\x07\xdd\xff\xff\xff\xff",
    "a text said to be endless": b"\x93\x01\x07\xdb\xff\xff\xff\xff",
    "a huge number": pack(1, 1, ["$int", "0x" + "f" * 5000]),
}


@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_ends_the_connection_and_names_the_node(two: Any, data: bytes, caplog: Any) -> None:
    async def test(both: Any) -> None:
        alive = await both.a.start(Counter, 1, name="counter")
        assert both.at_b.transport.send(both.at_a.transport.me, data)
        await both.settle()
        assert [] == both.at_a.nodes() == both.at_b.nodes()
        assert otp.is_alive(alive)

    with caplog.at_level(logging.ERROR, "otp"):
        two(test)
    assert "b#202 is disconnected from a: expected" in caplog.text


def test_no_signal_after_a_malformed_one_in_the_same_frame_is_delivered(two: Any, caplog: Any) -> None:
    async def test(both: Any) -> None:
        got: list[Any] = []

        async def takes() -> None:
            otp.register("taker", otp.self())
            got.append(await otp.receive())

        both.a.spawn(takes)
        await both.settle()
        for data in (pack(99), pack(999), b"", b"", pack(1, ["taker"], "x"), pack(3, 99_999, 1, 5, False, "x")):
            assert both.at_b.transport.send(both.at_a.transport.me, data)
        await both.settle()
        assert [] == got == both.at_a.nodes() == both.at_b.nodes()

    with caplog.at_level(logging.ERROR, "otp"):
        two(test)
    assert 1 == caplog.text.count("is disconnected from a")


def test_what_a_later_version_adds_is_ignored_and_logged_once(two: Any, caplog: Any) -> None:
    async def test(both: Any) -> None:
        counter = await both.a.start(Counter, 1, name="counter")
        for data in (pack(99, 1, 2), pack(99), pack(98, "x"), pack(1, counter.id, "x", True), pack(99, 3)):
            assert both.at_b.transport.send(both.at_a.transport.me, data)
        await both.settle()
        assert ["b"] == both.at_a.nodes()
        assert ["a"] == both.at_b.nodes()

    with caplog.at_level(logging.WARNING, "otp"):
        two(test)
    said = [record.getMessage() for record in caplog.records if "ignores" in record.getMessage()]
    assert [
        f"a ignores a signal of node b#202: expected a signal that this version knows, got one of kind {kind}"
        for kind in (99, 98)
    ] == said


def test_a_signal_that_is_too_large_ends_the_connection(two: Any, monkeypatch: Any, caplog: Any) -> None:
    async def test(both: Any) -> None:
        monkeypatch.setattr(wire, "LONGEST", 1000)
        both.at_b.transport.send(both.at_a.transport.me, pack(1, 1, "x" * 1000))
        await both.settle()
        assert [] == both.at_a.nodes()

    with caplog.at_level(logging.ERROR, "otp"):
        two(test)
    assert "at most 1,000 bytes" in caplog.text


def test_an_array_that_claims_to_be_endless_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(wire.Malformed):
            wire.decode(NONSENSE["an array said to be endless"])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_what_refers_to_nothing_is_ignored(two: Any) -> None:
    """Answers to calls that were not made, ends of links and monitors that are not there: they may have crossed."""

    async def test(both: Any) -> None:
        alive = await both.a.start(Counter, 1, name="counter")

        async def waits() -> Any:
            return await otp.receive()

        waiting = both.a.spawn(waits)
        for signal in (
            signals.Reply(1, "forged"),
            signals.Failed(2, "forged"),
            signals.Down(3, 4, "forged"),
            signals.ExitTo(7, waiting.id, True, "forged"),
            signals.ExitTo(7, 999_999, False, "kill"),
            signals.Unlink(7, waiting.id, 1),
            signals.UnlinkAck(7, waiting.id, 1),
            signals.Demonitor(5),
            signals.Send(999_999, "x"),
            signals.Send(["nobody"], "x"),
            signals.Call(999_999, 1, 1, False, "x"),
        ):
            both.at_b.transport.send(both.at_a.transport.me, wire.encode(signal))
        await both.settle()
        assert ["b"] == both.at_a.nodes()
        assert otp.is_alive(waiting)
        assert 1 == await GenServer.call(alive, "x")

    two(test)


def test_an_answer_counts_only_from_the_node_that_was_asked(two: Any) -> None:
    async def test(both: Any) -> None:
        third = both.at_a._node(NodeId("c", 1))

        async def client() -> Any:
            return await GenServer.call(("never", "b"), 1, timeout=1)

        class Never(Counter):
            @impl
            def handle_call(self, request: Any, caller: Any, state: int) -> Any:
                return otp.NoReply(state)

        await both.b.start(Never, 1, name="never")
        asking = both.a.spawn(client)
        await both.settle()
        (number,) = both.at_a._up["b"].calls
        arriving.arrived(third, wire.encode(signals.Reply(number, "forged")))
        assert "timeout" == (await otp.wait_down(asking))[0]

    two(test)


@pytest.mark.parametrize("kind", [signals.Monitor, signals.Link])
def test_a_flood_of_links_and_monitors_has_a_bound(two: Any, kind: Any, monkeypatch: Any, caplog: Any) -> None:
    async def test(both: Any) -> None:
        monkeypatch.setattr(arriving, "MOST_TIES", 10)
        alive = await both.a.start(Counter, 1, name="counter")
        assert otp.process_info(alive, "links") == ()
        for n in range(1, 20):
            signal = kind(n, alive.id, n) if kind is signals.Monitor else kind(n, alive.id)
            both.at_b.transport.send(both.at_a.transport.me, wire.encode(signal))
        await both.settle()
        assert [] == both.at_a.nodes()
        assert () == otp.process_info(alive, "monitored_by") if kind is signals.Monitor else True

    with caplog.at_level(logging.ERROR, "otp"):
        two(test)
    assert "expected at most 10" in caplog.text


def test_calls_that_nobody_waits_for_any_more_are_forgotten(two: Any, monkeypatch: Any) -> None:
    async def test(both: Any) -> None:
        class Never(Counter):
            @impl
            def handle_call(self, request: Any, caller: Any, state: int) -> Any:
                return otp.NoReply(state)

        await both.b.start(Never, 1, name="never")

        async def client() -> int:
            for _ in range(100):
                with pytest.raises(otp.CallTimeout):
                    await GenServer.call(("never", "b"), 1, timeout=0.01)
            return len(both.at_a._up["b"].calls)

        monkeypatch.setattr(remote_node, "SWEEP_FROM", 10)
        both.at_a._up["b"].sweep_at = 10
        assert 20 >= await both.on(both.a, client)

    two(test)
