"""The socket and the record of a member on this machine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from superlearner.cli.entry import app
from superlearner.cluster import background
from superlearner.cluster.control import Control, ControlError, Record, ask, records
from superlearner.cluster.readiness import Readiness

MEMBER = """
import os, sys
from pathlib import Path
from otp.locked_entries import LockedEntry
from otp.unix_sockets import bind_privately
bound = bind_privately(sys.argv[2])
entry = LockedEntry(Path(sys.argv[1]), input().encode())
print(flush=True)
input()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the record which it reads, and a socket, until it is killed."""
    (tmp_path / "members").mkdir()
    words = [str(tmp_path / "members" / "member-x.json"), str(tmp_path / "left.sock")]
    with subprocess.Popen(
        [sys.executable, "-c", MEMBER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"got": request["text"]}


async def broken(_: dict[str, Any]) -> dict[str, Any]:
    raise LookupError("it has not joined")


def control(folder: Path) -> Control:
    return Control(folder, "b@h", {"echo": echo, "broken": broken})


def write(folder: Path, record: Record) -> Path:
    path = folder / "members" / "member-x.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(record)))
    return path


def test_a_request_is_answered_and_nothing_is_left(tmp_path: Path) -> None:
    async def main() -> Path:
        async with control(tmp_path):
            [record] = records(tmp_path)
            assert stat.S_IMODE(Path(record.path).stat().st_mode) == 0o600
            assert await asyncio.to_thread(ask, record, {"ask": "echo", "text": "é"}) == {"got": "é"}
            return Path(record.path)

    path = asyncio.run(main())
    assert not path.exists()
    assert not list((tmp_path / "members").iterdir())


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{}\n", b'{"ask": []}\n', b'{"ask": "kill"}\n', b"\xff\n"])
def test_a_wrong_request_gets_an_error(tmp_path: Path, line: bytes) -> None:
    async def main() -> bytes:
        async with control(tmp_path):
            reader, writer = await asyncio.open_unix_connection(records(tmp_path)[0].path)
            writer.write(line)
            answer = await reader.read()
            writer.close()
            return answer

    assert json.loads(asyncio.run(main()))["error"].startswith("expected one of broken, echo, got ")


def test_an_endless_line_ends_its_connection_only(tmp_path: Path) -> None:
    async def main() -> dict[str, Any]:
        async with control(tmp_path):
            [record] = records(tmp_path)
            reader, writer = await asyncio.open_unix_connection(record.path)
            writer.write(b"x" * 200_000)
            try:
                assert not await reader.read()
            except ConnectionError:
                pass
            writer.close()
            return await asyncio.to_thread(ask, record, {"ask": "echo", "text": 1})

    assert asyncio.run(main()) == {"got": 1}


def test_the_error_of_a_handler_is_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with control(tmp_path):
            await asyncio.to_thread(ask, records(tmp_path)[0], {"ask": "broken"})

    with pytest.raises(ControlError, match="it has not joined"):
        asyncio.run(main())


def test_what_a_killed_process_left_is_removed(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    assert other.stdin and other.stdout
    left, path = tmp_path / "left.sock", tmp_path / "members" / "member-x.json"
    other.stdin.write(json.dumps(asdict(Record("b@h", other.pid, str(left)))).encode() + b"\n")
    other.stdin.flush()
    other.stdout.readline()
    assert [record.name for record in records(tmp_path)] == ["b@h"]
    assert left.exists()
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert not records(tmp_path)
    assert (path.exists(), left.exists()) == (False, False)


def test_a_reused_process_id_is_not_mistaken_for_a_member(tmp_path: Path) -> None:
    path = write(tmp_path, Record("b@h", os.getpid(), str(tmp_path / "b.sock")))
    assert not records(tmp_path)
    assert not path.exists()


def test_a_record_removes_nothing_but_a_socket_of_this_user(tmp_path: Path) -> None:
    """A record in a folder that others can write to names any file."""
    (tmp_path / "thesis.txt").write_text("dear")
    write(tmp_path, Record("b@h", 1, str(tmp_path / "thesis.txt")))
    assert not records(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "dear"


def test_the_record_of_a_member_of_an_earlier_version_stays(tmp_path: Path) -> None:
    """It has another form, and no lock."""
    path = write(tmp_path, Record("b@h", os.getpid(), str(tmp_path / "b.sock")))
    path.write_text(json.dumps({**json.loads(path.read_text()), "started": "12345"}))
    assert not records(tmp_path)
    assert path.exists()


def test_a_half_written_record_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, Record("b@h", 1, ""))
    path.write_text('{"name": "b')
    assert not records(tmp_path)
    assert path.exists()


def test_a_member_that_hangs_or_ends_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    record = Record("b@h", 7, path)
    with pytest.raises(ControlError, match=r"b@h \(process 7\) cannot be asked"):
        ask(record, {})
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        with pytest.raises(ControlError, match=r"b@h \(process 7\) did not answer in 0.01 s"):
            ask(record, {}, timeout=0.01)


KILLED = """
import asyncio, os, sys
from pathlib import Path
from superlearner.cluster.control import Control
from superlearner.cluster.readiness import Readiness

async def main():
    async with Control(Path(sys.argv[1]), "b@h", {}):
        with Readiness():
            print(flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_next_program_removes_the_sockets_of_one_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without its record: its data directory may be gone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        with Readiness():
            before = {*Path(short, "otp").iterdir()}
            with subprocess.Popen(
                [sys.executable, "-c", KILLED, str(tmp_path / "data")], stdout=subprocess.PIPE
            ) as process:
                assert process.stdout is not None
                process.stdout.readline()
                process.kill()
            shutil.rmtree(tmp_path / "data")
            assert {"member", "ready"} == {
                path.name.partition("-")[0] for path in {*Path(short, "otp").glob("*.sock")} - before
            }
            with Readiness():
                assert len(before) + 2 == len(list(Path(short, "otp").iterdir()))
        assert not list(Path(short, "otp").iterdir())


class Terminal(io.StringIO):
    """A terminal that tells when a line was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = threading.Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.shown.set()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("start", "2"), "waiting for 2 members to connect, for up to 30 s …"),
        (("connect", "tls/10.0.0.5:7447"), "waiting for an answer from tls/10.0.0.5:7447 …"),
        (("connect", "a\x1b[31m" + "b" * 90), f"waiting for an answer from a\\x1b[31m{'b' * 43}"),
    ],
)
def test_a_terminal_shows_what_a_command_waits_for(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")

    def start_members(*_: Any, **__: Any) -> tuple[list[str], int]:
        assert terminal.shown.wait(20)
        return ["m1@127.0.0.1", "m2@127.0.0.1"], 2

    def answer(*_: Any) -> dict[str, Any]:
        assert terminal.shown.wait(20)
        return {"members": ["a", "b"]}

    monkeypatch.setattr(background, "start_members", start_members)
    member = Record("a@127.0.0.1", os.getpid(), str(tmp_path))
    monkeypatch.setattr("superlearner.cluster.control.records", lambda _: [member])
    monkeypatch.setattr("superlearner.cluster.control.ask", answer)
    app(["cluster", *arguments, "--data-dir", str(tmp_path)], standalone_mode=False)
    assert terminal.getvalue() == f"{words}\r{' ' * len(words)}\r"
