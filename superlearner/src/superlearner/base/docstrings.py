"""Docstrings, also under `python -OO` and `PYTHONOPTIMIZE=2`, which remove them: commands and interfaces show them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["docstring_of"]


def docstring_of(function: Callable[..., Any]) -> str | None:
    r"""Return the docstring of a function, from its source if it was removed; None without either.

    >>> docstring_of(docstring_of).partition("\n")[0]
    'Return the docstring of a function, from its source if it was removed; None without either.'
    """
    if (text := inspect.getdoc(function)) is not None:
        return text
    try:
        found = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # made without a file, or not by a `def`
        return None
    return ast.get_docstring(found) if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) else None
