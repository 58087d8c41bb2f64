"""Patterns for the values of a registry: what `receive(matching=…)` takes, and plain values with holes."""

# Values are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otp.kernel.patterns import compile_pattern, matches
from otp.kernel.pids import Pid, Ref
from otp.kernel.reasons import same

__all__ = ["matcher"]


def matcher(pattern: Any) -> Callable[[Any], bool]:
    """Whether a value matches: `...` stands for anything, in tuples and lists of one length and among a dict's values.

    A dict matches one that has these keys, and maybe more, as in `match`.

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
