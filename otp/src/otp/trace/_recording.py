"""Reading a recording with bounded memory and time, whatever the file holds, as far as it can be read."""

# The content of a file is of any type until it has been checked.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from otp.trace._rows import BLOCK, FORMAT, Chain, Rows, normal, object_of
from otp.trace._timeline import Moment, Timeline

__all__ = ["Recording", "RecordingError", "load"]

LIMIT: Final = 1_000_000
LONGEST_LINE: Final = 1 << 18
BYTES_PER_EVENT: Final = 500  # of text, on average, above which the file is refused
PROCESSES: Final = 200_000
_PIECE: Final = 1 << 16


class RecordingError(Exception):
    """A recording that cannot be written, read or run again; the text says what was expected and what was found."""


@dataclass(eq=False)
class Recording:
    """The content of a recording's file; created by `load`.

    `header` is its first line, `processes` those at its beginning, `events` the rows, `dropped` what the rate held
    back, `digest` that of the events, `chain` the digests after each 1,000 of them. A recording that is not `complete`
    has a `problem` as text; its events are those before it. `end` is its last line: `end`, `events`, `dropped`,
    `digest`, and the `outcome` of a test run.
    """

    header: dict[str, Any]
    processes: list[dict[str, str | None]]
    events: Rows
    dropped: int = 0
    problem: str | None = None
    digest: str = ""
    chain: list[str] = field(default_factory=list[str])
    end: dict[str, Any] = field(default_factory=dict[str, Any])
    _timeline: Timeline | None = None

    def __repr__(self) -> str:
        state = "complete" if self.complete else f"damaged: {self.problem}"
        return f"<Recording of {self.node}, {len(self.events)} events, {state}>"

    @property
    def complete(self) -> bool:
        """Return whether the file was read to its end and has the content that was written."""
        return self.problem is None

    @property
    def node(self) -> str:
        """The name of the recorded node."""
        return self.header["node"]

    def at(self, count: int) -> Moment:
        """Return processes and messages in transit after the first `count` events; cheap for any `count`."""
        return self.timeline.at(count)

    @property
    def timeline(self) -> Timeline:
        """The moments of the recording; created on first use."""
        if self._timeline is None:
            self._timeline = Timeline(self.events, self.processes)
        return self._timeline

    def first_difference(self, other: Recording) -> int | None:
        """Return the index of the first event in which two recordings differ.

        Returns None if they are equal. Addresses of objects are ignored, and times unless both clocks were virtual. The
        chains of digests lead to the block with the difference.
        """
        mine, theirs = self.events.lines, other.events.lines
        timed = self.header["io"] == other.header["io"] == "virtual"
        start = 0
        if self.header["io"] == other.header["io"]:  # equal links mean equal events
            links = range(min(len(self.chain), len(other.chain)))
            start = BLOCK * bisect_right(links, False, key=lambda link: self.chain[link] != other.chain[link])
        shorter = min(len(mine), len(theirs))
        for place in range(start, shorter):
            if normal(mine[place], timed=timed) != normal(theirs[place], timed=timed):
                return place
        return None if len(mine) == len(theirs) else shorter


class _Damage(Exception):
    """The point at which the file stops being a valid recording."""


def load(path: str | os.PathLike[str], *, limit: int = LIMIT) -> Recording:
    """Read a recording written on this or another machine.

    A truncated or damaged file gives the events before the damage; `complete` is then False and `problem` gives the
    reason. At most `limit` events are read, which bounds the memory.

    Raises `RecordingError` if the file cannot be read, is not a recording, or is one of another version.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     load(file.name)
    Traceback (most recent call last):
        ...
    otp.trace.RecordingError: ...: expected a recording (otp-recording/1), got an empty file
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            return _Reader(str(name), file, limit).read()
    except OSError as error:
        raise RecordingError(f"{name!r}: expected a file that can be read, got {error.strerror or error}") from error


class _Reader:
    def __init__(self, name: str, file: BinaryIO, limit: int) -> None:
        self.name = name
        self.limit = limit
        self.lines = _lines(file, max(limit, BLOCK) * BYTES_PER_EVENT)
        self.number = 1
        self.last = 0
        self.events: list[bytes] = []

    def read(self) -> Recording:
        header = self._header()
        recording = Recording(header, [], Rows(header["node"], self.events))
        self.chain = Chain(timed=header["io"] == "virtual")
        try:
            for line in self.lines:
                self.number += 1
                if recording.end:
                    raise _Damage("expected nothing after the end, got another line")
                self._take(recording, line)
            if not recording.end:
                raise _Damage(f"no end: the program was killed or the file cut off, after {len(self.events)} events")
        except _Damage as damage:
            recording.problem = f"line {self.number}: {damage}"
        recording.chain, recording.digest = self.chain.links, self.chain.digest
        return recording

    def _header(self) -> dict[str, Any]:
        header: dict[str, Any] = {}
        try:
            line = next(self.lines, None)
            got = "an empty file" if line is None else "a file of another kind"
            if line is not None:
                header = _object(line)
        except _Damage as damage:
            got = str(damage)
        found = header.get("format")
        if found == FORMAT and type(header.get("node")) is str and header.get("io") in ("real", "virtual"):
            return header
        if found == FORMAT:
            got = "a header without node and io"
        elif type(found) is str and found.startswith("otp-recording/"):
            got = f"{found[:40]}, which another version of otp wrote"
        raise RecordingError(f"{self.name}: expected a recording ({FORMAT}), got {got}")

    def _take(self, recording: Recording, line: bytes) -> None:
        fields = _object(line)
        if "kind" in fields:
            if len(self.events) >= self.limit:
                raise _Damage(f"more than {self.limit:,} events; try load(path, limit=…)")
            self.last = _checked(fields, self.last)
            self.events.append(line)
            self.chain.add(line + b"\n")
        elif "chain" in fields:
            count, links = len(self.events), self.chain.links
            if (fields["chain"], count % BLOCK) != (count, 0) or not links or fields.get("digest") != links[-1]:
                raise _Damage(f"the {BLOCK} events before it differ from those written")
        elif "end" in fields:
            self._finish(recording, fields)
        elif "process" in fields and not self.events and len(recording.processes) < PROCESSES:
            recording.processes.append(_process(fields))
        else:
            raise _Damage("expected an event, got other fields")

    def _finish(self, recording: Recording, fields: dict[str, Any]) -> None:
        recording.end = fields
        dropped = fields.get("dropped")
        recording.dropped = dropped if type(dropped) is int else 0
        if (fields.get("events"), fields.get("digest")) != (len(self.events), self.chain.digest):
            raise _Damage("the events differ from those written")


def _lines(file: BinaryIO, most: int) -> Iterator[bytes]:
    """Yield the lines of a gzip file, with at most a line and a block in memory."""
    unpack = zlib.decompressobj(31)
    rest, packed, total = b"", b"", 0
    while not unpack.eof:
        packed = packed or file.read(_PIECE)
        if not packed:
            break
        try:
            piece = unpack.decompress(packed, _PIECE)
        except zlib.error as error:
            raise _Damage("damaged gzip data" if total else "a file that is not gzip data") from error
        packed = unpack.unconsumed_tail
        total += len(piece)
        if total > most:
            raise _Damage(f"more than {most:,} bytes of text")
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise _Damage(f"a line of more than {LONGEST_LINE:,} bytes")
    if rest:
        raise _Damage("half a line: the file was cut off")
    if unpack.unused_data or (unpack.eof and file.read(1)):
        raise _Damage("expected nothing after the end, got more bytes")


def _object(line: bytes) -> dict[str, Any]:
    fields = object_of(line)
    if fields is None:
        raise _Damage("expected a JSON object, got another line")
    return fields


def _process(fields: dict[str, Any]) -> dict[str, str | None]:
    found = {key: fields.get(key) for key in ("process", "parent", "name", "what")}
    if type(found["process"]) is not str or not all(type(value) in (str, type(None)) for value in found.values()):
        raise _Damage("expected a process, got other types")
    return found


def _checked(fields: dict[str, Any], last: int) -> int:
    """Return the number of an event after checking that its line is valid."""
    get = fields.get
    seq, cause, pid = get("seq"), get("cause"), get("pid")
    if type(seq) is not int or type(get("at")) is not int or type(cause) is not int:
        raise _Damage("expected an event with numbers as seq, at and cause, got other types")
    if not last < seq or not 0 <= cause < seq:
        raise _Damage(f"expected an event numbered above {last} and its cause, got {seq} with cause {cause}")
    if type(get("kind")) is not str or type(get("node", "")) is not str or (pid is not None and type(pid) is not str):
        raise _Damage("expected an event with strings as kind, node and pid, got other types")
    if type(get("data")) is not dict:
        raise _Damage("expected an event with an object as data, got another type")
    return seq
