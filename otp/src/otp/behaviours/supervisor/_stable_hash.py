"""A hash that is the same in every run and on every machine, unlike `hash()` of a string."""

from __future__ import annotations

from binascii import crc32
from dataclasses import fields, is_dataclass
from enum import Enum
from numbers import Number
from types import BuiltinFunctionType, FunctionType
from typing import Any, cast

from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid, Ref

__all__ = ["partition_of", "stable_hash"]


def partition_of(key: Any, count: int) -> int:
    """Return the partition of a key, 0 … count - 1; equal keys have the same.

    An int goes to `abs(key) % count`, as does a number equal to it; else it is the stable hash.

    >>> partition_of(7, 4), partition_of(-7, 4), partition_of(7.0, 4)
    (3, 3, 3)
    """
    if isinstance(key, int):
        return abs(key) % count
    if isinstance(key, Number):
        whole = _ratio(key)
        if whole is not None and whole[1] == 1:
            return abs(whole[0]) % count
    return stable_hash(key) % count


def stable_hash(key: Any) -> int:
    """Return 32 bits that depend only on what the key is equal to.

    Works for strings, bytes, numbers, None, tuples, frozensets, enums, dataclasses, pids, refs, classes and functions,
    and for objects of other classes that define `repr`. Raises `BadArgument` for an object that is distinguished by its
    address only.

    >>> stable_hash(("user", 17))
    694509183
    """
    if isinstance(key, str):
        return crc32(key.encode("utf-8", "surrogatepass"))
    return crc32(_text(key).encode("utf-8", "surrogatepass"))


def _text(key: Any) -> str:
    """Return a string that is the same for equal keys."""
    match key:
        case str() if not isinstance(key, Enum):
            return f"s{len(key)}:{key}"
        case Enum():
            return f"e{_name(type(key))}.{key.name}"
        case bytes():
            return f"b{key.hex()}"
        case None:
            return "None"
        case Number():
            ratio = _ratio(key)
            return f"n{key!r}" if ratio is None else f"n{ratio[0]}/{ratio[1]}"
        case tuple():
            return f"({','.join(_text(item) for item in cast('tuple[Any, ...]', key))})"
        case frozenset():
            return f"{{{','.join(sorted(_text(item) for item in cast('frozenset[Any]', key)))}}}"
        case Pid():
            return f"p{key.to_text()}"
        case Ref():
            return f"r{key!r}"
        case type() | FunctionType() | BuiltinFunctionType():
            return f"f{_name(key)}"
        case _ if is_dataclass(key) and not isinstance(key, type):
            values = (getattr(key, field.name) for field in fields(key) if field.compare)
            return f"d{_name(type(key))}({','.join(map(_text, values))})"
        case _ if type(key).__repr__ is not object.__repr__:
            return f"o{_name(type(key))}{key!r}"
        case _:
            raise BadArgument(
                f"a key of PartitionSupervisor.via: expected a value (a str, a number, a tuple, a pid, …), "
                f"got {key!r:.100}, which is identified only by its address; try its id"
            )


def _name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{thing.__qualname__}"


def _ratio(number: Any) -> tuple[int, int] | None:
    """Return the exact ratio of a real number; None for others (infinite, imaginary)."""
    real: Any = number.real if isinstance(number, complex) and not number.imag else number
    try:
        return cast("tuple[int, int]", real.as_integer_ratio())
    except (AttributeError, ValueError, OverflowError):
        return None
