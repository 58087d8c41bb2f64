"""Safe terminal text: only printable characters, whatever a name contains."""

from __future__ import annotations

from superlearner.base.printable import printable, printable_lines

__all__ = ["clip", "paragraph", "plain", "plain_lines"]


def plain(text: str) -> str:
    r"""Return one line of printable text; escape control and direction characters.

    >>> print(plain("red: \x1b[31m, next\nline, \u202eright to left"))
    red: \x1b[31m, next\nline, \u202eright to left
    """
    return printable(text)


def plain_lines(text: str) -> str:
    """Return printable text like `plain`, but keep line ends and tabs."""
    return printable_lines(text)


def paragraph(text: str) -> str:
    r"""Return the text of an error, whose further lines are indented below the first.

    >>> print(paragraph("line 1:\n  x = (\nSyntaxError: '(' was never closed"))
    line 1:
        x = (
      SyntaxError: '(' was never closed
    """
    return printable_lines(text).replace("\n", "\n  ")


def clip(text: str, longest: int) -> str:
    """Return at most `longest` characters.

    >>> clip("a" * 9, 5)
    'aaaa…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
