"""The way of commands to a member on this machine: a Unix socket, and a record of it in the data directory.

A request and its answer are one line of JSON each. Only the owner can open the socket; requests only read the state of
the cluster, or connect to an address.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from otp.doors import runtime_folder

__all__ = ["FOLDER", "Control", "ControlError", "Record", "ask", "records", "started_at"]

FOLDER: Final = "members"
RECORDS: Final = "member-*.json"
LONGEST: Final = 65_536
ANSWER_S: Final = 15.0

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlError(OSError):
    """A member did not answer as expected; the text says what happened."""


@dataclass(frozen=True, slots=True)
class Record:
    """A member on this machine: its name, its process with the time of its start, and its socket."""

    name: str
    os_pid: int
    started: str
    path: str

    @property
    def is_alive(self) -> bool:
        """Return whether the process that wrote this still runs."""
        return started_at(self.os_pid) == self.started


def started_at(os_pid: int) -> str | None:
    """Return when a process began, in a form to compare; None if there is none. Process ids are reused."""
    try:
        stat = Path(f"/proc/{os_pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else _started_by_ps(os_pid)
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _started_by_ps(os_pid: int) -> str | None:
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(os_pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None


def records(folder: Path) -> list[Record]:
    """Return the members of this data directory that run on this machine; remove what killed ones left."""
    found = [_remove_what_is_left(path) for path in sorted((folder / FOLDER).glob(RECORDS))]
    return [record for record in found if record is not None]


def _remove_what_is_left(path: Path) -> Record | None:
    """Return the member of a record if it runs; remove the record and the socket of one that was killed."""
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # there is none, or it is being written
    if record.is_alive:
        return record
    for left in (path, Path(record.path)):
        with contextlib.suppress(OSError):
            left.unlink()
    return None


def ask(record: Record, request: Mapping[str, Any], timeout: float = ANSWER_S) -> dict[str, Any]:
    """Send a request to a member and return its answer.

    Raises:
        ControlError: it does not answer, or with an error.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout)
        try:
            line.connect(record.path)
            line.sendall(json.dumps(request).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                part = line.recv(LONGEST)
                if not part:
                    raise ControlError(f"{record.name} (process {record.os_pid}) ended before it answered")
                text += part
        except TimeoutError:
            raise ControlError(f"{record.name} (process {record.os_pid}) did not answer in {timeout:g} s") from None
        except OSError as error:
            raise ControlError(f"{record.name} (process {record.os_pid}) cannot be asked: {error}") from None
    answer: dict[str, Any] = json.loads(text)
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer


class Control:
    """The socket of one member; `async with` opens and closes it.

    Args:
        folder: the data directory.
        name: the name of the member.
        handlers: functions by the `ask` of a request.
    """

    def __init__(self, folder: Path, name: str, handlers: Mapping[str, Handler]) -> None:
        key = blake2b(f"{folder.absolute()}\0{name}".encode(), digest_size=8).hexdigest()
        self._path = runtime_folder() / f"member-{key}-{os.getpid()}.sock"
        self._file = folder / FOLDER / f"member-{key}.json"
        self._record = Record(name, os.getpid(), started_at(os.getpid()) or "", str(self._path))
        self._handlers = handlers
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Control:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen, and write the record."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_what_is_left(self._file)  # a killed member of this name, whose record is replaced
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o177)  # the socket never has another mode
        try:
            self._server = await asyncio.start_unix_server(self._served, str(self._path), limit=LONGEST)
        finally:
            os.umask(before)
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self._record)), encoding="utf-8")
        draft.replace(self._file)

    async def close(self) -> None:
        """Stop listening, and remove the record."""
        if self._server is not None:
            self._server.close()
        for path in (self._path, self._file):
            with contextlib.suppress(OSError):
                path.unlink()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(json.dumps(await self._answer(await reader.readline())).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            pass  # who asked has gone, or sent an endless line
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            handler = self._handlers[request["ask"]]
        except (ValueError, TypeError, KeyError):
            return {"error": f"expected one of {', '.join(sorted(self._handlers))}, got {line[:80]!r}"}
        try:
            return await handler(request)
        except Exception as error:
            return {"error": str(error) or type(error).__name__}
