"""Recording the events of a node to a file while it runs."""

from __future__ import annotations

import gzip
import logging
import os
import platform
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from otp.kernel.tables.tracing import DETAIL_KINDS, LIFECYCLE, MESSAGE_KINDS, STATE_KINDS, Event
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.sentences import say
from otp.trace._folders import Folders
from otp.trace._recording import RecordingError
from otp.trace._rows import BLOCK, FORMAT, Chain, Row, as_line, line_of, process_of

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid

__all__ = ["ALL_KINDS", "Recorder", "header_of", "pack", "record"]

ALL_KINDS: Final = LIFECYCLE | DETAIL_KINDS | MESSAGE_KINDS
LIMIT: Final = 1_000_000
NO_PROMISE: Final = "recorded in real time: it can be looked at, not run again"


class Recorder:
    """A recording of a node's events until `close()` or the end of its `with` block.

    Created by `record`. `events` counts what was recorded, `dropped` what the rate held back. `error` is None, or the
    reason why writing ended; the recorded program is not affected.
    """

    def __init__(
        self,
        node: Node,
        path: str | os.PathLike[str] | BinaryIO,
        header: dict[str, Any],
        *,
        kinds: frozenset[str],
        pids: Iterable[Pid] | None,
        limit: int | None,
        rate: int | None,
    ) -> None:
        self.path: Path | None = Path(path) if isinstance(path, str | os.PathLike) else None
        self.events: int = 0
        self.error: OSError | None = None
        self._node = node
        self._limit = limit
        self._chain = Chain(timed=header["io"] == "virtual")
        self._folders = Folders.here()
        self._lines: list[bytes] = []
        self._facts: dict[str, Any] = {}
        self._pack = zlib.compressobj(1, zlib.DEFLATED, 31)
        self._file: BinaryIO | None = None
        begun = [process_of(p, node) for p in node.process_table.values()]
        try:
            self._file = _created(path) if isinstance(path, str | os.PathLike) else path
            self._write(as_line(header) + self._folders.hide(b"".join(map(as_line, begun))))
        except OSError as error:
            if self._file is not None:
                self._file.close()
            raise RecordingError(
                f"record({str(self.path)!r}): expected a file that can be written, got {error.strerror or error}; try "
                "a folder that exists, is yours, and has room"
            ) from error
        self._subscription = node.subscribe(self._on_event, kinds=kinds, pids=pids, rate=rate)

    @property
    def dropped(self) -> int:
        """The number of events that the rate held back."""
        return self._subscription.dropped

    @property
    def ended(self) -> bool:
        """Return whether recording has ended: it was closed, reached its limit, or could not be written."""
        return self._file is None

    @property
    def digest(self) -> str:
        """The digest of the events so far, which is equal for two runs of one program that did the same."""
        return self._chain.digest

    def _on_event(self, event: Event) -> None:
        if self._file is None:
            return
        line = self._folders.hide(line_of(Row.of(event, self._node), self._node.name))
        self._lines.append(line)
        self.events += 1
        link = self._chain.add(line)
        if link is not None:
            self._lines.append(as_line({"chain": self.events, "digest": link}))
            self._flush()
        if self.events == self._limit:
            self._end("limit")

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        try:
            self._write(b"".join(lines))
        except OSError as error:
            self._fail(error)

    def _write(self, lines: bytes) -> None:
        file = self._file
        if file is not None:
            file.write(self._pack.compress(lines) + self._pack.flush(zlib.Z_SYNC_FLUSH))
            file.flush()

    def _fail(self, error: OSError) -> None:
        """End the recording and keep what was written; a full disk must not affect the program."""
        self.error = error
        self._subscription.close()
        file, self._file = self._file, None
        where, why = self.path or "in memory", error.strerror or error
        say(logging.ERROR, "the recording %s ends after %d events: %s", where, self.events, why)
        if file is not None:
            try:
                file.close()
            except OSError:
                pass

    def flush(self) -> None:
        """Write what was recorded so far, so that it survives the program."""
        if self._lines:
            self._flush()

    def note(self, **facts: Any) -> None:
        """Add facts to the last line of the file, such as the outcome of the run."""
        self._facts.update(facts)

    def close(self) -> None:
        """Write the end of the file and stop reading. Calling it twice has no effect."""
        self._end("closed")

    def _end(self, why: str) -> None:
        self._subscription.close()
        if self._file is None:
            return
        end = {"end": why, "events": self.events, "dropped": self.dropped, "digest": self.digest, **self._facts}
        self._lines.append(as_line(end))
        self._flush()
        self._finish()

    def _finish(self) -> None:
        if self._file is None:  # writing the last lines has failed
            return
        try:
            self._file.write(self._pack.flush(zlib.Z_FINISH))
            self._file.close()
        except OSError as error:
            self._fail(error)
        self._file = None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _created(path: str | os.PathLike[str]) -> BinaryIO:
    """Create the file, readable by its owner only: it contains the program's messages."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600), "wb")


def header_of(node: Node, kinds: frozenset[str], **more: Any) -> dict[str, Any]:
    """Return the first line of a recording."""
    from importlib import metadata

    try:
        version = metadata.version("superlearner-otp")
    except metadata.PackageNotFoundError:
        version = "unknown"
    io = "virtual" if node.scheduler.virtual else "real"
    header: dict[str, Any] = {
        "format": FORMAT,
        "node": node.name,
        "io": io,
        "started": time.time(),
        "python": platform.python_version(),
        "otp": version,
        "block": BLOCK,
        "kinds": sorted(kinds),
        **more,
    }
    if io == "real":
        header["replay"] = NO_PROMISE
    return header


def record(
    node: Node,
    path: str | os.PathLike[str] | BinaryIO,
    *,
    kinds: Iterable[str] | None = None,
    pids: Iterable[Pid] | None = None,
    limit: int | None = LIMIT,
    rate: int | None = None,
    about: Mapping[str, Any] | None = None,
) -> Recorder:
    """Write the events of `node` to the file `path` until the result is closed.

    Use it in a `with` statement.

    Args:
        node: the node to record.
        path: a file (`.jsonl.gz`): gzip, one JSON object per line. An existing one is replaced; a new one is readable
            by its owner only. It may also be an open file, which is written and closed here; an `OSError` from it ends
            the recording.
        kinds: the kinds to record (default: all but states, see `docs/tracing.md`). While messages are recorded, calls
            go through mailboxes; a recording of `LIFECYCLE` alone has no effect on the program.
        pids: only events of these.
        limit: events after which the recording ends; None for none.
        rate: the maximum per second; the rest is counted in `dropped`.
        about: additional JSON values for the first line, under the name `about`.

    Raises `BadArgument` for an unknown kind, a limit or rate below 1, or a node that is not running yet;
    `RecordingError` if the file cannot be written. If that happens later (a full disk), it is logged, `error` gives the
    reason, and the program continues. Lines are written in blocks of 1,000: a program that is killed loses at most
    those. Messages are strings of at most 500 characters; values whose names look like secrets are hidden. Paths do not
    name folders of this machine: those below the program and its libraries are relative, and the home folder is `~`.

    >>> import otp, tempfile
    >>> async def main(path):
    ...     with otp.trace.record(otp.trace.node_of(otp.self()), path, kinds={"spawned", "exited"}) as recorder:
    ...         await otp.wait_down(otp.spawn(lambda: None))
    ...     return recorder.events
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     otp.run(main, f"{folder}/run.jsonl.gz")
    ...     [row.kind for row in otp.trace.load(f"{folder}/run.jsonl.gz").events]
    2
    ['spawned', 'exited']
    """
    node.check_life("record(node, path)", also_after=True)
    chosen = ALL_KINDS if kinds is None else frozenset(kinds)
    unknown = chosen - ALL_KINDS - STATE_KINDS
    if unknown:
        raise BadArgument(
            f"record(kinds): expected kinds of events, got {sorted(map(str, unknown))}; try otp.trace.LIFECYCLE, "
            "MESSAGE_KINDS, DETAIL_KINDS, STATE_KINDS or names from them"
        )
    for what, number in (("limit", limit), ("rate", rate)):
        if number is not None and (type(number) is not int or number < 1):
            raise BadArgument(f"record({what}): expected a number of at least 1, or None for no bound, got {number!r}")
    only = None if pids is None else list(pids)
    shown = None if only is None else [str(pid) for pid in only[:100]]
    said: dict[str, Any] = {} if about is None else {"about": dict(about)}
    header = header_of(node, chosen, pids=shown, limit=limit, rate=rate, **said)
    return Recorder(node, path, header, kinds=chosen, pids=only, limit=limit, rate=rate)


def pack(
    rows: Iterable[Row],
    *,
    node: str,
    processes: Iterable[Mapping[str, str | None]] = (),
    started: float | None = None,
    about: Mapping[str, Any] | None = None,
) -> bytes:
    """Write the file of a recording from events that were kept elsewhere.

    `load` reads it.

    Args:
        rows: the events; `seq` grows, and each comes after its cause.
        node: the node of the events.
        processes: the processes at the beginning: `process`, `parent`, `name`, `what`.
        started: wall time in seconds since 1970.
        about: additional JSON values for the first line, under the name `about`.

    >>> import otp, tempfile
    >>> row = otp.trace.Row(1, 0, "shop", "exited", "<0.3.0>", 0, {"reason": "killed"})
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(otp.trace.pack([row], node="shop"))
    ...     file.flush()
    ...     otp.trace.load(file.name).events[0].data
    {'reason': 'killed'}
    """
    header: dict[str, Any] = {"format": FORMAT, "node": node, "io": "real", "started": started, "block": BLOCK}
    if about is not None:
        header["about"] = dict(about)
    lines = [as_line({**header, "python": platform.python_version(), "replay": NO_PROMISE})]
    lines += [as_line(dict(one)) for one in processes]
    chain, count, folders = Chain(timed=False), 0, Folders.here()
    for count, row in enumerate(rows, 1):
        line = folders.hide(line_of(row, node))
        lines.append(line)
        link = chain.add(line)
        if link is not None:
            lines.append(as_line({"chain": count, "digest": link}))
    lines.append(as_line({"end": "closed", "events": count, "dropped": 0, "digest": chain.digest}))
    return gzip.compress(b"".join(lines), 6, mtime=0)
