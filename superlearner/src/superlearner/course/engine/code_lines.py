"""The number of lines of a module that are code, for comparisons of two programs."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from typing import Final

__all__ = ["lines_of"]

QUOTES: Final = ('"""', "'''")


@functools.cache
def lines_of(module: str) -> int:
    """Return how many lines of a module are code: neither blank, nor a comment, nor a docstring."""
    source = inspect.getsource(importlib.import_module(module))
    lines = [line.strip() for line in source.splitlines()]
    code = {number for number, line in enumerate(lines, 1) if line and line[0] != "#"}
    words: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            if any(quotes in lines[node.lineno - 1] for quotes in QUOTES):
                code |= _lines(node)  # it may have blank lines
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False):
                words |= _lines(node.body[0])
    return len(code - words)


def _lines(node: ast.expr | ast.stmt) -> set[int]:
    return set(range(node.lineno, 1 + (node.end_lineno or node.lineno)))
