"""Reading a recording, whatever the file contains. Source: design part 12 §5."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import trace
from otp.testing import Scheduler
from otp.trace import Recording, RecordingError, load

EVENTS = 3_456


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording of 3,456 messages to oneself."""
    return recorded(tmp_path_factory.mktemp("good") / "run.jsonl.gz")


def recorded(path: Path, odd: int = -1) -> bytes:
    async def main() -> None:
        with trace.record(trace.node_of(otp.self()), path, kinds={"sent"}):
            for number in range(EVENTS):
                otp.send(otp.self(), -1 if number == odd else number)

    Scheduler().run(main)
    return path.read_bytes()


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(content: bytes, **options: Any) -> Recording:
        path = tmp_path / "file"
        path.write_bytes(content)
        return load(path, **options)

    return read


HEADER = {"format": "otp-recording/1", "node": "n", "io": "virtual"}
EVENT: dict[str, Any] = {"seq": 1, "at": 0, "kind": "sent", "pid": "<0.2.0>", "cause": 0, "data": {}}


def packed(*objects: Any) -> bytes:
    return gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in objects))


def test_what_was_written_is_read(good: bytes, read: Any) -> None:
    recording = read(good)
    assert (True, None, EVENTS, 0) == (recording.complete, recording.problem, len(recording.events), recording.dropped)
    assert list(range(EVENTS)) == [int(row.data["message"]) for row in recording.events]
    assert EVENTS // 1_000 == len(recording.chain)
    assert "test" == recording.events[0].node == recording.node
    assert ["<0.2.0>"] == [one["process"] for one in recording.processes]


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.77, 0.95, 0.999])
def test_a_file_that_was_cut_off_gives_what_is_there(good: bytes, read: Any, part: float) -> None:
    recording = read(good[: int(len(good) * part)])
    assert not recording.complete
    assert recording.problem
    assert list(range(len(recording.events))) == [int(row.data["message"]) for row in recording.events]


def test_a_damaged_byte_is_found(good: bytes, read: Any) -> None:
    for place in range(200, len(good), len(good) // 40):
        damaged = bytearray(good)
        damaged[place] ^= 0x10
        try:
            recording = read(bytes(damaged))
        except RecordingError:
            continue
        assert not recording.complete or recording.digest == read(good).digest


def test_a_changed_event_is_found_in_its_block(good: bytes, read: Any) -> None:
    changed = gzip.decompress(good).replace(b'"message":"1500"', b'"message":"1501"')
    recording = read(gzip.compress(changed))
    assert "the 1000 events before it differ from those written" in recording.problem
    assert 2_000 == len(recording.events)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "an empty file"),
        (b"hello, this is a text", "a file that is not gzip data"),
        (gzip.compress(b"hello\n"), "expected a JSON object"),
        (gzip.compress(b'{"format": 1}\n'), "a file of another kind"),
        (packed({"format": "otp-recording/2", "node": "n", "io": "real"}), "otp-recording/2, which another version"),
        (packed({"format": "otp-recording/1"}), "a header without node and io"),
        (gzip.compress(b"[" * 100_000 + b"\n"), "expected a JSON object"),
        (gzip.compress(bytes(300_000)), "a line of more than"),
    ],
    ids=["empty", "text", "no JSON", "no format", "another version", "no node", "deep", "endless"],
)
def test_what_is_no_recording_is_refused_and_said(read: Any, content: bytes, got: str) -> None:
    with pytest.raises(RecordingError, match=r"expected a recording \(otp-recording/1\), got ") as error:
        read(content)
    assert got in str(error.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="expected a file that can be read, got No such file"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize(
    "line",
    [
        [],
        "text",
        {"something": "else"},
        {**EVENT, "seq": "1"},
        {**EVENT, "seq": True},
        {**EVENT, "seq": 0},
        {**EVENT, "seq": 1e9},
        {**EVENT, "at": None},
        {**EVENT, "cause": 1},
        {**EVENT, "cause": -1},
        {**EVENT, "kind": None},
        {**EVENT, "pid": 3},
        {**EVENT, "node": 3},
        {**EVENT, "data": []},
        {"chain": 1_000, "digest": "x"},
        {"chain": [], "digest": {}},
        {"end": "closed", "events": 7, "digest": "x"},
        {"process": 3},
        {"process": "<0.2.0>", "parent": []},
        {**EVENT, "data": {"x": float("nan")}},
    ],
)
def test_lines_of_other_types_end_the_reading_and_are_said(read: Any, line: Any) -> None:
    recording = read(packed(HEADER, line))
    assert not recording.complete
    assert recording.problem.startswith("line 2: ")
    assert [] == list(recording.events)


def test_events_come_in_order(read: Any) -> None:
    recording = read(packed(HEADER, {**EVENT, "seq": 5}, {**EVENT, "seq": 5}))
    assert (1, "line 3: expected an event numbered above 5 and its cause, got 5 with cause 0") == (
        len(recording.events),
        recording.problem,
    )


def test_nothing_follows_the_end(good: bytes, read: Any) -> None:
    assert "expected nothing after the end" in read(good + b"more").problem
    assert "expected nothing after the end" in read(good + good).problem
    more = gzip.decompress(good) + json.dumps(EVENT).encode() + b"\n"
    assert "expected nothing after the end" in read(gzip.compress(more)).problem


def test_data_of_any_shape_changes_no_moment_by_an_error(read: Any) -> None:
    kinds = ["spawned", "exited", "registered", "child_started", "sent", "received", "dropped", "callback_begun"]
    odd: list[Any] = [None, 1, [], {}, "<0.2.0>", [[]]]
    keys = ("parent", "name", "what", "to", "way", "message", "ref", "child", "callback", "other", "state")
    rows = [
        {**EVENT, "seq": number + 1, "kind": kind, "pid": pid, "data": dict.fromkeys(keys, value)}
        for number, (kind, value, pid) in enumerate(
            (kind, value, pid) for kind in kinds for value in odd for pid in ("<0.2.0>", None)
        )
    ]
    recording = read(packed(HEADER, *rows))
    assert len(rows) == len(recording.events)
    for count in range(len(rows) + 1):
        recording.at(count)


def bomb(megabytes: int, piece: bytes) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = pack.compress(json.dumps(HEADER).encode() + b"\n")
    block = piece * (1_000_000 // len(piece))
    for _ in range(megabytes):
        content += pack.compress(block)
    return content + pack.flush()


@pytest.mark.parametrize(
    ("piece", "problem"),
    [(b"\0", "a line of more than"), (b"[" * 999 + b"\n", "JSON object"), (b" " * 9_999 + b"\n", "JSON object")],
)
def test_a_bomb_is_refused_in_little_memory(read: Any, piece: bytes, problem: str) -> None:
    content = bomb(60, piece)
    tracemalloc.start()
    try:
        recording = read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert problem in recording.problem
    assert peak < 4_000_000


def test_text_and_events_are_bounded(read: Any) -> None:
    wide = [{**EVENT, "seq": number, "data": {"x": "y" * 200_000}} for number in range(1, 9)]
    assert "more than 500,000 bytes of text" in read(packed(HEADER, *wide), limit=10).problem
    many = [{**EVENT, "seq": number} for number in range(1, 13)]
    recording = read(packed(HEADER, *many), limit=10)
    assert (10, "line 12: more than 10 events; try load(path, limit=…)") == (len(recording.events), recording.problem)


def test_many_messages_and_ends_take_no_quadratic_time(read: Any) -> None:
    """A file may hold what no program does: every process with one message under way, and all of them end."""
    count = 20_000
    rows: list[dict[str, Any]] = []
    for kind, data in (("spawned", {}), ("sent", {"to": None}), ("exited", {})):
        for n in range(count):
            rows.append({**EVENT, "seq": len(rows) + 1, "kind": kind, "pid": f"<0.{n}.0>", "data": {**data}})
            if kind == "sent":
                rows[-1]["data"]["to"] = f"<0.{n}.0>"
    recording = read(packed(HEADER, *rows))
    assert (count, count) == (len(recording.at(2 * count).processes), len(recording.at(2 * count).messages))
    assert (0, 0) == (len(recording.at(3 * count).processes), len(recording.at(3 * count).messages))


def test_the_first_difference_of_two_recordings_is_found(good: bytes, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(good)
    same, shorter = load(tmp_path / "good"), load(tmp_path / "good", limit=1_234)
    assert None is same.first_difference(load(tmp_path / "good"))
    assert 1_234 == same.first_difference(shorter) == shorter.first_difference(same)
    for odd in (0, 999, 1_000, 2_345, EVENTS - 1):
        recorded(tmp_path / "odd", odd)
        assert odd == same.first_difference(load(tmp_path / "odd"))
