"""Lines of Python literals, by which the members of a scenario and their stage talk, and events are stored."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

__all__ = ["LIMIT", "literal", "read_line", "write_line"]

LIMIT: Final = 2**24
"""Bytes of a line."""
_PLAIN: Final = (str, int, bool, bytes, type(None))


class Text(Protocol):
    """A file of text."""

    def write(self, text: str, /) -> object:
        """Write a text."""
        ...


def literal(value: Any) -> Any:
    """Return a value as one that a Python literal can hold; others as the text of them.

    >>> literal({("a", 1): [1.5, frozenset("b")], "where": object})
    {('a', 1): [1.5, {'b'}], 'where': "<class 'object'>"}
    """
    kind = cast("Any", type(value))
    if kind in _PLAIN or (kind is float and value - value == 0.0):
        return value
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return {literal(key): literal(one) for key, one in pairs}
    if isinstance(value, tuple):
        return tuple(map(literal, cast("tuple[Any, ...]", value)))
    if kind is list:
        return list(map(literal, value))
    if kind in (set, frozenset) and value:
        return set(map(literal, value))
    return repr(value)


def write_line(to: asyncio.StreamWriter | Text, value: Any) -> None:
    """Write a value as a line."""
    text = f"{literal(value)!r}\n"
    if isinstance(to, asyncio.StreamWriter):
        to.write(text.encode())
    else:
        to.write(text)


async def read_line(reader: asyncio.StreamReader) -> Any:
    """Return the value of the next line; None at the end, also of a broken connection."""
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    return ast.literal_eval(line.decode()) if line.endswith(b"\n") else None
