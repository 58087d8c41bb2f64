"""What an object is made of, read without running a line of its class.

`type.__dict__` and `object.__getattribute__` answer for any object; properties, `__getattr__`,
metaclasses and overridden container methods are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from types import MemberDescriptorType
from typing import Any, cast

__all__ = ["field_names", "mro", "name_of", "stored"]

mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
"""The bases of a class as `type` knows them."""

name_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
"""The qualified name of a class."""

_vars: Callable[[type], Any] = type.__dict__["__dict__"].__get__


def field_names(kind: type) -> tuple[str, ...]:
    """The fields of a named tuple's class, nothing for another class."""
    if kind is tuple:
        return ()
    for base in mro(kind):
        names: Any = _vars(base).get("_fields")
        if isinstance(names, tuple):
            return tuple(name for name in cast("tuple[object, ...]", names) if isinstance(name, str))
    return ()


def stored(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """The attributes that the object holds, in order; no property and no `__getattr__` runs."""
    return chain(_slots(value, kind), _dictionary(value))


def _slots(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    for base in reversed(mro(kind)):
        for name, descriptor in _vars(base).items():
            if type(descriptor) is MemberDescriptorType:
                try:
                    yield name, descriptor.__get__(value, kind)
                except AttributeError:
                    continue  # a slot that was never filled


def _dictionary(value: Any) -> Iterator[tuple[str, Any]]:
    try:
        stored: Any = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return
    if isinstance(stored, dict):
        for name, member in cast("dict[object, Any]", stored).items():
            if isinstance(name, str):
                yield name, member
