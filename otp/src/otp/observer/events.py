"""The items of an event stream: events as frozen, bounded values, and notices of missing ones.

>>> from otp.observer import Missed
>>> match Missed("slow", 3, after=17, before=21):
...     case Missed("slow", count):
...         print(count, "events were missed")
3 events were missed
"""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from otp.bounded import text
from otp.kernel.tables.tracing import DETAIL_KINDS, LIFECYCLE, MESSAGE_KINDS, STATE_KINDS, Event
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.redaction import HIDDEN, hides, is_secret, without_secrets

__all__ = ["EventView", "Missed", "TraceSpec", "event_view", "shown"]

KINDS: Final[frozenset[str]] = LIFECYCLE | MESSAGE_KINDS | DETAIL_KINDS | STATE_KINDS
MEMBERS: Final = 20
DEPTH: Final = 5
FRAMES: Final = 50
PARTS: Final = 200
CHARACTERS: Final = 2_000_000
_LARGEST_INT: Final = 1 << 512


@dataclass(frozen=True, slots=True)
class EventView:
    """An event on a node.

    `seq` numbers the node's events from 1, `at` is its clock in seconds, `cause` the number of the event that led to
    this one (0: none recorded). `data` depends on `kind`; its values are pids, numbers, short strings (including refs),
    reasons (`Crash` and `ExceptionTerm` unchanged) and bounded text for all other objects of a program.
    """

    seq: int
    at: float
    node: str
    kind: str
    pid: Pid | None
    cause: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Missed:
    """A notice that events are missing here, between those numbered `after` and `before`.

    `reason` is `ring` (the node keeps the last 4,096 lifecycle events; how many were lost is unknown: `count` is None),
    `restarted` (the requested number belongs to an earlier incarnation of the node), `slow` (the reader was too slow
    for its buffer) or `rate` (more than it allowed in one second).
    """

    reason: Literal["ring", "restarted", "slow", "rate"]
    count: int | None
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class TraceSpec:
    """The events that a reader wants; there is always a limit.

    Args:
        pids: only events of these processes, and messages to them: pids, names or strings; all if empty.
        kinds: the kinds of events, as `otp.trace` names them.
        limit: the stream ends after this many events; 1 to 100,000.
        rate: the maximum per second of the node's clock; 1 to 100,000.
        system: whether messages of `otp.sys` are included.
        redact: hide what looks like a secret.
        length: the maximum length of a message in characters; 1 to 10,000.
        buffer: how many events wait for a slow reader; 1 to 10,000, and with their messages at most 2,000,000
            characters.

    Raises `BadArgument` for anything else. Source: Erlang's `recon_trace`, whose rule is never to trace without a
    limit.

    >>> from otp.observer import TraceSpec
    >>> TraceSpec(pids=("counter",), limit=10).kinds
    ('sent', 'received', 'dropped')
    """

    pids: tuple[Any, ...] = ()
    kinds: tuple[str, ...] = ("sent", "received", "dropped")
    limit: int = 1000
    rate: int = 1000
    system: bool = False
    redact: bool = True
    length: int = 200
    buffer: int = 1000

    def __post_init__(self) -> None:
        for name, most in (("limit", 100_000), ("rate", 100_000), ("length", 10_000), ("buffer", 10_000)):
            check_number(f"TraceSpec({name}=…)", getattr(self, name), 1, most)
        if self.length * self.buffer > CHARACTERS:
            raise BadArgument(
                f"TraceSpec(length={self.length}, buffer={self.buffer}): expected a product of at most {CHARACTERS:,}, "
                f"got {self.length * self.buffer:,}; try a shorter length"
            )
        for name in ("system", "redact"):
            check_flag(f"TraceSpec({name}=…)", getattr(self, name))
        for name in ("pids", "kinds"):
            value: Any = getattr(self, name)
            if isinstance(value, str) or not hasattr(type(value), "__iter__"):
                raise BadArgument(f"TraceSpec({name}=…): expected several in a tuple, got {text(value)}; add a comma")
            object.__setattr__(self, name, tuple(islice(value, 10_000)))
        check_kinds("TraceSpec(kinds=…)", self.kinds)


def check_number(what: str, value: Any, least: int, most: int) -> int:
    """Return a whole number within bounds; raises `BadArgument` otherwise."""
    if type(value) is not int or not least <= value <= most:
        raise BadArgument(f"{what}: expected a whole number from {least} to {most:,}, got {text(value)}")
    return value


def check_flag(what: str, value: Any) -> bool:
    """Return a bool; raises `BadArgument` for anything else."""
    if type(value) is not bool:
        raise BadArgument(f"{what}: expected True or False, got {text(value)}")
    return value


def check_word(what: str, value: Any) -> None:
    """Raise `BadArgument` unless the value is a str or None."""
    if value is not None and type(value) is not str:
        raise BadArgument(f"{what}: expected a str, got {text(value)}")


def check_seconds(what: str, value: Any) -> None:
    """Raise `BadArgument` unless the value is a number of seconds from 0 to 60."""
    if type(value) not in (int, float) or not 0 <= value <= 60:
        raise BadArgument(f"{what}: expected seconds from 0 to 60, got {text(value)}")


def check_kinds(what: str, kinds: tuple[Any, ...]) -> frozenset[str]:
    """Return a set of event kinds; raise `BadArgument` for unknown kinds and for none."""
    unknown = [kind for kind in kinds if type(kind) is not str or kind not in KINDS]
    if unknown or not kinds:
        raise BadArgument(f"{what}: expected some of {', '.join(sorted(KINDS))}, got {text(unknown)}")
    return frozenset(kinds)


# From the runtime's events to views


def event_view(event: Event, *, redact: bool, length: int = 200) -> EventView:
    """Return an event of the kernel as a value that holds no object of the program, and runs none of its code."""
    data: dict[str, Any] = {}
    for key, value in event.data.items():
        if key == "message" and event.data.get("term") is not None:  # without a term its process is sensitive
            data[key] = text(event.data["term"], length=length, redact=is_secret if redact else None)
        elif key != "term":
            data[key] = shown(value, redact, max(length, 500) if key == "state" else length)
    return EventView(event.seq, event.at / 1e9, event.node, event.kind, event.pid, event.cause, data)


def shown(value: Any, redact: bool, length: int = 200) -> Any:
    """Return a value as plain terms if it is small and consists of them, else as bounded text; never raises."""
    return _Conversion(redact, length).of(value, DEPTH)


class _Conversion:
    """The conversion of one value; the total is limited, since a small tuple may contain itself millions of times."""

    __slots__ = ("left", "length", "redact")

    def __init__(self, redact: bool, length: int) -> None:
        self.redact = redact
        self.length = length
        self.left = PARTS

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self.left -= 1
        if self.left < 0:
            return "…"
        if value is None or kind is bool or kind is float or (kind is int and -_LARGEST_INT < value < _LARGEST_INT):
            return value
        if kind is str:
            return self.words(value, self.length)
        if issubclass(kind, Pid):
            return value
        if depth:
            if kind is Crash:
                shown: Crash | None = None
                for crash in (*reversed(value.causes), value):
                    stack = crash.stack[-FRAMES:] if _is_stack(crash.stack) else ()
                    shown = Crash(self.of(crash.term, depth - 1), stack, shown)
                return shown
            if kind is ExceptionTerm:
                return self.exception(value, depth)
            if (kind is tuple or kind is list) and len(value) <= MEMBERS:
                if self.redact and len(value) == 2 and hides(is_secret, value[0], value[1]):
                    return (self.words(value[0], self.length), HIDDEN)
                return tuple([self.of(member, depth - 1) for member in value])
            if kind is dict and len(value) <= MEMBERS and all(self.is_key(key) for key in value):
                return {
                    key: HIDDEN if self.redact and hides(is_secret, key, member) else self.of(member, depth - 1)
                    for key, member in value.items()
                }
        if issubclass(kind, Ref):
            return repr(value)  # the same for a call and its reply
        return text(value, length=self.length, redact=is_secret if self.redact else None)

    def words(self, value: str, length: int) -> str:
        if self.redact:
            return without_secrets(value, length)
        return value if len(value) <= length else value[: length - 1] + "…"

    def is_key(self, key: Any) -> bool:
        return type(key) is str and len(key) <= self.length

    def exception(self, term: ExceptionTerm, depth: int) -> ExceptionTerm:
        name, arguments, said = tuple(term)
        known = self.of(tuple(arguments[:MEMBERS]) if type(arguments) is tuple else (arguments,), depth - 1)
        return ExceptionTerm(
            self.words(name, self.length) if type(name) is str else "",
            known,
            self.words(said, max(self.length, 500)) if type(said) is str else "",
        )


def _is_stack(stack: Any) -> bool:
    return type(stack) is tuple and all(map(_is_frame, stack[-FRAMES:]))


def _is_frame(entry: Any) -> bool:
    if type(entry) is not tuple or [type(part) for part in entry] != [str, int, str]:
        return False
    return len(entry[0]) + len(entry[2]) <= 2_000
