"""The rows of a recording: the recorded part of an event, as a line.

A row has only strings and numbers, so another machine, another Python and a page can read it: pids and references are
strings, terms are bounded strings in which values whose names look like secrets are hidden.
"""

# Events hold terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from os.path import basename
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, overload

from otp.bounded import text
from otp.kernel.ends.wording import keyed_name
from otp.kernel.tables.tracing import Event
from otp.kernel.values.pids import Pid, Ref
from otp.redaction import HIDDEN, hides, is_secret, without_secrets

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = [
    "BLOCK",
    "FORMAT",
    "Chain",
    "Row",
    "Rows",
    "as_line",
    "line_of",
    "normal",
    "object_of",
    "process_of",
]

FORMAT: Final = "otp-recording/1"
BLOCK: Final = 1_000
"""Events between two links of the digest's chain; at most this many are lost when the program is killed."""

LONGEST: Final = 500  # characters of a text
MEMBERS: Final = 100  # of a list
LONGEST_MEMBER: Final = 100
_LARGEST: Final = 1 << 53  # above it JavaScript would read another number
_ADDRESS: Final = re.compile(rb"0x[0-9a-fA-F]+")
_TIME: Final = re.compile(rb'"at":\d+,')


class Row(NamedTuple):
    """An event in a recording: like `Event`, with strings for pids, references and terms.

    >>> Row(seq=1, at=0, node="shop", kind="node_up", pid=None, cause=0, data={}).kind
    'node_up'
    """

    seq: int
    at: int
    node: str
    kind: str
    pid: str | None
    cause: int
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event, node: Node) -> Row:
        """Return the row of an event in a recording of `node`, for applying live events to a `Moment`.

        >>> import otp
        >>> async def main():
        ...     node = otp.trace.node_of(otp.self())
        ...     up = Row.of(otp.trace.history(node)[0], node)
        ...     return up.kind, up.pid
        >>> otp.run(main)
        ('node_up', None)
        """
        data = {key: _plain(value, node) for key, value in event.data.items() if key != "term"}
        term = event.data.get("term")
        if term is not None:
            data["message"] = text(term, length=LONGEST)
        elif event.kind == "exited" and data.get("message"):
            data["message"] = without_secrets(data["message"])
        elif event.data.get("where"):
            data["where"] = basename(data["where"])  # the folder is of this machine
        pid = None if event.pid is None else _pid(event.pid, node)
        return cls(event.seq, event.at, event.node, event.kind, pid, event.cause, data)


def _pid(pid: Pid, node: Node) -> str:
    return str(pid) if pid.runtime is node else pid.to_text()


def _plain(value: Any, node: Node, longest: int = LONGEST) -> Any:
    """Return the value in JSON's own types."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return value if value.isidentifier() and len(value) <= longest else without_secrets(value, longest)
    if kind is int and -_LARGEST < value < _LARGEST:
        return value
    if kind is float and math.isfinite(value):
        return value
    if issubclass(kind, Pid):
        return _pid(value, node)
    if issubclass(kind, Ref):
        return repr(value)
    if longest == LONGEST and (kind is tuple or kind is list):
        if len(value) == 2 and hides(is_secret, value[0], value[1]):
            return [_plain(value[0], node, LONGEST_MEMBER), HIDDEN]
        return [_plain(member, node, LONGEST_MEMBER) for member in value[:MEMBERS]]
    if longest == LONGEST and kind is dict and all(type(key) is str for key in value):
        members = islice(value.items(), MEMBERS)
        return {
            key[:LONGEST_MEMBER]: HIDDEN if hides(is_secret, key, member) else _plain(member, node, LONGEST_MEMBER)
            for key, member in members
        }
    return text(value, length=longest)


# Lines


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"expected a number, got {word}")


_decode: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def as_line(fields: dict[str, Any]) -> bytes:
    """Return one line of the file."""
    return _encode(fields).encode("ascii") + b"\n"


def line_of(row: Row, node: str) -> bytes:
    """Return the line of an event in the recording of a node with this name."""
    fields: dict[str, Any] = {"seq": row.seq, "at": row.at, "kind": row.kind, "pid": row.pid, "cause": row.cause}
    if row.node != node:
        fields["node"] = row.node
    fields["data"] = row.data
    return as_line(fields)


def object_of(line: bytes) -> dict[str, Any] | None:
    """Return the fields of a line, None if it is not a JSON object."""
    try:
        fields = _decode(line.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return fields if type(fields) is dict else None


def process_of(p: Any, node: Node) -> dict[str, Any]:
    """Return the recorded fields of a process at the beginning."""
    return {
        "process": str(p),
        "parent": None if p.parent is None else _pid(p.parent, node),
        "name": _plain(keyed_name(p) if p.registered_name is None else p.registered_name, node, LONGEST_MEMBER),
        "what": node.describe(p)[:LONGEST],
    }


class Rows(Sequence[Row]):
    """Events kept as lines and decoded on access: a fifth of the memory.

    The lines were checked when they were added.
    """

    __slots__ = ("_node", "lines")

    def __init__(self, node: str, lines: list[bytes]) -> None:
        self._node = node
        self.lines: list[bytes] = lines

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Rows: ...
    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            return Rows(self._node, self.lines[index])
        return self._row(self.lines[index])

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self.lines)

    def _row(self, line: bytes) -> Row:
        get = _decode(line.decode("ascii")).get
        return Row(get("seq"), get("at"), get("node", self._node), get("kind"), get("pid"), get("cause"), get("data"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rows):
            return NotImplemented
        return (self._node, self.lines) == (other._node, other.lines)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"<{len(self.lines)} events>"


# Digests


def normal(lines: bytes, *, timed: bool) -> bytes:
    """Return lines without differences of equal runs: addresses of objects, and times that are not virtual."""
    if b"0x" in lines:
        lines = _ADDRESS.sub(b"0x", lines)
    return lines if timed else _TIME.sub(b"", lines)


class Chain:
    """The digest of all events so far: each link covers a block of events and the previous link."""

    __slots__ = ("_count", "_hash", "_timed", "links")

    def __init__(self, *, timed: bool) -> None:
        self._timed = timed
        self._count = 0
        self._hash = blake2b(digest_size=16)
        self.links: list[str] = []

    def add(self, line: bytes) -> str | None:
        """Add an event; return the link if this one completes a block."""
        self._hash.update(normal(line, timed=self._timed))
        self._count += 1
        return self._close_block() if self._count == BLOCK else None

    def _close_block(self) -> str:
        link = self._hash.hexdigest()
        self.links.append(link)
        self._hash = blake2b(link.encode("ascii"), digest_size=16)
        self._count = 0
        return link

    @property
    def digest(self) -> str:
        """Return the digest of everything so far."""
        return self._hash.hexdigest()
