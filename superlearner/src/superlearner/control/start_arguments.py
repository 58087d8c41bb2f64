"""Find in the source of a server whether its callbacks compute with the start argument, so that it cannot be None."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

__all__ = ["find_needed_argument"]

COMPUTED: Final = (ast.BinOp, ast.AugAssign, ast.Subscript, ast.Attribute, ast.For)
ORDERED: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
TESTED: Final = (ast.BoolOp, ast.If, ast.IfExp, ast.While, ast.Match, ast.UnaryOp)
"""Expressions and statements that may tell None from other values."""
TESTS: Final = ("bool", "callable", "isinstance", "type")
"""Functions that do."""


def find_needed_argument(cls: ast.ClassDef) -> tuple[str, str]:
    r"""Return the parameter of `init` with which it or a callback computes, and a literal for it; else two "".

    A class that names None, or tests the value, may expect None. A default is never used: a server gets None.

    >>> find_needed_argument(ast.parse("class A:\n def init(self, n): return Ok(n + 1)").body[0])
    ('n', '0')
    """
    methods = [one for one in cls.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    init = next((one for one in methods if one.name == "init"), None)
    if init is None or len(init.args.args) != 2 or any(_names_none(one) for one in methods):
        return "", ""
    start = init.args.args[1].arg
    if any(isinstance(node, ast.Try) or _is_stored(node, start) for node in ast.walk(init)):
        return "", ""
    uses = list(_find_uses(init, start))
    if any(_is_state(node, start) for node in ast.walk(init)):
        for method in methods:
            if method.name.startswith("handle_") and method.args.args:
                uses += _find_uses(method, method.args.args[-1].arg)
    needs = uses if init.args.defaults else [one for one in uses if _computes(one)]
    if not needs or any(map(_tests, uses)):
        return "", ""
    if init.args.defaults:
        return start, ast.unparse(init.args.defaults[0])
    return start, next((found for use in uses if (found := _example_for(use))), "0")


def _example_for(above: ast.AST) -> str:
    """Return a literal value of the type that a use of a name needs; "" if it may be a number."""
    match above:
        case (
            ast.For()
            | ast.Attribute(attr="append" | "extend" | "insert")
            | ast.BinOp(op=ast.Add(), left=ast.List())
            | ast.BinOp(op=ast.Add(), right=ast.List())
        ):
            return "[]"
        case ast.Subscript(slice=ast.Constant(value=int())):
            return "[0]"
        case ast.Subscript() | ast.Attribute():
            return "{}"
        case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Mod(), left=ast.Constant()):
            return "1"
        case _:
            pass
    sides = (above.left, above.right) if isinstance(above, ast.BinOp) else ()
    is_text = any(
        isinstance(one, ast.JoinedStr) or (isinstance(one, ast.Constant) and type(one.value) is str) for one in sides
    )
    return "''" if is_text else ""


def _names_none(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    body = [*method.args.defaults, *method.body]
    return any(isinstance(node, ast.Constant) and node.value is None for each in body for node in ast.walk(each))


def _is_stored(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)


def _is_state(node: ast.AST, name: str) -> bool:
    """Return whether an expression is `Ok(name)`."""
    match node:
        case ast.Call(func=ast.Name(id="Ok") | ast.Attribute(attr="Ok"), args=[ast.Name(id=given), *_]):
            return given == name
        case _:
            return False


def _find_uses(method: ast.AST, name: str) -> Iterator[ast.AST]:
    """Yield the expressions and statements that use a name, for each use."""
    for above in ast.walk(method):
        for node in ast.iter_child_nodes(above):
            is_index = isinstance(above, ast.Subscript) and node is above.slice
            if isinstance(node, ast.Name) and node.id == name and not is_index:
                yield above


def _tests(above: ast.AST) -> bool:
    """Return whether an expression or a statement may tell None from other values."""
    if isinstance(above, ast.Compare):
        return not any(isinstance(each, ORDERED) for each in above.ops)
    if isinstance(above, ast.Call):
        return isinstance(above.func, ast.Name) and above.func.id in TESTS
    return isinstance(above, TESTED)


def _computes(above: ast.AST) -> bool:
    """Return whether an expression fails if a part of it is None."""
    if isinstance(above, ast.Compare):
        return any(isinstance(each, ORDERED) for each in above.ops)
    if isinstance(above, ast.BinOp) and isinstance(above.op, ast.Mod):  # of a text, it takes any value
        return isinstance(above.right, ast.Constant)
    return isinstance(above, COMPUTED)
