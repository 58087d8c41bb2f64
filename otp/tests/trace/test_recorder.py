"""Writing a recording. Source: design part 1 §7, part 12 §5."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from echo_server import Echo
from otp import GenServer, trace
from otp.testing import Scheduler
from otp.trace import RecordingError, _recorder


def node() -> otp.Node:
    return trace.node_of(otp.self())


def has_reader() -> bool:
    """Return whether a message makes an event."""
    before = node().trace_seq
    otp.send(otp.self(), "is it seen?")
    return node().trace_seq != before


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl.gz"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_a_recording_is_gzip_json_lines_with_a_header_and_an_end(path: Path) -> None:
    async def main() -> None:
        with trace.record(node(), path):
            await otp.wait_down(otp.spawn(lambda: None))

    Scheduler(inline=False).run(main)
    header, first, *events, end = lines(path)
    assert ("otp-recording/1", "test", "virtual") == tuple(header[key] for key in ("format", "node", "io"))
    assert {"started", "python", "otp", "kinds", "limit", "rate"} <= set(header)
    assert ("<0.2.0>", None) == (first["process"], first["name"])
    assert {"seq", "at", "kind", "pid", "cause", "data"} == set(events[0])
    assert ("spawned", "<0.3.0>") == (events[0]["kind"], events[0]["pid"])
    assert ("closed", len(events), 0) == tuple(end[key] for key in ("end", "events", "dropped"))


def test_a_recording_names_no_folder_of_the_machine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: messages, states, reasons and crash messages kept the folders of the program and of its user."""
    home = path.parent / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(path.parent)
    folders = [str(home), str(path.parent), os.path.dirname(os.__file__)]

    class Reader(GenServer[Any]):
        @otp.impl
        def init(self, arg: Any) -> otp.Ok[Any]:
            return otp.Ok(
                {"file": home / "notes.txt", "said": f'File "{folders[2]}/os.py", line 1\n{folders[1]}/shop.py'}
            )

        @otp.impl
        def handle_cast(self, request: Any, state: Any) -> otp.NoReply[Any]:
            raise FileNotFoundError(2, "no such file", request)

    async def main() -> None:
        with trace.record(node(), path, kinds=_recorder.ALL_KINDS | trace.STATE_KINDS):
            reader = await Reader.start(None)
            GenServer.cast(reader, f"{folders[1]}/missing.txt")
            await otp.wait_down(reader)

    Scheduler(inline=False).run(main)
    written = gzip.decompress(path.read_bytes()).decode()
    assert [] == [folder for folder in folders if folder in written]
    assert "~/notes.txt" in written
    assert "'missing.txt'" in written
    assert 'File \\"os.py\\"' in written


def test_a_recording_holds_no_object_of_the_program_only_bounded_texts(path: Path) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    async def main() -> None:
        server = await Echo.start(None)
        with trace.record(node(), path):
            for message in (
                Odd(),
                "x" * 10_000,
                1 << 5000,
                float("nan"),
                "\ud800",
                {"password": "hunter2"},
                [[[[[]]]]],
            ):
                GenServer.cast(server, message)
            otp.register(("any", "term"), server)
            await GenServer.call(server, (1, otp.self(), otp.make_ref()))

    Scheduler().run(main)
    text = gzip.decompress(path.read_bytes()).decode("ascii")
    assert "hunter2" not in text
    assert max(map(len, text.splitlines())) < 5_000
    assert trace.load(path).complete


def test_only_the_owner_may_read_a_recording(path: Path) -> None:
    async def main() -> None:
        trace.record(node(), path).close()

    Scheduler().run(main)
    if os.name == "posix":
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_recording_chooses_kinds_pids_limit_and_rate(tmp_path: Path) -> None:
    async def main() -> None:
        pid = otp.spawn(otp.receive)
        with (
            trace.record(node(), tmp_path / "kinds", kinds={"exited"}),
            trace.record(node(), tmp_path / "pids", pids=[pid], kinds=trace.LIFECYCLE),
            trace.record(node(), tmp_path / "limit", limit=2, kinds=trace.LIFECYCLE),
            trace.record(node(), tmp_path / "rate", rate=2, kinds={"spawned"}),
        ):
            for _ in range(5):
                await otp.wait_down(otp.spawn(lambda: None))
            otp.send(pid, "end")
            await otp.wait_down(pid)

    Scheduler().run(main)
    read = {name: trace.load(tmp_path / name) for name in ("kinds", "pids", "limit", "rate")}
    assert {"kinds": 6, "pids": 1, "limit": 2, "rate": 2} == {name: len(one.events) for name, one in read.items()}
    assert {"kinds": 0, "pids": 0, "limit": 0, "rate": 3} == {name: one.dropped for name, one in read.items()}
    assert "limit" == read["limit"].end["end"]
    assert all(one.complete for one in read.values())


def test_after_its_limit_nobody_pays_for_the_recording(path: Path) -> None:
    async def main() -> bool:
        trace.record(node(), path, limit=1)
        otp.spawn(lambda: None)
        return has_reader()

    assert not Scheduler().run(main)


def test_a_file_that_cannot_be_made_is_said_to_who_asks(tmp_path: Path) -> None:
    async def main() -> str:
        with pytest.raises(RecordingError) as error:
            trace.record(node(), tmp_path / "no" / "such" / "folder")
        with pytest.raises(RecordingError):
            trace.record(node(), tmp_path)
        assert not has_reader()
        return str(error.value)

    assert "expected a file that can be written, got No such file or directory" in Scheduler().run(main)


@pytest.mark.parametrize(
    "options", [{"kinds": {"exitd"}}, {"kinds": "exited"}, {"limit": 0}, {"limit": -1}, {"rate": 0}, {"limit": 1.5}]
)
def test_options_that_make_no_sense_are_refused_before_there_is_a_file(path: Path, options: dict[str, Any]) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=r"record\(\w+\): expected"):
            trace.record(node(), path, **options)

    Scheduler().run(main)
    assert not path.exists()


def test_a_node_that_does_not_run_yet_has_nothing_to_record(path: Path) -> None:
    with pytest.raises(otp.BadArgument, match="is not running yet"):
        trace.record(otp.Node("new"), path)
    assert not path.exists()


class Full:
    """A file on a disk that has room for one block."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.room = 1

    def write(self, data: bytes) -> None:
        if self.room == 0:
            raise OSError(28, "No space left on device")
        self.room -= 1
        self.file.write(data)

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()


def test_a_full_disk_ends_the_recording_and_not_the_program(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    created = _recorder._created  # type: ignore[attr-defined]
    monkeypatch.setattr(_recorder, "_created", lambda path: Full(created(path)))

    async def main() -> Any:
        with trace.record(node(), path) as recorder:
            for _ in range(2_000):
                otp.send(otp.self(), "x")
            assert recorder.error is not None
            otp.send(otp.self(), "the program goes on")
        return recorder.error, has_reader()

    error, read = Scheduler().run(main)
    assert (28, False) == (error.errno, read)
    assert ["No space left on device"] == [r.message.rpartition(": ")[2] for r in caplog.records]
    recording = trace.load(path)
    assert not recording.complete
    assert [] == list(recording.events)


KILLED = """
import os, sys, otp
async def main():
    recorder = otp.trace.record(otp.trace.node_of(otp.self()), sys.argv[1], kinds={"sent"})
    for number in range(2_500):
        otp.send(otp.self(), number)
    os._exit(9)
otp.run(main)
"""


def test_a_program_that_is_killed_loses_less_than_a_thousand_events(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert 9 == done.returncode
    recording = trace.load(path)
    assert (2_000, False) == (len(recording.events), recording.complete)
    assert "no end" in str(recording.problem)
    assert "1999" == recording.events[-1].data["message"]


def test_equal_runs_have_equal_digests_whatever_the_addresses(tmp_path: Path) -> None:
    def digest(place: Path) -> str:
        async def main() -> str:
            with trace.record(node(), place) as recorder:
                server = await Echo.start(None)
                await GenServer.call(server, (object, lambda: None, Echo))
            return recorder.digest

        return Scheduler(seed=2).run(main)

    first, second = digest(tmp_path / "a"), digest(tmp_path / "b")
    assert first == second == trace.load(tmp_path / "a").digest


def test_a_closed_recording_stays_closed(path: Path) -> None:
    async def main() -> int:
        recorder = trace.record(node(), path)
        recorder.close()
        recorder.close()
        otp.spawn(lambda: None)
        return recorder.events

    assert 0 == Scheduler().run(main)
    assert trace.load(path).complete


def test_in_real_time_the_header_says_that_there_is_no_promise(path: Path) -> None:
    async def main() -> None:
        trace.record(node(), path).close()

    otp.run(main)
    header = trace.load(path).header
    assert ("real", "recorded in real time: it can be looked at, not run again") == (header["io"], header["replay"])


def test_recording_does_not_change_what_a_program_of_lifecycle_does(path: Path) -> None:
    async def main(record: Callable[[], Any]) -> list[Any]:
        recorder = record()
        server = await Echo.start(None)
        answers = [await GenServer.call(server, number) for number in range(3)]
        if recorder is not None:
            recorder.close()
        return answers

    plain, recorded = Scheduler(seed=5), Scheduler(seed=5)
    plain.run(main, lambda: None)
    recorded.run(main, lambda: trace.record(node(), path, kinds=trace.LIFECYCLE))
    assert plain.steps() == recorded.steps()


def test_what_was_flushed_is_there_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"

    async def main() -> None:
        with trace.record(trace.node_of(otp.self()), path, kinds={"spawned"}) as recorder:
            otp.spawn(lambda: None)
            recorder.flush()
            recording = trace.load(path)
            assert (len(recording.events), recording.complete) == (1, False)

    otp.run(main)
    assert trace.load(path).complete
