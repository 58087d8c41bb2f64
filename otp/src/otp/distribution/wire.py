"""Signals as bytes: msgpack, with terms encoded as in `otp.observer.terms`, and some additions.

An array is a tuple; a list is `["$list", …]`. In addition to pids there are references, callers (`$from`, to which the
other side can reply) and the messages of the runtime (`$message`). No code travels: no class, no function, no pickle.
An object of a program's own class travels if both nodes declare it (`$object`, see `declared`); sending another is an
error.

>>> from otp.distribution import wire
>>> wire.decode(wire.encode(wire.signals.Send(7, wire.written(("hello", 1), None)))).term
['hello', 1]
"""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
from dataclasses import is_dataclass
from typing import Any, Final, Protocol

from msgspec import MsgspecError
from msgspec.msgpack import Decoder as MsgpackDecoder
from msgspec.msgpack import Encoder as MsgpackEncoder
from msgspec.msgpack import Ext

from otp.behaviours.registry._table import Entry, RegistryEntry
from otp.behaviours.server.request import Request
from otp.behaviours.supervisor.records import Counts
from otp.bounded import text
from otp.distribution import signals
from otp.distribution.declared import NotTaken, declared_as, made, parts_of
from otp.distribution.parts import BYTES, HEADER, TEXT, Parts, header, large_length
from otp.kernel.tables.callers import From
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.messages import Down, ExitSignal, NodeDown, NodeUp, Timeout, TimerFired
from otp.kernel.values.pids import Pid, Ref
from otp.observer.terms import DEPTH, MEMBERS, CannotTravel, Decoder, Encoder, Opaque, wrong

__all__ = ["MESSAGES", "Malformed", "Names", "UnknownSignal", "decode", "encode", "encode_in_parts", "read", "written"]

HIGHEST_KIND: Final = 256
"""Signals of all versions have lower numbers, so there are not many to report."""
LONGEST: Final = 16 << 20
"""Maximum bytes of one signal."""
MESSAGES: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (Counts, Down, Entry, ExitSignal, NodeDown, NodeUp, RegistryEntry, TimerFired)
}
"""The messages and results of the runtime that travel, by name."""
_MESSAGE_TYPES: Final = frozenset(map(id, MESSAGES.values()))
_FLAT: Final = frozenset[type]([type(None), bool, int, float, str, bytes])
_TEXTS: Final = frozenset[type]([str])
_SIZED: Final = frozenset[type]([bytes, str])
_NESTING: Final = frozenset[type]([tuple, list, dict])
_LIMIT: Final = 1 << 62
LARGE: Final = 256 * 1024
"""Bytes from which a value is a part of its own in the signal: encoding it would hold the loop."""
WIDE: Final = 16
"""Maximum members of a tuple, list or dict that is searched for large values; the search takes time, too."""
NESTED: Final = 4
"""Maximum depth of that search."""
_PLACE: Final = 1
"""The type of the msgpack extension, of 16 bytes, that holds the place of a large value; it is never sent."""
_MARK: Final = 12
"""Random bytes at the beginning of the data of a place, other ones for each signal, so that no value of a program is
taken for one; its number follows."""


class Malformed(Exception):
    """Invalid data from another node."""


class UnknownSignal(Exception):
    """A signal of a later version, which this one does not know; `kind` is its number."""

    def __init__(self, kind: int) -> None:
        super().__init__(f"expected a signal that this version knows, got one of kind {kind}")
        self.kind = kind


class Names(Protocol):
    """The mapping of identities between the two ends of a connection."""

    @property
    def confined(self) -> bool:
        """True if the other side is not trusted."""
        ...

    def told(self, pid: Pid) -> None:
        """Keep a pid that is sent findable for when it returns."""
        ...

    def told_ref(self, ref: Ref) -> None:
        """Keep a reference that is sent findable."""
        ...

    def lend(self, caller: From) -> int:
        """Return the number under which the other side may reply to a call."""
        ...

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the pid for a process."""
        ...

    def ref(self, node: str, creation: int, number: int) -> Ref:
        """Return the reference created by a node."""
        ...

    def borrowed(self, number: int, pid: Pid | None) -> From:
        """Return a stand-in for a caller of the other side."""
        ...


encode: Final = MsgpackEncoder().encode
_decode: Final = MsgpackDecoder(signals.SIGNALS).decode
_decode_any: Final = MsgpackDecoder(list[Any]).decode


def encode_in_parts(kind: Any, head: tuple[Any, ...], term: Any) -> bytes | Parts:
    """Return the signal of a kind with a written term, in parts if it has large values."""
    if not _has_large(term, NESTED):
        return encode(kind(*head, term))
    mark, large = os.urandom(_MARK), list[bytes | str]()
    data = encode(kind(*head, _set_apart(term, mark, large, NESTED)))
    parts: list[bytes] = []
    begun = 0
    for number, value in enumerate(large):
        place = _place(mark, number)
        at = data.index(place, begun)
        content = value if isinstance(value, bytes) else value.encode()
        parts += [data[begun:at] + header(BYTES if content is value else TEXT, len(content)), content]
        begun = at + len(place)
    return Parts((*parts, data[begun:]) if begun < len(data) else parts)


def _has_large(term: Any, depth: int) -> bool:
    kind = type(term)
    if kind in _SIZED:
        return len(term) >= LARGE
    if kind not in _NESTING or len(term) > WIDE:
        return False
    for part in term.values() if kind is dict else term:
        kind = type(part)
        if kind in _SIZED:
            if len(part) >= LARGE:
                return True
        elif kind in _NESTING and depth > 0 and _has_large(part, depth - 1):
            return True
    return False


def _set_apart(term: Any, mark: bytes, large: list[bytes | str], depth: int) -> Any:
    """Return a term with places for its large values, and append the values to `large`."""
    if not _has_large(term, depth):
        return term
    if isinstance(term, (bytes, str)):
        large.append(term)
        return Ext(_PLACE, _place_data(mark, len(large) - 1))
    if isinstance(term, dict):
        return {key: _set_apart(part, mark, large, depth - 1) for key, part in term.items()}
    return [_set_apart(part, mark, large, depth - 1) for part in term]


def _place_data(mark: bytes, number: int) -> bytes:
    return mark + number.to_bytes(4, "big")


def _place(mark: bytes, number: int) -> bytes:
    return b"\xd8" + bytes((_PLACE,)) + _place_data(mark, number)


def decode(data: bytes | Parts) -> Any:
    """Return the signal in `data`, with its terms still encoded. Raises `Malformed` and `UnknownSignal`."""
    if isinstance(data, Parts):
        return _decode_parts(data)
    if len(data) > LONGEST:
        raise Malformed(f"expected a signal of at most {LONGEST:,} bytes, got {len(data):,}")
    try:
        return _decode(data)
    except (MsgspecError, RecursionError, ValueError) as error:
        if (kind := _kind_of(data)) is not None and kind not in signals.KINDS:
            raise UnknownSignal(kind) from None
        raise Malformed(f"expected a signal, got {data[:40]!r}: {error}") from None


def _decode_parts(parts: Parts) -> Any:
    if parts.size > LONGEST:
        raise Malformed(f"expected a signal of at most {LONGEST:,} bytes, got {parts.size:,}")
    mark, values = os.urandom(_MARK), list[bytes | str]()
    text = bytearray()
    try:
        for part, value in zip(parts[::2], (*parts[1::2], None), strict=False):
            if value is None:
                text += part
                break
            if large_length(part) != len(value):
                raise ValueError(f"expected the header of a value of {len(value):,} bytes")
            text += part[:-HEADER] + _place(mark, len(values))
            values.append(value if part[-HEADER] == BYTES else value.decode())

        def take_place(kind: int, place: memoryview) -> bytes | str:
            number = int.from_bytes(place[_MARK:], "big")
            if kind != _PLACE or bytes(place) != _place_data(mark, number):
                raise ValueError("expected a term, got an extension")
            return values[number]

        return MsgpackDecoder(signals.SIGNALS, ext_hook=take_place).decode(text)
    except (MsgspecError, RecursionError, ValueError, LookupError) as error:
        if (kind := _kind_of(bytes(text))) is not None and kind not in signals.KINDS:
            raise UnknownSignal(kind) from None
        raise Malformed(f"expected a signal, got {parts[0][:40]!r}: {error}") from None


def _kind_of(data: bytes) -> int | None:
    """Return the number at the beginning of a signal; None if it is no signal of any version."""
    try:
        kind = next(iter(_decode_any(data)), None)
    except (MsgspecError, RecursionError, ValueError):
        return None
    return kind if type(kind) is int and 0 <= kind < HIGHEST_KIND else None


def written(term: Any, names: Names, *, strict: bool = True, exact: bool = False) -> Any:
    """Return a term in a form that msgpack can encode.

    Args:
        strict: raise `BadArgument` for what cannot travel; else replace it by an `Opaque`.
        exact: check whether msgpack can encode each number and text. Few fail, and `encode` reports those.
    """
    if type(term) in _FLAT and not exact:
        return term
    return (_Writer if exact else _QuickWriter)(names, strict).write(term, DEPTH)


def _is_plain(parts: Any) -> bool:
    """Return whether msgpack delivers the members of a tuple or list unchanged, and none is a tag."""
    return _FLAT.issuperset(map(type, parts)) and not (parts and type(parts[0]) is str and parts[0][:1] == "$")


class _Writer(Encoder):
    __slots__ = ("names",)

    def __init__(self, names: Names, strict: bool) -> None:
        super().__init__(strict)
        self.names = names

    def pid(self, value: Pid) -> Any:
        self.names.told(value)
        return super().pid(value)

    def rest(self, value: Any, kind: type, depth: int) -> Any:
        if kind is list:
            parts = self.members(value, depth)
            return self.refuse(value) if parts is None else ("$list", *parts)
        if kind is From:
            return ("$from", self.names.lend(value), self.write(value.pid, depth))
        if issubclass(kind, Ref):
            self.names.told_ref(value)
            return ("$ref", value.runtime.name, value.runtime.creation, value.number)
        if kind is Timeout:
            return ("$message", "Timeout")
        if id(kind) in _MESSAGE_TYPES:  # a class may refuse to be hashed
            parts = self.members(value, depth)
            return self.refuse(value) if parts is None else ("$message", kind.__name__, *parts)
        if (declared := declared_as(kind)) is not None:
            parts = parts_of(value, declared)
            written = self.members(parts.values(), depth, parts)
            return (
                self.refuse(value)
                if written is None
                else ("$object", declared.name, dict(zip(parts, written, strict=True)))
            )
        return super().rest(value, kind, depth)

    def refuse(self, value: Any) -> Any:
        if self.strict and (is_dataclass(value) or isinstance(value, Request)) and declared_as(type(value)) is None:
            raise CannotTravel(
                f"expected plain terms or objects of declared classes, got {text(value)}; "
                f"try @otp.distribution.travels above class {type(value).__name__}, on both nodes"
            )
        return super().refuse(value)


class _QuickWriter(_Writer):
    """A writer that leaves flat parts unchanged: a third of the time for most messages."""

    __slots__ = ()

    def write(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _FLAT:
            return value
        if kind is tuple:
            if _is_plain(value) and depth > 0:
                self.left -= len(value)
                return value if self.left >= 0 else self.refuse(value)
        elif kind is dict and depth > 0 and _FLAT.issuperset(map(type, value.values())):
            if _TEXTS.issuperset(map(type, value)):
                self.left -= len(value)
                return value if self.left >= 0 else self.refuse(value)
        return super().write(value, depth)


def read(term: Any, names: Names, *, lenient: bool = False) -> Any:
    """Return the value of a received term.

    Raises `Malformed` for an invalid one, and `NotTaken` for an object that this node cannot create; with `lenient`, an
    `Opaque` replaces that.
    """
    kind = type(term)
    if kind in _FLAT:
        return term
    if kind is list and _is_plain(term):
        return tuple(term)
    try:
        return _Reader(names, lenient).read(term, 3 * DEPTH)
    except (BadArgument, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None


class _Reader(Decoder):
    __slots__ = ("lenient", "names")
    sequence = list

    def __init__(self, names: Names, lenient: bool) -> None:
        super().__init__(names.pid, 2 * MEMBERS)
        self.names = names
        self.lenient = lenient

    def read(self, term: Any, depth: int) -> Any:
        kind = type(term)
        if kind in _FLAT:
            return term
        if kind is list:
            if _is_plain(term) and depth > 0:
                self.count(term)
                return tuple(term)
        elif kind is dict and depth > 0 and _FLAT.issuperset(map(type, term.values())):
            if _TEXTS.issuperset(map(type, term)):
                self.count(term)
                return term  # no other reference to it exists
        return super().read(term, depth)

    def tagged(self, tag: str, term: Any, depth: int) -> Any:
        match term:
            case ("$pid", str(node), int(creation), int(number)) if 0 <= creation < _LIMIT and 0 <= number < _LIMIT:
                return self.names.pid(node, creation, number)
            case ("$list", *parts):
                return self.members(parts, depth)
            case ("$pid" | "$ref", str(), int(creation), int(number)) if not (
                0 <= creation < _LIMIT and 0 <= number < _LIMIT
            ):
                raise wrong("numbers that a node can have given", term)
            case ("$ref", str(node), int(creation), int(number)):
                return self.names.ref(node, creation, number)
            case ("$from", int(number), pid) if 0 <= number < _LIMIT:
                caller = self.read(pid, depth)
                if not isinstance(caller, Pid):
                    raise wrong("the pid of a caller", pid)
                return self.names.borrowed(number, caller)
            case ("$message", "Timeout"):
                return Timeout()
            case ("$message", str(name), *parts) if name in MESSAGES:
                kind = MESSAGES[name]
                if len(parts) != len(kind._fields):
                    raise wrong(f"the {len(kind._fields)} parts of {name}", term)
                return kind(*self.members(parts, depth))
            case ("$object", str(name), dict(parts)) if all(type(part) is str for part in parts):
                values = dict(zip(parts, self.members(list(parts.values()), depth), strict=True))
                return self._made(name, values)
            case _:
                return super().tagged(tag, term, depth)

    def _made(self, name: str, parts: dict[str, Any]) -> Any:
        try:
            if self.names.confined:
                raise NotTaken(f"expected plain terms of a node that is not trusted, got an object of {name!r:.100}")
            return made(name, parts)
        except NotTaken:
            if not self.lenient:
                raise
            return Opaque(name[:100], text(parts))
