"""Excerpts of a program's source: the function around a line, highlighted."""

from __future__ import annotations

import ast
import linecache
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from otp.redaction import source_without_secrets
from superlearner.control.terms import clip, safe_text

__all__ = ["CodeLine", "Lines", "excerpt", "lines_around"]

LONGEST_FILE: Final = 5_000
"""Lines above which the function around a line is not located.

Parsing blocks the interpreter in any thread, 28 ms for 5,000 lines."""

MOST_LINES: Final = 300
NEAR: Final = 12
ABOVE: Final = 30
"""Lines above an excerpt that say what its values are: those after `password=` are secret."""
MOST_SHOWN: Final = 200
"""Most characters of a line in an excerpt."""
WIDEST: Final = 400


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file as (highlighter class, text); `name` is their function."""

    first: int
    lines: tuple[tuple[tuple[str, str], ...], ...]
    name: str | None
    cut: bool


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of source code, with the indentation that it has beside the others of its excerpt."""

    line: int
    code: str


def excerpt(file: str, line: int, around: int = 2) -> tuple[CodeLine, ...]:
    """Return a line and those around it, without secrets; empty if the file cannot be read."""
    text = linecache.getlines(file)
    if not 1 <= line <= len(text):
        return ()
    first, last = max(1, line - around), min(len(text), line + around)
    shown = source_without_secrets("".join(text[max(0, first - 1 - ABOVE) : last])).splitlines()[first - last - 1 :]
    # each alone, too, as the lines above may begin inside a literal
    lines = textwrap.dedent("\n".join(source_without_secrets(one) for one in shown)).split("\n")
    return tuple(CodeLine(first + place, clip(one.rstrip(), MOST_SHOWN)) for place, one in enumerate(lines))


def lines_around(file: str, line: int) -> Lines | None:
    """Return the function that contains a line, or the lines around it.

    None if the file cannot be read or has no such line. It reads, parses and highlights, so run it in a thread.
    """
    linecache.checkcache(file)
    text = source_without_secrets("".join(linecache.getlines(file))).splitlines(keepends=True)
    if not 1 <= line <= len(text):
        return None
    first, last, name = _function("".join(text), line) if len(text) <= LONGEST_FILE else (0, 0, None)
    if not first:
        first, last = max(1, line - NEAR), min(len(text), line + NEAR)
    cut = last - first >= MOST_LINES
    if cut:
        first = max(first, line - MOST_LINES // 2)
        last = min(last, first + MOST_LINES - 1)
    return Lines(first, _highlighted("".join(clip(one, WIDEST) for one in _whole(text[first - 1 : last]))), name, cut)


def _whole(lines: list[str]) -> list[str]:
    """Return each line with its line end; long lines are truncated."""
    return [one if len(one) <= WIDEST else f"{one[: WIDEST - 2]}…\n" for one in lines]


@lru_cache(maxsize=16)
def _functions(text: str) -> tuple[tuple[int, int, str], ...]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the file has changed since its import
        return ()
    found: list[tuple[int, int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found.append((begin, node.end_lineno or node.lineno, node.name))
    return tuple(found)


def _function(text: str, line: int) -> tuple[int, int, str | None]:
    """Return the innermost function around a line."""
    around = [one for one in _functions(text) if one[0] <= line <= one[1]]
    return min(around, key=lambda one: one[1] - one[0]) if around else (0, 0, None)


def _highlighted(code: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    from pygments import lex
    from pygments.lexers.python import PythonLexer
    from pygments.token import STANDARD_TYPES

    lexer: Any = PythonLexer(stripnl=False, ensurenl=False)
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, words in lex(safe_text(code), lexer):
        look = STANDARD_TYPES.get(kind, "")
        for number, part in enumerate(words.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((look, part))
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return tuple(tuple(line) for line in lines)
