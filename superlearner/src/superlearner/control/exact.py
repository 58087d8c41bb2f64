"""Exact JSON for values that can be edited as text without losing anything."""

from __future__ import annotations

import math
from typing import Any, Final, cast

from otp.redaction import hides, is_secret, without_secrets
from superlearner.control.terms import MAX_SAFE_INTEGER

__all__ = ["NotExact", "exact_json"]

MOST_VALUES: Final = 2000
MOST_TEXT: Final = 20_000
DEEPEST: Final = 50


class NotExact(ValueError):
    """The value has no exact JSON; the message says why."""


class _Budget:
    def __init__(self) -> None:
        self.values = MOST_VALUES
        self.text = MOST_TEXT
        self.tuples = False

    def take(self, characters: int = 0) -> None:
        self.values -= 1
        self.text -= characters
        if self.values < 0 or self.text < 0:
            raise NotExact("too large to edit here")


def exact_json(value: Any) -> tuple[Any, bool]:
    """Return the JSON of a value, and whether tuples in it became lists.

    Raises:
        NotExact: the value contains a secret or something JSON cannot represent, or is too large.

    >>> exact_json({"items": [1, ("add", 3)]})
    ({'items': [1, ['add', 3]]}, True)
    >>> exact_json({"token": "t0p"})
    Traceback (most recent call last):
        ...
    superlearner.control.exact.NotExact: holds the secret 'token', which is hidden
    """
    budget = _Budget()
    return _json(value, budget, DEEPEST), budget.tuples


def _json(value: Any, budget: _Budget, levels: int) -> Any:
    kind = cast("Any", type(value))
    if levels <= 0:
        raise NotExact("nested too deeply")
    budget.take(len(value) if kind is str else 0)
    if kind is str and without_secrets(value) != value:
        raise NotExact("holds a string with a secret, which is hidden")
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        if abs(value) > MAX_SAFE_INTEGER:
            raise NotExact("holds an integer with more digits than a browser keeps")
        return value
    if kind is float and math.isfinite(value):
        return value
    if kind in (list, tuple):
        if kind is tuple and len(value) > 1 and hides(is_secret, value[0], value[1] if len(value) == 2 else None):
            raise NotExact(f"holds the secret {value[0][:40]!r}, which is hidden")
        budget.tuples = budget.tuples or kind is tuple
        return [_json(item, budget, levels - 1) for item in value]
    if kind is dict:
        return _object(value, budget, levels)
    name = type.__dict__["__qualname__"].__get__(kind)
    raise NotExact(f"holds a {name}, which JSON cannot represent")


def _object(value: dict[Any, Any], budget: _Budget, levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        if type(key) is not str:
            raise NotExact("holds a dict with non-string keys")
        if hides(is_secret, key, item):
            raise NotExact(f"holds the secret {key[:40]!r}, which is hidden")
        found[key] = _json(item, budget, levels - 1)
    return found
