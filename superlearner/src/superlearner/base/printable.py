"""Text for a terminal: whatever a name or a message holds, nothing in it steers the terminal."""

from __future__ import annotations

__all__ = ["printable", "printable_lines"]


def printable(text: str) -> str:
    r"""One line; what steers a terminal or turns the direction of writing becomes its code.

    >>> print(printable("red: \x1b[31m, next\nline, \u202eright to left"))
    red: \x1b[31m, next\nline, \u202eright to left
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def printable_lines(text: str) -> str:
    """The same for text of many lines: its line ends and tabs stay."""
    return "\n".join("\t".join(printable(part) for part in line.split("\t")) for line in text.split("\n"))
