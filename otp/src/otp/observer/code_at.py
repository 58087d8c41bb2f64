"""The code at a place of a stack: its line, and the classes and functions around it. None of it runs."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from otp.kernel.values.reasons import StackEntry

__all__ = [
    "CALLBACKS", "Function", "arguments_of", "callback_around", "names_bound", "parse", "parse_source", "place_of",
    "scopes_at", "walk_line",
]  # fmt: skip

LONGEST_SOURCE: Final = 200_000
"""Characters above which a source is not parsed: parsing blocks the interpreter."""

CALLBACKS: Final = {
    "init": "(self, arg)",
    "handle_call": "(self, request, caller, state)",
    "handle_cast": "(self, request, state)",
    "handle_info": "(self, message, state)",
    "handle_continue": "(self, continuation, state)",
    "terminate": "(self, reason, state)",
}
"""The signatures of the callbacks of a GenServer."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def place_of(stack: Sequence[StackEntry]) -> tuple[str, int]:
    """Return file and line of the innermost frame, which is untrusted; ("", 0) if they are not known."""
    file, line = stack[-1][:2] if stack else ("", 0)
    return (file, line) if type(file) is str and type(line) is int else ("", 0)


def parse(file: str) -> ast.Module | None:
    """Return the syntax tree of a file; None if it cannot be read or is too long."""
    return parse_source("".join(linecache.getlines(file)))


@lru_cache(maxsize=4)
def parse_source(text: str) -> ast.Module | None:
    """Return the syntax tree of a source; None if it is wrong or too long."""
    try:
        return ast.parse(text) if len(text) <= LONGEST_SOURCE else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def scopes_at(file: str, line: int) -> list[ast.AST]:
    """Return the module, classes and functions that a line is in, outermost first."""
    tree = parse(file)
    found: list[ast.AST] = [] if tree is None else [tree]
    body: Any = [] if tree is None else [tree]
    while body:
        inner = [each for one in body for each in ast.iter_child_nodes(one) if _has(each, line)]
        found += [each for each in inner if isinstance(each, ast.ClassDef | Function)]
        body = inner
    return found


def walk_line(file: str, line: int) -> Iterator[ast.AST]:
    """Yield the statements and expressions that begin in a line."""
    scopes = scopes_at(file, line)
    return (node for node in ast.walk(scopes[-1]) if getattr(node, "lineno", 0) == line) if scopes else iter(())


def callback_around(scopes: Sequence[ast.AST]) -> Function | None:
    """Return the callback that a line is in, if it has the state as its last argument."""
    inner = scopes[-1] if scopes else None
    if not isinstance(inner, Function) or inner.name == "init" or inner.name not in CALLBACKS:
        return None
    return inner if len(arguments_of(inner)) == CALLBACKS[inner.name].count(",") + 1 else None


def arguments_of(function: Function) -> list[str]:
    """Return the names of the positional arguments of a function."""
    return [each.arg for each in (*function.args.posonlyargs, *function.args.args)]


def names_bound(scope: ast.AST) -> Iterator[str]:
    """Yield the names that a module, class or function binds, without those inside its functions and classes."""
    if isinstance(scope, Function):
        yield from (each.arg for each in ast.walk(scope.args) if isinstance(each, ast.arg))
    pending = list(ast.iter_child_nodes(scope))
    while pending:
        node = pending.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
                continue
            case _:
                pass
        pending += ast.iter_child_nodes(node)


def _has(node: ast.AST, line: int) -> bool:
    first: int | None = getattr(node, "lineno", None)
    return first is None or first <= line <= getattr(node, "end_lineno", first)
