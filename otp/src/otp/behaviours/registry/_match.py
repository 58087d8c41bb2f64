"""Patterns for the values of a registry: those of `receive(matching=…)`, and values with wildcards."""

# Values are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otp.kernel.values.messages import compile_pattern, matches
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.reasons import same

__all__ = ["matcher"]


def matcher(pattern: Any) -> Callable[[Any], bool]:
    """Return a predicate for values that match a pattern, in which `...` stands for any value.

    `...` may stand in tuples and lists of equal length and among a dict's values. A dict matches one that has at least
    these keys, as in `match`.

    >>> admin = matcher(("admin", ...))
    >>> admin(("admin", 7)), admin(("admin",)), matcher({"role": "admin"})({"role": "admin", "id": 1})
    (True, False, True)
    >>> matcher(int)(7), matcher(lambda n: n > 9)(7), matcher(...)(None)
    (True, False, True)
    """
    if not isinstance(pattern, (Pid, Ref)) and callable(pattern):
        predicate = compile_pattern(pattern)
        return lambda value: matches(predicate, value)
    return lambda value: matches(lambda found: _fits(pattern, found), value)


def _fits(pattern: Any, value: Any) -> bool:
    if pattern is ...:
        return True
    if isinstance(pattern, (tuple, list)):
        return (
            isinstance(value, tuple if isinstance(pattern, tuple) else list)
            and len(pattern) == len(value)
            and all(map(_fits, pattern, value))
        )
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and _fits(wanted, value[key]) for key, wanted in pattern.items()
        )
    return same(pattern, value)
