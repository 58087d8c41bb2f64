"""Any Python value as a short text, without running its code; public as `otp.bounded.text`."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    NoneType,
)
from typing import Any, Final
from uuid import UUID

from otp._structure import answers_for_itself, field_names, mro, name_of, stored
from otp.kernel.values.pids import Identity, Pid, Ref
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.kernel.values.results import ABSENT, Result
from otp.redaction import HIDDEN, Redact, hides, is_secret, without_secrets

# Standard library types whose repr is short and runs no foreign code.
_PLAIN: Final = frozenset[type]([
    *(bool, NoneType, float, complex, range, type(...), type(NotImplemented), Decimal, Fraction, UUID),
    *(date, datetime, time, timedelta, timezone, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath),
])  # fmt: skip

_LARGEST_INT: Final = 1 << 512

# The containers' own methods, so that overrides in a subclass are not called.
_tuple: Any = tuple

_list: Any = list

_dict: Any = dict

_set: Any = set

_frozenset: Any = frozenset

_deque: Any = deque

_arguments: Callable[[object], tuple[object, ...]] = BaseException.__dict__["args"].__get__


def text(
    value: object, *, length: int = 200, depth: int = 4, items: int = 20, redact: Redact | None = is_secret
) -> str:
    """Write `value` in at most `length` characters, as `repr` would where that is short.

    Args:
        value: any object; it is not changed, and none of its own code runs.
        length: the maximum length of the result in characters; a longer text ends in `…`.
        depth: how many levels of containers are shown; deeper ones are `…`.
        items: how many elements of each container are shown; then `… 97 more` follows.
        redact: called for each key, field, attribute and tag of a tuple; `True` hides the value that belongs to it.
            `None` hides nothing.

    Returns:
        one line of text. It never raises for any value.
    """
    writer = _Writer(max(length, 1), max(items, 1), redact)
    try:
        writer.write(value, depth)
    except _Full:
        pass
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as failure:  # not even the interpreter's own methods can read the value
        writer.parts.append(f"<unreadable: {type(failure).__name__}>")
    found = "".join(writer.parts)
    return found if len(found) <= length else found[: max(length - 1, 0)] + "…"


class Shortened:
    """A stand-in for a value that was too large to keep: its type's name and a bounded text."""

    __slots__ = ("text", "type_name")

    def __init__(self, type_name: str, text: str) -> None:
        self.type_name: str = type_name
        self.text: str = text

    def __repr__(self) -> str:
        return self.text


class _Full(Exception):
    """Raised when the text has reached its length; the rest of the value is skipped."""


class _Writer:
    __slots__ = ("items", "left", "parents", "parts", "redact")

    def __init__(self, length: int, items: int, redact: Redact | None) -> None:
        self.left = length
        self.items = items
        self.redact = redact
        self.parts: list[str] = []
        self.parents: set[int] = set()

    def put(self, part: str) -> None:
        self.parts.append(part)
        self.left -= len(part)
        if self.left < 0:
            raise _Full

    def write(self, value: object, depth: int) -> None:
        kind = type(value)
        bases = mro(kind)
        if type(kind) is not type and any(map(answers_for_itself, bases)):
            self.put(f"<{name_of(kind)}>")
        elif kind in _PLAIN:
            self.put(repr(value))
        elif Enum in bases:
            self.put(f"{name_of(kind)}.{object.__getattribute__(value, '_name_')}")
        elif leaf := _first(_LEAVES, bases):
            leaf(self, value)
        elif id(value) in self.parents:
            self.put("<cycle>")
        elif depth <= 0:
            self.put("…")
        else:
            self.parents.add(id(value))
            nested = _first(_CONTAINERS, bases) or _Writer.attributes
            nested(self, value, kind, depth - 1)
            self.parents.discard(id(value))

    # Leaves

    def string(self, value: Any) -> None:
        if self.redact is None:
            self.put(repr(str.__getitem__(value, slice(0, self.left + 1))))
        else:
            self.put(repr(without_secrets(value, self.left + 1)))

    def integer(self, value: Any) -> None:
        if -_LARGEST_INT < int.__pos__(value) < _LARGEST_INT:
            self.put(int.__repr__(value))
        else:  # writing a huge number takes quadratic time
            self.put(f"<int of {int.bit_length(value)} bits>")

    def octets(self, value: Any) -> None:
        self.put(self.bytes_text(bytes.__getitem__(value, slice(0, self.left + 1))))

    def bytearray(self, value: Any) -> None:
        self.put(f"bytearray({self.bytes_text(bytes(bytearray.__getitem__(value, slice(0, self.left + 1))))})")

    def bytes_text(self, value: bytes) -> str:
        shown = repr(value)
        if self.redact is None:
            return shown
        return without_secrets(shown if len(value) <= self.left else f"{shown}…")

    def identity(self, value: Any) -> None:
        self.put(str(value))

    def shortened(self, value: Any) -> None:
        self.put(value.text)

    def type(self, value: Any) -> None:
        self.put(name_of(value))

    def function(self, value: Any) -> None:
        self.put(f"<function {value.__qualname__}>")

    def method(self, value: Any) -> None:
        self.put(f"<method {getattr(value.__func__, '__qualname__', '?')}>")

    def coroutine(self, value: Any) -> None:
        self.put(f"<{type(value).__name__} {value.__qualname__}>")

    def module(self, value: Any) -> None:
        self.put(f"<module {ModuleType.__getattribute__(value, '__name__')}>")

    # Containers

    def tuple(self, value: Any, kind: type, depth: int) -> None:
        if names := field_names(kind):
            self.fields(kind, zip(names, _tuple.__iter__(value), strict=False), depth)
            return
        size = _tuple.__len__(value)
        tag = _tuple.__getitem__(value, 0) if size > 1 else None
        if size > 1 and hides(self.redact, tag, _tuple.__getitem__(value, 1) if size == 2 else None):
            self.put(f"({tag!r}, {HIDDEN})")
            return
        members = _tuple.__iter__(value)
        self.sequence(members, size, ("(", ",)" if size == 1 else ")"), kind is not tuple and kind, depth)

    def list(self, value: Any, kind: type, depth: int) -> None:
        self.sequence(_list.__iter__(value), _list.__len__(value), ("[", "]"), kind is not list and kind, depth)

    def deque(self, value: Any, kind: type, depth: int) -> None:
        self.sequence(_deque.__iter__(value), _deque.__len__(value), ("[", "]"), kind, depth)

    def exception(self, value: Any, kind: type, depth: int) -> None:
        arguments = _arguments(value)
        self.sequence(iter(arguments), len(arguments), ("", ""), kind, depth)

    def crash(self, value: Any, kind: type, depth: int) -> None:
        self.put("Crash(")
        self.write(_tuple.__getitem__(value, 0), depth)
        self.put(")")

    def exception_term(self, value: Any, kind: type, depth: int) -> None:
        name, arguments, words = (_tuple.__getitem__(value, place) for place in range(3))
        self.put(f"{name}(")
        if type(arguments) is tuple and arguments and not str(words).startswith("[Errno "):  # that also has the file
            self.sequence(iter(arguments), len(arguments), ("", ""), False, depth)
        elif arguments or words:
            self.write(words, depth)
        self.put(")")

    def sequence(
        self, members: Iterator[Any], size: int, marks: tuple[str, str], kind: type | bool, depth: int
    ) -> None:
        named = isinstance(kind, type)
        self.put(f"{name_of(kind)}({marks[0]}" if named else marks[0])
        for number, member in enumerate(islice(members, self.items)):
            if number:
                self.put(", ")
            self.write(member, depth)
        self.more(size)
        self.put(f"{marks[1]})" if named else marks[1])

    def unordered(self, value: Any, kind: type, depth: int) -> None:
        base = _set if set in mro(kind) else _frozenset
        size = base.__len__(value)
        if not size:
            self.put(f"{name_of(kind)}()")
            return
        shown: list[str] = []
        budget = self.left
        for member in islice(base.__iter__(value), self.items):
            inner = _Writer(max(budget, 1), self.items, self.redact)
            inner.parents = self.parents
            try:
                inner.write(member, depth)
            except _Full:
                pass
            shown.append("".join(inner.parts))
            budget -= len(shown[-1])
            if budget < 0:
                break
        self.put("{" if kind is set else f"{name_of(kind)}({{")
        self.put(", ".join(sorted(shown)))  # set order may depend on the hash seed
        self.more(size)
        self.put("}" if kind is set else "})")

    def dict(self, value: Any, kind: type, depth: int) -> None:
        self.put("{" if kind is dict else f"{name_of(kind)}({{")
        for number, (key, member) in enumerate(_pairs(value, self.items)):
            if number:
                self.put(", ")
            self.write(key, depth)
            self.put(": ")
            self.member(key, member, depth)
        self.more(_dict.__len__(value))
        self.put("}" if kind is dict else "})")

    def result(self, value: Any, kind: type, depth: int) -> None:
        """Write the result of a callback as code: `Reply(value, state, timeout=1)`."""
        given = dict(islice(stored(value, kind), self.items))
        written = next(base for base in mro(kind) if base.__module__ == Result.__module__ and "_fields" in vars(base))
        positional: Any = vars(written)["_fields"]
        self.put(f"{name_of(written)}(")
        first = True
        for name in (*positional, "timeout", "hibernate", "then"):
            member = given.get(name if name in positional else f"_{name}", ABSENT)
            if member is ABSENT or (name not in positional and (member is None or member is False)):
                continue
            self.put(("" if first else ", ") + ("" if name in positional else f"{name}="))
            self.member(name, member, depth)
            first = False
        self.put(")")

    def attributes(self, value: Any, kind: type, depth: int) -> None:
        pairs = [pair for pair in islice(stored(value, kind), self.items + 1) if pair[0][:2] != "__"]
        if pairs:
            self.fields(kind, pairs, depth)
        else:
            self.put(f"<{name_of(kind)}>")

    def fields(self, kind: type, pairs: Iterable[tuple[str, Any]], depth: int) -> None:
        self.put(f"{name_of(kind)}(")
        for number, (name, member) in enumerate(pairs):
            if number:
                self.put(", ")
            if number >= self.items:
                self.put("…")
                break
            self.put(f"{name}=")
            self.member(name, member, depth)
        self.put(")")

    def member(self, key: Any, member: Any, depth: int) -> None:
        if hides(self.redact, key, member):
            self.put(HIDDEN)
        else:
            self.write(member, depth)

    def more(self, size: int) -> None:
        if size > self.items:
            self.put(f", … {size - self.items} more")


_LEAVES: Final[dict[type, Callable[[_Writer, Any], None]]] = {
    str: _Writer.string,
    int: _Writer.integer,
    bytes: _Writer.octets,
    bytearray: _Writer.bytearray,
    Pid: _Writer.identity,
    Ref: _Writer.identity,
    Identity: _Writer.identity,
    Shortened: _Writer.shortened,
    type: _Writer.type,
    FunctionType: _Writer.function,
    BuiltinFunctionType: _Writer.function,
    MethodType: _Writer.method,
    ModuleType: _Writer.module,
    CoroutineType: _Writer.coroutine,
    GeneratorType: _Writer.coroutine,
    AsyncGeneratorType: _Writer.coroutine,
}

_CONTAINERS: Final[dict[type, Callable[[_Writer, Any, type, int], None]]] = {
    Result: _Writer.result,
    Crash: _Writer.crash,
    ExceptionTerm: _Writer.exception_term,
    tuple: _Writer.tuple,
    list: _Writer.list,
    dict: _Writer.dict,
    set: _Writer.unordered,
    frozenset: _Writer.unordered,
    deque: _Writer.deque,
    BaseException: _Writer.exception,
}


def _pairs(value: Any, most: int) -> Iterator[tuple[Any, Any]]:
    return islice(_dict.items(value), most)


def _first(table: dict[type, Any], bases: tuple[type, ...]) -> Any:
    for base in bases:
        found = table.get(base)
        if found is not None:
            return found
    return None


# Values of programs that the runtime stores: small ones unchanged, others as bounded text.
#
# An exit reason may hold any object. The event ring and the records of supervisors outlive the process by thousands of
# events, so they must not keep its objects alive. No text made here runs the value's own code.


LONGEST: Final = 200  # characters of a text, bytes of a bytes

MEMBERS: Final = 8  # of a tuple or a list

DEPTH: Final = 4

NESTED: Final = 10  # supervisors or callers, each of which failed because of the one below it

TEXT: Final = 500  # of an exception and of a stand-in

FRAMES: Final = (10, 40)  # of a stack: outermost, innermost

_name_of: Any = type.__dict__["__name__"].__get__  # a metaclass may override `__name__`, or raise


def _is_atom(value: Any, longest: int) -> bool:
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= longest
    if kind is int:
        return -_LARGEST_INT < value < _LARGEST_INT
    # compared one by one: a set would ask the metaclass of a class for a hash
    return value is None or kind is bool or kind is float or kind is complex or value is ...


def bounded_text(value: Any, limit: int = 200) -> str:
    """Return a text of at most `limit` characters; the `repr` if it is short and safe to call."""
    if _is_plain(value, limit, DEPTH):
        shown = repr(value)
        if len(shown) <= limit:
            return shown
        if type(value) is str:
            return shown[: limit - 1] + "…"
    elif (shown := _named_text(value, limit)) and len(shown) <= limit:
        return shown
    return text(value, length=limit, depth=10, items=limit, redact=None)


def close_quote(words: str) -> str:
    """Return a text that was cut with an ellipsis, with the quote closed in which it was cut.

    >>> close_quote("('say', 'a patter…"), close_quote("the till isn't op…"), close_quote("('say', 'all')")
    ("('say', 'a patter…'", "the till isn't op…", "('say', 'all')")
    """
    if not words.endswith("…"):
        return words
    quote = before = ""
    for sign in words:
        if quote:
            quote = "" if sign == quote and before != "\\" else quote
        elif sign in "'\"" and not before.isalnum():
            quote = sign
        before = "" if before == sign == "\\" else sign
    return words + quote


def _named_text(value: Any, longest: int) -> str:
    """Return the text of a named tuple with plain values, such as most messages of the runtime; "" for others."""
    kind = type(value)
    bases = mro(kind)
    if type(kind) is not type or len(bases) != 3 or bases[1] is not tuple or kind in _CONTAINERS:
        return ""
    names, members = field_names(kind), _tuple.__add__((), value)
    if len(names) != len(members) or not _is_plain(members, longest, DEPTH):
        return ""
    return f"{name_of(kind)}({', '.join(map('{}={!r}'.format, names, members))})"


def _is_plain(value: Any, longest: int, depth: int) -> bool:
    """Return whether `repr` writes a value as `text` does: a small one with nothing but values of built-in types.

    Pids and references may be in it. Most messages are of this kind, and their text takes a quarter of the time.
    """
    kind = type(value)
    if kind is not tuple and kind is not list:
        return (
            _is_atom(value, longest)
            or (issubclass(kind, Pid) and kind.__repr__ is Pid.__repr__)
            or (issubclass(kind, Ref) and kind.__repr__ is Ref.__repr__)
        )
    if not depth or len(value) > MEMBERS:
        return False
    for member in value:
        kind = type(member)
        if kind is str:
            if len(member) > longest:
                return False
        elif not _is_plain(member, longest, depth - 1):
            return False
    return True


def bound_reason(reason: Any) -> Any:
    """Return an exit reason as it may be kept: its large parts replaced by stand-ins."""
    if (type(reason) is str and len(reason) <= LONGEST) or reason is None:
        return reason
    return _bound_start(reason, NESTED)


def _bound_start(reason: Any, nested: int) -> Any:
    """Return a bounded exit reason; those of nested failed starts, and of nested failed calls, keep their shape."""
    if nested and type(reason) is tuple and len(reason) == 2 and type(reason[0]) is str and reason[0] == "shutdown":
        child = reason[1]
        if type(child) is tuple and len(child) == 3 and type(child[0]) is str and child[0] == "failed_to_start_child":
            id, why = _bound_value(child[1], DEPTH), _bound_start(child[2], nested - 1)
            return reason if id is child[1] and why is child[2] else ("shutdown", ("failed_to_start_child", id, why))
    if nested and type(reason) is tuple and len(reason) == 2 and type(reason[0]) is tuple and _is_call(reason[1]):
        why, call = _bound_start(reason[0], nested - 1), _bound_value(reason[1], DEPTH)
        return reason if why is reason[0] and call is reason[1] else (why, call)
    return _bound_value(reason, DEPTH)


def _is_call(term: Any) -> bool:
    """Return whether a term is the description of a call that failed: `("gen_server", "call", [dest, request])`."""
    return type(term) is tuple and len(term) == 3 and type(term[1]) is str and term[1] == "call"


def _bound_value(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        if len(value) <= LONGEST:
            return value
    elif kind is tuple and depth > 0 and len(value) <= MEMBERS:
        for at, member in enumerate(value):
            less = _bound_value(member, depth - 1)
            if less is not member:
                return (*value[:at], less, *[_bound_value(other, depth - 1) for other in value[at + 1 :]])
        return value
    elif kind is Crash and depth > 0:
        return _bound_crash(value, depth)
    elif kind is ExceptionTerm and depth > 0:
        return _bound_exception(value, depth)
    elif kind is list and depth > 0 and len(value) <= MEMBERS:  # copied: it could grow
        return [_bound_value(member, depth - 1) for member in value]
    elif _is_atom(value, LONGEST) or issubclass(kind, (Pid, Ref, Enum)) or kind is Shortened:
        return value
    return Shortened(_name_of(kind), text(value, length=TEXT))


def _bound_crash(crash: Any, depth: int) -> Crash:
    cause: Crash | None = None
    for one in reversed(crash.causes) if crash.cause is not None else ():
        cause = Crash(_bound_value(one.term, depth), _bound_stack(one.stack), cause)
    term, stack = crash
    less, few = _bound_value(term, depth - 1), _bound_stack(stack)
    return crash if less is term and few is stack and crash.cause is None else Crash(less, few, cause)


def _bound_stack(stack: tuple[Any, ...]) -> tuple[Any, ...]:
    first, last = FRAMES
    return stack if len(stack) <= first + last else (*stack[:first], *stack[-last:])


def _bound_exception(term: Any, depth: int) -> ExceptionTerm:
    args = _bound_value(term.args, max(1, depth - 1))  # at depth 0 they would be one text, of a tuple
    if type(args) is not tuple:
        args = (args,)
    words = term.text if len(term.text) <= TEXT else without_secrets(term.text, TEXT)
    return term if args is term.args and words is term.text else ExceptionTerm(term.type_name, args, words)
