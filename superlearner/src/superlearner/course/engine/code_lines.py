"""The number of lines of a module that are code, for comparisons of two programs."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import io
import tokenize
from typing import Final

__all__ = ["lines_of"]

LAYOUT: Final = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


@functools.cache
def lines_of(module: str) -> int:
    """Return how many lines of a module are code: neither blank, nor a comment, nor a docstring."""
    source = inspect.getsource(importlib.import_module(module))
    words: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            words |= set(range(node.body[0].lineno, 1 + (node.body[0].end_lineno or 0)))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - words)
