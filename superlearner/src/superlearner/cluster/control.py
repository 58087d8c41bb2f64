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
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from otp.doors import runtime_folder
from otp.locked_entries import LockedEntry, read_entries, reserve_socket
from otp.unix_sockets import bind_privately
from superlearner.base.shortage import cause_text

__all__ = ["FOLDER", "Control", "ControlError", "Record", "ask", "records"]

FOLDER: Final = "members"
RECORDS: Final = "member-*.json"
LONGEST: Final = 65_536
ANSWER_S: Final = 15.0

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlError(OSError):
    """A member did not answer as expected; the text says what happened."""


@dataclass(frozen=True, slots=True)
class Record:
    """A member on this machine: its name, its process id and its socket."""

    name: str
    os_pid: int
    path: str


def records(folder: Path) -> list[Record]:
    """Return the members of this data directory that run on this machine; remove what killed ones left."""
    return list(read_entries(folder / FOLDER, RECORDS, _parse, lambda record: record.path).values())


def _parse(content: bytes) -> Record | None:
    try:
        match json.loads(content):
            case {"name": str(name), "os_pid": int(os_pid), "path": str(path), **rest} if not rest and "\0" not in path:
                return Record(name, os_pid, path)
            case _:
                pass
    except ValueError:
        pass
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
            why = cause_text(error)
            raise ControlError(f"{record.name} (process {record.os_pid}) cannot be asked: {why}") from None
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
        self._file = folder / FOLDER / f"member-{key}-{os.getpid()}.json"
        self._record = Record(name, os.getpid(), str(self._path))
        self._handlers = handlers
        self._entries: list[LockedEntry] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Control:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen, and write the record."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._entries.append(reserve_socket(self._path))
            bound = bind_privately(str(self._path))
            self._server = await asyncio.start_unix_server(self._served, sock=bound, limit=LONGEST)
            self._entries.append(LockedEntry(self._file, json.dumps(asdict(self._record)).encode()))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening, and remove the record."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                self._path.unlink()
        for entry in self._entries:
            entry.remove()
        self._entries.clear()

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
