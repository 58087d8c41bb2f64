"""Views as plain terms and back, for the way between a `ViewServer` and its users.

A plain term is None, bool, int, float, str, bytes, or a tuple, list or dict of plain terms; a carrier must deliver
these unchanged, a tuple as a tuple. Everything else is a tuple that begins with a tag: `("$pid", node, creation,
number)`, `("$view", name, fields)` for the records of `RECORDS`, `("$crash", term, stack)`; a program's tuple that
begins in this way is wrapped as `("$tuple", …)`. No code travels: no class, no function, no pickle.

>>> from otp.observer.terms import from_term, to_term
>>> to_term({"who": ("$pid", 7)})
{'who': ('$tuple', '$pid', 7)}
>>> from_term(to_term({"who": ("$pid", 7)}), None)
{'who': ('$pid', 7)}
"""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import repeat
from typing import Any, Final

from otp._structure import name_of
from otp.bounded import text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.observer.events import EventView, Missed, TraceSpec
from otp.observer.graph import Edge, Graph
from otp.observer.last_states import LastMessages
from otp.observer.mailbox import MailboxPage, MessageView
from otp.observer.metrics import Metrics
from otp.observer.operations import ChildStart
from otp.observer.sizes import Memory
from otp.observer.sources import Code, Running
from otp.observer.unfolding import State, Term
from otp.observer.views import (
    Budget,
    ChildCounts,
    ChildExit,
    ChildPage,
    ChildView,
    NodeInfo,
    Place,
    ProcessDetails,
    ProcessPage,
    ProcessSummary,
    Reloaded,
    ReloadedServer,
    SupervisorView,
    Tree,
)
from otp.observer.waits import Wait

__all__ = [
    "DEPTH",
    "MEMBERS",
    "RECORDS",
    "CannotTravel",
    "Decoder",
    "Encoder",
    "FindPid",
    "Opaque",
    "from_term",
    "to_term",
    "wrong",
]

FindPid = Callable[[str, int, int], Pid]
"""Returns the pid of a process: name of its node, creation of that node, number."""

DEPTH: Final = 64
MEMBERS: Final = 100_000
_INT64: Final = 1 << 63
_DIGITS: Final = 4_000
_LONGEST_PATH: Final = 200


@dataclass(frozen=True, slots=True)
class Opaque:
    """A stand-in for a value that cannot travel, such as an object of a program's class: type and bounded text.

    >>> from otp.observer import Opaque
    >>> Opaque("Decimal", "Decimal('1.5')").text
    "Decimal('1.5')"
    """

    type: str
    text: str


RECORDS: Final[dict[str, type]] = {
    record.__name__: record
    for record in (
        *(
            Budget,
            ChildCounts,
            ChildExit,
            ChildPage,
            ChildStart,
            ChildView,
            Edge,
            EventView,
            Graph,
            LastMessages,
            MailboxPage,
            Memory,
        ),
        *(MessageView, Metrics, Missed),
        *(NodeInfo, Opaque, Place, ProcessDetails, ProcessPage, ProcessSummary, Reloaded, ReloadedServer),
        *(SupervisorView, TraceSpec, Tree, Wait),
        *(Code, Running, State, Term),
    )
}
"""The records that travel, by name."""

_FIELDS: Final = {record: tuple(field.name for field in fields(record)) for record in RECORDS.values()}


def to_term(value: Any, *, strict: bool = True) -> Any:
    """Return a value as a plain term.

    Raises `BadArgument` for what cannot travel: objects of other classes, functions, values nested deeper than 64 or
    with more than 100,000 members. Without `strict`, an `Opaque` replaces them.
    """
    return Encoder(strict).write(value, DEPTH)


class CannotTravel(BadArgument):
    """A value that cannot be sent to another node: `why`, and its `path` in what was sent, such as `"['user'][0]"`.

    >>> from otp.observer.terms import to_term
    >>> try:
    ...     to_term({"user": ("ada", object())})
    ... except CannotTravel as error:
    ...     error.path
    "['user'][1]"
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why: str = why
        self.path: str = ""


def put_before(error: CannotTravel, step: str) -> None:
    """Put the step from a container to the value before the path of an error."""
    path = error.path = step + error.path
    place = path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"
    error.reason = f"at {place}: {error.why}" if path else error.why
    error.args = (error.reason,)


def _step(values: Any, keys: Any, index: int) -> str:
    """Return how to reach a member of a container: by its key, or by its index."""
    if keys is not None:
        return f"[{text(list(keys)[index], length=40)}]"
    return f"[{index}]" if isinstance(values, (tuple, list)) else ""


class Encoder:
    """The writer of one value; override `rest` to let other types travel."""

    __slots__ = ("left", "strict")

    def __init__(self, strict: bool) -> None:
        self.strict: bool = strict
        self.left: int = MEMBERS

    def write(self, value: Any, depth: int) -> Any:
        """Return a value as a term."""
        kind = type(value)
        if value is None or kind is bool or kind is float or kind is bytes:
            return value
        if kind is str:
            return value if value.isascii() else _words(value)
        if kind is int:
            return value if -_INT64 <= value < _INT64 else self.large(value)
        if kind is tuple:
            parts = self.members(value, depth)
            if parts is None:
                return self.refuse(value)
            return ("$tuple", *parts) if parts and type(parts[0]) is str and parts[0][:1] == "$" else tuple(parts)
        if issubclass(kind, Pid):
            return self.pid(value)
        names = _fields_of(kind)
        if names is not None:
            return ("$view", kind.__name__, {name: self.write(getattr(value, name), depth) for name in names})
        return self.rest(value, kind, depth)

    def pid(self, value: Any) -> Any:
        """Return a pid as a term."""
        return ("$pid", value.runtime.name, value.runtime.creation, value.number)

    def rest(self, value: Any, kind: type, depth: int) -> Any:
        """Return a value of a rarely sent type as a term."""
        if kind is list:
            parts = self.members(value, depth)
            return self.refuse(value) if parts is None else parts
        if kind is dict:
            keys = self.members(value.keys(), depth)
            values = self.members(value.values(), depth, value)
            if keys is None or values is None:
                return self.refuse(value)
            if all(type(key) is str for key in keys):
                return dict(zip(keys, values, strict=True))
            return ("$dict", *zip(keys, values, strict=True))
        if kind is set or kind is frozenset:
            parts = self.members(value, depth)
            return self.refuse(value) if parts is None else (f"${kind.__name__}", *parts)
        if kind is Crash:
            causes = () if value.cause is None else (value.cause,)
            return ("$crash", *(self.write(part, depth - 1) for part in (*value, *causes)))
        if kind is ExceptionTerm:
            return ("$exception", *(self.write(part, depth - 1) for part in tuple(value)))
        return self.refuse(value)

    def members(self, values: Any, depth: int, keys: Any = None) -> list[Any] | None:
        """Return values as terms, `None` if they are too many or too deep; `keys` are theirs, for errors."""
        self.left -= len(values)
        if depth <= 0 or self.left < 0:
            return None
        written: list[Any] = []
        try:
            written += map(self.write, values, repeat(depth - 1))  # those before an error stay in the list
        except CannotTravel as error:
            put_before(error, _step(values, keys, len(written)))
            raise
        return written

    def large(self, value: int) -> Any:
        """Return an integer of more than 64 bits as a term."""
        return ("$int", hex(value)) if value.bit_length() <= 4 * _DIGITS else self.refuse(value)

    def refuse(self, value: Any) -> Any:
        """Return a stand-in for a value that cannot travel; raise if `strict`."""
        if self.strict:
            raise CannotTravel(
                f"expected plain terms (None, bool, int, float, str, bytes, pids, and tuples, lists, dicts, sets of "
                f"these, at most {DEPTH} deep and {MEMBERS:,} in all), got {text(value)}"
            )
        return self.write(Opaque(name_of(type(value)), text(value)), 2)


def _fields_of(kind: type) -> tuple[str, ...] | None:
    try:
        return _FIELDS.get(kind)
    except Exception:  # a class that cannot be hashed, by its metaclass
        return None


def _words(value: str) -> Any:
    """Return a string unchanged, unless it has half a surrogate pair, which UTF-8 cannot encode."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ("$str", value.encode("utf-8", "surrogatepass"))
    return value


def from_term(term: Any, find_pid: FindPid | None, *, members: int | None = None) -> Any:
    """Return the value of a plain term.

    Args:
        find_pid: returns the pids in it; without it, they are refused.
        members: the maximum number of members, if the sender is not trusted.

    Raises `BadArgument` for anything but a term, and for unknown tags and records.
    """
    return Decoder(find_pid, members).read(term, 3 * DEPTH)  # a record in a tuple counts three times


class Decoder:
    """The reader of one term; override `tagged` to accept other tags."""

    __slots__ = ("find_pid", "left")
    sequence: type = tuple
    """The type that the carrier delivers for a tuple."""

    def __init__(self, find_pid: FindPid | None, members: int | None) -> None:
        self.find_pid: FindPid | None = find_pid
        self.left = members

    def read(self, term: Any, depth: int) -> Any:
        """Return the value of a term."""
        kind = type(term)
        if term is None or kind in (bool, int, float, str, bytes):
            return term
        if depth <= 0:
            raise wrong("terms nested less deeply", term)
        if kind is self.sequence:
            tag = term[0] if term else None
            if type(tag) is str and tag[:1] == "$":
                return self.tagged(tag, term, depth - 1)
            return tuple(self.members(term, depth))
        if kind is list:
            return self.members(term, depth)
        if kind is dict:
            keys = self.members(term.keys(), depth)
            return _hashed(dict, zip(keys, self.members(term.values(), depth), strict=True), term)
        raise wrong("a plain term", term)

    def members(self, terms: Any, depth: int) -> list[Any]:
        """Return the values of many terms."""
        self.count(terms)
        return [self.read(term, depth - 1) for term in terms]

    def count(self, terms: Any) -> None:
        """Count members, and refuse too many."""
        if self.left is not None:
            self.left -= len(terms)
            if self.left < 0:
                raise BadArgument("expected fewer members in a term; try smaller parts")

    def tagged(self, tag: str, term: Any, depth: int) -> Any:
        """Return the value of a term that begins with a tag."""
        match term:
            case ("$pid", str(node), int(creation), int(number)) if self.find_pid is not None:
                return self.find_pid(node, creation, number)
            case ("$view", str(name), dict(given)) if name in RECORDS:
                return self.record(RECORDS[name], given, depth)
            case ("$tuple", *parts):
                return tuple(self.members(parts, depth))
            case ("$dict", *pairs) if all(type(pair) is self.sequence and len(pair) == 2 for pair in pairs):
                keys = self.members([pair[0] for pair in pairs], depth)
                return _hashed(dict, zip(keys, self.members([pair[1] for pair in pairs], depth), strict=True), term)
            case ("$set", *parts):
                return _hashed(set, self.members(parts, depth), term)
            case ("$frozenset", *parts):
                return _hashed(frozenset, self.members(parts, depth), term)
            case ("$crash", reason, stack, *causes) if type(stack) is self.sequence and len(causes) <= 1:
                cause = self.read(causes[0], depth) if causes else None
                if cause is not None and type(cause) is not Crash:
                    raise wrong("a crash as the cause of one", causes[0])
                return Crash(self.read(reason, depth), _stack(self.read(stack, depth)), cause)
            case ("$exception", str(name), arguments, said) if type(arguments) is self.sequence:
                return ExceptionTerm(name, self.read(arguments, depth), str(self.read(said, depth)))
            case ("$int", str(digits)) if len(digits) <= _DIGITS + 8:
                return _number(digits, term)
            case ("$str", bytes(octets)):
                return octets.decode("utf-8", "surrogatepass")
            case _:
                raise wrong(f"a term that {tag!r} may begin", term)

    def record(self, kind: type, given: dict[Any, Any], depth: int) -> Any:
        """Return a record of `RECORDS`, with its fields."""
        unknown = [name for name in given if name not in _FIELDS[kind]]
        if unknown:
            raise wrong(f"the fields {', '.join(_FIELDS[kind])} of {kind.__name__}", unknown)
        values = {name: self.read(value, depth) for name, value in given.items()}
        try:
            return kind(**values)
        except TypeError:
            raise wrong(f"all fields of {kind.__name__}", tuple(given)) from None


def _stack(entries: Any) -> tuple[Any, ...]:
    """Return the stack of a crash; its entries are checked."""
    if type(entries) is tuple and all(type(entry) is tuple and len(entry) == 3 for entry in entries):
        if all(type(file) is type(where) is str and type(line) is int for file, line, where in entries):
            return entries
    raise wrong("a stack of (file, line, function)", entries)


def _hashed(kind: Any, parts: Any, term: Any) -> Any:
    try:
        return kind(parts)
    except TypeError:
        raise wrong("hashable members", term) from None


def _number(digits: str, term: Any) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        raise wrong("hexadecimal digits", term) from None


def wrong(expected: str, got: Any) -> BadArgument:
    """Return the error for an invalid term."""
    return BadArgument(f"expected {expected}, got {text(got)}")
