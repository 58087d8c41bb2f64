"""Recordings of a node: create, keep, import and read them.

A recording is a file in the data directory, written as events occur, and a row in the store. An unfinished recording of
a killed platform is found by its row and read as far as it was written.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import otp
from otp import Node, Pid
from otp.trace import Recorder, RecordingError
from otp.trace import Recording as Read
from superlearner.base.shortage import cause_text
from superlearner.store import Recording, Store, StoreUnavailable

__all__ = [
    "MAX_EVENTS",
    "BadRecording",
    "NoRecording",
    "Recordings",
    "RecordingsFull",
    "RecordingsUnavailable",
    "RecordingsUse",
    "StillRecording",
    "Tape",
]

MAX_EVENTS: Final = 200_000
"""Maximum number of events in a recording, which is read into memory."""

MAX_FILES: Final = 1000
"""Maximum number of recordings of each owner, and of those without one."""

MAX_RUNNING: Final = 40
MAX_OF_NODE: Final = 3
OPEN: Final = 2
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
ENDING: Final = ".jsonl.gz"


class NoRecording(LookupError):
    """No recording of this name exists."""


class StillRecording(Exception):
    """The recording is still running; it must be stopped first."""


class BadRecording(ValueError):
    """The data is not a recording, or is damaged; the text says where."""


class RecordingsFull(Exception):
    """Too many recordings are kept or running; the text says what to do."""


class RecordingsUnavailable(Exception):
    """Recordings cannot be stored."""


class RecordingsUse(NamedTuple):
    """The recordings of one user: the names of the running ones, and the bytes of all."""

    running: list[str]
    sizes: dict[str, int]


class Tape(Protocol):
    """Recorder of a remote node, like `otp.trace.Recorder` with async `close`."""

    events: int
    dropped: int
    error: OSError | None
    ended: bool

    def flush(self) -> None:
        """Write new events soon."""
        ...

    async def close(self) -> None:
        """Finish the recording when all is written; a second call has no effect."""
        ...


class Recordings:
    """The recordings of a platform; recorders do not depend on the service.

    Args:
        folder: folder of the files; None for a platform without a data directory.
        store: store with a row for each recording.
    """

    def __init__(self, folder: Path | None, store: Store) -> None:
        self.folder = folder
        self.wake: Callable[[], object] | None = None
        """Callback for when there is something to flush."""
        self.admit: Callable[[str, RecordingsUse, int | None], Awaitable[None]] | None = None
        """Called before a new recording with its owner, what they have, and its size (None: it will run); may raise."""
        self._store = store
        self._records = store.records
        self._running: dict[str, Recorder | Tape] = {}
        self._nodes: dict[str, Any] = {}  # of the running ones
        self._read: OrderedDict[str, Read] = OrderedDict()  # by path, as names are reused
        self._placing = asyncio.Lock()  # keeps concurrent starts within the limits
        self._loading = asyncio.Lock()  # limits memory: only one is loaded at a time

    # Making

    async def start(
        self,
        node: Node,
        name: str,
        *,
        kinds: Iterable[str] | None = None,
        pids: Iterable[Pid] | None = None,
        limit: int = MAX_EVENTS,
        rate: int | None = None,
        about: dict[str, Any] | None = None,
        tree: list[Any] | None = None,
        owner: str | None = None,
    ) -> Recording:
        """Start writing the events of a node; for the arguments see `otp.trace.record`.

        `tree` are the current supervision trees; they are stored in the file for replays.

        Raises:
            NameTaken: a recording of this name exists.
            RecordingsFull: too many are running or kept.
            RecordingsUnavailable: it cannot be stored.
            StoreUnavailable: the database cannot be used now.
        """

        async def begin(path: Path) -> Recorder:
            recorder = otp.trace.record(
                node,
                path,
                kinds=kinds,
                pids=pids,
                limit=min(limit, MAX_EVENTS),
                rate=rate,
                about=None if tree is None else {"tree": tree},
            )
            recorder.flush()
            return recorder

        return await self.begin(name, begin, about, owner)

    async def begin(
        self,
        name: str,
        begin: Callable[[Path], Awaitable[Recorder | Tape]],
        about: dict[str, Any] | None = None,
        owner: str | None = None,
    ) -> Recording:
        """Start a recording written by `begin`. Raises as `start`, and as `begin`."""
        async with self._placing:
            node = (about or {}).get("node")
            same = [one for one in self._running if self._nodes.get(one) == node]
            if len(same) >= MAX_OF_NODE:
                raise RecordingsFull(
                    f"{MAX_OF_NODE} recordings of this node are already running; stop one of {', '.join(same)}"
                )
            if len(self._running) >= MAX_RUNNING:
                raise RecordingsFull(f"{MAX_RUNNING} recordings are already running; wait until one is stopped")
            row = await self._place(name, "recorded", about, owner)
            try:
                self._running[name] = await begin(self._path(row))
                self._nodes = {**{one: self._nodes.get(one) for one in self._running}, name: node}
            except (RecordingError, OSError) as error:
                await self._records.delete_recording(name)
                raise RecordingsUnavailable(cause_text(error)) from None
            except BaseException:
                await self._records.delete_recording(name)
                raise
        if self.wake is not None:
            self.wake()
        return row

    async def stop(self, name: str) -> Recording:
        """Finish a running recording. Raises NoRecording, StoreUnavailable."""
        recorder = self._running.pop(name, None)
        if recorder is None:
            raise NoRecording(f"no recording {name[:100]!r} is running")
        await _close(recorder)
        await self._measure(name, recorder.events)
        return await self.find(name)

    def flush(self) -> bool:
        """Write buffered events, drop finished recorders; return whether any is running."""
        for name, recorder in list(self._running.items()):
            recorder.flush()
            if recorder.ended:
                del self._running[name]
        return bool(self._running)

    async def close(self) -> None:
        """Finish all running recordings when the platform ends."""
        for name, recorder in list(self._running.items()):
            await _close(recorder)
            with suppress(StoreUnavailable):
                await self._measure(name, recorder.events)
        self._running.clear()

    async def import_recording(
        self, name: str, content: bytes, *, damaged: bool = False, kind: str = "loaded", owner: str | None = None
    ) -> tuple[Recording, Read]:
        """Keep a recording that was made elsewhere.

        Raises:
            BadRecording: it is not a recording, or, without `damaged`, not a complete one.
            NameTaken: a recording of this name exists.
            RecordingsFull: too many are kept.
            RecordingsUnavailable: it cannot be stored.
            StoreUnavailable: the database cannot be used now.
        """
        folder = self._folder()
        handle, temporary = await otp.Task.run_blocking(tempfile.mkstemp, ".part", "", folder)
        try:
            with os.fdopen(handle, "wb") as file:
                await otp.Task.run_blocking(file.write, content)
            async with self._loading:
                read = await self._load(Path(temporary))
            if read.problem is not None and not damaged:
                raise BadRecording(f"expected a complete recording, got a damaged one: {read.problem}")
            async with self._placing:
                about = {"node": read.node, "problem": read.problem}
                row = await self._place(name, kind, about, owner, len(content))
            os.replace(temporary, self._path(row))
        except OSError as error:
            raise RecordingsUnavailable(f"{folder} cannot be written: {error.strerror or error}") from None
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        await self._records.measured(name, events=len(read.events), size=len(content))
        return await self.find(name), read

    async def delete(self, name: str) -> None:
        """Delete a recording. Raises NoRecording, StillRecording, StoreUnavailable."""
        if name in self._running:
            raise StillRecording(f"{name} is being recorded")
        row = await self.find(name)
        await self._records.delete_recording(name)
        self._read.pop(row.path, None)
        if self.folder is not None:
            with suppress(OSError):
                self._path(row).unlink()

    # Reading

    async def use(self, owner: str) -> RecordingsUse:
        """Return what a user has. Raises StoreUnavailable."""
        return self._use(await self.all(), owner)

    async def all(self) -> list[Recording]:
        """Return all recordings, newest first. Raises StoreUnavailable."""
        await self._store.sync()  # may still be opening
        return await self._records.recordings()

    async def find(self, name: str) -> Recording:
        """Return the row of a recording. Raises NoRecording, StoreUnavailable."""
        if not await self.knows(name):
            raise NoRecording(f"there is no recording {name[:100]!r}")
        row = await self._records.recording(name)
        if row is None:
            raise NoRecording(f"the recording {name[:100]!r} was just deleted")
        return row

    async def knows(self, name: str) -> bool:
        """Return whether a recording of this name exists. Raises StoreUnavailable."""
        await self._store.sync()  # may still be opening
        return await self._records.recording(name) is not None

    @property
    def running(self) -> list[str]:
        """The names of the running recordings."""
        return list(self._running)

    def recorder(self, name: str) -> Recorder | Tape | None:
        """Return the recorder of a running recording."""
        return self._running.get(name)

    async def content(self, name: str) -> bytes:
        """Return the file. Raises NoRecording, RecordingsUnavailable, StoreUnavailable."""
        row = await self.find(name)
        self.flush()
        try:
            return await otp.Task.run_blocking(self._path(row).read_bytes)
        except OSError as error:
            raise NoRecording(f"the file of {name} cannot be read: {error.strerror or error}") from None

    async def read(self, name: str) -> Read:
        """Return the readable contents of a recording, which may still be running.

        Raises:
            NoRecording: no recording of this name exists, or its file is missing or invalid.
            RecordingsUnavailable: recordings cannot be stored.
            StoreUnavailable: the database cannot be used now.
        """
        row = await self.find(name)
        self.flush()
        async with self._loading:  # concurrent requests share one load
            running = name in self._running
            known = None if running else self._read.get(row.path)
            if known is None:
                try:
                    known = await self._load(self._path(row))
                except BadRecording as error:
                    raise NoRecording(str(error)) from None
                if not running:
                    self._read[row.path] = known
                    while len(self._read) > OPEN:
                        self._read.popitem(last=False)
                    if row.events is None:  # its platform was killed, or it ended by itself
                        await self._measure(name, len(known.events))
            else:
                self._read.move_to_end(row.path)
            return known

    async def _load(self, path: Path) -> Read:
        def load() -> Read:
            read = otp.trace.load(path, limit=MAX_EVENTS)
            _ = read.timeline  # computed here instead of in the loop
            return read

        try:
            return await otp.Task.run_blocking(load)
        except RecordingError as error:
            raise BadRecording(str(error).removeprefix(repr(str(path))).removeprefix(str(path)).lstrip(": ")) from None

    async def _place(
        self, name: str, kind: str, about: dict[str, Any] | None, owner: str | None, size: int | None = None
    ) -> Recording:
        folder = self._folder()
        if not NAME.fullmatch(name):
            raise BadRecording(f"expected a name of letters, digits, _ . -, got {name[:100]!r}")
        rows = await self.all()
        if self.admit is not None and owner is not None:
            await self.admit(owner, self._use(rows, owner), size)
        own = [row.name for row in rows if row.owner == owner]
        if len(own) >= MAX_FILES:
            whose = "without an owner" if owner is None else f"of {owner}"
            raise RecordingsFull(f"{MAX_FILES} recordings {whose} are kept; delete one, such as {own[-1]}")
        file = f"{name}-{time.time_ns():x}{ENDING}"  # differs from an earlier recording of this name
        row = Recording(name, kind, str(Path(folder.name) / file), time.time(), size=size, about=about, owner=owner)
        return await self._records.add_recording(row)

    def _use(self, rows: Iterable[Recording], owner: str) -> RecordingsUse:
        own = [row for row in rows if row.owner == owner]
        running = [row.name for row in own if (there := self._running.get(row.name)) is not None and not there.ended]
        sizes: dict[str, int] = {}
        for row in own:
            with suppress(OSError, RecordingsUnavailable):
                sizes[row.name] = self._path(row).stat().st_size if row.size is None else row.size
        return RecordingsUse(running, sizes)

    async def _measure(self, name: str, events: int) -> None:
        row = await self._records.recording(name)
        if row is None:
            return
        try:
            size = self._path(row).stat().st_size
        except OSError:
            return
        await self._records.measured(name, events=events, size=size)

    def _folder(self) -> Path:
        if self.folder is None:
            raise RecordingsUnavailable("this platform has no data directory, so nothing can be kept")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingsUnavailable(f"{self.folder} cannot be made: {error.strerror or error}") from None
        return self.folder

    def _path(self, row: Recording) -> Path:
        """Return the file of a row by its name, so that it stays in the folder."""
        return self._folder() / Path(row.path).name


async def _close(recorder: Recorder | Tape) -> None:
    closing = recorder.close()
    if closing is not None:
        await closing
