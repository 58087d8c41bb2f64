"""Any Python value as bounded, safe text or JSON: what people see of messages, states and exit reasons.

Text comes from `otp.bounded`: nothing here runs a person's `__repr__`, raises, grows beyond its limit or shows a
value whose name looks like that of a secret.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, cast

from otp import Crash, Pid, Ref
from otp.bounded import text
from otp.redaction import HIDDEN, is_secret

__all__ = ["clip", "json_of", "plain_pid", "term_of_json", "text_of"]

MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 100
MAX_TEXT: Final = 2000
MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Integers beyond this lose digits in a browser, so they travel as text."""


def plain_pid(pid: Pid) -> str:
    """`0.17.0`: the form without brackets, which goes into addresses as it is."""
    return str(pid).strip("<>")


def text_of(value: object, limit: int = MAX_TEXT) -> str:
    """`value` as `repr` would write it where that is short, at most `limit` characters.

    >>> text_of(("add", 3))
    "('add', 3)"
    """
    return text(value, length=limit, depth=MAX_DEPTH)


def clip(words: str, limit: int) -> str:
    """`words`, cut to `limit` characters with an ellipsis."""
    return words if len(words) <= limit else words[: max(0, limit - 1)] + "…"


def json_of(value: Any, depth: int = MAX_DEPTH) -> Any:
    """`value` in JSON's types: tuples and sets become lists, pids and refs their text, the rest text.

    >>> json_of(("add", {"n": 1}))
    ['add', {'n': 1}]
    """
    kind = cast("Any", type(value))
    if value is None or kind is bool:
        return value
    if kind is int and abs(value) <= MAX_SAFE_INTEGER:
        return value
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if kind is str:
        return clip(value, MAX_TEXT)
    if isinstance(value, Pid | Ref):
        return str(value)
    if isinstance(value, Crash) or depth <= 0:
        return text_of(value, MAX_TEXT if depth > 0 else 80)
    if kind is dict:
        return _json_of_dict(value, depth)
    if kind in (list, tuple, set, frozenset):
        return _json_of_items(value, depth)
    return text_of(value)


def _json_of_dict(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for count, (key, item) in enumerate(value.items()):
        if count == MAX_ITEMS:
            shown["…"] = f"{len(value) - MAX_ITEMS} more"
            break
        name = clip(key, 200) if type(key) is str else text_of(key, 80)
        shown[name] = HIDDEN if is_secret(name) else json_of(item, depth - 1)
    return shown


def _json_of_items(value: Iterable[Any], depth: int) -> list[Any]:
    shown: list[Any] = []
    for count, item in enumerate(value):
        if count == MAX_ITEMS:
            shown.append("… and more")
            break
        shown.append(json_of(item, depth - 1))
    return shown


def term_of_json(value: Any) -> Any:
    """A JSON value as the message a process gets: lists become tuples, so that `match` on a tuple works.

    >>> term_of_json(["add", 3])
    ('add', 3)
    """
    if isinstance(value, list):
        return tuple(term_of_json(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: term_of_json(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
