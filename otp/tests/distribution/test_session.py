"""A session as a value: its actions for each event, without loop or network."""

from __future__ import annotations

import random

import msgspec
import pytest

from otp.distribution import NodeId, Session, Settings
from otp.distribution.actions import Down, Flush, Put, Refused, Room, Signal, Up
from otp.distribution.frames import Batch, Beat, Bye, Data, Hello, Large, Reset, decode, encode
from otp.kernel.values.errors import BadArgument
from session_wire import COOKIE, A, B, C, Wire, kinds

# the handshake


def test_a_wrong_cookie_connects_neither_side_and_is_told_once_on_both() -> None:
    wire = Wire(A, B, cookies={B: b"guessed"})
    wire.do(A, "connect", B)
    wire.do(B, "connect", A)
    wire.pass_time(20)
    for node, other in ((A, B), (B, A)):
        assert {Refused} == set(map(type, wire.seen[node]))
        assert 1 == len(wire.seen[node])
        assert str(other) in wire.seen[node][0].text
        assert "cookie" in wire.seen[node][0].text
        assert not wire.sessions[node].nodes()


def test_an_empty_cookie_is_refused_before_anything_begins() -> None:
    with pytest.raises(BadArgument, match="expected some bytes"):
        Session(A, b"")


def test_nothing_of_a_node_that_proved_nothing_reaches_the_runtime() -> None:
    wire = Wire(A)
    mine = b"n" * 16
    for frame in (
        Hello(1, mine),
        Hello(1, mine, verified=True),
        Data(0, 1, 0, b"signal", False),
        Data(1 << 63, 1, 0, b"signal", False),
        Beat(7, 1, 1),
        Reset(7),
    ):
        wire.do(A, "receive", B, encode(frame))
    # It answers the greeting with the nonce of A in it; who does not know the cookie can do nothing with it.
    answers = [decode(A, frame, 1000) for *_, frame in wire.frames]
    nonce = next(answer.mine for answer in answers if isinstance(answer, Hello))
    for proof in (b"", b"p" * 32, next(answer.proof for answer in answers if isinstance(answer, Hello))):
        wire.do(A, "receive", B, encode(Hello(1, mine, nonce, proof, True)))
        wire.do(A, "receive", B, encode(Data(0, 1, 0, b"signal", False)))
    assert {Refused} == set(map(type, wire.seen[A]))
    assert not wire.sessions[A].nodes()


def test_frames_that_somebody_recorded_connect_nobody_and_end_nothing() -> None:
    wire = Wire(A, B).connected()
    wire.do(A, "send", B, b"pay 100")
    wire.do(B, "send", A, b"paid")
    recorded = list(wire.frames)
    wire.pass_time(1)
    before = {node: list(seen) for node, seen in wire.seen.items()}
    for source, target, frame in recorded * 2:  # while the connection stands
        wire.do(target, "receive", source, frame)
    assert before == wire.seen
    again = Wire(A, B)  # and to nodes that were started anew
    again.sessions[A]._nonce = again.sessions[B]._nonce = random.Random(2).randbytes
    for source, target, frame in recorded * 2:
        again.do(target, "receive", source, frame)
    assert not any(isinstance(action, Signal) for seen in again.seen.values() for action in seen)


def test_a_proof_does_not_serve_in_the_name_of_another_node_nor_backwards() -> None:
    wire = Wire(A, B)
    wire.lose = lambda source, *_: source == B
    wire.do(A, "connect", B)
    (*_, answer) = [frame for source, _, frame in wire.frames if source == B]
    for thief in (C, NodeId("b", 2)):
        wire.do(A, "receive", thief, answer)
    assert not wire.sessions[A].nodes()
    wire.do(B, "receive", A, answer)  # reflected
    assert not wire.sessions[B].nodes()
    wire.do(A, "receive", B, answer)
    assert {B} == wire.sessions[A].nodes()


def test_strangers_are_answered_up_to_a_bound_and_forgotten() -> None:
    wire = Wire(A)
    for number in range(1000):
        wire.do(A, "receive", NodeId(f"x{number}", 1), encode(Hello(1, b"n" * 16)))
    assert 64 == len(wire.frames)
    assert len(wire.sessions[A]._peers) == 64
    assert len(wire.seen[A]) <= 64
    wire.pass_time(8)
    assert not wire.sessions[A]._peers


def test_another_version_and_another_node_of_this_name_are_named() -> None:
    wire = Wire(A)
    wire.do(A, "receive", B, encode(Hello(2, b"n" * 16)))
    wire.do(A, "receive", NodeId("a", 2), encode(Hello(1, b"n" * 16)))
    wire.do(A, "receive", C, encode(Hello(1, b"short")))
    starts = ["b#1: expected version 1", "a#2: expected another name", "c#1: expected a nonce"]
    assert starts == [refused.text[: len(start)] for refused, start in zip(wire.seen[A], starts, strict=True)]


# the connection


def test_a_connection_that_one_side_dropped_ends_on_the_other_with_the_next_frame() -> None:
    wire = Wire(A, B).connected()
    wire.lose = lambda *_: True
    wire.do(B, "hint", A, False)  # B lost it and could tell nobody
    wire.lose = lambda *_: False
    wire.do(A, "send", B, b"anybody?")
    assert [Down(B, "reset"), Up(B, 2)] == wire.seen[A]
    assert [Down(A, "hint"), Up(A, 2)] == wire.seen[B]


def test_a_restarted_node_is_another_one_and_the_first_goes_down_before_it_comes_up() -> None:
    wire = Wire(A, B).connected()
    new = NodeId("b", 2)
    wire.sessions[new] = Session(new, COOKIE)
    wire.seen[new] = []
    del wire.sessions[B]
    wire.do(new, "connect", A)
    assert [Down(B, "restart"), Up(new, 2)] == wire.seen[A]
    wire.do(A, "send", B, b"to the first")
    assert frozenset({new}) == wire.sessions[A].nodes()
    wire.pass_time(3)
    assert B not in wire.sessions[A]._peers


@pytest.mark.parametrize("way", ["both", "to", "from"])
def test_silence_is_noticed_after_dead_and_not_before_and_the_merge_takes_a_heartbeat(way: str) -> None:
    wire = Wire(A, B).connected()
    wire.lose = lambda source, *_: way == "both" or source == (A if way == "to" else B)
    wire.pass_time(6)
    assert [] == wire.seen[A] + wire.seen[B]
    wire.pass_time(2)
    downs = [action.reason for action in wire.seen[A] + wire.seen[B]]
    assert 2 == len(downs) if way == "both" else downs
    assert set(downs) <= {"timeout", "reset"}
    wire.lose = lambda *_: False
    wire.pass_time(1)
    assert ({B}, {A}) == (wire.sessions[A].nodes(), wire.sessions[B].nodes())


def test_who_was_asleep_reads_what_came_meanwhile_before_it_calls_anybody_dead() -> None:
    wire = Wire(A, B, C).connected()
    wire.now += 1.0
    wire.do(A, "tick")
    wire.now += 60.0
    wire.do(A, "tick")
    assert [] == wire.seen[A]


def test_a_lost_frame_ends_the_connection_before_any_later_signal() -> None:
    wire = Wire(A, B).connected()
    wire.do(A, "send", B, b"1")
    wire.lose = lambda source, *_: source == A
    wire.do(A, "send", B, b"2")
    wire.lose = lambda *_: False
    wire.do(A, "send", B, b"3")
    wire.do(A, "send", B, b"4")
    assert [Signal(A, b"1"), Down(A, "gap"), Up(A, 2), Signal(A, b"4")] == wire.seen[B]


def test_a_lost_last_frame_is_noticed_at_the_next_heartbeat() -> None:
    wire = Wire(A, B).connected()
    wire.lose = lambda *_: True
    wire.do(A, "send", B, b"1")
    wire.lose = lambda *_: False
    wire.pass_time(1, A)
    assert [Down(A, "gap"), Up(A, 2)] == wire.seen[B]


def test_frames_of_a_connection_that_ended_are_not_delivered_in_the_next_one() -> None:
    wire = Wire(A, B).connected()
    wire.lose = lambda *_: True
    wire.do(A, "send", B, b"old")
    old = [frame for source, _, frame in wire.frames if source == A][-1]
    wire.lose = lambda *_: False
    wire.do(A, "disconnect", B)
    wire.do(A, "connect", B)
    wire.do(B, "receive", A, old)
    assert [Down(A, "leave"), Up(A, 2)] == wire.seen[B]


def test_a_replayed_or_forged_greeting_ends_no_connection() -> None:
    wire = Wire(A, B).connected()
    for frame in [frame for source, _, frame in wire.frames if source == A] + [encode(Hello(1, b"f" * 16))]:
        wire.do(B, "receive", A, frame)
    wire.pass_time(10)
    assert [] == [action for action in wire.seen[A] + wire.seen[B] if not isinstance(action, Refused)]


def test_copies_of_a_proof_held_by_a_fault_are_answered_once_a_heartbeat() -> None:
    wire = Wire(A, B)
    wire.do(A, "connect", B)
    proof = next(
        frame
        for source, _, frame in wire.frames
        if source == B and isinstance(hello := decode(A, frame, 1000), Hello) and not hello.verified
    )
    for _ in range(2):
        wire.pass_time(1)
        wire.frames.clear()
        for _ in range(5):
            wire.do(A, "receive", B, proof)
        assert [Hello] == kinds(wire.frames)


def test_a_stranger_to_a_connection_gets_one_reset_a_heartbeat() -> None:
    wire = Wire(A)
    for _ in range(1000):
        wire.do(A, "receive", B, encode(Data(5, 1, 0, b"", False)))
    assert [Reset] == kinds(wire.frames)
    for number in range(1000):
        wire.do(A, "receive", B, encode(Data(number, 1, 0, b"", False)))
    assert 64 == len(wire.frames)


def test_a_line_that_loses_much_makes_at_most_one_connection_a_heartbeat() -> None:
    wire = Wire(A, B).connected()
    wire.lose = lambda source, _, frame: source == A and isinstance(decode(A, frame, 1000), Data)
    for _ in range(30):
        wire.pass_time(1)
        for _ in range(10):
            wire.now += 0.01
            wire.do(A, "send", B, b"lost")
            if live := wire.sessions[A]._live(B):
                wire.do(B, "receive", A, live.beat())  # which tells of the loss
    assert 30 <= len([seen for seen in wire.seen[A] if isinstance(seen, Up)]) <= 31


# features


def test_signals_of_a_burst_share_a_frame_and_a_signal_after_an_answer_does_not_wait() -> None:
    wire = Wire(A, B).connected()
    session = wire.sessions[A]
    (first,) = session.send(wire.now, B, b"1")
    assert isinstance(first, Put)
    assert [Flush(B)] == session.send(wire.now, B, b"2")
    assert not session.send(wire.now, B, b"3")
    (burst,) = session.flush(B)
    assert isinstance(burst, Put)
    batch = decode(A, burst.frame, 1000)
    assert isinstance(batch, Batch)
    assert [b"2", b"3"] == batch.signals
    for frame in (first.frame, burst.frame, burst.frame):
        wire.do(B, "receive", A, frame)
    assert [Signal(A, b"1"), Signal(A, b"2"), Signal(A, b"3")] == wire.seen[B]
    wire.do(B, "send", A, b"answer")
    (at_once,) = session.send(wire.now, B, b"4")
    assert isinstance(at_once, Put)
    assert not session.flush(B)


def test_a_long_burst_is_sent_at_once_and_the_rest_before_the_goodbye() -> None:
    wire = Wire(A, B).connected()
    session = wire.sessions[A]
    session.send(wire.now, B, b"first")
    sent = [session.send(wire.now, B, bytes(1000)) for _ in range(20)]
    assert [Flush] + 14 * [None] == [type(one[0]) if one else None for one in sent[:15]]
    frames = [action.frame for one in sent for action in one if isinstance(action, Put)]
    assert frames
    last, bye, down = wire.sessions[A].disconnect(wire.now, B)
    assert Down(B, "disconnect") == down
    signals = [decode(A, frame, 1 << 20) for frame in (*frames, last.frame)]  # type: ignore[union-attr]
    assert 20 == sum(len(one.signals) for one in signals if isinstance(one, Batch))
    assert Bye is type(decode(A, bye.frame, 1000))  # type: ignore[union-attr]


def test_a_carrier_without_room_is_asked_again_while_more_is_sent() -> None:
    wire = Wire(A, B).connected()
    session = wire.sessions[A]
    assert [] == session.room(B, 0)[:-1]
    asked = [number for number in range(1_000) if Room(B) in session.send(wire.now, B, bytes(1024))]
    assert [240, 480, 720, 960] == [round(number, -1) for number in asked]


def test_a_side_without_the_lane_gets_only_frames_that_it_knows() -> None:
    for old, new in ((A, B), (B, A)):
        wire = Wire(A, B, fragment=16)
        wire.sessions[old] = Session(old, COOKIE, Settings(fragment=16), features=0)
        wire.connected()
        for at, to in ((A, B), (B, A)):
            wire.do(at, "send", to, b"x" * 100, 1)
            wire.do(at, "send", to, b"small", 2)
        assert Large not in kinds(wire.frames)
        assert [Signal(old, b"x" * 100), Signal(old, b"small")] == wire.seen[new]


def test_features_and_fields_of_later_versions_do_not_disconnect() -> None:
    wire = Wire(A, B)
    wire.sessions[B] = Session(B, COOKIE, features=(1 << 40) | 1)
    wire.connected()
    hello = msgspec.msgpack.decode(encode(Hello(1, b"n" * 16)))
    later = decode(A, msgspec.msgpack.encode([*hello, "a field", {"of": "later"}]), 1000)
    assert later == Hello(1, b"n" * 16)


def test_features_that_somebody_changed_on_the_way_connect_nobody() -> None:
    wire = Wire(A, B)
    wire.lose = lambda source, *_: source == B
    wire.do(A, "connect", B)
    (*_, answer) = [decode(B, frame, 1000) for source, _, frame in wire.frames if source == B]
    assert isinstance(answer, Hello) and answer.features
    wire.do(A, "receive", B, encode(msgspec.structs.replace(answer, features=0)))
    assert not wire.sessions[A].nodes()
    wire.do(A, "receive", B, encode(answer))
    assert {B} == wire.sessions[A].nodes()


def test_a_later_incarnation_is_sought_while_the_earlier_one_is_thought_up() -> None:
    later = NodeId("b", 2)
    wire = Wire(A, B).connected()
    wire.sessions.pop(B)
    wire.sessions[later], wire.seen[later] = Session(later, COOKIE), []
    wire.do(A, "connect", later)
    assert [Down(B, "restart"), Up(later, 2)] == wire.seen[A]
    wire.seen[A].clear()
    wire.do(A, "connect", B)  # obsolete
    wire.pass_time(3)
    assert not wire.seen[A]


# nonsense


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x00", b"GET / HTTP/1.1\r\n", encode([0]), encode([99, 1]), encode([1, -1, 1, 0, b"", False])]
    + [b"\x91" * 5000]
    + [encode(Data(1, 1, 0, b"signal", False))[:cut] for cut in (1, 5, 9)]
    + [b"x" * 2000],
    ids=lambda frame: f"{len(frame)} bytes",
)  # fmt: skip
def test_nonsense_is_told_with_the_name_of_the_node_once_and_changes_nothing(frame: bytes) -> None:
    wire = Wire(A, B, signal=1000).connected()
    for _ in range(100):
        wire.do(A, "receive", B, frame)
        wire.do(A, "receive", C, frame)
    assert ["b#1", "c#1"] == [str(refused.node) for refused in wire.seen[A]]
    assert all(refused.text.startswith(f"{refused.node}: expected ") for refused in wire.seen[A])
    wire.do(B, "send", A, b"still here")
    assert Signal(B, b"still here") == wire.seen[A][-1]


def test_an_acknowledgement_of_what_was_never_sent_ends_the_connection() -> None:
    wire = Wire(A, B).connected()
    live = wire.sessions[B]._peers[A].live
    wire.do(A, "receive", B, encode(Beat(live.outgoing, 0, 5)))
    assert Down(B, "malformed") == wire.seen[A][0]


# leaving


def test_who_leaves_is_not_sought_and_can_come_back() -> None:
    wire = Wire(A, B).connected()
    wire.do(A, "disconnect", B)
    assert ([Down(B, "disconnect")], [Down(A, "leave")]) == (wire.seen[A], wire.seen[B])
    wire.frames.clear()
    wire.pass_time(10)
    assert [] == wire.frames
    wire.do(B, "connect", A)
    assert ({B}, {A}) == (wire.sessions[A].nodes(), wire.sessions[B].nodes())


def test_a_closed_session_says_goodbye_and_then_nothing() -> None:
    wire = Wire(A, B).connected()
    wire.do(A, "close")
    assert ([Down(B, "disconnect")], [Down(A, "leave")]) == (wire.seen[A], wire.seen[B])
    wire.frames.clear()
    wire.do(B, "connect", A)
    wire.do(A, "connect", B)
    assert [A] == [target for _, target, _ in wire.frames]


def test_sending_without_a_connection_seeks_one_where_the_settings_allow_it() -> None:
    wire = Wire(A, B)
    wire.do(A, "send", B, b"lost")
    assert ([Up(B, 1)], [Up(A, 1)]) == (wire.seen[A], wire.seen[B])
    shy = Wire(A, B, auto_connect=False)
    shy.do(A, "send", B, b"lost")
    shy.do(A, "hint", B, True)
    assert [] == shy.frames


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in ({"heartbeat": 4.0}, {"heartbeat": 0.0}, {"buffer": 0}, {"signal": 1 << 30}):
        with pytest.raises(BadArgument, match=r"Settings: expected .*; try "):
            Settings(**wrong)
    with pytest.raises(BadArgument, match="to itself"):
        Session(A, COOKIE).connect(0.0, NodeId("a", 2))
