"""Text for a terminal: whatever a name or a message holds, the terminal gets nothing but characters to print."""

from __future__ import annotations

from superlearner.base.printable import printable, printable_lines

__all__ = ["clip", "plain", "plain_lines"]


def plain(text: str) -> str:
    r"""One line of printable text; what steers a terminal or turns the direction of writing becomes its code.

    >>> print(plain("red: \x1b[31m, next\nline, \u202eright to left"))
    red: \x1b[31m, next\nline, \u202eright to left
    """
    return printable(text)


def plain_lines(text: str) -> str:
    """The same for text of many lines: its line ends and tabs stay."""
    return printable_lines(text)


def clip(text: str, longest: int) -> str:
    """At most `longest` characters.

    >>> clip("a" * 9, 5)
    'aaaa…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
