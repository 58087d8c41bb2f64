"""Fresh arguments for every start of a child.

A child spec is used again after a crash. If its arguments hold a list, the incarnation that crashed may have changed
it, and a restart would inherit the broken state. Mutable containers in the arguments are therefore copied at each
start:

>>> basket = ["apple"]
>>> (first,) = copy_arguments((basket,))
>>> first.append("worm")
>>> copy_arguments((basket,))
(['apple'],)

- Copied, recursively: list, dict, set, bytearray, deque, their subclasses in the standard library
  (`Counter`, `OrderedDict`, `defaultdict`, …) and instances of dataclasses (`copy.copy`, then the
  fields; `__init__` does not run).
- Walked, and rebuilt only if something inside was copied: tuples, named tuples, frozensets.
- By reference: everything else (pids, refs, functions, classes, objects of other classes) and what
  cannot be copied; copying is never an error.
- `Shared(x)`, at any depth, passes x itself.

Difference from OTP: there all terms are immutable and nothing needs this.
"""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any, Final, Generic, TypeVar, cast

__all__ = ["Shared", "copy_arguments"]

T = TypeVar("T")

_Memo = dict[int, Any]
_new_tuple: Callable[[type[Any], list[Any]], Any] = cast("Any", tuple).__new__


@dataclass(frozen=True, slots=True, eq=False)
class Shared(Generic[T]):
    """An argument of a child spec that all incarnations share: they get `value` itself.

    >>> cache: dict[str, int] = {}
    >>> copy_arguments((Shared(cache),))[0] is cache
    True
    """

    value: T


_ATOMIC: Final = frozenset({
    BuiltinFunctionType, FunctionType, MethodType, NoneType, bool, bytes, complex, float, int, range, str, type,
})  # fmt: skip
"""Types that are passed unchanged, found by one lookup in a set."""


def copy_arguments(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments of one start; the same tuple if there is nothing to copy.

    Shared references are preserved: a list that two arguments share is copied once, and a list that contains itself is
    copied to a list that contains itself.
    """
    try:
        for argument in arguments:
            if type(argument) not in _ATOMIC:
                return cast("tuple[Any, ...]", _copied(arguments, {}))
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException:  # nested deeper than the stack, or of a class that raises: passed by reference
        pass
    return arguments


def _copied(value: Any, memo: _Memo) -> Any:
    kind = cast("type[Any]", type(value))
    if kind in _ATOMIC:
        return value
    known = memo.get(id(value))
    if known is not None:
        return known
    copier = _COPIERS.get(kind) or _copier_of(kind)
    return value if copier is None else copier(value, memo)


def _copier_of(kind: type[Any]) -> Callable[[Any, _Memo], Any] | None:
    """Return how to copy instances of a class outside the table; None to pass them by reference."""
    if tuple in kind.__mro__:
        return _copy_tuple if hasattr(kind, "_fields") else None
    for base, copier in _CONTAINERS:
        if issubclass(kind, base):
            return copier if kind.__module__.partition(".")[0] in sys.stdlib_module_names else None
    if issubclass(kind, type) or not is_dataclass(kind):
        return None
    return _copy_dataclass


def _unwrap(value: Shared[Any], memo: _Memo) -> Any:
    return value.value


def _copy_tuple(value: tuple[Any, ...], memo: _Memo) -> Any:
    items = [_copied(item, memo) for item in value]
    if all(new is old for new, old in zip(items, value, strict=True)):
        return value
    # A cycle through one of the items has already made this copy.
    known = memo.get(id(value))
    if known is None:
        known = memo[id(value)] = _new_tuple(type(value), items)
    return known


def _copy_frozenset(value: frozenset[Any], memo: _Memo) -> Any:
    items = [_copied(item, memo) for item in value]  # in any order
    if all(new is old for new, old in zip(items, value, strict=True)):  # in any order
        return value
    try:
        known = memo[id(value)] = frozenset(items)
    except TypeError:
        return value
    return known


def _copy_list(value: list[Any], memo: _Memo) -> Any:
    new = memo[id(value)] = copy.copy(value)
    new[:] = [_copied(item, memo) for item in value]
    return new


def _copy_deque(value: deque[Any], memo: _Memo) -> Any:
    new = memo[id(value)] = copy.copy(value)
    items = [_copied(item, memo) for item in value]
    new.clear()
    new.extend(items)
    return new


def _copy_set(value: set[Any], memo: _Memo) -> Any:
    new = memo[id(value)] = copy.copy(value)
    items = [_copied(item, memo) for item in value]  # in any order
    if any(now is not was for now, was in zip(items, value, strict=True)):  # in any order
        try:
            changed = set(items)
        except TypeError:
            return new
        new.clear()
        new.update(changed)
    return new


def _copy_dict(value: dict[Any, Any], memo: _Memo) -> Any:
    new = memo[id(value)] = copy.copy(value)
    pairs = [(key, _copied(key, memo), _copied(item, memo)) for key, item in value.items()]
    if any(was is not now for was, now, _ in pairs):
        try:
            hash(tuple(now for _, now, _ in pairs))
        except TypeError:
            pairs = [(key, key, item) for key, _, item in pairs]
        new.clear()
    for _, key, item in pairs:
        new[key] = item
    return new


def _copy_bytearray(value: bytearray, memo: _Memo) -> Any:
    new = memo[id(value)] = copy.copy(value)
    return new


def _copy_dataclass(value: Any, memo: _Memo) -> Any:
    try:
        new = copy.copy(value)
        if new is value:  # a member of an enumeration
            return value
        memo[id(value)] = new
        for field in fields(value):
            old = getattr(value, field.name)
            memo.setdefault(0, []).append(old)  # a field may be computed: its id must not be reused
            item = _copied(old, memo)
            if item is not old:
                object.__setattr__(new, field.name, item)
    except RecursionError:
        raise
    except Exception:
        memo[id(value)] = value
        return value
    return new


_CONTAINERS: Final[tuple[tuple[type, Callable[[Any, _Memo], Any]], ...]] = (
    (dict, _copy_dict),
    (list, _copy_list),
    (set, _copy_set),
    (deque, _copy_deque),
    (bytearray, _copy_bytearray),
)

_COPIERS: Final[dict[type, Callable[[Any, _Memo], Any]]] = {
    **dict(_CONTAINERS),
    OrderedDict: _copy_dict,
    Shared: _unwrap,
    defaultdict: _copy_dict,
    frozenset: _copy_frozenset,
    tuple: _copy_tuple,
}
