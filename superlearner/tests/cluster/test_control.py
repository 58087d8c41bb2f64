"""The socket and the record of a member on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from superlearner.cluster.control import Control, ControlError, Record, ask, records, started_at


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for the end of its input."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
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
    path.parent.mkdir()
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
    left = tmp_path / "left.sock"
    left.touch()
    path = write(tmp_path, Record("b@h", other.pid, started_at(other.pid) or "", str(left)))
    assert [record.name for record in records(tmp_path)] == ["b@h"]
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert not records(tmp_path)
    assert (path.exists(), left.exists()) == (False, False)


def test_another_process_with_the_same_id_is_not_taken_for_it(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    record = Record("b@h", other.pid, started_at(other.pid) or "", str(tmp_path / "b.sock"))
    assert record.is_alive
    write(tmp_path, replace(record, started="1"))
    assert not records(tmp_path)


def test_a_half_written_record_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, Record("b@h", 1, "", ""))
    path.write_text('{"name": "b')
    assert not records(tmp_path)
    assert path.exists()


def test_a_member_that_hangs_or_ends_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    record = Record("b@h", 7, "", path)
    with pytest.raises(ControlError, match=r"b@h \(process 7\) cannot be asked"):
        ask(record, {})
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        with pytest.raises(ControlError, match=r"b@h \(process 7\) did not answer in 0.01 s"):
            ask(record, {}, timeout=0.01)
