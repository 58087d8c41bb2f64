"""Signals of a session as a value: large ones, many, and of all sizes."""

from __future__ import annotations

import random

import pytest

from otp.distribution import Settings
from otp.distribution.actions import Down, Drained, Signal, Up
from otp.distribution.frames import Beat, Large
from otp.kernel.values.errors import BadArgument
from session_wire import A, B, Wire, kinds


def test_a_large_signal_travels_in_pieces_and_heartbeats_go_between_them() -> None:
    wire = Wire(A, B, fragment=16 * 1024).connected()
    large = random.Random(3).randbytes(1_000_000)
    wire.is_full = True
    wire.do(A, "send", B, large)
    wire.do(A, "send", B, b"small")
    wire.do(A, "tick")
    assert [Large] * 4 + [Beat] == kinds([sent for sent in wire.frames if sent[0] == A])[-5:]
    assert max(len(frame) for *_, frame in wire.frames) <= 16 * 1024 + 64
    wire.give(A, B)
    assert [Signal(A, large), Signal(A, b"small")] == wire.seen[B]


def test_a_large_signal_needs_no_answer_of_the_other_side() -> None:
    wire = Wire(A, B).connected()
    large = random.Random(3).randbytes(8_000_000)
    wire.frames.clear()
    wire.do(A, "send", B, large)
    assert [Signal(A, large)] == wire.seen[B]
    assert [] == [frame for source, _, frame in wire.frames if source == B]


def test_signals_of_other_senders_pass_a_large_one_and_those_of_its_sender_do_not() -> None:
    wire = Wire(A, B, fragment=16 * 1024).connected()
    wire.is_full = True
    wire.do(A, "send", B, b"x" * 1_000_000, 1)
    for number in range(3):
        wire.do(A, "send", B, b"behind %d" % number, 1)
        wire.do(A, "send", B, b"passes %d" % number, 2)
    wire.give(A, B)
    got = [signal.data for signal in wire.seen[B]]
    assert [b"passes 0", b"passes 1", b"passes 2", b"x" * 1_000_000, b"behind 0", b"behind 1", b"behind 2"] == got


def test_a_large_signal_arrives_beside_a_flood_of_small_ones() -> None:
    wire = Wire(A, B, fragment=16 * 1024).connected()
    wire.is_full = True
    wire.do(A, "send", B, b"large" * 20_000, 1)
    for _ in range(2_000):
        wire.do(A, "send", B, b"s" * 1_000, 2)
    wire.give(A, B)
    got = [len(signal.data) for signal in wire.seen[B]]
    assert 2_001 == len(got)
    assert got.index(100_000) < 200  # a piece of it for each piece of the others


def test_a_large_signal_does_not_overtake_the_small_ones_of_its_sender() -> None:
    wire = Wire(A, B, fragment=16 * 1024).connected()
    wire.is_full = True
    sent = [b"%d" % number + b"s" * 1_000 for number in range(300)] + [b"large" * 20_000]
    for signal in sent:
        wire.do(A, "send", B, signal, 1)
    wire.give(A, B)
    assert sent == [signal.data for signal in wire.seen[B]]


@pytest.mark.parametrize("seed", range(20))
def test_the_signals_of_each_sender_keep_their_order(seed: int) -> None:
    source = random.Random(seed)
    wire = Wire(A, B, fragment=256).connected()
    sent: dict[int, list[bytes]] = {sender: [] for sender in range(4)}
    wire.is_full = True
    wire.give(A, B, 1)
    for number in range(300):
        sender = source.randrange(4)
        signal = b"%d %d " % (sender, number) + b"x" * source.choice([0, 10, 255, 256, 257, 3_000])
        sent[sender].append(signal)
        wire.do(A, "send", B, signal, sender)
        if source.random() < 0.1:
            wire.give(A, B, 4096)
    wire.give(A, B)
    got: dict[int, list[bytes]] = {sender: [] for sender in range(4)}
    for signal in wire.seen[B]:
        if isinstance(signal, Signal):
            got[int(signal.data.split()[0])].append(signal.data)
    assert sent == got
    assert not wire.sessions[A]._live(B)._behind  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("size", [0, 1, 16, 17, 32, 33])
def test_a_signal_of_any_size_arrives_as_it_was(size: int) -> None:
    wire = Wire(A, B, fragment=16).connected()
    wire.do(A, "send", B, bytes(range(size)))
    assert [Signal(A, bytes(range(size)))] == wire.seen[B]


def test_many_empty_signals_do_not_wait_for_a_heartbeat() -> None:
    wire = Wire(A, B).connected()
    for _ in range(10_000):
        wire.do(A, "send", B, b"")
    assert [Signal(A, b"")] * 10_000 == wire.seen[B]


def test_a_node_is_busy_until_half_of_what_waited_is_gone() -> None:
    wire = Wire(A, B, fragment=500, buffer=5000, signal=500).connected()
    wire.is_full = True
    while not wire.sessions[A].busy(B):
        wire.do(A, "send", B, b"x" * 400)
    assert 5000 < wire.sessions[A]._peers[B].live.waiting < 6000
    wire.give(A, B, 2000)
    assert [] == wire.seen[A]
    wire.give(A, B)
    assert [Drained(B)] == wire.seen[A]
    assert not wire.sessions[A].busy(B)


def test_much_that_waits_ends_no_connection_and_heartbeats_pass_it() -> None:
    wire = Wire(A, B, buffer=10_000, signal=1000).connected()
    wire.is_full = True
    for number in range(1000):
        wire.do(A, "send", B, number.to_bytes(2, "big") + b"x" * 900)
    assert wire.sessions[A].waiting(B) > 40_000  # what is sent here is up to the senders
    wire.pass_time(60)
    assert ([], []) == (wire.seen[A], [seen for seen in wire.seen[B] if not isinstance(seen, Signal)])
    wire.give(A, B)
    assert list(range(1000)) == [int.from_bytes(seen.data[:2], "big") for seen in wire.seen[B]]


def test_a_part_of_a_frame_is_a_sign_of_life() -> None:
    wire = Wire(A, B).connected()
    for _ in range(20):
        wire.sessions[A].receive_part(wire.now, B)
        wire.pass_time(1, A)
    assert [] == wire.seen[A]
    wire.pass_time(7, A)
    assert Down(B, "timeout") == wire.seen[A][0]


def test_a_signal_beyond_the_limit_is_refused_where_it_is_sent() -> None:
    wire = Wire(A, B, signal=1000).connected()
    with pytest.raises(BadArgument, match="b#1: expected a signal of at most 1000 bytes, got 1001"):
        wire.do(A, "send", B, b"x" * 1001)
    assert {B} == wire.sessions[A].nodes()


def test_a_peer_that_sends_more_than_the_limit_in_pieces_goes_down_with_its_name_in_the_text() -> None:
    wire = Wire(A, B).connected()
    wire.sessions[B].settings = Settings(signal=100)
    wire.sessions[B]._peers[A].live._settings = Settings(signal=100)
    wire.sessions[A]._peers[B].live._settings = Settings(fragment=60)
    wire.do(A, "send", B, b"x" * 200)
    down, refused, *_ = [action for action in wire.seen[B] if not isinstance(action, Up)]
    assert Down(A, "malformed") == down
    assert "expected signals of at most 100 bytes" in refused.text
