"""Patterns for `receive(matching=…)`: predicates, types, refs and pattern objects.

A pattern object is *pure*: it depends on nothing but the message, so a mailbox remembers how far it has searched. A
pattern that holds a mutable value, such as a list, is not pure, nor is a subclass, and checks every message again.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from otp.kernel.pids import Pid, Ref

__all__ = ["AnyOf", "Is", "Tag", "compile_pattern", "matches"]


def matches(match: Callable[[Any], Any], message: Any) -> bool:
    """Return whether a predicate accepts a message.

    One that raises, even `CancelledError`, does not. It runs on the sender's stack. `KeyboardInterrupt` and
    `SystemExit` are passed on.
    """
    try:
        return bool(match(message))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return False


class _Pattern:
    """A predicate. A `pure` one always gives the same result for a message, so a scan need not ask again."""

    __slots__ = ()


def _is_fixed(value: Any) -> bool:
    """Return whether a value always compares in the same way."""
    kind = type(value)
    if kind is tuple:
        return all(map(_is_fixed, value))
    return kind in _FIXED or isinstance(value, (Pid, Ref, type, Enum))


_FIXED: Final = frozenset[type]([str, int, float, bool, bytes, complex, type(None), type(...)])


class Tag(_Pattern):
    """A pattern for tuples that begin with these elements: `Tag("done")` matches `("done", …)`.

    >>> Tag("done", 1)(("done", 1, "x"))
    True
    """

    __slots__ = ("_length", "_single", "_word", "elements", "pure")

    def __init__(self, *elements: Any) -> None:
        if not elements:
            raise TypeError('Tag() needs at least one element, as in Tag("done")')
        self.elements: tuple[Any, ...] = elements
        self._length = len(elements)
        self._single = first = elements[0]
        self._word = first if len(elements) == 1 and type(first) is str else None  # a scan may compare it itself
        self.pure: bool = type(self) is Tag and (self._word is not None or _is_fixed(elements))

    def __call__(self, message: Any) -> bool:
        if not isinstance(message, tuple) or len(message) < self._length:  # pyright: ignore[reportUnknownArgumentType]
            return False
        if self._length == 1:
            return bool(message[0] == self._single)
        return bool(message[: self._length] == self.elements)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Tag) and self.elements == other.elements

    def __hash__(self) -> int:
        return hash(self.elements)

    def __repr__(self) -> str:
        return f"Tag({', '.join(map(repr, self.elements))})"


class Is(_Pattern):
    """A pattern for a value, or for instances of a type with the given attribute values.

    >>> Is(complex, real=1.0)(1 + 2j), Is("go")("go")
    (True, True)
    """

    __slots__ = ("attributes", "pure", "value")

    def __init__(self, value: Any, **attributes: Any) -> None:
        if attributes and not isinstance(value, type):
            raise TypeError(f"Is(type, attribute=value): expected a type first, got {value!r}")
        self.value: Any = value
        self.attributes: dict[str, Any] = attributes
        self.pure: bool = type(self) is Is and _is_fixed((value, *attributes.values()))

    def __call__(self, message: Any) -> bool:
        if not isinstance(self.value, type):
            return bool(message == self.value)
        if not isinstance(message, self.value):
            return False
        try:
            return all(getattr(message, name) == value for name, value in self.attributes.items())
        except AttributeError:
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Is) and self.value == other.value and self.attributes == other.attributes

    def __hash__(self) -> int:
        return hash(("Is", tuple(self.attributes)))

    def __repr__(self) -> str:
        attributes = "".join(f", {name}={value!r}" for name, value in self.attributes.items())
        name = self.value.__name__ if isinstance(self.value, type) else repr(self.value)
        return f"Is({name}{attributes})"


class AnyOf:
    """A pattern that matches if any of the given ones does; takes what `receive(matching=…)` takes."""

    __slots__ = ("patterns", "pure")

    def __init__(self, *patterns: Any) -> None:
        self.patterns: tuple[Callable[[Any], object], ...] = tuple(compile_pattern(pattern) for pattern in patterns)
        self.pure: bool = all(getattr(pattern, "pure", False) for pattern in self.patterns)

    def __call__(self, message: Any) -> bool:
        return any(matches(pattern, message) for pattern in self.patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyOf) and self.patterns == other.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    def __repr__(self) -> str:
        return f"AnyOf({', '.join(map(repr, self.patterns))})"


class OfRef(_Pattern):
    """A pattern for messages of a reference: its Down, its TimerFired, a tuple that starts with it."""

    __slots__ = ("ref", "since")
    pure: Final = True

    def __init__(self, ref: Ref) -> None:
        self.ref: Ref = ref
        self.since: Any = None  # set while a process waits for it: see `kernel.received_since`

    def __call__(self, message: Any) -> bool:
        return isinstance(message, tuple) and len(message) > 0 and message[0] is self.ref  # pyright: ignore[reportUnknownArgumentType]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OfRef) and self.ref is other.ref

    def __hash__(self) -> int:
        return hash(self.ref)


class _OfType(_Pattern):
    __slots__ = ("type",)
    pure: Final = True

    def __init__(self, type_: type) -> None:
        self.type = type_

    def __call__(self, message: Any) -> bool:
        return isinstance(message, self.type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OfType) and self.type is other.type

    def __hash__(self) -> int:
        return hash(self.type)


def compile_pattern(matching: Any) -> Callable[[Any], Any]:
    """Return the predicate of what `receive(matching=…)` accepts; a plain value is a `TypeError` with a fix."""
    if isinstance(matching, (_Pattern, AnyOf)):
        return matching  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
    if isinstance(matching, type):
        return _OfType(matching)
    if isinstance(matching, Ref):
        return OfRef(matching)
    if callable(matching):
        return matching
    raise TypeError(
        f"receive(matching=…): expected a predicate, a type, a Ref or a pattern, got {matching!r}; "
        f"try Is({matching!r}), Tag({matching!r}) or lambda message: message == {matching!r}"
    )
