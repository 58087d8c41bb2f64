"""Any Python value as bounded, safe text or JSON: messages, states, reasons.

Text comes from `otp.bounded`: nothing here runs a user's `__repr__`, raises, exceeds its limit or shows a value whose
name looks like a secret's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, cast

from otp import Crash, Node, Pid, Ref, trace
from otp.bounded import text
from otp.redaction import HIDDEN, hides, is_secret, without_secrets
from otp.sentences import clip, close_quote, process_name, process_text, safe_text

__all__ = [
    "TooDeep",
    "clip",
    "is_a",
    "is_remote",
    "json_of",
    "message_text",
    "plain_pid",
    "safe_json",
    "safe_text",
    "short_state",
    "term_of_json",
    "text_of",
]

MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 100
MAX_TEXT: Final = 2000
STATE_TEXT: Final = 120
MAX_REQUESTER: Final = 200
MAX_NESTING: Final = 100
"""Levels of a JSON value that can become a term."""

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Larger integers lose digits in a browser, so they are sent as text."""


_bases: Any = type.__dict__["__mro__"].__get__


class TooDeep(ValueError):
    """A JSON value is nested deeper than a term may be."""


def is_a(value: object, *kinds: type) -> bool:
    """Test the real type; unlike `isinstance`, ignore `__class__` and `__getattr__`.

    >>> is_a(True, int), is_a("x", int, str), is_a(None, str)
    (True, True, False)
    """
    return any(base is kind for base in _bases(type(value)) for kind in kinds)


def safe_json(content: Any) -> Any:
    """Return a JSON value with `safe_text` applied to every string."""
    if isinstance(content, str):
        return safe_text(content)
    if isinstance(content, dict):
        items = cast("dict[Any, Any]", content).items()
        return {safe_json(key): safe_json(value) for key, value in items}
    if isinstance(content, list | tuple):
        return [safe_json(item) for item in cast("Iterable[Any]", content)]
    return content


def plain_pid(pid: Pid) -> str:
    """Return the pid without brackets, such as `0.17.0`, for use in URLs; `0.17.0@shop` if it is remote."""
    return str(pid).replace("<", "").replace(">", "")


def is_remote(pid: Pid) -> bool:
    """Return whether a process runs in another program, so that `otp` functions about a process refuse it."""
    return not is_a(trace.node_of(pid), Node)


def requester_text(by: object) -> str:
    """Return who suspended or resumed a server, for a sentence: the text, or the process; "" for None.

    >>> requester_text("a request from the page"), requester_text(None)
    ('a request from the page', '')
    >>> len(requester_text("x" * 100_000))  # a program may give any text
    200
    """
    if is_a(by, Pid):
        return process_text(process_name(by), by)
    return clip(without_secrets(by, MAX_REQUESTER), MAX_REQUESTER) if type(by) is str else ""


def text_of(value: object, limit: int = MAX_TEXT) -> str:
    """Return `value` as `repr` would write it, at most `limit` characters.

    >>> text_of(("add", 3))
    "('add', 3)"
    """
    return clip(text(value, length=limit, depth=MAX_DEPTH), limit)


def short_state(value: object) -> str:
    """Return a state as restarts show it, without secrets."""
    return text_of(value, STATE_TEXT)


def message_text(message: Any, limit: int) -> str:
    """Return a message as text without secrets; the message of an event is text already.

    >>> message_text("('login', {'password': 'hunter2'})", 100)
    "('login', {'password': '***'})"
    >>> message_text("('password', 'hunter2')", 100)
    "('password', ***)"
    """
    shown = clip(without_secrets(message, limit), limit) if is_a(message, str) else text_of(message, limit)
    return close_quote(shown)


def json_of(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return `value` in JSON types: tuples and sets become lists, other values text.

    >>> json_of(("add", {"n": 1})), json_of(("password", "hunter2"))
    (['add', {'n': 1}], ['password', '***'])
    """
    kind = cast("Any", type(value))
    if value is None or kind is bool:
        return value
    if kind is int and abs(value) <= MAX_SAFE_INTEGER:
        return value
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if kind is str:
        return clip(without_secrets(value, MAX_TEXT), MAX_TEXT)
    if is_a(value, Pid, Ref):
        return str(value)
    if is_a(value, Crash) or depth <= 0:
        return text_of(value, MAX_TEXT if depth > 0 else 80)
    if kind is dict:
        return _json_of_dict(value, depth)
    if kind is tuple and len(value) > 1 and hides(is_secret, value[0], value[1] if len(value) == 2 else None):
        return [clip(value[0], MAX_TEXT), HIDDEN]
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
        shown[name] = HIDDEN if hides(is_secret, name, item) else json_of(item, depth - 1)
    return shown


def _json_of_items(value: Iterable[Any], depth: int) -> list[Any]:
    shown: list[Any] = []
    for count, item in enumerate(value):
        if count == MAX_ITEMS:
            shown.append("… and more")
            break
        shown.append(json_of(item, depth - 1))
    return shown


def term_of_json(value: Any, levels: int = MAX_NESTING) -> Any:
    """Return a JSON value as a message: lists become tuples, as `match` expects.

    Raises:
        TooDeep: the value is nested deeper than `levels`.

    >>> term_of_json(["add", 3])
    ('add', 3)
    """
    if not isinstance(value, list | dict):
        return value
    if levels <= 0:
        raise TooDeep(f"expected at most {MAX_NESTING} levels of lists and objects, got more")
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: term_of_json(item, levels - 1) for key, item in items}
    return tuple(term_of_json(item, levels - 1) for item in cast("list[Any]", value))
