"""Escape text for a terminal, so that no control character in it takes effect."""

from __future__ import annotations

__all__ = ["printable", "printable_lines"]


def printable(text: str) -> str:
    r"""Return one line in which control and text direction characters are escaped.

    >>> print(printable("red: \x1b[31m, next\nline, \u202eright to left"))
    red: \x1b[31m, next\nline, \u202eright to left
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def printable_lines(text: str) -> str:
    """Escape text of several lines; line ends and tabs stay."""
    return "\n".join("\t".join(printable(part) for part in line.split("\t")) for line in text.split("\n"))
