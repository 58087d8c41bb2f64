"""Signals in parts: large values arrive as they were sent, and no step copies one as a whole."""

from __future__ import annotations

import tracemalloc
from functools import partial
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import otp
from otp.distribution import NodeId, Session, Settings, signals, wire
from otp.distribution.actions import Put, Signal
from otp.distribution.connection import Connection
from otp.distribution.frames import Large, decode, encode
from otp.distribution.parts import BYTES, TEXT, Assembly, Parts, header, join_parts

MIB = 1024 * 1024
BIG = bytes(range(256)) * 4096
LONG = "ä text, " * 40_000

TERMS = {
    "bytes": BIG,
    "a text": "x" * MIB,
    "a text of more than ASCII": LONG,
    "two in a tuple": (BIG, 1, BIG[1:]),
    "in a list of a dict": {"rows": [{"picture": BIG, "name": "a"}, None], "rest": LONG},
    "between small ones": ("before", BIG, "after"),
    "in a wide list": [BIG, *range(100)],
    "what looks like a place": (BIG, msgspec.msgpack.encode(msgspec.msgpack.Ext(1, b"x" * 16))),
}

NAMES: Any = SimpleNamespace(pid=None, confined=False)


def in_parts(term: Any) -> Any:
    return wire.encode_in_parts(signals.Send, (7,), wire.written(term, NAMES))


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_parts_are_those_of_the_usual_encoding_and_decode_to_the_same(term: Any) -> None:
    parts = in_parts(term)
    plain = wire.encode(signals.Send(7, wire.written(term, NAMES)))
    assert plain == join_parts(parts)
    for data in (parts, plain):
        assert term == wire.read(wire.decode(data).term, NAMES)


def test_a_large_value_is_neither_copied_to_send_nor_after_it_has_arrived() -> None:
    sent = in_parts(("reply", BIG))
    assert sent[1] is BIG
    got = wire.decode(sent).term
    assert got[1] is BIG


def grown(step: Any) -> int:
    tracemalloc.start()
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_no_step_of_sending_and_receiving_takes_the_memory_of_a_large_value() -> None:
    value = b"x" * (12 * MIB)
    me, other = NodeId("a", 1), NodeId("b", 1)
    one, two = (Connection(at, 1, 0.0, (b"a", b"b"), (1, 1), Settings()) for at in (me, other))
    one.has_lane = True
    signal: list[Any] = []
    assert grown(lambda: signal.append(in_parts(value))) < MIB
    one.offer(signal[0], signal[0].size)
    arrived: list[Any] = []
    steps: list[int] = []

    def take(frame: bytes) -> None:
        data = decode(me, frame, MIB)
        assert isinstance(data, Large)
        arrived.append(two.take(data))

    while not any(arrived):
        one.room = 1
        (frame,) = one.ready()
        steps.append(grown(partial(take, frame)))
    assert [step for step in steps if step > MIB] == steps[1:2]  # room for the value, once
    assert len(steps) > 100
    assert grown(lambda: arrived.append(wire.decode(arrived[-1]))) < MIB
    assert value == arrived[-1].term


def test_a_node_of_an_earlier_version_puts_the_parts_together() -> None:
    parts = in_parts((BIG, "after"))
    assembly, found = Assembly(), None
    for number, part in enumerate(parts, 1):
        found = assembly.add(part, False, number < len(parts), 16 * MIB)
    assert join_parts(parts) == found
    frame = encode(Large(1, 2, 3, b"piece", True, True))
    assert msgspec.msgpack.decode(frame)[:6] == [5, 1, 2, 3, b"piece", True]  # what follows is ignored


@pytest.mark.parametrize(
    "parts",
    [
        (b"\x93\x01\x07" + header(BYTES, 3), b"four"),
        (b"\x93\x01\x07" + header(BYTES, 1 << 31), b"x"),
        (b"\x93\x01\x07", b"x"),
        (b"", b"x"),
        (b"\x92\x01" + header(BYTES, 1), b"x"),
        (b"\x93\x01\x07" + header(TEXT, 1), b"\xff"),
        (b"\x93\x01\x07\x92" + header(BYTES, 1), b"x", b"\xd4\x01\x00"),
        (b"\x93\x01\x07\x92" + header(BYTES, 1), b"x", b"\xd8\x01" + bytes(12) + b"\0\0\0\0"),
    ],
)
def test_parts_that_do_not_fit_are_malformed(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(Parts(parts))


def test_a_place_that_a_stranger_has_learned_stands_for_no_value() -> None:
    """It learns one by a header that is the content of a value; many of them would stand for more than is sent."""
    place = wire.decode(Parts((b"\x93\x01\x07\xc4\x12" + header(BYTES, 1), b"x"))).term
    assert place.startswith(b"\xd8\x01")
    with pytest.raises(wire.Malformed):
        wire.decode(Parts((b"\x93\x01\x07\x93" + 2 * place + header(BYTES, 1), b"x")))


def test_a_later_kind_of_signal_is_told_apart_from_a_malformed_one() -> None:
    with pytest.raises(wire.UnknownSignal):
        wire.decode(Parts((b"\x92\x63" + header(BYTES, 1), b"x")))


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([(header(BYTES, 100), True), (b"x" * 101, True)], "100 bytes, got more"),
        ([(header(BYTES, 100), True), (b"x" * 99, True)], "100 bytes, got 99"),
        ([(header(BYTES, 1_000), True), (b"x", False)], "at most 500, got 1000"),
        ([(b"no header", True), (b"x", False)], "got None"),
        ([(b"x" * 300, False), (b"x" * 300, False)], "at most 500 bytes, got 600"),
    ],
)
def test_pieces_of_a_wrong_length_end_the_connection(pieces: list[tuple[bytes, bool]], told: str) -> None:
    me, other = NodeId("a", 1), NodeId("b", 1)
    sessions = {at: Session(at, b"secret", Settings(signal=500)) for at in (me, other)}
    todo: list[tuple[NodeId, Any]] = [(me, action) for action in sessions[me].connect(0.0, other)]
    for at, action in todo:
        if isinstance(action, Put):
            todo += [(action.node, after) for after in sessions[action.node].receive(0.0, at, action.frame)]
    live = sessions[me]._peers[other].live
    assert live is not None
    seen: list[Any] = []
    for sent, (piece, ends) in enumerate(pieces, 1):
        seen += sessions[other].receive(0.0, me, encode(Large(live.outgoing, sent, 0, piece, True, ends)))
    assert not [action for action in seen if isinstance(action, Signal)]
    assert told in seen[-1].text


def test_a_signal_of_many_small_values_is_refused() -> None:
    assembly = Assembly()
    with pytest.raises(ValueError, match="at most 1,024 parts"):
        for _ in range(MIB // 6):
            assembly.add(header(BYTES, 1), True, True, MIB)
            assembly.add(b"x", True, True, MIB)


def test_large_values_are_echoed_between_two_nodes(two: Any) -> None:
    async def echo() -> None:
        otp.register("echo", otp.self())
        while True:
            caller, term = await otp.receive()
            otp.send(caller, (term, type(term).__name__))

    async def ask() -> None:
        for term in TERMS.values():
            otp.send(("echo", "b"), (otp.self(), term))
            assert (term, type(term).__name__) == await otp.receive(timeout=10)

    async def test(both: Any) -> None:
        both.b.spawn(echo)
        await both.settle()
        await both.on(both.a, ask)

    two(test)
