"""The structure of an object, read without running a line of its class.

`type.__dict__` and `object.__getattribute__` work for any object; properties, `__getattr__`, metaclasses and overridden
container methods are not called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, cast

__all__ = ["answers_for_itself", "bases_of", "field_names", "members_of", "module_of", "mro", "name_of", "stored"]

mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
"""The bases of a class in resolution order, as stored in `type`."""

_base_of: Callable[[type], type | None] = type.__dict__["__base__"].__get__
"""The base whose memory layout a class extends."""

name_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
"""The qualified name of a class."""

bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__bases__"].__get__
"""The direct bases of a class."""

members_of: Callable[[type], Any] = type.__dict__["__dict__"].__get__
"""The attributes of a class itself, by name."""

_dict: Any = dict


def module_of(kind: type) -> Any:
    """Return the name of a class's module, which may be any value that the class sets."""
    return members_of(kind).get("__module__")


def answers_for_itself(kind: type) -> bool:
    """Return whether a metaclass compares or hashes a class, which then cannot be looked up in a table."""
    meta = type(kind)
    if meta is type:
        return False
    return any("__hash__" in members_of(base) or "__eq__" in members_of(base) for base in mro(meta)[:-2])


def field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a named tuple's class, nothing for another class."""
    if kind is tuple:
        return ()
    for base in mro(kind):
        names: Any = members_of(base).get("_fields")
        if type(names) is tuple:
            return tuple(name for name in cast("tuple[object, ...]", names) if type(name) is str)
    return ()


def stored(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of the object itself, in order; runs no property and no `__getattr__`."""
    return chain(_slots(value, kind), _dictionary(value, kind))


def _layout(kind: type) -> list[type]:
    """Return a class after the bases that its memory layout extends; only these may have slots.

    A class of a C extension can have a base whose layout it does not share, as asyncpg's UUIDs have `uuid.UUID`: the
    slots of that base would be read from other memory.
    """
    bases = [kind]
    while (base := _base_of(bases[-1])) is not None:
        bases.append(base)
    return bases[::-1]


def _slots(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    for base in _layout(kind):
        for name, descriptor in members_of(base).items():
            if type(descriptor) is MemberDescriptorType:
                try:
                    yield name, descriptor.__get__(value, kind)
                except AttributeError:
                    continue  # an unset slot


def _dictionary(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    for base in mro(kind):
        descriptor = members_of(base).get("__dict__")
        if type(descriptor) is GetSetDescriptorType:
            break
        if type(descriptor) is MemberDescriptorType and any(one is base for one in _layout(kind)):
            break
    else:
        return  # no dictionary, or a class that has replaced it
    stored: Any = descriptor.__get__(value)
    if stored is not None:
        for name, member in _dict.items(stored):
            if type(name) is str:
                yield name, member
