"""Recordings of a node in another process, kept by the platform and as untrusted as loaded ones."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextvars import Context
from pathlib import Path
from typing import Final

from superlearner.nodes.remote import RemoteError, RemoteNode
from superlearner.nodes.remote.protocol import Attached, Close, Failed, Packed, Saved, Tape, Taped, Wound
from superlearner.operations.engine.forwarding import LONGEST_S, convert_error, refused
from superlearner.operations.failures import OperationError

__all__ = ["RemoteRecorder", "saved_trace"]

MOST_FILE: Final = 100_000_000
"""Largest file of a remote recording, in bytes."""


async def saved_trace(remote: RemoteNode, trace: str) -> Packed:
    """Return the messages of a trace as the file of a recording.

    Raises:
        OperationError: `trace_not_found`, `node_unavailable`, `timeout`, `bad_answer`, `service_unavailable`.
    """
    try:
        answer = await remote.ask(Saved(trace), Packed, LONGEST_S)
    except RemoteError as error:
        raise convert_error(error) from None
    if isinstance(answer, Failed):
        raise refused(remote, answer, ("trace_not_found",))
    return answer


class RemoteRecorder:
    """A `tracing.Tape` that fetches a recording while the remote node makes it, and writes it to a file.

    The attributes are those of `otp.trace.Recorder`. Fetched parts stay if the node ends.
    """

    def __init__(self, remote: RemoteNode, number: int, path: Path, most: int) -> None:
        self.events = 0
        self.dropped = 0
        self.error: OSError | None = None
        self.ended = False
        self._remote = remote
        self._number = number
        self._size = 0
        self._most = most
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._fetching: asyncio.Task[None] | None = None

    @classmethod
    async def begin(
        cls, remote: RemoteNode, path: Path, *, kinds: Iterable[str], limit: int, rate: int, most: int | None = None
    ) -> RemoteRecorder:
        """Start recording on a node, at most `most` bytes. Raises OperationError, OSError."""
        try:
            wanted = frozenset(kinds)
            answer = await remote.ask_about(wanted, wanted, lambda there: Tape(there, limit, rate), Attached, LONGEST_S)
        except RemoteError as error:
            raise convert_error(error) from None
        if isinstance(answer, Failed):
            raise refused(remote, answer, ())
        if answer.number is None:
            raise OperationError("service_unavailable", f"{remote.name} cannot record now")
        try:
            return cls(remote, answer.number, path, MOST_FILE if most is None else min(most, MOST_FILE))
        except OSError:
            remote.cast(Close(answer.number))
            raise

    def flush(self) -> None:
        """Start to fetch new parts in the background."""
        if not self.ended and self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch(last=False), context=Context())

    async def close(self) -> None:
        """Fetch the last part and end the recording."""
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
        if not self.ended:
            await self._fetch(last=True)
        self._end()

    async def _fetch(self, *, last: bool) -> None:
        try:
            answer = await self._remote.ask(Wound(self._number, last), Taped, LONGEST_S)
            if isinstance(answer, Failed) or answer.events < 0 or answer.dropped < 0:
                raise self._remote.bad("expected part of the recording, got an error")
            self._size += len(answer.piece)
            if self._size > self._most:
                raise OSError(f"the recording is larger than {self._most} bytes")
            self._file.write(answer.piece)
            self._file.flush()
            self.events, self.dropped = answer.events, answer.dropped
            if answer.ended:
                self._end()
        except RemoteError as error:
            self._end(OSError(str(error)))
        except OSError as error:
            self._remote.cast(Close(self._number))
            self._end(error)
        finally:
            self._fetching = None

    def _end(self, error: OSError | None = None) -> None:
        if not self.ended:
            self.ended, self.error = True, error
            self._file.close()
